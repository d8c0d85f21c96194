# SPDX-License-Identifier: MIT-0
"""Decides for each belief about AWS what a first run saw of it: held, failed with a message, or not reached.

A step that failed counts against a belief only where its reason names what the belief is about. The texts of reasons
are not documented; what matches none is shown as the step's own failure, and the belief stays open.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from operations import judge, package, tally
from operations.first_run.observations import FAILED, SUCCEEDED, Observations
from pipeline_src import contract

_PREFIX: Final = "pipelines-"
_JOB_KINDS: Final = ("ProcessingJob", "TrainingJob", "TransformJob", "Model")
_OTHER_NAME: Final = re.compile(rf"(?:processing-job|training-job|transform-job|model)/(?!{_PREFIX})[\w-]+")
_DENIED: Final = r"not authorized to perform|AccessDenied"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# Alarms that ring where an approval was lost on its way.
_RELEASING: Final = ("ReleaseErrors", "DeploymentUndelivered")
# In the names of the function that starts a delivery, and of its role (stacks/approval.py).
_RELEASE: Final = "Release"
_OBJECTIVE: Final = "validation:accuracy"
_STAGING, _PRODUCTION = "Staging", "Production"


class Verdict(StrEnum):
    """What was seen of a belief, in the words that the user reads."""

    HELD = "held"
    FAILED = "failed"
    OPEN = "not reached"


@dataclass(frozen=True)
class Outcome:
    """What was seen of one belief.

    Attributes:
        verdict: Whether it held.
        message: What showed it, or what is missing.
    """

    verdict: Verdict
    message: str


def held(message: str) -> Outcome:
    """Return that the belief held."""
    return Outcome(Verdict.HELD, message)


def failed(message: str) -> Outcome:
    """Return that the belief failed."""
    return Outcome(Verdict.FAILED, message)


def not_reached(message: str) -> Outcome:
    """Return that nothing was seen of the belief yet."""
    return Outcome(Verdict.OPEN, message)


def archive_input(seen: Observations) -> Outcome:
    """Judge whether a processing input may name a single object."""
    inputs = seen.job(contract.PREPROCESS).get("ProcessingInputs", [])
    uris = [found.get("S3Input", {}).get("S3Uri", "") for found in inputs]
    if uris and all(uri.endswith("/") for uri in uris):
        return not_reached("Preprocess was started with a prefix, not with an object")
    return _of_step(seen, contract.PREPROCESS, r"data download|no s3 objects|s3prefix|s3uri", "Preprocess read it")


def container_user(seen: Observations) -> Outcome:
    """Judge whether the user of the image may write below /opt/ml."""
    wanted = r"permission denied|permissionerror|operation not permitted|read-only file system"
    return _of_step(seen, contract.PREPROCESS, wanted, "Preprocess wrote its outputs")


def image_manifest(seen: Observations) -> Outcome:
    """Judge whether SageMaker takes the image in the format in which the builder pushed it."""
    reason = seen.failure(contract.PREPROCESS)
    if "AlgorithmError" in reason:
        return held(f"{seen.media_type()}: the container was started")
    outcome = _of_step(seen, contract.PREPROCESS, r"manifest|media ?type|unsupported image|pull", "pulled")
    if outcome.verdict is Verdict.OPEN:
        return outcome
    return Outcome(outcome.verdict, f"{seen.media_type()}: {outcome.message}")


def job_names(seen: Observations) -> Outcome:
    """Judge whether the names of what the pipeline makes begin with ``pipelines-``."""
    made = [found.get(kind, {}).get("Arn", "") for found in map(seen.metadata, seen.steps) for kind in _JOB_KINDS]
    names = [arn.rpartition("/")[2] for arn in made if arn]
    others = [name for name in names if not name.startswith(_PREFIX)]
    refused = [_OTHER_NAME.search(seen.failure(step)) for step in seen.steps]
    others += [match.group() for match in refused if match]
    if others:
        return failed(f"named otherwise: {', '.join(others)}")
    return held(f"{len(names)} names, such as {names[0]}") if names else not_reached("no job was created")


def role_operations(seen: Observations) -> Outcome:
    """Judge whether the roles of pipeline and jobs may do all that the steps do."""
    for step in seen.steps:
        if re.search(_DENIED, reason := seen.failure(step), re.IGNORECASE):
            return failed(f"{step}: {reason}")
    if seen.status(contract.REGISTER) == SUCCEEDED:
        return held(f"all {len(seen.steps)} steps up to {contract.REGISTER}")
    return not_reached(f"{contract.REGISTER} has not succeeded")


def group_creation(seen: Observations) -> Outcome:
    """Judge whether RegisterModel may call CreateModelPackageGroup, and goes on where the group exists."""
    wanted = r"CreateModelPackageGroup|model-package-group"
    return _of_step(seen, contract.REGISTER, wanted, f"registered {seen.version_arn}")


def samples_by_reference(seen: Observations) -> Outcome:
    """Judge whether JsonGet works in a training job's hyperparameters."""
    job = seen.job(contract.TRAINING)
    given = job.get("HyperParameters") or job.get("TrainingJobDefinition", {}).get("StaticHyperParameters", {})
    value = given.get("num_training_samples", "")
    if value.isdigit():
        return held(f"num_training_samples is {value}")
    if value:
        return failed(f"num_training_samples is {value!r}, not a number")
    return _of_step(seen, contract.TRAINING, r"JsonGet|property ?file|num_training_samples", "resolved")


def metadata_by_reference(seen: Observations) -> Outcome:
    """Judge whether JsonGet works in a model package's metadata."""
    if not seen.version:
        return _of_step(seen, contract.REGISTER, r"CustomerMetadata|JsonGet|property ?file", "resolved")
    value = seen.version.get("CustomerMetadataProperties", {}).get(contract.METADATA_DATASET, "")
    if _SHA256.fullmatch(value):
        return held(f"{contract.METADATA_DATASET} is {value}")
    return failed(f"{contract.METADATA_DATASET} is {value!r}, not a SHA-256")


def card_by_reference(seen: Observations) -> Outcome:
    """Judge whether JsonGet works in a model card's content."""
    if not seen.version:
        return _of_step(seen, contract.REGISTER, r"ModelCard|model card", "resolved")
    text = seen.version.get("ModelCard", {}).get("ModelCardContent", "")
    try:
        card = json.loads(text)
    except ValueError:
        return failed(f"the package's model card is no JSON: {text[:80]!r}")
    if isinstance(card, dict) and "Std:JsonGet" not in card:
        return held(f"a model card of {len(text)} characters")
    return failed(f"the package's model card was not resolved: {text[:80]!r}")


def reason_by_reference(seen: Observations) -> Outcome:
    """Judge whether JsonGet works in a Fail step's message."""
    if contract.REJECT not in seen.steps:
        return not_reached("nothing was rejected")
    told = seen.metadata(contract.REJECT).get("Fail", {}).get("ErrorMessage", "") or seen.failure(contract.REJECT)
    return held(told) if "Rejected." in told else failed(f"the message is {told!r}")


def gate_reached(seen: Observations) -> Outcome:
    """Judge whether a training with the defaults meets the gate."""
    if contract.REJECT in seen.steps:
        return failed(seen.failure(contract.REJECT) or "rejected")
    outcome = seen.metadata(contract.GATE).get("Condition", {}).get("Outcome", "")
    return held("the gate let the model pass") if outcome == "True" else not_reached("the gate was not reached")


def pretrained_weights(seen: Observations) -> Outcome:
    """Judge whether the built-in algorithm finds its pretrained weights without a network."""
    job = seen.job(contract.TRAINING)
    given = job.get("HyperParameters") or job.get("TrainingJobDefinition", {}).get("StaticHyperParameters", {})
    if given.get("use_pretrained_model") != "1":
        return not_reached("no training with use_pretrained_model=1")
    wanted = r"download|network|connection|resolve|pretrained|timed out|timeout"
    return _of_step(seen, contract.TRAINING, wanted, "trained from pretrained weights without a network")


def one_start_for_one_token(seen: Observations) -> Outcome:
    """Judge whether one client request token starts one execution."""
    names = Counter(found.get("PipelineExecutionDisplayName", "") for found in seen.executions)
    twice = [name for name, count in names.items() if name and count > 1]
    if twice:
        return failed(f"executions of the same attempt: {', '.join(twice)}")
    return held(f"{len(seen.executions)} executions, each attempt once") if names else not_reached("no execution")


def tuning_tags(seen: Observations) -> Outcome:
    """Judge whether the pipeline's role may create and find its tuning jobs by their tag."""
    wanted = rf"({_DENIED}).*hyper-?parameter-?tuning|hyper-?parameter-?tuning.*({_DENIED})"
    if re.search(wanted, seen.failure(contract.TRAINING), re.IGNORECASE):
        return failed(seen.failure(contract.TRAINING))
    if "TuningJob" not in seen.metadata(contract.TRAINING):
        return not_reached("no tuning ran")
    return _of_step(seen, contract.TRAINING, wanted, f"created and watched {_name(seen)}")


def tuned_values(seen: Observations) -> Outcome:
    """Judge whether a reference into the map of tuned hyperparameters is resolved."""
    if "TuningJob" not in seen.metadata(contract.TRAINING):
        return not_reached("no tuning ran")
    for step in (contract.EVALUATE, contract.REGISTER):
        if re.search(r"TunedHyperParameters|BestTrainingJob", reason := seen.failure(step)):
            return failed(f"{step}: {reason}")
    if not seen.version:
        return not_reached("no model package of a tuning")
    value = seen.version.get("CustomerMetadataProperties", {}).get("tuned_learning_rate", "")
    return held(f"tuned_learning_rate is {value}") if _number(value) else failed(f"tuned_learning_rate is {value!r}")


def tuning_objective(seen: Observations) -> Outcome:
    """Judge whether the objective of a tuning is the accuracy that the best job reported last."""
    best = seen.job(contract.TRAINING).get("BestTrainingJob", {})
    objective = best.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    if objective is None:
        return not_reached("no tuning has ended")
    sagemaker = seen.account.client("sagemaker")
    metrics = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"]).get("FinalMetricDataList", [])
    last = next((metric["Value"] for metric in metrics if metric["MetricName"] == _OBJECTIVE), None)
    told = f"objective {objective:.6f}, last {_OBJECTIVE} {'none' if last is None else f'{last:.6f}'}"
    return held(told) if last is not None and abs(last - objective) < 1e-6 else failed(told)


def approval_event(seen: Observations) -> Outcome:
    """Judge whether an approval starts a delivery."""
    if seen.version.get("ModelApprovalStatus") != package.APPROVED:
        return not_reached("no version was approved")
    if seen.deliveries:
        return held(f"delivery {seen.deliveries[0]['pipelineExecutionId']}")
    if seen.delivery_is_due:
        return not_reached("approved less than 15 minutes ago")
    ringing = seen.alarm(seen.account, *(f"{seen.account.name}-{each}" for each in _RELEASING))
    return failed(f"approved over 15 minutes ago, and nothing is delivered. {ringing}".strip())


def edit_event(seen: Observations) -> Outcome:
    """Judge whether an edit of an approved version's metadata starts no delivery."""
    if not seen.deliveries:
        return not_reached("nothing was delivered")
    asked = {"AttributeKey": "EventName", "AttributeValue": "UpdateModelPackage"}
    pages = seen.account.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=[asked])
    requests = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    asked_for = [found.get("requestParameters") or {} for found in requests if not found.get("errorCode")]
    changes = [found for found in asked_for if found.get("modelPackageArn") == seen.version_arn]
    approvals = [found for found in changes if found.get("modelApprovalStatus") == package.APPROVED]
    edits = [found for found in changes if "modelApprovalStatus" not in found]
    # Somebody may deliver a version again by hand.
    released = [each for each in seen.deliveries if _RELEASE in each.get("trigger", {}).get("triggerDetail", _RELEASE)]
    told = f"{len(edits)} edits, {len(approvals)} approvals, {len(released)} deliveries by events"
    if not edits:
        return not_reached("no version was edited without a change of its approval")
    return failed(told) if len(released) > len(approvals) else held(told)


def generated_names(seen: Observations) -> Outcome:
    """Judge whether the deployer's role covers the names that CloudFormation gives to models and configurations."""
    wanted = r"(not authorized|AccessDenied).*(endpoint-config|model)/|AWS::SageMaker::(Model|EndpointConfig)"
    return _of_deploy(seen, _STAGING, wanted, "model, configuration and endpoint were created")


def served_package(seen: Observations) -> Outcome:
    """Judge whether SageMaker says of an endpoint which model package it serves."""
    if seen.action(_STAGING, "Deploy")[0] != SUCCEEDED:
        return not_reached("staging was not deployed")
    if seen.stages[_STAGING].elsewhere:
        return not_reached("staging is in another account or region, where a tag says it")
    served = package.served(seen.account.client("sagemaker"), seen.stages[_STAGING].endpoint)
    if served == seen.version_arn:
        return held(f"staging serves {served}")
    return not_reached(f"staging serves {served}") if served else failed("the model of staging names no package")


def configuration_metrics(seen: Observations) -> Outcome:
    """Judge whether CloudWatch has an endpoint's metrics by EndpointConfigName too."""
    if seen.action(_STAGING, "SmokeTest")[0] != SUCCEEDED:
        return not_reached("staging has not answered")
    name = seen.endpoint(_STAGING).get("EndpointConfigName", "")
    cloudwatch = seen.there(_STAGING).client("cloudwatch")
    by_configuration = _metrics(cloudwatch, "EndpointConfigName", name)
    if by_configuration:
        return held(f"metrics of {name}: {', '.join(sorted(by_configuration))}")
    if _metrics(cloudwatch, "EndpointName", seen.stages[_STAGING].endpoint):
        return failed(f"there are metrics by EndpointName, and none by EndpointConfigName {name}")
    return not_reached("CloudWatch lists no metric of staging yet")


def scaling_target(seen: Observations) -> Outcome:
    """Judge whether the deployer's role may register a scaling target."""
    outcome = _of_deploy(seen, _PRODUCTION, r"ScalableTarget|ScalingPolicy|application-autoscaling", "")
    if outcome.verdict is not Verdict.HELD:
        return outcome
    begins = f"endpoint/{seen.stages[_PRODUCTION].endpoint}/"
    client = seen.there(_PRODUCTION).client("application-autoscaling")
    pages = client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
    names = [found["ResourceId"] for page in pages for found in page["ScalableTargets"]]
    own = [name for name in names if name.startswith(begins)]
    return held(own[0]) if own else not_reached("production does not scale")


def canary_rollback(seen: Observations) -> Outcome:
    """Judge whether CloudFormation calls an update failed that an alarm rolled back."""
    status, _ = seen.action(_PRODUCTION, "Deploy")
    if status == FAILED:
        reason = seen.deploy_failure(_PRODUCTION)
        if re.search(r"alarm|roll(ed|ing)? ?back", reason, re.IGNORECASE) and "AWS::SageMaker::Endpoint " in reason:
            return held(reason)
        return not_reached(f"production could not be deployed for another reason: {reason}")
    if status != SUCCEEDED:
        return not_reached("production was not deployed")
    reason = seen.endpoint(_PRODUCTION).get("FailureReason", "")
    if re.search(r"alarm|roll(ed|ing)? ?back", reason, re.IGNORECASE):
        return failed(f"the stack was updated, and the endpoint says: {reason}")
    return not_reached("no alarm rolled a canary back")


def monitor_rules(seen: Observations) -> Outcome:
    """Judge whether the rules of the monitor start its job and hear of its end."""
    own = ("MonitorErrors", "JudgeErrors", "MonitoringUndelivered")
    ringing = seen.alarm(seen.account, *(f"{seen.account.name}-{each}" for each in own))
    if ringing:
        return failed(ringing)
    ended = [job for job in seen.processing_jobs("monitor") if job["ProcessingJobStatus"] == "Completed"]
    if not ended:
        return not_reached("no run of the monitor has ended")
    listed = seen.account.client("cloudwatch").list_metrics(Namespace=seen.account.name, MetricName=judge.VIOLATIONS)
    if listed["Metrics"]:
        return held(f"{ended[0]['ProcessingJobName']} ran, and its violations were published")
    late = seen.is_old(ended[0].get("ProcessingEndTime") or ended[0]["CreationTime"])
    told = f"{ended[0]['ProcessingJobName']} ended, and no metric of violations is published"
    return failed(told) if late else not_reached(told)


def export_job(seen: Observations) -> Outcome:
    """Judge whether the job of `make export` can run as its role."""
    for job in seen.processing_jobs("export"):
        name = job["ProcessingJobName"]
        if job["ProcessingJobStatus"] == "Completed":
            return held(name)
        if job["ProcessingJobStatus"] == FAILED and re.search(_DENIED, reason := job.get("FailureReason", "")):
            return failed(f"{name}: {reason}")
    return not_reached("no export has ended")


def replica_events(seen: Observations) -> Outcome:
    """Judge whether S3 sends an event for an object that replication made."""
    objects = _replicas(seen)
    if not objects:
        return not_reached("no captured request was replicated")
    listed = seen.account.client("cloudwatch").list_metrics(Namespace=seen.account.name, MetricName=tally.PREDICTIONS)
    if listed["Metrics"]:
        return held("answers in replicated captures were counted")
    late = any(seen.is_old(found["LastModified"]) for found in objects)
    told = f"{objects[0]['Key']} was replicated, and no answer was counted"
    return failed(told) if late else not_reached(told)


def replica_key(seen: Observations) -> Outcome:
    """Judge whether replication takes the ARN of an alias in another account as the key of replicas."""
    elsewhere = [title for title, found in seen.stages.items() if found.elsewhere]
    for title in elsewhere:
        ringing = seen.alarm(seen.there(title), f"{seen.stages[title].endpoint}-ReplicationFailed")
        if ringing:
            return failed(ringing)
    if not elsewhere:
        return not_reached("no stage is in another account or region")
    objects = _replicas(seen)
    return held(objects[0]["Key"]) if objects else not_reached("no captured request was replicated")


def delivery_key(seen: Observations) -> Outcome:
    """Judge whether an action in another account takes the delivery's key by the ARN of its alias."""
    return _elsewhere(seen, r"^(?!.*DescribeKey).*(kms|alias)")


def key_description(seen: Observations) -> Outcome:
    """Judge whether kms:ResourceAliases lets a role describe a key of another account."""
    return _elsewhere(seen, r"DescribeKey")


def _of_step(seen: Observations, step: str, pattern: str, success: str) -> Outcome:
    """Return held where a step succeeded, failed where its reason is about the belief."""
    status, reason = seen.status(step), seen.failure(step)
    if status == SUCCEEDED:
        return held(success)
    if reason and re.search(pattern, reason, re.IGNORECASE):
        return failed(reason)
    if reason:
        return not_reached(f"{step} failed for another reason")
    return not_reached(f"{step} is {status}" if status else f"{step} has not begun")


def _of_deploy(seen: Observations, title: str, pattern: str, success: str) -> Outcome:
    """Return held where a stage's stack was deployed, failed where the reason is about the belief."""
    status, _ = seen.action(title, "Deploy")
    if status == SUCCEEDED:
        return held(success)
    if status != FAILED:
        return not_reached(f"{title.lower()} was not deployed")
    reason = seen.deploy_failure(title)
    if re.search(pattern, reason, re.IGNORECASE):
        return failed(reason)
    return not_reached(f"{title.lower()} could not be deployed for another reason")


def _elsewhere(seen: Observations, pattern: str) -> Outcome:
    """Return what the deployments of stages in another account or region say of a belief about their key."""
    outcomes = [
        _of_deploy(seen, title, pattern, f"{title.lower()} was deployed")
        for title, found in seen.stages.items()
        if found.elsewhere
    ]
    for verdict in (Verdict.FAILED, Verdict.HELD, Verdict.OPEN):
        for outcome in outcomes:
            if outcome.verdict is verdict:
                return outcome
    return not_reached("no stage is in another account or region")


def _replicas(seen: Observations) -> list[dict[str, Any]]:
    """Return some captured requests in the bucket that replication writes to."""
    bucket = seen.account.outputs("storage").get("CapturesBucket", "")
    if not bucket:
        return []
    listed = seen.account.client("s3").list_objects_v2(Bucket=bucket, Prefix=contract.CAPTURE_PREFIX, MaxKeys=10)
    return list(listed.get("Contents", []))


def _metrics(cloudwatch: Any, dimension: str, value: str) -> set[str]:  # noqa: ANN401  the SDK's clients have no types
    listed = cloudwatch.list_metrics(Namespace="AWS/SageMaker", Dimensions=[{"Name": dimension, "Value": value}])
    return {metric["MetricName"] for metric in listed["Metrics"]}


def _name(seen: Observations) -> str:
    return str(seen.metadata(contract.TRAINING)["TuningJob"]["Arn"]).rpartition("/")[2]


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

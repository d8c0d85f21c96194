# SPDX-License-Identifier: MIT-0
"""Checks each belief about AWS in a first run: held, failed with a message, or not reached.

A failed step counts against a belief only if its reason names the subject of the belief. The texts of reasons are not
documented; if none matches, the failure is shown with its step, and the belief stays open.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

from operations.first_run.first_run_state import FAILED_STATUS, SUCCEEDED_STATUS, FirstRunObservations
from operations.functions import model_package, monitoring_runs, prediction_counts
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import REUSED_METRIC

_PREFIX: Final = "pipelines-"
_JOB_KINDS: Final = ("ProcessingJob", "TrainingJob", "TransformJob", "Model")
_OTHER_NAME: Final = re.compile(rf"(?:processing-job|training-job|transform-job|model)/(?!{_PREFIX})[\w-]+")
_DENIED: Final = r"not authorized to perform|AccessDenied"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# Alarms about an approval that has started no delivery.
_RELEASING: Final = ("ReleaseErrors", "DeploymentUndelivered")
# In the names of the function that starts a delivery, and of its role (stacks/delivery/delivery_functions.py).
_RELEASE: Final = "Release"
_STAGING, _PRODUCTION = "Staging", "Production"


class BeliefVerdict(StrEnum):
    """The outcome of a belief, in the words of the report."""

    HELD = "held"
    FAILED = "failed"
    OPEN = "not reached"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class BeliefOutcome:
    """The outcome of a belief.

    Attributes:
        verdict: The outcome.
        message: The observation, or what is missing.
    """

    verdict: BeliefVerdict
    message: str


# Each takes the message.
belief_held = partial(BeliefOutcome, BeliefVerdict.HELD)
belief_failed = partial(BeliefOutcome, BeliefVerdict.FAILED)
belief_not_reached = partial(BeliefOutcome, BeliefVerdict.OPEN)
# No run with these settings can reach the belief.
belief_not_applicable = partial(BeliefOutcome, BeliefVerdict.NOT_APPLICABLE)


def archive_input(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether a processing input may name a single object."""
    inputs = seen.job(contract.PREPROCESS_STEP).get("ProcessingInputs", [])
    uris = [found.get("S3Input", {}).get("S3Uri", "") for found in inputs]
    if uris and all(uri.endswith("/") for uri in uris):
        return belief_not_reached("Preprocess was started with a prefix, not with an object")
    return _of_step(seen, contract.PREPROCESS_STEP, r"data download|no s3 objects|s3prefix|s3uri", "Preprocess read it")


def container_user(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the user of the image may write below /opt/ml."""
    wanted = r"permission denied|permissionerror|operation not permitted|read-only file system"
    return _of_step(seen, contract.PREPROCESS_STEP, wanted, "Preprocess wrote its outputs")


def image_manifest(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether SageMaker accepts the manifest format of the image."""
    reason = seen.failure(contract.PREPROCESS_STEP)
    if "AlgorithmError" in reason:
        return belief_held(f"{seen.media_type()}: the container was started")
    outcome = _of_step(seen, contract.PREPROCESS_STEP, r"manifest|media ?type|unsupported image|pull", "pulled")
    if outcome.verdict is BeliefVerdict.OPEN:
        return outcome
    return BeliefOutcome(outcome.verdict, f"{seen.media_type()}: {outcome.message}")


def job_names(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the names of the pipeline's jobs and models begin with ``pipelines-``."""
    made = [found.get(kind, {}).get("Arn", "") for found in map(seen.metadata, seen.steps) for kind in _JOB_KINDS]
    names = [arn.rpartition("/")[2] for arn in made if arn]
    others = [name for name in names if not name.startswith(_PREFIX)]
    refused = [_OTHER_NAME.search(seen.failure(step)) for step in seen.steps]
    others += [match.group() for match in refused if match]
    if others:
        return belief_failed(f"named otherwise: {', '.join(others)}")
    return belief_held(f"{len(names)} names, such as {names[0]}") if names else belief_not_reached("no job was created")


def role_operations(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the roles of pipeline and jobs may do all that the steps do."""
    for step in seen.steps:
        if re.search(_DENIED, reason := seen.failure(step), re.IGNORECASE):
            return belief_failed(f"{step}: {reason}")
    if seen.status(contract.REGISTER_STEP) == SUCCEEDED_STATUS:
        return belief_held(f"all {len(seen.steps)} steps up to {contract.REGISTER_STEP}")
    return belief_not_reached(f"{contract.REGISTER_STEP} has not succeeded")


def group_creation(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether RegisterModel may call CreateModelPackageGroup, and succeeds if the group exists."""
    wanted = r"CreateModelPackageGroup|model-package-group"
    return _of_step(seen, contract.REGISTER_STEP, wanted, f"registered {seen.version_arn}")


def samples_by_reference(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether JsonGet works in a training job's hyperparameters."""
    value = _hyperparameters(seen).get("num_training_samples", "")
    if value.isdigit():
        return belief_held(f"num_training_samples is {value}")
    if value:
        return belief_failed(f"num_training_samples is {value!r}, not a number")
    return _of_step(seen, contract.TRAIN_STEP, r"JsonGet|property ?file|num_training_samples", "resolved")


def metadata_by_reference(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether JsonGet works in a model package's metadata."""
    if not seen.version:
        return _of_step(seen, contract.REGISTER_STEP, r"CustomerMetadata|JsonGet|property ?file", "resolved")
    value = seen.version.get("CustomerMetadataProperties", {}).get(contract.METADATA_DATASET, "")
    if _SHA256.fullmatch(value):
        return belief_held(f"{contract.METADATA_DATASET} is {value}")
    return belief_failed(f"{contract.METADATA_DATASET} is {value!r}, not a SHA-256")


def card_by_reference(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether JsonGet works in a model card's content."""
    if not seen.version:
        return _of_step(seen, contract.REGISTER_STEP, r"ModelCard|model card", "resolved")
    text = seen.version.get("ModelCard", {}).get("ModelCardContent", "")
    try:
        card = json.loads(text)
    except ValueError:
        return belief_failed(f"the package's model card is no JSON: {text[:80]!r}")
    if isinstance(card, dict) and "Std:JsonGet" not in card:
        return belief_held(f"a model card of {len(text)} characters")
    return belief_failed(f"the package's model card was not resolved: {text[:80]!r}")


def reason_by_reference(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether JsonGet works in a Fail step's message."""
    if contract.REJECT_STEP not in seen.steps:
        return belief_not_reached("nothing was rejected")
    told = seen.metadata(contract.REJECT_STEP).get("Fail", {}).get("ErrorMessage", "") or seen.failure(
        contract.REJECT_STEP
    )
    return belief_held(told) if "Rejected." in told else belief_failed(f"the message is {told!r}")


def gate_reached(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether a training with the defaults meets the gate."""
    if contract.REJECT_STEP in seen.steps:
        return belief_failed(seen.failure(contract.REJECT_STEP) or "rejected")
    if seen.metadata(contract.GATE_STEP).get("Condition", {}).get("Outcome") == "True":
        return belief_held("the gate let the model pass")
    return belief_not_reached("the gate was not reached")


def pretrained_weights(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether an algorithm of AWS finds its pretrained weights without a network."""
    given = _hyperparameters(seen)
    if given.get("use_pretrained_model") != "1":
        return belief_not_reached("no training with use_pretrained_model=1")
    wanted = r"download|network|connection|resolve|pretrained|timed out|timeout"
    return _of_step(seen, contract.TRAIN_STEP, wanted, "trained from pretrained weights without a network")


def trained_by_command(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the service starts an isolated training in an image of ours."""
    wanted = (
        r"entry ?point|executable|exec format|command not found|no such file|cannot start|unreachable|name resolution"
    )
    return _of_step(seen, contract.TRAIN_STEP, wanted, "the container trained")


def checkpoints_without_spot(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether a training without spot capacity finds what earlier ones left in the checkpoint folder."""
    reused = _metric(seen.job(contract.TRAIN_STEP), REUSED_METRIC)
    if reused is None:
        return belief_not_reached(f"no training has reported {REUSED_METRIC}")
    if reused > 0:
        return belief_held(f"{reused:.0f} results came from the checkpoint folder")
    earlier = [each for each in seen.executions[1:] if each.get("PipelineExecutionStatus") == SUCCEEDED_STATUS]
    if not earlier:
        return belief_not_reached("no earlier training left anything in the checkpoint folder")
    return belief_failed(f"an earlier execution succeeded, and {REUSED_METRIC} is 0")


def served_by_command(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the service starts the model server of an image of ours."""
    wanted = r"\bping\b|health|\bserve\b|entry ?point|executable|exec format|command not found|did not start|respond"
    return _of_step(seen, contract.SCORE_STEP, wanted, "the model server answered for each image")


def one_start_for_one_token(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether one client request token starts one execution."""
    names = Counter(found.get("PipelineExecutionDisplayName", "") for found in seen.executions)
    twice = [name for name, count in names.items() if name and count > 1]
    if twice:
        return belief_failed(f"executions of the same attempt: {', '.join(twice)}")
    if not names:
        return belief_not_reached("no execution")
    return belief_held(f"{len(seen.executions)} executions, each attempt once")


def tuning_tags(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the pipeline's role may create and find its tuning jobs by their tag."""
    wanted = rf"({_DENIED}).*hyper-?parameter-?tuning|hyper-?parameter-?tuning.*({_DENIED})"
    if re.search(wanted, seen.failure(contract.TRAIN_STEP), re.IGNORECASE):
        return belief_failed(seen.failure(contract.TRAIN_STEP))
    if "TuningJob" not in seen.metadata(contract.TRAIN_STEP):
        return belief_not_reached("no tuning ran")
    return _of_step(seen, contract.TRAIN_STEP, wanted, f"created and watched {_name(seen)}")


def tuned_values(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether a reference into the map of tuned hyperparameters is resolved."""
    if "TuningJob" not in seen.metadata(contract.TRAIN_STEP):
        return belief_not_reached("no tuning ran")
    for step in (contract.EVALUATE_STEP, contract.REGISTER_STEP):
        if re.search(r"TunedHyperParameters|BestTrainingJob", reason := seen.failure(step)):
            return belief_failed(f"{step}: {reason}")
    if not seen.version:
        return belief_not_reached("no model package of a tuning")
    name = f"tuned_{seen.algorithm.tuning_ranges[0].name}"
    value = seen.version.get("CustomerMetadataProperties", {}).get(name, "")
    return belief_held(f"{name} is {value}") if _number(value) else belief_failed(f"{name} is {value!r}")


def tuning_objective(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the objective of a tuning is the value that the best job reported last."""
    best = seen.job(contract.TRAIN_STEP).get("BestTrainingJob", {})
    objective = best.get("FinalHyperParameterTuningJobObjectiveMetric", {}).get("Value")
    if objective is None:
        return belief_not_reached("no tuning has ended")
    sagemaker = seen.account.client("sagemaker")
    name = seen.algorithm.tuning_objective
    last = _metric(sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"]), name)
    told = f"objective {objective:.6f}, last {name} {'none' if last is None else f'{last:.6f}'}"
    return belief_held(told) if last is not None and abs(last - objective) < 1e-6 else belief_failed(told)


def approval_event(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether an approval starts a delivery."""
    if seen.version.get("ModelApprovalStatus") != model_package.APPROVED_STATUS:
        return belief_not_reached("no version was approved")
    if seen.deliveries:
        return belief_held(f"delivery {seen.deliveries[0]['pipelineExecutionId']}")
    if seen.delivery_is_due:
        return belief_not_reached("approved less than 15 minutes ago")
    ringing = seen.alarm(seen.account, *(f"{seen.account.name}-{each}" for each in _RELEASING))
    return belief_failed(f"approved over 15 minutes ago, and nothing is delivered. {ringing}".strip())


def edit_event(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether an edit of an approved version's metadata starts no delivery."""
    if not seen.deliveries:
        return belief_not_reached("nothing was delivered")
    asked = {"AttributeKey": "EventName", "AttributeValue": "UpdateModelPackage"}
    pages = seen.account.client("cloudtrail").get_paginator("lookup_events").paginate(LookupAttributes=[asked])
    requests = [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]
    asked_for = [found.get("requestParameters") or {} for found in requests if not found.get("errorCode")]
    changes = [found for found in asked_for if found.get("modelPackageArn") == seen.version_arn]
    approvals = [found for found in changes if found.get("modelApprovalStatus") == model_package.APPROVED_STATUS]
    edits = [found for found in changes if "modelApprovalStatus" not in found]
    # Somebody may deliver a version again by hand.
    released = [each for each in seen.deliveries if _RELEASE in each.get("trigger", {}).get("triggerDetail", _RELEASE)]
    told = f"{len(edits)} edits, {len(approvals)} approvals, {len(released)} deliveries by events"
    if not edits:
        return belief_not_reached("no version was edited without a change of its approval")
    return belief_failed(told) if len(released) > len(approvals) else belief_held(told)


def generated_names(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the deployer's role covers the names that CloudFormation gives to models and configurations."""
    wanted = r"(not authorized|AccessDenied).*(endpoint-config|model)/|AWS::SageMaker::(Model|EndpointConfig)"
    return _of_deploy(seen, _STAGING, wanted, "model, configuration and endpoint were created")


def served_package(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether SageMaker names the model package of an endpoint."""
    if seen.action(_STAGING, "Deploy")[0] != SUCCEEDED_STATUS:
        return belief_not_reached("staging was not deployed")
    if seen.stages[_STAGING].is_remote:
        return belief_not_reached("staging is in another account or region, where a tag says it")
    served = model_package.served_package_arn(seen.account.client("sagemaker"), seen.stages[_STAGING].endpoint)
    if served == seen.version_arn:
        return belief_held(f"staging serves {served}")
    if served:
        return belief_not_reached(f"staging serves {served}")
    return belief_failed("the model of staging names no package")


def configuration_metrics(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether CloudWatch has an endpoint's metrics by EndpointConfigName too."""
    if seen.action(_STAGING, "SmokeTest")[0] != SUCCEEDED_STATUS:
        return belief_not_reached("staging has not answered")
    name = seen.endpoint(_STAGING).get("EndpointConfigName", "")
    cloudwatch = seen.there(_STAGING).client("cloudwatch")
    by_configuration = _metrics(cloudwatch, "EndpointConfigName", name)
    if by_configuration:
        return belief_held(f"metrics of {name}: {', '.join(sorted(by_configuration))}")
    if _metrics(cloudwatch, "EndpointName", seen.stages[_STAGING].endpoint):
        return belief_failed(f"there are metrics by EndpointName, and none by EndpointConfigName {name}")
    return belief_not_reached("CloudWatch lists no metric of staging yet")


def scaling_target(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the deployer's role may register a scaling target."""
    outcome = _of_deploy(seen, _PRODUCTION, r"ScalableTarget|ScalingPolicy|application-autoscaling", "")
    if outcome.verdict is not BeliefVerdict.HELD:
        return outcome
    begins = f"endpoint/{seen.stages[_PRODUCTION].endpoint}/"
    client = seen.there(_PRODUCTION).client("application-autoscaling")
    pages = client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
    names = [found["ResourceId"] for page in pages for found in page["ScalableTargets"]]
    own = [name for name in names if name.startswith(begins)]
    return belief_held(own[0]) if own else belief_not_reached("production does not scale")


def canary_rollback(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether CloudFormation reports an update as failed that an alarm has rolled back."""
    status, _ = seen.action(_PRODUCTION, "Deploy")
    if status == FAILED_STATUS:
        reason = seen.deploy_failure(_PRODUCTION)
        if re.search(r"alarm|roll(ed|ing)? ?back", reason, re.IGNORECASE) and "AWS::SageMaker::Endpoint " in reason:
            return belief_held(reason)
        return belief_not_reached(f"production could not be deployed for another reason: {reason}")
    if status != SUCCEEDED_STATUS:
        return belief_not_reached("production was not deployed")
    reason = seen.endpoint(_PRODUCTION).get("FailureReason", "")
    if re.search(r"alarm|roll(ed|ing)? ?back", reason, re.IGNORECASE):
        return belief_failed(f"the stack was updated, and the endpoint says: {reason}")
    return belief_not_reached("no alarm rolled a canary back")


def monitor_rules(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the rules of the monitor start its job and receive its end."""
    own = ("MonitorErrors", "JudgeErrors", "MonitoringUndelivered")
    ringing = seen.alarm(seen.account, *(f"{seen.account.name}-{each}" for each in own))
    if ringing:
        return belief_failed(ringing)
    ended = [job for job in seen.processing_jobs("monitor") if job["ProcessingJobStatus"] == "Completed"]
    if not ended:
        return belief_not_reached("no run of the monitor has ended")
    name, since = ended[0]["ProcessingJobName"], ended[0].get("ProcessingEndTime") or ended[0]["CreationTime"]
    if _is_published(seen, monitoring_runs.VIOLATIONS_METRIC):
        return belief_held(f"{name} ran, and its violations were published")
    return _missing(f"{name} ended, and no metric of violations is published", late=seen.is_old(since))


def export_job(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether the job of `make export` can run as its role."""
    for job in seen.processing_jobs("export"):
        name = job["ProcessingJobName"]
        if job["ProcessingJobStatus"] == "Completed":
            return belief_held(name)
        if job["ProcessingJobStatus"] == FAILED_STATUS and re.search(_DENIED, reason := job.get("FailureReason", "")):
            return belief_failed(f"{name}: {reason}")
    return belief_not_reached("no export has ended")


def replica_events(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether S3 sends an event for an object that replication made."""
    objects = _replicas(seen)
    if not objects:
        return belief_not_reached("no captured request was replicated")
    if _is_published(seen, prediction_counts.PREDICTIONS_METRIC):
        return belief_held("answers in replicated captures were counted")
    late = any(seen.is_old(found["LastModified"]) for found in objects)
    return _missing(f"{objects[0]['Key']} was replicated, and no answer was counted", late=late)


def replica_key(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether replication takes the ARN of an alias in another account as the key of replicas."""
    remote = [title for title, found in seen.stages.items() if found.is_remote]
    for title in remote:
        ringing = seen.alarm(seen.there(title), f"{seen.stages[title].endpoint}-ReplicationFailed")
        if ringing:
            return belief_failed(ringing)
    if not remote:
        return belief_not_reached("no stage is in another account or region")
    objects = _replicas(seen)
    return belief_held(objects[0]["Key"]) if objects else belief_not_reached("no captured request was replicated")


def delivery_key(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether an action in another account takes the delivery's key by the ARN of its alias."""
    return _of_remote_deployments(seen, r"^(?!.*DescribeKey).*(kms|alias)")


def key_description(seen: FirstRunObservations) -> BeliefOutcome:
    """Judge whether kms:ResourceAliases lets a role describe a key of another account."""
    return _of_remote_deployments(seen, r"DescribeKey")


def _hyperparameters(seen: FirstRunObservations) -> Mapping[str, str]:
    """Return the hyperparameters of Train, or those that the jobs of its tuning share."""
    job = seen.job(contract.TRAIN_STEP)
    return dict(job.get("HyperParameters") or job.get("TrainingJobDefinition", {}).get("StaticHyperParameters", {}))


def _metric(job: Mapping[str, Any], name: str) -> float | None:
    """Return the last value of a training job's metric; None without one."""
    found = (each["Value"] for each in job.get("FinalMetricDataList", []) if each["MetricName"] == name)
    return next(found, None)


def _of_step(seen: FirstRunObservations, step: str, pattern: str, success: str) -> BeliefOutcome:
    """Return held if a step succeeded, and failed if its reason is about the belief."""
    status, reason = seen.status(step), seen.failure(step)
    if status == SUCCEEDED_STATUS:
        return belief_held(success)
    if reason and re.search(pattern, reason, re.IGNORECASE):
        return belief_failed(reason)
    if reason:
        return belief_not_reached(f"{step} failed for another reason")
    return belief_not_reached(f"{step} is {status}" if status else f"{step} has not begun")


def _of_deploy(seen: FirstRunObservations, title: str, pattern: str, success: str) -> BeliefOutcome:
    """Return held if the stack of a stage was deployed, and failed if the reason is about the belief."""
    status, _ = seen.action(title, "Deploy")
    if status == SUCCEEDED_STATUS:
        return belief_held(success)
    if status != FAILED_STATUS:
        return belief_not_reached(f"{title.lower()} was not deployed")
    reason = seen.deploy_failure(title)
    if re.search(pattern, reason, re.IGNORECASE):
        return belief_failed(reason)
    return belief_not_reached(f"{title.lower()} could not be deployed for another reason")


def _of_remote_deployments(seen: FirstRunObservations, pattern: str) -> BeliefOutcome:
    """Return the outcome of a belief about the key of stages in another account or region."""
    outcomes = [
        _of_deploy(seen, title, pattern, f"{title.lower()} was deployed")
        for title, found in seen.stages.items()
        if found.is_remote
    ]
    for verdict in (BeliefVerdict.FAILED, BeliefVerdict.HELD, BeliefVerdict.OPEN):
        for outcome in outcomes:
            if outcome.verdict is verdict:
                return outcome
    return belief_not_reached("no stage is in another account or region")


def _replicas(seen: FirstRunObservations) -> list[dict[str, Any]]:
    """Return some captured requests in the bucket that replication writes to."""
    bucket = seen.account.outputs("storage").get("CapturesBucket", "")
    if not bucket:
        return []
    listed = seen.account.client("s3").list_objects_v2(Bucket=bucket, Prefix=contract.CAPTURE_PREFIX, MaxKeys=10)
    return list(listed.get("Contents", []))


def _is_published(seen: FirstRunObservations, metric: str) -> bool:
    pages = seen.account.client("cloudwatch").get_paginator("list_metrics")
    return any(page["Metrics"] for page in pages.paginate(Namespace=seen.account.name, MetricName=metric))


def _missing(told: str, *, late: bool) -> BeliefOutcome:
    """Return failed if an effect should be visible by now."""
    return belief_failed(told) if late else belief_not_reached(told)


def _metrics(cloudwatch: Any, dimension: str, value: str) -> set[str]:  # noqa: ANN401  the SDK's clients have no types
    asked = {"Namespace": "AWS/SageMaker", "Dimensions": [{"Name": dimension, "Value": value}]}
    pages = cloudwatch.get_paginator("list_metrics").paginate(**asked)
    return {metric["MetricName"] for page in pages for metric in page["Metrics"]}


def _name(seen: FirstRunObservations) -> str:
    return str(seen.metadata(contract.TRAIN_STEP)["TuningJob"]["Arn"]).rpartition("/")[2]


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

# SPDX-License-Identifier: MIT-0
"""Starts the SageMaker pipeline for a push, a schedule, new data, drift or a person, once for each model.

A model depends on the pipeline definition, which has the hash of the image and so of the code, and on the archives,
whose keys have their hashes. The hash of these, and of whether the model is compared with the champion, is the identity
of the model. Each execution has it in its display name, ``<identity>-<number>-<reason>``, so the list of executions
shows the attempts at a model. Simultaneous triggers find the same attempts and send the same token, for which the
service starts one execution.

The identity does not depend on which package is the champion: that changes the comparison, not the model. A model that
was registered before another one went into production is not trained again. An attempt that the comparison rejected has
failed, so the next one is compared with the champion of that time. Whether a comparison is made is part of the
identity: a model that was accepted without it must not stand for one that has passed it, nor a rejection for the other.

Each monitoring run that finds drift asks for a retraining, so the same model could be trained and rejected every day.
Drift therefore gets one attempt at a model; a person can start another (`sufficient_attempt`).

A new model is compared with the champion's predictions, which are beside the report of the champion's evaluation. Their
existence is checked before the start: a training of hours should not fail for want of a file. If they are missing,
nothing is started, because a silently omitted comparison could let a worse model through.

With warm start, Train begins with the champion's weights. That is no part of the identity either: an approval alone is
no reason to train again on the same images, from the model that was just made of them.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from operations.functions import job_inputs, model_delivery, model_package
from operations.functions.aws_clients import Client, split_s3_uri
from operations.functions.errors import UsageError
from operations.functions.function_payloads import COMPARE_WITH_CHAMPION, RetrainRequest, RetrainResult
from operations.functions.job_inputs import TrainingArchives
from pipeline_src import contract

DRIFT_REASON: Final = "drift"  # one of `RETRAINING_REASONS`
_DISPLAY_NAME_PATTERN: Final = re.compile(r"(?P<identity>[0-9a-f]{16})-(?P<number>[0-9]+)-(?P<reason>[a-z]+)")
_RUNNING_STATUSES: Final = ("Executing", "Stopping")
_SUCCEEDED_STATUS: Final = "Succeeded"
_ENDED_STATUSES: Final = (_SUCCEEDED_STATUS, "Failed")
_UNREADABLE_CODES: Final = ("AccessDenied", "NoSuchBucket")
_START_REMEDY: Final = "Restore it, or train without warm start: training.warm_start=false."
_COMPARISON_REMEDY: Final = 'Restore it, or train without a comparison: make retrain ARGS="--no-champion".'
_LOOKUP_TRIES: Final = 3
_LOOKUP_SECONDS: Final = 2.0


@dataclass(frozen=True, order=True)
class RetrainingAttempt:
    """An execution that trains a model.

    Attributes:
        number: Number of the attempt, from 1.
        status: Status of the execution.
        execution: ARN of the execution.
        reason: One of `RETRAINING_REASONS`.
    """

    number: int
    status: str
    execution: str
    reason: str


def model_identity(definition: str, archive: str, compare: str, addition: str = "") -> str:
    """Return the identity of a model: 16 hex digits.

    Args:
        definition: Definition of the pipeline.
        archive: Key of the archive.
        compare: One of `COMPARISONS`.
        addition: Key of the additional archive, or empty: the identity then is as before additional archives existed.
    """
    return _hash_of_parts(definition, archive, compare, *([addition] if addition else []))[:16]


def attempt_display_name(identity: str, number: int, reason: str) -> str:
    """Return the display name of an attempt."""
    return f"{identity}-{number}-{reason}"


def attempt_token(pipeline: str, created: datetime, identity: str, number: int) -> str:
    """Return the token by which the service recognizes a repeated start: 64 hex digits.

    Args:
        pipeline: ARN of the pipeline.
        created: Time of its creation. A pipeline that was deleted and deployed again begins with attempt 1 again, and
            must not get the execution of its predecessor.
        identity: Identity of the model.
        number: Number of the attempt.
    """
    return _hash_of_parts(pipeline, created.isoformat(), identity, str(number))


def attempts_at_model(summaries: Iterable[Mapping[str, Any]], identity: str) -> list[RetrainingAttempt]:
    """Return the attempts at a model, in order, among the executions of the pipeline.

    Args:
        summaries: Executions, as ListPipelineExecutions returns them.
        identity: Identity of the model.
    """
    found = []
    for summary in summaries:
        name = _DISPLAY_NAME_PATTERN.fullmatch(summary.get("PipelineExecutionDisplayName", ""))
        if name and name["identity"] == identity:
            status, arn = summary["PipelineExecutionStatus"], summary["PipelineExecutionArn"]
            found.append(RetrainingAttempt(int(name["number"]), status, arn, name["reason"]))
    return sorted(found)


def sufficient_attempt(found: Sequence[RetrainingAttempt], reason: str) -> RetrainingAttempt | None:
    """Return the attempt that makes another one unnecessary: the newest that runs, or else that succeeded.

    For drift it is else the newest that drift has started, however it ended.

    Args:
        found: The attempts at the model.
        reason: Reason of the request.
    """
    for statuses in (_RUNNING_STATUSES, (_SUCCEEDED_STATUS,)):
        matching = [attempt for attempt in found if attempt.status in statuses]
        if matching:
            return matching[-1]
    drifted = [attempt for attempt in found if attempt.reason == reason == DRIFT_REASON]
    return drifted[-1] if drifted else None


def next_attempt_number(found: Sequence[RetrainingAttempt]) -> int:
    """Return the number of the next attempt."""
    return 1 + max((attempt.number for attempt in found), default=0)


def describe_attempt(attempt: RetrainingAttempt) -> str:
    """Return a message why this attempt is sufficient."""
    if attempt.status == _SUCCEEDED_STATUS:
        return (
            f"Archive and pipeline definition are the same as in attempt {attempt.number}, which succeeded. Nothing "
            "was started. For another model, upload another archive or change the pipeline."
        )
    if attempt.status in _RUNNING_STATUSES:
        return f"Attempt {attempt.number} at the same model is {attempt.status}. Joined it; nothing was started."
    return (
        f"Attempt {attempt.number}, started because of drift, ended as {attempt.status}; archive and pipeline "
        "definition are the same. Nothing was started. Upload another archive, or try again: make retrain"
    )


def _hash_of_parts(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def comparison_parameters(request: RetrainRequest, *, sagemaker: Client, s3: Client, ssm: Client) -> dict[str, str]:
    """Return the pipeline parameters that name the champion: none if nothing is in production.

    A champion that has been rejected is compared with as long as it is in production. If the comparison is turned off,
    the parameter says so, so that the report does not say that there was no champion.

    Args:
        request: Names the SSM parameter of the champion, and the comparison.
        sagemaker: Client that describes the champion's package.
        s3: Client that lists its predictions; it needs no permission to read them.
        ssm: Client that reads the parameter.

    Raises:
        UsageError: The champion's package or its predictions do not exist.
        ClientError: A service refused.
    """
    if request.compare != COMPARE_WITH_CHAMPION:
        return {contract.CHAMPION_PACKAGE_PARAMETER: contract.NO_COMPARISON}
    live = model_delivery.read_champion_arn(ssm, request.champion)
    if not live:
        return {}
    return {
        contract.CHAMPION_PREDICTIONS_PARAMETER: _champion_predictions_uri(sagemaker, s3, live),
        contract.CHAMPION_PACKAGE_PARAMETER: live,
    }


def _champion_predictions_uri(sagemaker: Client, s3: Client, live: str) -> str:
    """Return the URI of predictions.csv of the package `live`."""
    try:
        folder = model_package.describe_model_package(sagemaker, live).evaluation
    except UsageError as error:
        raise UsageError(f"no comparison with the model in production: {error} {_COMPARISON_REMEDY}") from error
    uri = f"{folder}/{contract.PREDICTIONS_FILE}"
    missing = _reason_missing(s3, uri)
    if missing:
        raise UsageError(
            f"predictions of the model in production, {model_package.package_title(live)}: {uri}: "
            f"{missing}. {_COMPARISON_REMEDY}"
        )
    return uri


def starting_parameters(
    request: RetrainRequest, definition: str, *, sagemaker: Client, s3: Client, ssm: Client
) -> tuple[dict[str, str], str]:
    """Return the pipeline parameters that name the model whose weights Train starts from, and a clause that says it.

    Both are empty without warm start. Without a champion, or with one of another algorithm, the parameters are empty:
    Train then starts from pretrained weights, if the algorithm can.

    Args:
        request: Names the SSM parameter of the champion, and the algorithm.
        definition: Definition of the pipeline.
        sagemaker: Client that describes the champion's package.
        s3: Client that lists its artifact and its manifest; it needs no permission to read them.
        ssm: Client that reads the parameter.

    Raises:
        UsageError: The algorithm needs a model of its own and there is none, or a file of the champion is missing.
        ClientError: A service refused.
    """
    declared = {each["Name"]: each for each in json.loads(definition)["Parameters"]} if request.warm_start else {}
    if contract.STARTING_MODEL_PARAMETER not in declared:
        return {}, ""
    live = model_delivery.read_champion_arn(ssm, request.champion)
    cause = "nothing is in production"
    if live:
        package, title = model_package.describe_model_package(sagemaker, live), model_package.package_title(live)
        trained = package.metadata.get(contract.METADATA_ALGORITHM, "an unknown algorithm")
        if trained == request.warm_start:
            return _parameters_of_start(package, s3), f"; starts from the weights of {title}"
        cause = f"{title}, which is in production, is of {trained}"
    if "DefaultValue" not in declared[contract.STARTING_MODEL_PARAMETER]:
        raise UsageError(
            f"setting 'training.warm_start': {cause}, and {request.warm_start} starts from a model of its own alone."
            " Deploy with training.warm_start=false, approve the model that is trained then, and deploy with it again."
        )
    return {}, f"; starts from pretrained weights, because {cause}"


def _parameters_of_start(package: model_package.ModelPackage, s3: Client) -> dict[str, str]:
    files = {
        contract.STARTING_MODEL_PARAMETER: package.artifact,
        contract.STARTING_MANIFEST_PARAMETER: package.manifest,
    }
    for uri in files.values():
        if missing := _reason_missing(s3, uri):
            title = model_package.package_title(package.arn)
            raise UsageError(f"warm start from the model in production, {title}: {uri}: {missing}. {_START_REMEDY}")
    return files | {contract.STARTING_PACKAGE_PARAMETER: package.arn}


def _reason_missing(s3: Client, uri: str) -> str:
    """Return why the object `uri` is missing, or empty if it exists."""
    bucket, key = split_s3_uri(uri)
    try:
        # Of all keys with this prefix, the key itself is the first.
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, MaxKeys=1)
        first = next((page["Contents"][0]["Key"] for page in pages if page.get("Contents")), "")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNREADABLE_CODES:
            raise
        return f"is not in the bucket of runs ({code})"
    return "" if first == key else "does not exist any more"


def start_retraining(
    request: RetrainRequest, *, sagemaker: Client, s3: Client, ssm: Client, sleep: Callable[[float], None] = time.sleep
) -> RetrainResult:
    """Start the pipeline, or return the execution that trains or has trained the same model.

    Args:
        request: Names the pipeline, the archives and the reason.
        sagemaker: Client that describes, lists and starts.
        s3: Client that lists the archives and the champion's predictions.
        ssm: Client that reads which package is the champion.
        sleep: Waits for some seconds.

    Raises:
        UsageError: The pipeline, the archive, or the champion's predictions do not exist.
        ClientError: The service refused.
    """
    pipeline = _describe_pipeline(sagemaker, request.pipeline)
    data = TrainingArchives(
        request.bucket,
        job_inputs.find_archive_key(s3, request.bucket, request.archive),
        job_inputs.find_addition_key(s3, request.bucket, request.addition),
    )
    identity = model_identity(pipeline["PipelineDefinition"], data.archive, request.compare, data.addition)
    executions = _list_executions(sagemaker, request.pipeline)
    found = attempts_at_model(executions, identity)
    sufficient = sufficient_attempt(found, request.reason)
    if sufficient:
        return _joined_result(sufficient)
    against = comparison_parameters(request, sagemaker=sagemaker, s3=s3, ssm=ssm)
    begin, told = starting_parameters(request, pipeline["PipelineDefinition"], sagemaker=sagemaker, s3=s3, ssm=ssm)
    commit = {contract.SOURCE_COMMIT_PARAMETER: request.commit} if request.commit else {}
    # Ended executions: the split key and so the test lesions are the same, but some may have failed before Evaluate.
    ended = sum(each["PipelineExecutionStatus"] in _ENDED_STATUSES for each in executions)
    earlier = {contract.EARLIER_EVALUATIONS_PARAMETER: f"at most {ended}"}
    number = next_attempt_number(found)
    token = attempt_token(pipeline["PipelineArn"], pipeline["CreationTime"], identity, number)
    name = attempt_display_name(identity, number, request.reason)
    parameters = data.uris | commit | earlier | against | begin
    try:
        execution = _start_execution(sagemaker, request.pipeline, name, token, parameters)
    except ClientError:
        # The service may refuse a second start with the same token if its reason, commit or champion differ.
        other = _look_up_attempt(sagemaker, request.pipeline, identity, number, sleep)
        if other is None:
            raise
        return _joined_result(other)
    message = (
        f"Started attempt {number} with {' and '.join(data.uris.values())}"
        f" ({_describe_request(request, against)}{told})."
    )
    return RetrainResult(execution=execution, started=True, message=message)


def _describe_pipeline(sagemaker: Client, name: str) -> dict[str, Any]:
    try:
        pipeline: dict[str, Any] = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ResourceNotFound:
        raise UsageError(
            f"SageMaker pipeline {name!r}: not found in {sagemaker.meta.region_name}. Deploy first: make deploy."
        ) from None
    return pipeline


def _list_executions(sagemaker: Client, pipeline: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
    )
    return [found for page in pages for found in page["PipelineExecutionSummaries"]]


def _describe_request(request: RetrainRequest, against: Mapping[str, str]) -> str:
    """Return the reason and the comparison of a request in words."""
    by = f"{request.reason} of commit {request.commit}" if request.commit else request.reason
    if contract.CHAMPION_PREDICTIONS_PARAMETER in against:
        return f"{by}; compared with {model_package.package_title(against[contract.CHAMPION_PACKAGE_PARAMETER])}"
    why = "nothing is in production" if request.compare == COMPARE_WITH_CHAMPION else "the comparison is turned off"
    return f"{by}; compared with nothing, because {why}"


def _start_execution(sagemaker: Client, pipeline: str, name: str, token: str, parameters: Mapping[str, str]) -> str:
    answer = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineExecutionDisplayName=name,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        ClientRequestToken=token,
    )
    return str(answer["PipelineExecutionArn"])


def _look_up_attempt(
    sagemaker: Client, pipeline: str, identity: str, number: int, sleep: Callable[[float], None]
) -> RetrainingAttempt | None:
    """Return the attempt of that number, which the list may contain only after some seconds."""
    for look in range(_LOOKUP_TRIES):
        if look:
            sleep(_LOOKUP_SECONDS)
        for found in attempts_at_model(_list_executions(sagemaker, pipeline), identity):
            if found.number == number:
                return found
    return None


def _joined_result(found: RetrainingAttempt) -> RetrainResult:
    return RetrainResult(execution=found.execution, started=False, message=describe_attempt(found))

# SPDX-License-Identifier: MIT-0
"""The attempts at training one model: the rules by which simultaneous triggers come to one execution.

What a model depends on is the pipeline definition, which carries the hash of the image and so of the code, and the
archives, whose keys carry their hashes. Their common hash, with whether the model is compared with one in production,
is the identity of the work to be done. Each execution carries it in its display name, ``<identity>-<number>-<reason>``.
So whoever is asked for that model finds the attempts at it in the service's own list; and two who ask at once, and find
the same, send the same token, for which the service starts one execution.

Which champion that is, is no part of it: it changes what a model is compared with, and not the model. So where another
model went into production since an attempt succeeded, there is nothing to train: that model is in the registry already,
and was compared with the champion of its day. An attempt that the comparison rejected has failed, and so the next one
is made against the champion of then. Whether one is compared at all is part of it: a model that was let through because
somebody switched the comparison off must not stand for one that has passed it, nor a rejection for the other.

Drift asks with each run of the monitor, and so by itself would train each day a model that is rejected each day. It
gets one attempt; whoever mends the cause asks for the next (`sufficient`).

What a new model is compared with: the champion's predictions, which lie beside the report of its own evaluation.

Whether they are still there is known before anything is started, because a training that takes hours and then fails
for want of a file helps nobody. If they are gone, nothing is started: a comparison that is silently left out would let
a worse model through. Whoever wants one without says so. While nothing is in production there is nothing to compare.

Starts the SageMaker pipeline: the one way in for a push, a schedule, new data and a person.

The rules that keep simultaneous triggers from training the same model twice stand in attempt.py, and what the model is
compared with in comparison.py.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from operations.functions import job_inputs, model_delivery, model_package
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError
from operations.functions.function_payloads import COMPARE_WITH_CHAMPION, RetrainRequest, RetrainResult
from operations.functions.job_inputs import TrainingArchives
from pipeline_src import contract

DRIFT_REASON: Final = "drift"  # the one of `payload.REASONS` that asks again and again by itself
_DISPLAY_NAME_PATTERN: Final = re.compile(r"(?P<identity>[0-9a-f]{16})-(?P<number>[0-9]+)-(?P<reason>[a-z]+)")
_RUNNING_STATUSES: Final = ("Executing", "Stopping")
_SUCCEEDED_STATUS: Final = "Succeeded"


@dataclass(frozen=True, order=True)
class RetrainingAttempt:
    """One execution that was to train a model.

    Attributes:
        number: From 1.
        status: That of the execution.
        execution: Its ARN.
        reason: What asked for it, one of `payload.REASONS`.
    """

    number: int
    status: str
    execution: str
    reason: str


def model_identity(definition: str, archive: str, compare: str, addition: str = "") -> str:
    """Return the identity of what is to be done: 16 hex digits.

    Args:
        definition: That of the pipeline.
        archive: Key of the archive.
        compare: What the model is compared with, one of `payload.COMPARISONS`: the champion, whichever it is, or
            nothing.
        addition: Key of the additional archive; without one the identity is what it was before there were any.
    """
    return _hash_of_parts(definition, archive, compare, *([addition] if addition else []))[:16]


def attempt_display_name(identity: str, number: int, reason: str) -> str:
    """Return the display name of an attempt."""
    return f"{identity}-{number}-{reason}"


def attempt_token(pipeline: str, created: datetime, identity: str, number: int) -> str:
    """Return the token by which the service knows that a start is asked for a second time: 64 hex digits.

    Args:
        pipeline: ARN of the pipeline.
        created: When it was created: one that was deleted and deployed again begins with attempt 1 again, and must
            not be given the execution of its predecessor.
        identity: Of the model.
        number: Of the attempt.
    """
    return _hash_of_parts(pipeline, created.isoformat(), identity, str(number))


def attempts_at_model(summaries: Iterable[Mapping[str, Any]], identity: str) -> list[RetrainingAttempt]:
    """Return the attempts at the model of that identity, in order, among the executions of its pipeline.

    Args:
        summaries: As ListPipelineExecutions returns them.
        identity: Of the model.
    """
    found = []
    for summary in summaries:
        name = _DISPLAY_NAME_PATTERN.fullmatch(summary.get("PipelineExecutionDisplayName", ""))
        if name and name["identity"] == identity:
            status, arn = summary["PipelineExecutionStatus"], summary["PipelineExecutionArn"]
            found.append(RetrainingAttempt(int(name["number"]), status, arn, name["reason"]))
    return sorted(found)


def sufficient_attempt(found: Sequence[RetrainingAttempt], reason: str) -> RetrainingAttempt | None:
    """Return the attempt that makes another one needless: the newest that runs, or else that succeeded.

    For drift it is else the newest that drift asked for, however that ended: neither archive nor pipeline is new.

    Args:
        found: The attempts at the model.
        reason: What asks for another.
    """
    for statuses in (_RUNNING_STATUSES, (_SUCCEEDED_STATUS,)):
        matching = [attempt for attempt in found if attempt.status in statuses]
        if matching:
            return matching[-1]
    drifted = [attempt for attempt in found if attempt.reason == reason == DRIFT_REASON]
    return drifted[-1] if drifted else None


def next_attempt_number(found: Sequence[RetrainingAttempt]) -> int:
    """Return the number of the attempt after those, which have all ended without a model."""
    return 1 + max((attempt.number for attempt in found), default=0)


def describe_attempt(attempt: RetrainingAttempt) -> str:
    """Return why that attempt is sufficient, in a sentence."""
    if attempt.status == _SUCCEEDED_STATUS:
        return (
            f"Nothing that a model depends on has changed since attempt {attempt.number} succeeded: the same archive "
            "and the same pipeline definition. Nothing was started. For another model, upload another archive or "
            "change the pipeline."
        )
    if attempt.status in _RUNNING_STATUSES:
        return (
            f"Attempt {attempt.number} at the same model is {attempt.status} already. Joined it; nothing was started."
        )
    return (
        f"Attempt {attempt.number}, for which drift asked, ended as {attempt.status}, and neither the archive nor the "
        "pipeline definition has changed since. Nothing was started. Upload another archive, or try again: make retrain"
    )


def _hash_of_parts(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


_UNREADABLE_CODES: Final = ("AccessDenied", "NoSuchBucket")
_COMPARISON_REMEDY: Final = 'Bring it back, or train without a comparison: make retrain ARGS="--no-champion".'


def comparison_parameters(request: RetrainRequest, *, sagemaker: Client, s3: Client, ssm: Client) -> dict[str, str]:
    """Return the pipeline's parameters that name the champion: none where nothing is in production.

    A champion that was rejected meanwhile is compared with too, as long as it serves. Where somebody chose to compare
    with nothing, that stands in place of the champion, so that the report does not say that there was none.

    Args:
        request: Names the parameter that names the champion, and what to compare with.
        sagemaker: Client that describes the champion's package.
        s3: Client that lists its predictions, which takes no right to read them.
        ssm: Client that reads the parameter.

    Raises:
        UsageError: The champion's package or its predictions are gone.
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
        raise UsageError(f"the model in production cannot be compared with: {error} {_COMPARISON_REMEDY}") from error
    uri = f"{folder}/{contract.PREDICTIONS_FILE}"
    missing = _reason_missing(s3, uri)
    if missing:
        raise UsageError(
            f"predictions of the model in production, {model_package.package_title(live)}: {uri}: "
            f"{missing}. {_COMPARISON_REMEDY}"
        )
    return uri


def _reason_missing(s3: Client, uri: str) -> str:
    """Return why there is no object `uri` to be had, or empty if it is there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        # Of all keys that begin so, the key itself is the first.
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNREADABLE_CODES:
            raise
        return f"is not in the bucket of runs ({code})"
    return "" if any(found["Key"] == key for found in listed.get("Contents", [])) else "is not there any more"


_LOOKUP_TRIES: Final = 3
_LOOKUP_SECONDS: Final = 2.0


def start_retraining(
    request: RetrainRequest, *, sagemaker: Client, s3: Client, ssm: Client, sleep: Callable[[float], None] = time.sleep
) -> RetrainResult:
    """Start the pipeline, or join the execution that trains or has trained the same model.

    Args:
        request: What to train and why.
        sagemaker: Client that describes, lists and starts.
        s3: Client that lists the archives and the champion's predictions.
        ssm: Client that reads which package is the champion.
        sleep: Waits for some seconds.

    Raises:
        UsageError: There is no such pipeline or no such archive, or what to compare with is gone.
        ClientError: The service refused.
    """
    pipeline = _describe_pipeline(sagemaker, request.pipeline)
    data = _find_training_archives(request, s3)
    identity = model_identity(pipeline["PipelineDefinition"], data.archive, request.compare, data.addition)
    found = _list_attempts(sagemaker, request.pipeline, identity)
    sufficient = sufficient_attempt(found, request.reason)
    if sufficient:
        return _joined_result(sufficient)
    against = comparison_parameters(request, sagemaker=sagemaker, s3=s3, ssm=ssm)
    number = next_attempt_number(found)
    token = attempt_token(pipeline["PipelineArn"], pipeline["CreationTime"], identity, number)
    name = attempt_display_name(identity, number, request.reason)
    try:
        execution = _start_execution(
            sagemaker, request.pipeline, name, token, _archive_parameters(request, data) | against
        )
    except ClientError:
        # A second start under one token may be refused instead, where another trigger named another reason, commit or
        # champion.
        other = _look_up_attempt(sagemaker, request.pipeline, identity, number, sleep)
        if other is None:
            raise
        return _joined_result(other)
    message = (
        f"Started attempt {number} with {' and '.join(data.uris.values())} ({_describe_request(request, against)})."
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


def _list_attempts(sagemaker: Client, pipeline: str, identity: str) -> list[RetrainingAttempt]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
    )
    return attempts_at_model((found for page in pages for found in page["PipelineExecutionSummaries"]), identity)


def _find_training_archives(request: RetrainRequest, s3: Client) -> TrainingArchives:
    return TrainingArchives(
        request.bucket,
        job_inputs.find_archive_key(s3, request.bucket, request.archive),
        job_inputs.find_addition_key(s3, request.bucket, request.addition),
    )


def _archive_parameters(request: RetrainRequest, data: TrainingArchives) -> dict[str, str]:
    commit = {contract.SOURCE_COMMIT_PARAMETER: request.commit} if request.commit else {}
    return data.uris | commit


def _describe_request(request: RetrainRequest, against: Mapping[str, str]) -> str:
    """Return what asked for the training and what its model is compared with, in words."""
    by = f"{request.reason} of commit {request.commit}" if request.commit else request.reason
    if contract.CHAMPION_PREDICTIONS_PARAMETER in against:
        return f"{by}; compared with {model_package.package_title(against[contract.CHAMPION_PACKAGE_PARAMETER])}"
    why = "nothing is in production" if request.compare == COMPARE_WITH_CHAMPION else "that was asked for"
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
    """Return the attempt of that number, for which the list may need some seconds."""
    for look in range(_LOOKUP_TRIES):
        if look:
            sleep(_LOOKUP_SECONDS)
        for found in _list_attempts(sagemaker, pipeline, identity):
            if found.number == number:
                return found
    return None


def _joined_result(found: RetrainingAttempt) -> RetrainResult:
    return RetrainResult(execution=found.execution, started=False, message=describe_attempt(found))

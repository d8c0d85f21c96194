# SPDX-License-Identifier: MIT-0
"""Defines the payloads and results of the Lambda functions, whose JSON keys the stacks write and read.

The fields of a class are the keys of the JSON; a key whose field has a default may be left out.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, TypeVar

from operations.functions.errors import UsageError
from operations.functions.job_inputs import JobPlacement

# Period of a monitoring run: the last whole day or hour in UTC, or all captured requests, after labels have arrived.
DAY_WINDOW: Final = "day"
HOUR_WINDOW: Final = "hour"
LABELS: Final = "labels"
MONITORING_WINDOWS: Final = (DAY_WINDOW, HOUR_WINDOW, LABELS)
RETRAINING_REASONS: Final = ("push", "schedule", "data", "drift", "manual")
COMPARE_WITH_CHAMPION: Final = "champion"
COMPARE_WITH_NOTHING: Final = "nothing"
# A new model is compared with the model in production, or with none.
COMPARISONS: Final = (COMPARE_WITH_CHAMPION, COMPARE_WITH_NOTHING)
_ALLOWED_VALUES: Final = {"reason": RETRAINING_REASONS, "compare": COMPARISONS, "window": MONITORING_WINDOWS}
_DETAIL_KEY: Final = "detail"
_MAY_BE_EMPTY: Final = frozenset({"archive", "commit", "machine"})
Payload = TypeVar(
    "Payload",
    bound="RetrainRequest | ReleaseRequest | SmokeRequest | PublishRequest | PromoteRequest | RejectionRequest"
    " | TallyRequest | MonitorRequest | JudgeRequest",
)


@dataclass(frozen=True)
class MonitorRequest(JobPlacement):
    """Compare the requests to production with the evaluation of its model.

    Attributes:
        name: Name of the deployment, with which the job's name begins.
        window: Period, one of `MONITORING_WINDOWS`.
        time: Time of the run, such as 2026-11-25T01:00:00Z.
        endpoint: Name of the production endpoint.
        capture: S3 URI of the folder below which its requests are captured by year, month, day and hour.
        labels: S3 URI of the folder of confirmed labels.
        reports: S3 URI of the folder that receives the report, in a folder of the job's name.
        champion: Name of the SSM parameter that names the package in production.
        minutes: Its time limit.
    """

    name: str
    window: str
    time: str
    endpoint: str
    capture: str
    labels: str
    reports: str
    champion: str
    minutes: str


@dataclass(frozen=True)
class JudgeRequest:
    """Publish the result of a monitoring run.

    Attributes:
        job: Name of the job, which has completed.
        reports: S3 URI of the folder of the reports.
        namespace: CloudWatch namespace of the figures.
        topic: ARN of the SNS topic to notify.
        machine: ARN of the state machine to start on a violation, or empty.
    """

    job: str
    reports: str
    namespace: str
    topic: str
    machine: str


@dataclass(frozen=True)
class RetrainRequest:
    """Train a model, unless an execution trains or has trained the same one.

    Attributes:
        pipeline: Name of the SageMaker pipeline.
        bucket: Name of the bucket that holds the archives.
        archive: Object key of the archive, or empty for the newest one.
        commit: Id of the commit that requests it, or empty.
        reason: One of `RETRAINING_REASONS`.
        champion: Name of the SSM parameter that names the package in production.
        compare: One of `COMPARISONS`.
        addition: Object key of an additional archive, or `contract.NO_ADDITION`; empty: the newest, if there is one.
        warm_start: Name of the algorithm from whose models the pipeline can start; empty: it does no warm start.
    """

    pipeline: str
    bucket: str
    archive: str
    commit: str
    reason: str
    champion: str
    compare: str
    addition: str = ""
    warm_start: str = ""


@dataclass(frozen=True)
class RetrainResult:
    """The execution for a `RetrainRequest`.

    Attributes:
        execution: ARN of the pipeline execution to wait for.
        started: True if this request started it; False if it existed.
        message: What happened, in a sentence.
    """

    execution: str
    started: bool
    message: str


@dataclass(frozen=True)
class ReleaseRequest:
    """Deliver an approved model package.

    Attributes:
        detail: Detail of the registry's event about the model package.
        delivery: Name of the CodePipeline that delivers.
        champion: Name of the SSM parameter that names the package in production.
    """

    detail: Mapping[str, Any]
    delivery: str
    champion: str


@dataclass(frozen=True)
class ReleaseResult:
    """The result of a `ReleaseRequest`.

    Attributes:
        started: Whether a delivery was started.
        execution: Id of the CodePipeline execution that was started or is under way, else empty.
        message: What happened, in a sentence.
    """

    started: bool
    execution: str
    message: str


@dataclass(frozen=True)
class SmokeRequest:
    """Compare the answers of an endpoint with the evaluation of the package that it has to serve.

    Attributes:
        endpoint: Name of the endpoint.
        package: ARN of the model package.
        access, region: ARN of the access role and region of an endpoint in another account or region; else empty.
        champion: Parameter that names the live package, for the approval that follows; empty if none does.
    """

    endpoint: str
    package: str
    access: str = ""
    region: str = ""
    champion: str = ""


@dataclass(frozen=True)
class PublishRequest:
    """Copy a package's model to the account and region of an endpoint, and find its image there.

    Attributes:
        package: ARN of the model package.
        bucket, region: Name of the bucket of the endpoint's account and region, and that region.
        access: ARN of the role that may look up images there.
        images: Registries of the images that an endpoint may serve, ``HERE=THERE`` each, separated by commas. A side is
            ``ACCOUNT/REPOSITORY``, for images of any tag that `cdk deploy` pushes to both, or
            ``ACCOUNT/REPOSITORY:TAG``, for an image that AWS keeps in each region.
    """

    package: str
    bucket: str
    region: str
    access: str
    images: str


@dataclass(frozen=True)
class PromoteRequest:
    """Record that a package serves in production.

    Attributes:
        endpoint: Name of the production endpoint.
        package: ARN of the model package.
        champion: Name of the SSM parameter that names the package in production.
        access, region, bucket: As in `SmokeRequest` and `PublishRequest`; empty for an endpoint beside the build.
    """

    endpoint: str
    package: str
    champion: str
    access: str = ""
    region: str = ""
    bucket: str = ""


@dataclass(frozen=True)
class RejectionRequest:
    """Notify if the rejected package is in production.

    Attributes:
        detail: What the registry's event says of the rejected model package and of its change.
        champion: Name of the SSM parameter that names the package in production.
        topic: ARN of the SNS topic to notify.
    """

    detail: Mapping[str, Any]
    champion: str
    topic: str


@dataclass(frozen=True)
class TallyRequest:
    """Count the predictions in one file of captured requests.

    Attributes:
        bucket, key: Name of the bucket that holds the file, and the file's object key.
        namespace: CloudWatch namespace of the counts.
    """

    bucket: str
    key: str
    namespace: str


def read_payload(kind: type[Payload], event: object) -> Payload:
    """Return `event` as a payload of `kind`.

    Raises:
        UsageError: It is not an object with exactly these keys, or a value is not allowed: all are non-empty strings,
            but for `detail`, which is an object.
    """
    place = f"payload of {kind.__name__.removesuffix('Request').lower()}"
    needed, optional = _payload_keys(kind)
    if not isinstance(event, Mapping) or not set(needed) <= set(event) <= {*needed, *optional}:
        found = ", ".join(sorted(map(str, event))) if isinstance(event, Mapping) else type(event).__name__
        wanted = ", ".join(needed) + (f", and takes {', '.join(optional)}" if optional else "")
        raise UsageError(f"{place}: needs exactly the keys {wanted} (found: {found or 'none'}). Name those.")
    for name, value in event.items():
        if name == _DETAIL_KEY:
            if not isinstance(value, Mapping):
                raise UsageError(f"{place}: {name} {value!r}: is not an object. Give that of the registry's event.")
        elif not isinstance(value, str) or not (value or name in {*_MAY_BE_EMPTY, *optional}):
            raise UsageError(f"{place}: {name} {value!r}: is not a non-empty string. Give {name} a value.")
    for name in _ALLOWED_VALUES.keys() & event.keys():
        if event[name] not in _ALLOWED_VALUES[name]:
            raise UsageError(
                f"{place}: {name} {event[name]!r}: is not one of {', '.join(_ALLOWED_VALUES[name])}. Give one of them."
            )
    return kind(**event)


def _payload_keys(kind: type[Payload]) -> tuple[list[str], list[str]]:
    """Return the required keys, and those that may be left out or empty."""
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    return needed, [field.name for field in fields(kind) if field.name not in needed]

# SPDX-License-Identifier: MIT-0
"""What the functions around the monitor's job are told; see payload.py.

What the functions are told and what they answer: the keys are the interface between the stacks and this room.

A class is a payload, its fields are the keys of the JSON; one with a default may be left out. The monitor's: watch.py.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, TypeVar

from operations.functions.errors import UsageError
from operations.functions.job_inputs import JobPlacement

# What a run of the monitor looks at: the last whole day or hour in UTC, or all that is kept, once labels have arrived.
DAY_WINDOW: Final = "day"
HOUR_WINDOW: Final = "hour"
LABELS: Final = "labels"
MONITORING_WINDOWS: Final = (DAY_WINDOW, HOUR_WINDOW, LABELS)


@dataclass(frozen=True)
class MonitorRequest(JobPlacement):
    """Compare what production was asked with the evaluation of its model.

    Attributes:
        name: Of the deployment, with which the job's name begins.
        window: What is looked at, one of `WINDOWS`.
        time: When that was asked for, such as 2026-11-25T01:00:00Z.
        endpoint: Name of the production endpoint.
        capture: S3 URI of the folder below which its requests are captured by year, month, day and hour.
        labels: S3 URI of the folder of confirmed labels.
        reports: S3 URI of the folder that receives the report, in a folder of the job's name.
        champion: Name of the SSM parameter that names the package in production.
        minutes: How long it may take.
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
    """Tell what a run of the monitor has found.

    Attributes:
        job: Name of the job, which has completed.
        reports: S3 URI of the folder of the reports.
        namespace: CloudWatch namespace of the figures.
        topic: ARN of the SNS topic to tell.
        machine: ARN of the state machine to start on a violation, or empty.
    """

    job: str
    reports: str
    namespace: str
    topic: str
    machine: str


RETRAINING_REASONS: Final = ("push", "schedule", "data", "drift", "manual")
COMPARE_WITH_CHAMPION: Final = "champion"
COMPARE_WITH_NOTHING: Final = "nothing"
COMPARISONS: Final = (
    COMPARE_WITH_CHAMPION,
    COMPARE_WITH_NOTHING,
)  # what a new model is compared with: that in production, or nothing
_ALLOWED_VALUES: Final = {"reason": RETRAINING_REASONS, "compare": COMPARISONS, "window": MONITORING_WINDOWS}
_DETAIL_KEY: Final = "detail"
_MAY_BE_EMPTY: Final = frozenset({"archive", "commit", "machine"})

Payload = TypeVar(
    "Payload",
    bound="RetrainRequest | ReleaseRequest | SmokeRequest | PublishRequest | PromoteRequest | RejectionRequest"
    " | TallyRequest | MonitorRequest | JudgeRequest",
)


@dataclass(frozen=True)
class RetrainRequest:
    """Train a model, unless that is being done or was done already.

    Attributes:
        pipeline: Name of the SageMaker pipeline.
        bucket: Name of the bucket that holds the archives.
        archive: Object key of the archive, or empty for the newest one.
        commit: Id of the commit that asks for it, or empty.
        reason: What asks for it, one of `REASONS`.
        champion: Name of the SSM parameter that names the package in production.
        compare: What the new model is compared with, one of `COMPARISONS`.
        addition: Object key of an additional archive, or `contract.NO_ADDITION`; empty: the newest, if there is one.
    """

    pipeline: str
    bucket: str
    archive: str
    commit: str
    reason: str
    champion: str
    compare: str
    addition: str = ""


@dataclass(frozen=True)
class RetrainResult:
    """The execution that a `Retrain` came to.

    Attributes:
        execution: ARN of the pipeline execution to wait for.
        started: Whether it was started for this request; else it was there already.
        message: What happened, in a sentence.
    """

    execution: str
    started: bool
    message: str


@dataclass(frozen=True)
class ReleaseRequest:
    """Deliver an approved model package.

    Attributes:
        detail: What the registry's event says of the model package and of its change.
        delivery: Name of the CodePipeline that delivers.
        champion: Name of the SSM parameter that names the package in production.
    """

    detail: Mapping[str, Any]
    delivery: str
    champion: str


@dataclass(frozen=True)
class ReleaseResult:
    """What a `Release` came to.

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
    """Compare an endpoint's answers with the evaluation of the package that it should serve.

    Attributes:
        endpoint: Name of the endpoint.
        package: ARN of the model package.
        access, region: ARN of the role by which to reach an endpoint elsewhere, and where that is; empty: our own.
        champion: Parameter that names what is live, for whoever approves next; empty: nobody does.
    """

    endpoint: str
    package: str
    access: str = ""
    region: str = ""
    champion: str = ""


@dataclass(frozen=True)
class PublishRequest:
    """Copy a package's model to where an endpoint that is elsewhere may read it.

    Attributes:
        package: ARN of the model package.
        bucket, region: Name of the bucket of the endpoint's account and region, and that region.
    """

    package: str
    bucket: str
    region: str


@dataclass(frozen=True)
class PromoteRequest:
    """Record that a package serves in production.

    Attributes:
        endpoint: Name of the production endpoint.
        package: ARN of the model package.
        champion: Name of the SSM parameter that names the package in production.
        access, region, bucket: As of `Smoke` and `Publish`, where the endpoint is elsewhere; else empty.
    """

    endpoint: str
    package: str
    champion: str
    access: str = ""
    region: str = ""
    bucket: str = ""


@dataclass(frozen=True)
class RejectionRequest:
    """Tell if a package was rejected that serves in production.

    Attributes:
        detail: What the registry's event says of the rejected model package and of its change.
        champion: Name of the SSM parameter that names the package in production.
        topic: ARN of the SNS topic to tell.
    """

    detail: Mapping[str, Any]
    champion: str
    topic: str


@dataclass(frozen=True)
class TallyRequest:
    """Count what an endpoint answered, in one file of captured requests.

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
        UsageError: It is no object with exactly those keys, each a string, and filled where it has to be; `detail` is
            an object.
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
                raise UsageError(f"{place}: {name} {value!r}: is no object. Give the detail of the registry's event.")
        elif not isinstance(value, str) or not (value or name in {*_MAY_BE_EMPTY, *optional}):
            raise UsageError(f"{place}: {name} {value!r}: is no filled-in string. Give {name} a value.")
    for name in _ALLOWED_VALUES.keys() & event.keys():
        if event[name] not in _ALLOWED_VALUES[name]:
            raise UsageError(
                f"{place}: {name} {event[name]!r}: is none of {', '.join(_ALLOWED_VALUES[name])}. Give one of them."
            )
    return kind(**event)


def _payload_keys(kind: type[Payload]) -> tuple[list[str], list[str]]:
    """Return the keys that have to be there, and those that may be left out or empty."""
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    return needed, [field.name for field in fields(kind) if field.name not in needed]

# SPDX-License-Identifier: MIT-0
"""What the functions are told and what they answer: the keys are the interface between the stacks and this room.

A class is a payload, its fields are the keys of the JSON; one with a default may be left out. The monitor's: watch.py.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final, TypeVar

from operations.error import UsageError
from operations.watch import WINDOWS, Judge, Monitor

REASONS: Final = ("push", "schedule", "data", "drift", "manual")
CHAMPION: Final = "champion"
NOTHING: Final = "nothing"
COMPARISONS: Final = (CHAMPION, NOTHING)  # what a new model is compared with: that in production, or nothing
_CHOICES: Final = {"reason": REASONS, "compare": COMPARISONS, "window": WINDOWS}
_DETAIL: Final = "detail"
_MAY_BE_EMPTY: Final = frozenset({"archive", "commit", "machine"})

Payload = TypeVar("Payload", bound="Retrain | Release | Smoke | Publish | Promote | Rejected | Tally | Monitor | Judge")


@dataclass(frozen=True)
class Retrain:
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
class Retrained:
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
class Release:
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
class Released:
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
class Smoke:
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
class Publish:
    """Copy a package's model to where an endpoint that is elsewhere may read it.

    Attributes:
        package: ARN of the model package.
        bucket, region: Name of the bucket of the endpoint's account and region, and that region.
    """

    package: str
    bucket: str
    region: str


@dataclass(frozen=True)
class Promote:
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
class Rejected:
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
class Tally:
    """Count what an endpoint answered, in one file of captured requests.

    Attributes:
        bucket, key: Name of the bucket that holds the file, and the file's object key.
        namespace: CloudWatch namespace of the counts.
    """

    bucket: str
    key: str
    namespace: str


def read(kind: type[Payload], event: object) -> Payload:
    """Return `event` as a payload of `kind`.

    Raises:
        UsageError: It is no object with exactly those keys, each a string, and filled where it has to be; `detail` is
            an object.
    """
    place = f"payload of {kind.__name__.lower()}"
    needed, optional = _keys(kind)
    if not isinstance(event, Mapping) or not set(needed) <= set(event) <= {*needed, *optional}:
        found = ", ".join(sorted(map(str, event))) if isinstance(event, Mapping) else type(event).__name__
        wanted = ", ".join(needed) + (f", and takes {', '.join(optional)}" if optional else "")
        raise UsageError(f"{place}: needs exactly the keys {wanted} (found: {found or 'none'}). Name those.")
    for name, value in event.items():
        if name == _DETAIL:
            if not isinstance(value, Mapping):
                raise UsageError(f"{place}: {name} {value!r}: is no object. Give the detail of the registry's event.")
        elif not isinstance(value, str) or not (value or name in {*_MAY_BE_EMPTY, *optional}):
            raise UsageError(f"{place}: {name} {value!r}: is no filled-in string. Give {name} a value.")
    for name in _CHOICES.keys() & event.keys():
        if event[name] not in _CHOICES[name]:
            raise UsageError(
                f"{place}: {name} {event[name]!r}: is none of {', '.join(_CHOICES[name])}. Give one of them."
            )
    return kind(**event)


def _keys(kind: type[Payload]) -> tuple[list[str], list[str]]:
    """Return the keys that have to be there, and those that may be left out or empty."""
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    return needed, [field.name for field in fields(kind) if field.name not in needed]

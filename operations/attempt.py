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
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

DRIFT: Final = "drift"  # the one of `payload.REASONS` that asks again and again by itself
_NAME: Final = re.compile(r"(?P<identity>[0-9a-f]{16})-(?P<number>[0-9]+)-(?P<reason>[a-z]+)")
_RUNNING: Final = ("Executing", "Stopping")
_SUCCEEDED: Final = "Succeeded"


@dataclass(frozen=True, order=True)
class Attempt:
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


def identity(definition: str, archive: str, compare: str, addition: str = "") -> str:
    """Return the identity of what is to be done: 16 hex digits.

    Args:
        definition: That of the pipeline.
        archive: Key of the archive.
        compare: What the model is compared with, one of `payload.COMPARISONS`: the champion, whichever it is, or
            nothing.
        addition: Key of the additional archive; without one the identity is what it was before there were any.
    """
    return _hash(definition, archive, compare, *([addition] if addition else []))[:16]


def display_name(identity: str, number: int, reason: str) -> str:
    """Return the display name of an attempt."""
    return f"{identity}-{number}-{reason}"


def token(pipeline: str, created: datetime, identity: str, number: int) -> str:
    """Return the token by which the service knows that a start is asked for a second time: 64 hex digits.

    Args:
        pipeline: ARN of the pipeline.
        created: When it was created: one that was deleted and deployed again begins with attempt 1 again, and must
            not be given the execution of its predecessor.
        identity: Of the model.
        number: Of the attempt.
    """
    return _hash(pipeline, created.isoformat(), identity, str(number))


def attempts(summaries: Iterable[Mapping[str, Any]], identity: str) -> list[Attempt]:
    """Return the attempts at the model of that identity, in order, among the executions of its pipeline.

    Args:
        summaries: As ListPipelineExecutions returns them.
        identity: Of the model.
    """
    found = []
    for summary in summaries:
        name = _NAME.fullmatch(summary.get("PipelineExecutionDisplayName", ""))
        if name and name["identity"] == identity:
            status, arn = summary["PipelineExecutionStatus"], summary["PipelineExecutionArn"]
            found.append(Attempt(int(name["number"]), status, arn, name["reason"]))
    return sorted(found)


def sufficient(found: Sequence[Attempt], reason: str) -> Attempt | None:
    """Return the attempt that makes another one needless: the newest that runs, or else that succeeded.

    For drift it is else the newest that drift asked for, however that ended: neither archive nor pipeline is new.

    Args:
        found: The attempts at the model.
        reason: What asks for another.
    """
    for statuses in (_RUNNING, (_SUCCEEDED,)):
        matching = [attempt for attempt in found if attempt.status in statuses]
        if matching:
            return matching[-1]
    drifted = [attempt for attempt in found if attempt.reason == reason == DRIFT]
    return drifted[-1] if drifted else None


def following(found: Sequence[Attempt]) -> int:
    """Return the number of the attempt after those, which have all ended without a model."""
    return 1 + max((attempt.number for attempt in found), default=0)


def told(attempt: Attempt) -> str:
    """Return why that attempt is sufficient, in a sentence."""
    if attempt.status == _SUCCEEDED:
        return (
            f"Nothing that a model depends on has changed since attempt {attempt.number} succeeded: the same archive "
            "and the same pipeline definition. Nothing was started. For another model, upload another archive or "
            "change the pipeline."
        )
    if attempt.status in _RUNNING:
        return (
            f"Attempt {attempt.number} at the same model is {attempt.status} already. Joined it; nothing was started."
        )
    return (
        f"Attempt {attempt.number}, for which drift asked, ended as {attempt.status}, and neither the archive nor the "
        "pipeline definition has changed since. Nothing was started. Upload another archive, or try again: make retrain"
    )


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()

# SPDX-License-Identifier: MIT-0
"""The attempts at training one model: the rules by which simultaneous triggers come to one execution.

What a model depends on is the pipeline definition, which carries the hash of the image and so of the code, and the
archive, whose key carries its hash. Their common hash is the identity of the model to be. Each execution carries it
in its display name, ``<identity>-<number>-<reason>``. So whoever is asked for that model finds the attempts at it in
the service's own list; and two who ask at once, and find the same, send the same token, for which the service
starts one execution.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_NAME: Final = re.compile(r"(?P<identity>[0-9a-f]{16})-(?P<number>[0-9]+)-[a-z]+")
_RUNNING: Final = ("Executing", "Stopping")
_SUCCEEDED: Final = "Succeeded"


@dataclass(frozen=True, order=True)
class Attempt:
    """One execution that was to train a model.

    Attributes:
        number: From 1.
        status: That of the execution.
        execution: Its ARN.
    """

    number: int
    status: str
    execution: str


def identity(definition: str, archive: str) -> str:
    """Return the identity of the model that `definition` makes of the archive with that key: 16 hex digits."""
    return _hash(definition, archive)[:16]


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
            found.append(Attempt(int(name["number"]), status, arn))
    return sorted(found)


def sufficient(found: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that makes another one needless: the newest that runs, or else that succeeded."""
    for statuses in (_RUNNING, (_SUCCEEDED,)):
        matching = [attempt for attempt in found if attempt.status in statuses]
        if matching:
            return matching[-1]
    return None


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
    return f"Attempt {attempt.number} at the same model is {attempt.status} already. Joined it; nothing was started."


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()

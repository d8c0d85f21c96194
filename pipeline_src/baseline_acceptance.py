# SPDX-License-Identifier: MIT-0
"""The files with which a person accepts images of production as the drift monitor's baseline, or undoes that.

A file is written once and never changed; its name is its time. It holds the reason, the person and, for an acceptance,
the measured images of the period (`pipeline_src/drift/window_history.py`), because those files expire. Undoing takes
the last acceptance back, so that the one before counts again, or else the model's test images.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

LEAST_IMAGES: Final = 100  # distinct ones, as many as a window needs to be compared
_ACCEPT: Final = "accept"
_UNDO: Final = "undo"
_IMAGES: Final = "images"

Document = Mapping[str, Any]


class AcceptanceError(ValueError):
    """A baseline cannot be accepted or undone; the message says why, and what to do."""


def acceptance_file_name(time: datetime) -> str:
    """Return the name of the file that is written at `time`; files sort by it."""
    return f"{time.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.json"


def acceptance_file(windows: Sequence[Document], *, reason: str, by: str, time: datetime) -> bytes:
    """Return the file that accepts the images of `windows`, which are files of the window history.

    Raises:
        AcceptanceError: there is no reason, or there are too few images.
    """
    images = {row[0] for window in windows for row in window[_IMAGES]}
    if len(images) < LEAST_IMAGES:
        raise AcceptanceError(
            f"{len(images)} different images were measured in the period; {LEAST_IMAGES} are needed. Accept a longer "
            "period, or wait for more requests."
        )
    return _file(_ACCEPT, reason, by, time, windows=list(windows))


def undo_file(standing: Sequence[Document], *, reason: str, by: str, time: datetime) -> bytes:
    """Return the file that takes back the last of the `standing` acceptances.

    Raises:
        AcceptanceError: there is no reason, or no acceptance.
    """
    if not standing:
        raise AcceptanceError("no accepted baseline counts for this model, so there is nothing to undo.")
    return _file(_UNDO, reason, by, time)


def standing_acceptances(documents: Iterable[Document]) -> list[Document]:
    """Return the acceptances among `documents`, which are in the order of their names, that were not undone.

    Raises:
        ValueError: a document has another action.
        KeyError, TypeError: it is not such a file.
    """
    standing: list[Document] = []
    for document in documents:
        if document["action"] == _UNDO:
            standing = standing[:-1]
        elif document["action"] == _ACCEPT:
            standing.append(document)
        else:
            raise ValueError(f"action {document['action']!r}")
    return standing


def _file(action: str, reason: str, by: str, time: datetime, **more: object) -> bytes:
    if not reason.strip():
        raise AcceptanceError("the reason is empty. Say why production's images are as they should be, or are not.")
    content = {"action": action, "reason": reason.strip(), "by": by, "time": time.isoformat(), **more}
    return (json.dumps(content, separators=(",", ":")) + "\n").encode()

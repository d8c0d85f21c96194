# SPDX-License-Identifier: MIT-0
"""The files with which a person accepts images of production as the drift monitor's baseline, or undoes that.

A file is written once and never changed; its name is its time. It holds the reason, the person and, for an acceptance,
the measured images of the period (`pipeline_src/drift/window_history.py`), because those files expire. Undoing takes
the last acceptance back and names it by its time, so that the one before counts again, or else the model's test images.

A command whose answer was lost is run again, at another time. What it asks for is recognized by person and reason, and
for an acceptance by the images, and is not written a second time.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

LEAST_IMAGES: Final = 100  # distinct ones, as many as a window needs to be compared
_ACCEPT: Final = "accept"
_UNDO: Final = "undo"
_UNDOES: Final = "undoes"  # absent from files of earlier versions, which take back the last acceptance before them
_IMAGES: Final = "images"

Document = Mapping[str, Any]


class AcceptanceError(ValueError):
    """A baseline cannot be accepted or undone; the message says why, and what to do."""


class AcceptanceFile(NamedTuple):
    """A file that accepts a baseline or undoes that.

    Attributes:
        name: its name; files sort by their time.
        content: its content.
        is_new: whether it has to be written; False if it is there already.
        statement: what it does, as sentences.
    """

    name: str
    content: bytes
    is_new: bool
    statement: str


def acceptance_file(
    documents: Iterable[Document], windows: Sequence[Document], *, reason: str, by: str, time: datetime
) -> AcceptanceFile:
    """Return the file that accepts the images of `windows`, which are files of the window history.

    Args:
        documents: the files that are there, in the order of their names.
        windows: the measured images.
        reason: why they are as they should be.
        by: the person.
        time: now.

    Raises:
        AcceptanceError: there is no reason, or there are too few images.
    """
    images = len({row[0] for row in _rows(windows)})
    if images < LEAST_IMAGES:
        raise AcceptanceError(
            f"{images} different images were measured in the period; {LEAST_IMAGES} are needed. Accept a longer "
            "period, or wait for more requests."
        )
    wanted = _document(_ACCEPT, reason, by, time) | {"windows": list(windows)}
    standing = standing_acceptances(documents)
    if standing and _is_same(standing[-1], wanted) and _rows(standing[-1]["windows"]) == _rows(windows):
        return _file(
            standing[-1],
            f"accepted already at {standing[-1]['time']}: the same images, reason and person.",
            is_new=False,
        )
    return _file(
        wanted,
        f"{images} images of {len(windows)} windows are accepted as the baseline. Undoing that goes back to "
        f"{_baseline_name(standing)}.",
    )


def undo_file(documents: Sequence[Document], *, reason: str, by: str, time: datetime) -> AcceptanceFile:
    """Return the file that takes back the last acceptance that counts.

    Args:
        documents: the files that are there, in the order of their names.
        reason: why the images are not as they should be any more.
        by: the person.
        time: now.

    Raises:
        AcceptanceError: there is no reason, or no acceptance.
    """
    standing = standing_acceptances(documents)
    wanted = _document(_UNDO, reason, by, time)
    times = [each["time"] for each in standing]
    last = [each for each in documents if each["action"] == _UNDO or each["time"] in times][-1:]
    if last and _is_same(last[0], wanted):
        more = " To take that back too, give another reason." if standing else ""
        return _file(
            last[0],
            f"undone already at {last[0]['time']} by the same person for the same reason. The baseline is "
            f"{_baseline_name(standing)}.{more}",
            is_new=False,
        )
    if not standing:
        raise AcceptanceError("no accepted baseline counts for this model, so there is nothing to undo.")
    return _file(wanted | {_UNDOES: times[-1]}, f"undone. The baseline is {_baseline_name(standing[:-1])} again.")


def standing_acceptances(documents: Iterable[Document]) -> list[Document]:
    """Return the acceptances among `documents`, which are in the order of their names, that were not undone.

    Raises:
        ValueError: a document has another action.
        KeyError, TypeError: it is not such a file.
    """
    found = list(documents)
    undone = {each[_UNDOES] for each in found if _UNDOES in each}
    standing: list[Document] = []
    for document in found:
        if document["action"] == _UNDO:
            standing = standing if _UNDOES in document else standing[:-1]
        elif document["action"] != _ACCEPT:
            raise ValueError(f"action {document['action']!r}")
        elif document["time"] not in undone:
            standing.append(document)
    return standing


def _document(action: str, reason: str, by: str, time: datetime) -> dict[str, Any]:
    if not reason.strip():
        raise AcceptanceError("the reason is empty. Say why production's images are as they should be, or are not.")
    return {"action": action, "reason": reason.strip(), "by": by, "time": time.isoformat()}


def _file(document: Document, statement: str, *, is_new: bool = True) -> AcceptanceFile:
    name = f"{datetime.fromisoformat(document['time']).astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.json"
    return AcceptanceFile(name, (json.dumps(document, separators=(",", ":")) + "\n").encode(), is_new, statement)


def _is_same(document: Document, wanted: Document) -> bool:
    return all(document[key] == wanted[key] for key in ("action", "reason", "by"))


def _rows(windows: Iterable[Document]) -> list[Any]:
    return [row for window in windows for row in window[_IMAGES]]


def _baseline_name(standing: Sequence[Document]) -> str:
    return f"the one accepted at {standing[-1]['time']}" if standing else "the model's test images"

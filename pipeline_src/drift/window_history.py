# SPDX-License-Identifier: MIT-0
"""Writes the measured images of a window as a file, and reads those of earlier windows.

The files are the monitor's only state between runs: one a window, named after its start, so that a repeated run
replaces its file and the result of a run follows from the files alone. A file has the features of at most
`IMAGES_PER_WINDOW` images, a random sample by their hashes, and no image; session keys are hashed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from pipeline_src.drift import image_features
from pipeline_src.drift.capture_window import MeasuredImage, RequestOrigin, TimePeriod
from pipeline_src.runtime.errors import BadInputError

IMAGES_PER_WINDOW: Final = 500
POOLED_IMAGES: Final = 500  # a window with too few images is joined with earlier ones up to so many
HISTORY_DAYS: Final = 30
_SCHEMA: Final = 1
_SUFFIX: Final = ".json"
_NAME: Final = "%Y%m%dT%H%M%SZ"
_SESSION_BYTES: Final = 6
_REMEDY: Final = "Delete it; the next run goes on without it."


class PastWindow(NamedTuple):
    """The measured images of one window, in the order of their requests."""

    start: datetime
    end: datetime
    images: Sequence[MeasuredImage]


def history_file(images: Sequence[MeasuredImage], period: TimePeriod) -> tuple[str, bytes] | None:
    """Return the name and the content of the file of a window; None if it has no images or no start."""
    if period.start is None or not images:
        return None
    content = {
        "schema": _SCHEMA,
        "start": period.start.isoformat(),
        "end": (period.end or datetime.fromtimestamp(images[-1].sent.time + 1, UTC)).isoformat(),
        "columns": [*image_features.FEATURE_NAMES, "predicted"],
        "images": [
            [f"{each.key:016x}", each.sent.time, _hashed(each.sent.session), *(float(str(value)) for value in each.row)]
            for each in thin_images(images)
        ],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n"
    return f"{period.start.astimezone(UTC):{_NAME}}{_SUFFIX}", text.encode()


def thin_images(images: Sequence[MeasuredImage]) -> list[MeasuredImage]:
    """Return a random sample of at most `IMAGES_PER_WINDOW` of `images`, by their hashes, in the same order."""
    kept = set(sorted(each.key for each in images)[:IMAGES_PER_WINDOW])
    return [each for each in images if each.key in kept]


def read_history(folder: Path, before: datetime | None) -> list[PastWindow]:
    """Return the windows in `folder` that end by `before` and start at most `HISTORY_DAYS` earlier, oldest first.

    Of overlapping windows the later one is used. A missing folder holds none.

    Raises:
        BadInputError: a file was not written by this monitor.
    """
    if before is None:
        return []
    windows = [_read_window(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
    used: list[PastWindow] = []
    limit, earliest = before, before - timedelta(days=HISTORY_DAYS)
    for each in sorted(windows, key=lambda each: (each.end, each.start), reverse=True):
        if each.end <= limit and each.start >= earliest:
            used.insert(0, each)
            limit = each.start
    return used


def join_recent_images(images: Sequence[MeasuredImage], history: Sequence[PastWindow]) -> list[MeasuredImage]:
    """Return `images` with those of as many earlier windows as give `POOLED_IMAGES`, in the order of their requests."""
    joined = {each.key: each for each in images}
    for past in reversed(history):
        if len(joined) >= POOLED_IMAGES:
            break
        joined |= {each.key: each for each in past.images}
    return sorted(joined.values(), key=lambda each: (each.sent, each.key))


def images_of_document(document: Mapping[str, object]) -> list[MeasuredImage]:
    """Return the images of one file.

    Raises:
        KeyError, TypeError, ValueError: `document` has another structure.
    """
    columns = [*image_features.FEATURE_NAMES, "predicted"]
    if document["schema"] != _SCHEMA or document["columns"] != columns:
        raise ValueError("written by another version")
    rows: Iterable[Sequence[object]] = document["images"]  # type: ignore[assignment]
    return [
        MeasuredImage(
            int(str(key), 16),
            RequestOrigin(float(time), str(session)),  # type: ignore[arg-type]
            np.array(values, np.float32).reshape(image_features.FEATURE_COLUMNS),
        )
        for key, time, session, *values in rows
    ]


def _read_window(path: Path) -> PastWindow:
    try:
        document = json.loads(path.read_bytes())
        start, end = (datetime.fromisoformat(document[name]) for name in ("start", "end"))
        return PastWindow(start, end, images_of_document(document))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: {error!r}: not a window that this monitor measured. {_REMEDY}") from None


def _hashed(session: str) -> str:
    return hashlib.blake2b(session.encode(), digest_size=_SESSION_BYTES).hexdigest() if session else ""

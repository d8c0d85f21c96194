# SPDX-License-Identifier: MIT-0
"""The captured requests whose picture somebody has confirmed: one pass over them, a line at a time."""

import threading
from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path

from pipeline_src.lesions import picture, workforce
from pipeline_src.lesions.addition.pool import Pool
from pipeline_src.lesions.drift import capture
from pipeline_src.lesions.drift.capture import CaptureError, Line
from pipeline_src.lesions.drift.rejection import Rejections
from pipeline_src.lesions.error import BadInputError


@dataclass
class Harvest:
    """What the pass met.

    Attributes:
        captured: requests that could be read.
        labelled: those of them whose id has a label.
        seen: the ids of those.
        rejections: lines that could not be used.
    """

    captured: int = 0
    labelled: int = 0
    seen: set[str] = field(default_factory=set)
    rejections: Rejections = field(default_factory=Rejections)


def read(folder: Path, labelled: Container[str], pool: Pool, workers: int) -> Harvest:
    """Put the pictures of all captured requests below `folder` that have a label into `pool`.

    Args:
        folder: of the captured files; it may be missing.
        labelled: the event and inference ids that have a label.
        pool: receives the pictures.
        workers: threads that decode them.
    """
    reader = _Reader(labelled, pool)
    workforce.each(capture.lines(folder), reader.take, workers)
    return reader.found


class _Reader:
    def __init__(self, labelled: Container[str], pool: Pool) -> None:
        self.found = Harvest()
        self._labelled, self._pool = labelled, pool
        self._lock = threading.Lock()

    def take(self, line: Line) -> None:
        """Read one line, or count why it cannot be."""
        try:
            asked = capture.event(line)
            names = {name for name in (asked.event_id, asked.inference_id) if name and name in self._labelled}
            if names:
                self._pool.add(_picture(capture.image(asked), str(line.place)), names=names)
        except CaptureError as error:
            self.found.rejections.add(line.place, error)
        else:
            with self._lock:
                self.found.captured += 1
                self.found.labelled += bool(names)
                self.found.seen |= names


def _picture(data: bytes, place: str) -> bytes:
    """Return `data` if Preprocess will take it."""
    try:
        picture.verify(data, place)
    except BadInputError as error:
        raise CaptureError(capture.IMAGE, str(error)) from None
    return data

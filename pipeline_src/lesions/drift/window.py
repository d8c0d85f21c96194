# SPDX-License-Identifier: MIT-0
"""What production sent in a period, measured: one pass over the captured lines, in bounded memory."""

import threading
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from pipeline_src.lesions import workforce
from pipeline_src.lesions.drift import capture, feature
from pipeline_src.lesions.drift.capture import CaptureError, Event, Line
from pipeline_src.lesions.drift.rejection import Rejections
from pipeline_src.lesions.drift.sample import Sample, digest
from pipeline_src.lesions.error import BadInputError

_STEP: Final = 1000  # requests between two lines of progress

Answer = tuple[float, ...]


class Period(NamedTuple):
    """From when on, and until before when; None is open."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, time: datetime) -> bool:
        """Tell whether `time` is within."""
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def __str__(self) -> str:
        """Return it in words."""
        start, end = (None if time is None else time.strftime("%Y-%m-%d %H:%M:%S %Z") for time in self)
        return f"from {start or 'the first'} to {end or 'the last'}"


@dataclass
class Window:
    """What was sent.

    Attributes:
        requests: how many requests of the period could be used.
        outside: lines of other times; a schedule downloads more than it asks for.
        last: when the last one was answered.
        sample: the pictures.
        rejections: what could not be used.
        answers: those of the requests that `read` was told to remember, by the id that they were asked for by.
    """

    requests: int = 0
    outside: int = 0
    last: datetime | None = None
    sample: Sample = field(default_factory=Sample)
    rejections: Rejections = field(default_factory=Rejections)
    answers: dict[str, Answer] = field(default_factory=dict)


def read(
    folder: Path,
    period: Period,
    remembered: Container[str] = (),
    progress: Callable[[int], None] | None = None,
    workers: int = 1,
) -> Window:
    """Read all captured requests below `folder` that are of `period`.

    Args:
        folder: of the captured files; it may be missing.
        period: which requests count.
        remembered: the event and inference ids whose answers are kept.
        progress: is told now and then how many requests were read.
        workers: threads that measure.
    """
    found = Window()
    reader = _Reader(found, period, remembered, progress)
    workforce.each(capture.lines(folder), reader.take, workers)
    return found


class _Reader:
    def __init__(
        self,
        found: Window,
        period: Period,
        remembered: Container[str],
        progress: Callable[[int], None] | None,
    ) -> None:
        self._found = found
        self._period = period
        self._remembered = remembered
        self._progress = progress
        self._lock = threading.Lock()

    def take(self, line: Line) -> None:
        """Measure one line, or count why it cannot be."""
        try:
            asked = capture.event(line)
            if not self._period.holds(asked.time):
                with self._lock:
                    self._found.outside += 1
                return
            answer, data = capture.answer(asked, line.place), capture.image(asked)
            self._measure(line, data, answer)
        except CaptureError as error:
            self._found.rejections.add(line.place, error)
        else:
            self._count(asked, answer)

    def _measure(self, line: Line, data: bytes, answer: Answer) -> None:
        key = digest(data)
        try:
            # What is forgotten at once is decoded too, or a picture that cannot be would be lost silently.
            self._found.sample.add(key, feature.row(data, answer, str(line.place)))
        except BadInputError as error:
            raise CaptureError(capture.IMAGE, str(error)) from None

    def _count(self, asked: Event, answer: Answer) -> None:
        found = self._found
        with self._lock:
            found.requests += 1
            found.last = asked.time if found.last is None else max(found.last, asked.time)
            for name in {asked.event_id, asked.inference_id} - {""}:
                if name in self._remembered:
                    found.answers[name] = min(answer, found.answers.get(name, answer))
            if self._progress is not None and found.requests % _STEP == 0:
                self._progress(found.requests)

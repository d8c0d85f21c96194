# SPDX-License-Identifier: MIT-0
"""A bounded memory of any number of pictures: which were sent how often, and what was measured on each.

A picture is known by the hash of its bytes. When there are too many, those in the upper half of the hashes are
forgotten, and so on. A hash is as good as a random number, so what is left is a random sample of the different
pictures, each with all of its repeats; it depends on what was sent alone, not on the order or the number of threads.

Source: Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries" (2001).

What production sent in a period, measured: one pass over the captured lines, in bounded memory.
"""

import hashlib
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from pipeline_src.drift import captured_requests, image_features
from pipeline_src.drift.captured_requests import CaptureError, CaptureEvent, CaptureLine, RejectedLines
from pipeline_src.drift.image_features import FEATURE_COLUMNS, FeatureRow, FeatureTable
from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError

SAMPLE_LIMIT: Final = 32_768  # different pictures; a row of each is about 200 bytes
_BITS: Final = 64


def image_digest(data: bytes) -> int:
    """Return the hash by which a picture is known."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=_BITS // 8).digest(), "big")


class ImageSample:
    """The memory; any thread may add to it."""

    def __init__(self, limit: int = SAMPLE_LIMIT) -> None:
        self._limit = limit
        self._level = 0
        self._counts: dict[int, int] = {}
        self._rows: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def share(self) -> float:
        """Which share of the different pictures is kept."""
        return float(2.0**-self._level)

    @property
    def requests(self) -> int:
        """How often those that are kept were sent."""
        return sum(self._counts.values())

    def __len__(self) -> int:
        """Return how many different pictures are kept."""
        return len(self._counts)

    def wants(self, key: int) -> bool:
        """Tell whether a picture is kept."""
        return key >> (_BITS - self._level) == 0

    def add(self, key: int, row: FeatureRow) -> None:
        """Note that the picture `key` was sent once more; `row` (`COLUMNS`,) is what was measured.

        If the same picture got two answers, as of two models, the row that sorts first is kept.
        """
        with self._lock:
            if not self.wants(key):
                return
            self._counts[key] = self._counts.get(key, 0) + 1
            measured = row.astype(np.float32).tobytes()
            self._rows[key] = min(measured, self._rows.get(key, measured))
            while len(self._counts) > self._limit:
                self._level += 1
                for gone in [other for other in self._counts if not self.wants(other)]:
                    del self._counts[gone], self._rows[gone]

    def table(self) -> FeatureTable:
        """Return what was measured on each different picture (n, `COLUMNS`), in the order of their hashes."""
        rows = b"".join(self._rows[key] for key in sorted(self._rows))
        return np.frombuffer(rows, np.float32).reshape(-1, FEATURE_COLUMNS)

    def most(self) -> int:
        """Return how often the picture that was sent most often was sent; 0 if there is none."""
        return max(self._counts.values(), default=0)


_STEP: Final = 1000  # requests between two lines of progress

AnsweredProbabilities = tuple[float, ...]


class TimePeriod(NamedTuple):
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
class CaptureWindow:
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
    sample: ImageSample = field(default_factory=ImageSample)
    rejections: RejectedLines = field(default_factory=RejectedLines)
    answers: dict[str, AnsweredProbabilities] = field(default_factory=dict)


def read_capture_window(
    folder: Path,
    period: TimePeriod,
    remembered: Container[str] = (),
    progress: Callable[[int], None] | None = None,
    workers: int = 1,
) -> CaptureWindow:
    """Read all captured requests below `folder` that are of `period`.

    Args:
        folder: of the captured files; it may be missing.
        period: which requests count.
        remembered: the event and inference ids whose answers are kept.
        progress: is told now and then how many requests were read.
        workers: threads that measure.
    """
    found = CaptureWindow()
    reader = _WindowReader(found, period, remembered, progress)
    worker_threads.process_in_threads(captured_requests.read_capture_lines(folder), reader.take, workers)
    return found


class _WindowReader:
    def __init__(
        self,
        found: CaptureWindow,
        period: TimePeriod,
        remembered: Container[str],
        progress: Callable[[int], None] | None,
    ) -> None:
        self._found = found
        self._period = period
        self._remembered = remembered
        self._progress = progress
        self._lock = threading.Lock()

    def take(self, line: CaptureLine) -> None:
        """Measure one line, or count why it cannot be."""
        try:
            asked = captured_requests.parse_event(line)
            if not self._period.holds(asked.time):
                with self._lock:
                    self._found.outside += 1
                return
            answer, data = (
                captured_requests.probabilities_of_event(asked, line.place),
                captured_requests.image_of_event(asked),
            )
            self._measure(line, data, answer)
        except CaptureError as error:
            self._found.rejections.add(line.place, error)
        else:
            self._count(asked, answer)

    def _measure(self, line: CaptureLine, data: bytes, answer: AnsweredProbabilities) -> None:
        key = image_digest(data)
        try:
            # What is forgotten at once is decoded too, or a picture that cannot be would be lost silently.
            self._found.sample.add(key, image_features.measure_features(data, answer, str(line.place)))
        except BadInputError as error:
            raise CaptureError(captured_requests.UNDECODABLE_IMAGE, str(error)) from None

    def _count(self, asked: CaptureEvent, answer: AnsweredProbabilities) -> None:
        found = self._found
        with self._lock:
            found.requests += 1
            found.last = asked.time if found.last is None else max(found.last, asked.time)
            for name in {asked.event_id, asked.inference_id} - {""}:
                if name in self._remembered:
                    found.answers[name] = min(answer, found.answers.get(name, answer))
            if self._progress is not None and found.requests % _STEP == 0:
                self._progress(found.requests)

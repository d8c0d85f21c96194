# SPDX-License-Identifier: MIT-0
"""Reads the captured requests of a period in one pass and bounded memory.

`ImageSample` holds a bounded random sample of the distinct images: how often each was sent, and its features. An image
is identified by the hash of its bytes. When there are too many, the images in the upper half of the hash range are
dropped, and so on. Hashes are as good as random numbers, so the remaining images are a random sample of the distinct
images, each with all of its repeats. The sample depends only on the requests, not on their order or the number of
threads. Source: Gibbons, "Distinct sampling for highly-accurate answers to distinct values queries" (2001).
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

SAMPLE_LIMIT: Final = 32_768  # distinct images, about 200 bytes each
_BITS: Final = 64


def image_digest(data: bytes) -> int:
    """Return the hash that identifies an image."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=_BITS // 8).digest(), "big")


class RequestOrigin(NamedTuple):
    """When a request was answered, in seconds since 1970, and the session it belongs to; empty if none was given."""

    time: float
    session: str


class MeasuredImage(NamedTuple):
    """A distinct image: its hash, its first request and its features (`FEATURE_COLUMNS`,)."""

    key: int
    sent: RequestOrigin
    row: FeatureRow


class ImageSample:
    """A bounded random sample of distinct images; thread-safe."""

    def __init__(self, limit: int = SAMPLE_LIMIT) -> None:
        self._limit = limit
        self._level = 0
        self._counts: dict[int, int] = {}
        self._rows: dict[int, bytes] = {}
        self._sent: dict[int, RequestOrigin] = {}
        self._lock = threading.Lock()

    @property
    def share(self) -> float:
        """The share of the distinct images in the sample."""
        return float(2.0**-self._level)

    @property
    def requests(self) -> int:
        """The number of requests for the images in the sample."""
        return sum(self._counts.values())

    def __len__(self) -> int:
        """Return the number of distinct images in the sample."""
        return len(self._counts)

    def wants(self, key: int) -> bool:
        """Return True if the image `key` belongs to the sample."""
        return key >> (_BITS - self._level) == 0

    def add(self, key: int, row: FeatureRow, sent: RequestOrigin) -> None:
        """Count a request for the image `key` with the features `row` (`FEATURE_COLUMNS`,).

        If the same image got different predictions, for example of two models, the row that sorts first is kept. Of
        several requests for an image the first counts.
        """
        with self._lock:
            if not self.wants(key):
                return
            self._counts[key] = self._counts.get(key, 0) + 1
            measured = row.astype(np.float32).tobytes()
            self._rows[key] = min(measured, self._rows.get(key, measured))
            self._sent[key] = min(sent, self._sent.get(key, sent))
            while len(self._counts) > self._limit:
                self._level += 1
                for gone in [other for other in self._counts if not self.wants(other)]:
                    del self._counts[gone], self._rows[gone], self._sent[gone]

    def table(self) -> FeatureTable:
        """Return the features of the distinct images (n, `FEATURE_COLUMNS`), in the order of their hashes."""
        rows = b"".join(self._rows[key] for key in sorted(self._rows))
        return np.frombuffer(rows, np.float32).reshape(-1, FEATURE_COLUMNS)

    def images(self) -> "list[MeasuredImage]":
        """Return the distinct images, in the order of their first requests."""
        order = sorted(self._rows, key=lambda key: (self._sent[key], key))
        return [MeasuredImage(key, self._sent[key], np.frombuffer(self._rows[key], np.float32)) for key in order]

    def most(self) -> int:
        """Return the largest number of requests for one image; 0 without images."""
        return max(self._counts.values(), default=0)


_STEP: Final = 1000  # requests between two progress reports

AnsweredProbabilities = tuple[float, ...]


class TimePeriod(NamedTuple):
    """A period from `start`, inclusive, to `end`, exclusive; None is unbounded."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, time: datetime) -> bool:
        """Return True if `time` is in the period."""
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)

    def __str__(self) -> str:
        """Return the period in words."""
        start, end = (None if time is None else time.strftime("%Y-%m-%d %H:%M:%S %Z") for time in self)
        return f"from {start or 'the first'} to {end or 'the last'}"


@dataclass
class CaptureWindow:
    """The captured requests of a period.

    Attributes:
        requests: the number of usable requests.
        outside: lines outside the period; a schedule downloads more than its period.
        last: time of the last request.
        sample: the images.
        rejections: unusable lines.
        answers: probabilities of the requests with a remembered id, by id.
        reused: remembered ids that several requests with different answers have; they have no answer.
    """

    requests: int = 0
    outside: int = 0
    last: datetime | None = None
    sample: ImageSample = field(default_factory=ImageSample)
    rejections: RejectedLines = field(default_factory=RejectedLines)
    answers: dict[str, AnsweredProbabilities] = field(default_factory=dict)
    reused: set[str] = field(default_factory=set)


def read_capture_window(
    folder: Path,
    period: TimePeriod,
    remembered: Container[str] = (),
    progress: Callable[[int], None] | None = None,
    workers: int = 1,
) -> CaptureWindow:
    """Read the captured requests below `folder` within `period`.

    Args:
        folder: folder of the capture files; it may be missing.
        period: the period to read.
        remembered: event and inference ids whose answers are kept.
        progress: called at intervals with the number of requests read.
        workers: the number of threads.
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
        """Measure one line, or count it as unusable."""
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
            self._measure(line, asked, data, answer)
        except CaptureError as error:
            self._found.rejections.add(line.place, error)
        else:
            self._count(asked, answer)

    def _measure(self, line: CaptureLine, asked: CaptureEvent, data: bytes, answer: AnsweredProbabilities) -> None:
        try:
            # Images outside the sample are decoded too, so that undecodable ones are counted.
            row = image_features.measure_features(data, answer, str(line.place))
        except BadInputError as error:
            raise CaptureError(captured_requests.UNDECODABLE_IMAGE, str(error)) from None
        self._found.sample.add(image_digest(data), row, RequestOrigin(asked.time.timestamp(), asked.session))

    def _count(self, asked: CaptureEvent, answer: AnsweredProbabilities) -> None:
        found = self._found
        with self._lock:
            found.requests += 1
            found.last = asked.time if found.last is None else max(found.last, asked.time)
            for name in {asked.event_id, asked.inference_id} - {""}:
                if name not in self._remembered or name in found.reused:
                    continue
                if found.answers.setdefault(name, answer) != answer:
                    # Which of the images the label means is unknown.
                    found.reused.add(name)
                    del found.answers[name]
            if self._progress is not None and found.requests % _STEP == 0:
                self._progress(found.requests)

# SPDX-License-Identifier: MIT-0
"""Parses the requests and responses that SageMaker's data capture writes: JSON Lines, one request on each line.

Sources: SageMaker Developer Guide, "Capture data from real-time endpoint" ("View captured data") for the fields, and
"Container contract inputs" for the folders: ``<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl`` below the source.
``inferenceId`` is present if the caller gave one. ``SESSION/IMAGE`` there names the session too, such as a patient's
visit, because the guide knows no other field of the caller that is captured. The guide does not say how an error of the
model is captured.
"""

import base64
import binascii
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from pipeline_src.evaluation import model_predictions
from pipeline_src.runtime.errors import BadInputError

CAPTURE_FILE_SUFFIX: Final = ".jsonl"
LINE_LIMIT: Final = 64 << 20  # bytes: about twice the largest request of an endpoint, 25 MB, in base 64
BASE64_ENCODING: Final = "BASE64"
JSON_ENCODING: Final = "JSON"
SESSION_SEPARATOR: Final = "/"  # in an inference id: SESSION/IMAGE
CSV_ENCODING: Final = "CSV"

MALFORMED: Final = "malformed line"
TOO_LONG: Final = "line too long"
NO_TIME: Final = "no time"
NO_INPUT: Final = "no input"
NO_OUTPUT: Final = "no output"
UNKNOWN_ENCODING: Final = "unknown encoding"
NOT_BASE64: Final = "not base 64"
NOT_AN_IMAGE: Final = "input is not an image"
UNREADABLE_SCORES: Final = "unreadable scores"
UNDECODABLE_IMAGE: Final = "image cannot be decoded"
REJECTION_REASONS: Final = (
    *(MALFORMED, TOO_LONG, NO_TIME, NO_INPUT, NO_OUTPUT),
    *(UNKNOWN_ENCODING, NOT_BASE64, NOT_AN_IMAGE, UNREADABLE_SCORES, UNDECODABLE_IMAGE),
)


class CaptureError(Exception):
    """An unusable line; `reason` is one of `REJECTION_REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class LinePosition(NamedTuple):
    """The position of a line: file, relative to the source, and line number from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return the position in words."""
        return f"{self.file}: line {self.line}"


class CaptureLine(NamedTuple):
    """One captured line; its text is None if longer than `LINE_LIMIT`."""

    place: LinePosition
    text: bytes | None


class CaptureEvent(NamedTuple):
    """One request with its payloads not decoded.

    Attributes:
        event_id: id given by SageMaker.
        inference_id: id given by the caller, or empty.
        time: time of the response.
        payloads: ``endpointInput`` and ``endpointOutput`` as captured.
    """

    event_id: str
    inference_id: str
    time: datetime
    payloads: dict[str, object]

    @property
    def session(self) -> str:
        """The session key: the inference id up to its last `SESSION_SEPARATOR`, or empty."""
        return self.inference_id.rpartition(SESSION_SEPARATOR)[0]


def read_capture_lines(folder: Path) -> Iterator[CaptureLine]:
    """Yield the lines of all capture files below `folder` in the order of the file names, without blank lines.

    One line at a time is in memory. A missing folder has no lines.
    """
    for path in sorted(folder.rglob(f"*{CAPTURE_FILE_SUFFIX}")):
        with path.open("rb") as file:
            number = 0
            while text := file.readline(LINE_LIMIT):
                number += 1
                whole = text.endswith(b"\n") or len(text) < LINE_LIMIT
                while not text.endswith(b"\n") and (rest := file.readline(LINE_LIMIT)):
                    text = rest
                if text.strip() or not whole:
                    yield CaptureLine(
                        LinePosition(path.relative_to(folder).as_posix(), number), text if whole else None
                    )


def parse_event(line: CaptureLine) -> CaptureEvent:
    """Parse `line` without decoding its payloads, which is enough to decide whether it is in the window.

    Raises:
        CaptureError: the line is not a captured request.
    """
    if line.text is None:
        raise CaptureError(TOO_LONG, f"more than {LINE_LIMIT:,} bytes")
    try:
        content = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        raise CaptureError(MALFORMED, f"not JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("captureData"), dict):
        raise CaptureError(MALFORMED, "no captureData")
    known = content.get("eventMetadata")
    metadata = known if isinstance(known, dict) else {}
    return CaptureEvent(
        str(metadata.get("eventId") or ""),
        str(metadata.get("inferenceId") or ""),
        _time_of_event(metadata.get("inferenceTime")),
        content["captureData"],
    )


def image_of_event(asked: CaptureEvent) -> bytes:
    """Return the bytes of the image in the request; they are not decoded.

    Raises:
        CaptureError: no image was captured.
    """
    payload = asked.payloads.get("endpointInput")
    if not isinstance(payload, dict):
        raise CaptureError(NO_INPUT, "the request was not captured")
    if payload.get("encoding") in {JSON_ENCODING, CSV_ENCODING}:
        raise CaptureError(NOT_AN_IMAGE, f"{payload.get('observedContentType')} captured as {payload['encoding']}")
    return _decode_payload(payload)


def probabilities_of_event(asked: CaptureEvent, place: LinePosition) -> tuple[float, ...]:
    """Return the probabilities in the response, in the order of `contract.CLASS_LABELS`.

    Raises:
        CaptureError: no response was captured, or it has no probabilities.
    """
    payload = asked.payloads.get("endpointOutput")
    if not isinstance(payload, dict):
        raise CaptureError(NO_OUTPUT, "the response was not captured")
    body = _decode_payload(payload)
    if payload.get("encoding") == CSV_ENCODING:
        body = b"[" + body.strip() + b"]"
    try:
        return model_predictions.parse_probabilities(body, str(place))
    except BadInputError as error:
        raise CaptureError(UNREADABLE_SCORES, str(error)) from None


def parse_time(text: str) -> datetime:
    """Return the time in `text`, in UTC if it has no zone; blanks, which the guide's examples contain, are ignored.

    Raises:
        ValueError: `text` is not a time.
    """
    time = datetime.fromisoformat(text.replace(" ", ""))
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _time_of_event(value: object) -> datetime:
    try:
        return parse_time(value if isinstance(value, str) else "")
    except ValueError:
        raise CaptureError(NO_TIME, f"inferenceTime is {value!r}") from None


def _decode_payload(payload: dict[str, object]) -> bytes:
    encoding, data = payload.get("encoding"), payload.get("data")
    if encoding not in {BASE64_ENCODING, JSON_ENCODING, CSV_ENCODING}:
        raise CaptureError(UNKNOWN_ENCODING, repr(encoding))
    if encoding == JSON_ENCODING and isinstance(data, dict | list):
        return json.dumps(data).encode()
    if not isinstance(data, str):
        raise CaptureError(MALFORMED, "data is not text")
    if encoding != BASE64_ENCODING:
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CaptureError(NOT_BASE64, str(error)) from None


EXAMPLES_PER_REASON: Final = 3


@dataclass
class RejectedLines:
    """Counts of unusable lines; thread-safe, and independent of the order of additions.

    Attributes:
        counts: the number of lines by reason.
        examples: the first positions of each reason, in the order of the files, with details.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[tuple[LinePosition, str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, place: LinePosition, error: CaptureError) -> None:
        """Count the line at `place`."""
        with self._lock:
            self.counts[error.reason] = self.counts.get(error.reason, 0) + 1
            shown = [*self.examples.get(error.reason, []), (place, error.detail)]
            self.examples[error.reason] = sorted(shown)[:EXAMPLES_PER_REASON]

    @property
    def total(self) -> int:
        """The number of unusable lines."""
        return sum(self.counts.values())

    def as_json(self) -> dict[str, object]:
        """Return the counts and examples by reason, sorted by name."""
        return {
            reason: {
                "lines": count,
                "first": [{"place": str(place), "what": what} for place, what in self.examples[reason]],
            }
            for reason, count in sorted(self.counts.items())
        }

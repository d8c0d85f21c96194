# SPDX-License-Identifier: MIT-0
"""What an endpoint was asked and answered, as SageMaker's data capture writes it: JSON Lines, one request a line.

Source: SageMaker Developer Guide, "Capture data from real-time endpoint" ("View captured data") for the fields, and
"Container contract inputs" for the folders: ``<endpoint>/<variant>/yyyy/mm/dd/hh/*.jsonl`` below the source.
``inferenceId`` is there if the caller gave one. What the guide does not say: how an error of the model is captured.

Captured lines that could not be used, counted by reason, with where the first of each stand.
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
LINE_LIMIT: Final = 64 << 20  # bytes: twice a request of 25 MB, the most that an endpoint takes, in base 64
BASE64_ENCODING: Final = "BASE64"
JSON_ENCODING: Final = "JSON"
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
    """A line that cannot be used; `reason` is one of `REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class LinePosition(NamedTuple):
    """Where a line stands: the file, relative to the source, and the number of the line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.file}: line {self.line}"


class CaptureLine(NamedTuple):
    """One captured line as it is; None if it is longer than `LINE_LIMIT`."""

    place: LinePosition
    text: bytes | None


class CaptureEvent(NamedTuple):
    """One request before its payloads are decoded.

    Attributes:
        event_id: SageMaker's own.
        inference_id: the caller's; empty if it gave none.
        time: when it was answered.
        payloads: ``endpointInput`` and ``endpointOutput`` as captured.
    """

    event_id: str
    inference_id: str
    time: datetime
    payloads: dict[str, object]


def read_capture_lines(folder: Path) -> Iterator[CaptureLine]:
    """Yield every line of every capture file below `folder`, file by file in the order of their names.

    One line is held at a time; blank ones are left out. A folder that is not there holds nothing.
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
    """Parse `line` without decoding its payloads, which is all that is needed to know whether it is in the window.

    Raises:
        CaptureError: it is no captured request.
    """
    if line.text is None:
        raise CaptureError(TOO_LONG, f"more than {LINE_LIMIT:,} bytes")
    try:
        content = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        raise CaptureError(MALFORMED, f"is not JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("captureData"), dict):
        raise CaptureError(MALFORMED, "has no captureData")
    known = content.get("eventMetadata")
    metadata = known if isinstance(known, dict) else {}
    return CaptureEvent(
        str(metadata.get("eventId") or ""),
        str(metadata.get("inferenceId") or ""),
        _time_of_event(metadata.get("inferenceTime")),
        content["captureData"],
    )


def image_of_event(asked: CaptureEvent) -> bytes:
    """Return the picture that was sent; whether it is one is not looked at.

    Raises:
        CaptureError: no picture was captured.
    """
    payload = asked.payloads.get("endpointInput")
    if not isinstance(payload, dict):
        raise CaptureError(NO_INPUT, "the request was not captured")
    if payload.get("encoding") in {JSON_ENCODING, CSV_ENCODING}:
        raise CaptureError(NOT_AN_IMAGE, f"{payload.get('observedContentType')} captured as {payload['encoding']}")
    return _decode_payload(payload)


def probabilities_of_event(asked: CaptureEvent, place: LinePosition) -> tuple[float, ...]:
    """Return the probabilities that were answered, in the order of `contract.CLASS_LABELS`.

    Raises:
        CaptureError: no answer was captured, or it holds no probabilities.
    """
    payload = asked.payloads.get("endpointOutput")
    if not isinstance(payload, dict):
        raise CaptureError(NO_OUTPUT, "the answer was not captured")
    body = _decode_payload(payload)
    if payload.get("encoding") == CSV_ENCODING:
        body = b"[" + body.strip() + b"]"
    try:
        return model_predictions.parse_probabilities(body, str(place))
    except BadInputError as error:
        raise CaptureError(UNREADABLE_SCORES, str(error)) from None


def parse_time(text: str) -> datetime:
    """Return the time that `text` names, in UTC where it names no zone; blanks, as the guide prints them, are ignored.

    Raises:
        ValueError: it names none.
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
        raise CaptureError(MALFORMED, "data is no text")
    if encoding != BASE64_ENCODING:
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CaptureError(NOT_BASE64, str(error)) from None


EXAMPLES_PER_REASON: Final = 3  # of each reason


@dataclass
class RejectedLines:
    """The tally; any thread may add to it, and in whichever order they do, it says the same.

    Attributes:
        counts: lines by reason.
        examples: of each reason the first places, in the order of the files, with what is wrong there.
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
        """All lines that could not be used."""
        return sum(self.counts.values())

    def as_json(self) -> dict[str, object]:
        """Return the tally by reason, in the order of the alphabet."""
        return {
            reason: {
                "lines": count,
                "first": [{"place": str(place), "what": what} for place, what in self.examples[reason]],
            }
            for reason, count in sorted(self.counts.items())
        }

# SPDX-License-Identifier: MIT-0
"""Sends pictures to a model server, one after the other, as clients of an endpoint do.

`simulate` does without a server: it writes what would have been captured, for tests and benchmarks.
"""

import csv
import http.client
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from local import json_files
from local.aws import data_capture
from local.aws.data_capture import (
    CAPTURE_STATUS_PATH,
    INFERENCE_ID_HEADER,
    CapturedBody,
    CapturedExchange,
    CaptureStatus,
)
from local.aws.s3_store import S3Store
from local.console.command_frame import program_command
from local.errors import StepError, UsageError
from local.steps.model_server import LOOPBACK_HOST
from pipeline_src import contract

LABEL_COLUMNS: Final = ("id", "label", "date")
_TIMEOUT_SECONDS: Final = 60.0
_REFUSAL_LENGTH: Final = 200  # characters of a refusal
_SIMULATED_INTERVAL: Final = timedelta(seconds=1)

ClassScores = Sequence[float]


@dataclass(frozen=True)
class LabelledImage:
    """A picture to send, by the name that its request gets, and the class that it is of."""

    name: str
    label: str
    content: bytes


@dataclass
class TrafficOutcome:
    """What came of it.

    Attributes:
        answers: by class, how often it was the most probable one.
        alike: how many answers name the class that the picture is of.
        confidence: sum of the probabilities of the most probable classes.
        refused: what the server said to pictures that it did not take, the first of each kind with its number.
        labels: name and class of each picture that was answered.
        settled: how it stands with what the server captured; None where it captures nothing.
    """

    answers: Counter[str] = field(default_factory=Counter)
    alike: int = 0
    confidence: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    labels: list[tuple[str, str]] = field(default_factory=list)
    settled: CaptureStatus | None = None

    @property
    def sent(self) -> int:
        """How many were answered."""
        return self.answers.total()

    @property
    def missing(self) -> bool:
        """Whether the server captures, and of what it answered something is not captured."""
        return self.settled is not None and bool(self.settled.waiting or self.settled.lost)

    def count(self, picture: LabelledImage, scores: ClassScores) -> None:
        """Note an answer."""
        likely = max(scores)
        label = contract.CLASS_LABELS[list(scores).index(likely)]
        self.answers[label] += 1
        self.alike += label == picture.label
        self.confidence += likely
        self.labels.append((picture.name, picture.label))


def send_images(pictures: Iterable[LabelledImage], port: int, progress: Callable[[int], None]) -> TrafficOutcome:
    """Send `pictures` to the server on `port` of the loopback, and wait until what it captures of them is written.

    Args:
        pictures: In this order, one after the other.
        port: Where the server answers.
        progress: Called with the number of pictures sent so far.

    Raises:
        UsageError: Nobody answers there.
        StepError: The server went away.
    """
    outcome = TrafficOutcome()
    with closing(http.client.HTTPConnection(LOOPBACK_HOST, port, timeout=_TIMEOUT_SECONDS)) as connection:
        _connect(connection, port)
        for number, picture in enumerate(pictures, 1):
            status, said = _invoke_endpoint(connection, picture, port)
            if status == http.client.OK:
                outcome.count(picture, json.loads(said))
            else:
                outcome.refused[f"{status}: {said.decode(errors='replace').strip()[:_REFUSAL_LENGTH]}"] += 1
            progress(number)
        outcome.settled = _read_capture_status(connection, port)
    return outcome


def _connect(connection: http.client.HTTPConnection, port: int) -> None:
    try:
        connection.connect()
    except OSError as error:
        serve = f"{program_command()} serve ID --capture --port {port}"
        raise UsageError(f"{LOOPBACK_HOST}:{port}: no server answers ({error.strerror}). Start one: {serve}") from None


def _invoke_endpoint(connection: http.client.HTTPConnection, picture: LabelledImage, port: int) -> tuple[int, bytes]:
    headers = {"Content-Type": contract.IMAGE_CONTENT_TYPE, INFERENCE_ID_HEADER: picture.name}
    try:
        connection.request("POST", "/invocations", picture.content, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepError(
            f"{LOOPBACK_HOST}:{port}: the server went away at {picture.name} ({error}). Start it again."
        ) from error


def _read_capture_status(connection: http.client.HTTPConnection, port: int) -> CaptureStatus | None:
    """Return what the server says when all that it captured is written, or None where it captures nothing."""
    try:
        connection.request("GET", CAPTURE_STATUS_PATH)
        response = connection.getresponse()
        said = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepError(
            f"{LOOPBACK_HOST}:{port}: all was answered, but the server went away before it said that "
            f"it is captured ({error})."
            " See what it says on its terminal."
        ) from error
    try:
        return CaptureStatus.of(said) if response.status == http.client.OK else None
    except ValueError:  # Somebody else's server.
        return None


def write_label_table(outcome: TrafficOutcome, path: Path, at: datetime) -> None:
    """Write the classes of the pictures that were answered, as somebody would who confirmed them on the day `at`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LABEL_COLUMNS)
    writer.writerows((name, label, f"{at:%Y-%m-%d}") for name, label in outcome.labels)
    json_files.write_file_atomically(path, text.getvalue().encode())


def simulate_traffic(
    pictures: Iterable[LabelledImage],
    answer: Callable[[LabelledImage], ClassScores],
    start: datetime,
    endpoint: str,
    store: S3Store,
) -> int:
    """Write what would be captured if `pictures` were sent one a second from `start` on, and return how many.

    Args:
        pictures: What is sent.
        answer: In place of the model: the probabilities for a picture.
        start: When the first one is answered, UTC.
        endpoint: Under whose name they are captured.
        store: Receives the files, one for each hour.
    """
    return data_capture.write_captured_files(_exchanges(pictures, answer, start), endpoint, store)


def _exchanges(
    pictures: Iterable[LabelledImage], answer: Callable[[LabelledImage], ClassScores], start: datetime
) -> Iterator[CapturedExchange]:
    for number, picture in enumerate(pictures):
        asked = CapturedBody(contract.IMAGE_CONTENT_TYPE, picture.content)
        answered = CapturedBody(contract.JSON_CONTENT_TYPE, json.dumps(list(answer(picture))).encode())
        yield CapturedExchange(asked, answered, start + number * _SIMULATED_INTERVAL, picture.name)

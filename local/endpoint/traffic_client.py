# SPDX-License-Identifier: MIT-0
"""Sends images to a model server, one after the other, as clients of an endpoint do.

`simulate_traffic` needs no server: it writes the captured files directly, for tests and benchmarks.
"""

import csv
import http.client
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
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
from local.command_hints import program_command
from local.errors import StepError, UsageError
from local.json_files import Json
from local.steps.model_server import LOOPBACK_HOST
from pipeline_src import contract

LABEL_COLUMNS: Final = ("id", "label", "date")
TIMEOUT_SECONDS: Final = 60.0
_REFUSAL_LENGTH: Final = 200  # characters
_SIMULATED_INTERVAL: Final = timedelta(seconds=1)

ClassScores = Sequence[float]


@dataclass(frozen=True)
class LabelledImage:
    """An image to send, with the name of its request and its class."""

    name: str
    label: str
    content: bytes


@dataclass
class TrafficOutcome:
    """The answers to the images that were sent.

    Attributes:
        answers: Number of answers by their most probable class.
        correct: Number of answers whose most probable class is the image's.
        confidence: Sum of the probabilities of the most probable classes.
        refused: Number of refusals by status and beginning of the text.
        labels: Name and class of each image that was answered.
        capture: What the server captured since its start; None where it captures nothing.
    """

    answers: Counter[str] = field(default_factory=Counter)
    correct: int = 0
    confidence: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    labels: list[tuple[str, str]] = field(default_factory=list)
    capture: CaptureStatus | None = None

    @property
    def answered(self) -> int:
        """Number of answers."""
        return self.answers.total()

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 1 where an image was refused or the server failed to capture."""
        return 1 if self.refused or (self.capture and self.capture.lost) else 0

    def count(self, image: LabelledImage, scores: ClassScores) -> None:
        """Add an answer."""
        highest = max(scores)
        label = contract.CLASS_LABELS[list(scores).index(highest)]
        self.answers[label] += 1
        self.correct += label == image.label
        self.confidence += highest
        self.labels.append((image.name, image.label))


def send_images(images: Iterable[LabelledImage], port: int, progress: Callable[[int], None]) -> TrafficOutcome:
    """Send `images` in order to the server on `port` of the loopback.

    Args:
        images: The images.
        port: The server's port.
        progress: Called with the number of images sent so far.

    Raises:
        UsageError: No server answers.
        StepError: The server went away.
    """
    outcome = TrafficOutcome()
    with closing(http.client.HTTPConnection(LOOPBACK_HOST, port, timeout=TIMEOUT_SECONDS)) as connection:
        try:
            connection.connect()
        except OSError as error:
            serve = f"{program_command()} serve --capture --port {port}"
            raise UsageError(
                f"{LOOPBACK_HOST}:{port}: no server answers ({error.strerror}). Start one: {serve}"
            ) from None
        for number, image in enumerate(images, 1):
            headers = {"Content-Type": contract.IMAGE_CONTENT_TYPE, INFERENCE_ID_HEADER: image.name}
            status, text = send_request(connection, image.name, "POST", "/invocations", image.content, headers)
            if status == http.client.OK:
                outcome.count(image, json.loads(text))
            else:
                outcome.refused[f"{status}: {text.decode(errors='replace').strip()[:_REFUSAL_LENGTH]}"] += 1
            progress(number)
        status, text = send_request(connection, CAPTURE_STATUS_PATH, "GET", CAPTURE_STATUS_PATH)
        with suppress(ValueError):  # Another program's server.
            outcome.capture = CaptureStatus.of(text) if status == http.client.OK else None
    return outcome


def send_request(
    connection: http.client.HTTPConnection, name: str, *request: Json, remedy: str = "Start it again."
) -> tuple[int, bytes]:
    """Send a request and return the status and the body of the answer.

    Args:
        connection: Connection to the server.
        name: What is asked about, for the message.
        request: Method, path and, if given, body and headers.
        remedy: What to do if the server does not answer.

    Raises:
        StepError: The server went away.
    """
    try:
        connection.request(*request)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepError(
            f"{connection.host}:{connection.port}: the server went away at {name} ({error}). {remedy}"
        ) from error


def write_label_table(outcome: TrafficOutcome, path: Path, day: datetime) -> None:
    """Write the classes of the images that were answered, as a table of labels confirmed on `day`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LABEL_COLUMNS)
    writer.writerows((name, label, f"{day:%Y-%m-%d}") for name, label in outcome.labels)
    json_files.write_file_atomically(path, text.getvalue().encode())


def simulate_traffic(
    images: Iterable[LabelledImage],
    answer: Callable[[LabelledImage], ClassScores],
    start: datetime,
    endpoint: str,
    store: S3Store,
) -> int:
    """Write the captured files of `images` sent one a second from `start` on, and return their number.

    Args:
        images: The images.
        answer: Returns the probabilities for an image, in place of a model.
        start: Time of the first answer, UTC.
        endpoint: The endpoint's name.
        store: Receives the files, one for each hour.
    """
    exchanges = (
        CapturedExchange(
            CapturedBody(contract.IMAGE_CONTENT_TYPE, image.content),
            CapturedBody(contract.JSON_CONTENT_TYPE, json.dumps(list(answer(image))).encode()),
            start + number * _SIMULATED_INTERVAL,
            image.name,
        )
        for number, image in enumerate(images)
    )
    return data_capture.write_captured_files(exchanges, endpoint, store)

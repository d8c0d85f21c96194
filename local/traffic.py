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

from local import capture, document
from local.advice import program
from local.capture import CAPTURED, INFERENCE_ID, Body, Exchange
from local.error import StepError, UsageError
from local.recorder import Settled
from local.server import HOST
from local.store import Store
from pipeline_src import contract

LABEL_COLUMNS: Final = ("id", "label", "date")
_TIMEOUT: Final = 60.0
_SHOWN: Final = 200  # characters of a refusal
_APART: Final = timedelta(seconds=1)

Scores = Sequence[float]


@dataclass(frozen=True)
class Picture:
    """A picture to send, by the name that its request gets, and the class that it is of."""

    name: str
    label: str
    content: bytes


@dataclass
class Outcome:
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
    settled: Settled | None = None

    @property
    def sent(self) -> int:
        """How many were answered."""
        return self.answers.total()

    @property
    def missing(self) -> bool:
        """Whether the server captures, and of what it answered something is not captured."""
        return self.settled is not None and bool(self.settled.waiting or self.settled.lost)

    def count(self, picture: Picture, scores: Scores) -> None:
        """Note an answer."""
        likely = max(scores)
        label = contract.CLASS_LABELS[list(scores).index(likely)]
        self.answers[label] += 1
        self.alike += label == picture.label
        self.confidence += likely
        self.labels.append((picture.name, picture.label))


def send(pictures: Iterable[Picture], port: int, progress: Callable[[int], None]) -> Outcome:
    """Send `pictures` to the server on `port` of the loopback, and wait until what it captures of them is written.

    Args:
        pictures: In this order, one after the other.
        port: Where the server answers.
        progress: Called with the number of pictures sent so far.

    Raises:
        UsageError: Nobody answers there.
        StepError: The server went away.
    """
    outcome = Outcome()
    with closing(http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)) as connection:
        _connect(connection, port)
        for number, picture in enumerate(pictures, 1):
            status, said = _ask(connection, picture, port)
            if status == http.client.OK:
                outcome.count(picture, json.loads(said))
            else:
                outcome.refused[f"{status}: {said.decode(errors='replace').strip()[:_SHOWN]}"] += 1
            progress(number)
        outcome.settled = _settled(connection, port)
    return outcome


def _connect(connection: http.client.HTTPConnection, port: int) -> None:
    try:
        connection.connect()
    except OSError as error:
        serve = f"{program()} serve ID --capture --port {port}"
        raise UsageError(f"{HOST}:{port}: no server answers ({error.strerror}). Start one: {serve}") from None


def _ask(connection: http.client.HTTPConnection, picture: Picture, port: int) -> tuple[int, bytes]:
    headers = {"Content-Type": contract.IMAGE_CONTENT_TYPE, INFERENCE_ID: picture.name}
    try:
        connection.request("POST", "/invocations", picture.content, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepError(f"{HOST}:{port}: the server went away at {picture.name} ({error}). Start it again.") from error


def _settled(connection: http.client.HTTPConnection, port: int) -> Settled | None:
    """Return what the server says when all that it captured is written, or None where it captures nothing."""
    try:
        connection.request("GET", CAPTURED)
        response = connection.getresponse()
        said = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepError(
            f"{HOST}:{port}: all was answered, but the server went away before it said that it is captured ({error})."
            " See what it says on its terminal."
        ) from error
    try:
        return Settled.of(said) if response.status == http.client.OK else None
    except ValueError:  # Somebody else's server.
        return None


def write_labels(outcome: Outcome, path: Path, at: datetime) -> None:
    """Write the classes of the pictures that were answered, as somebody would who confirmed them on the day `at`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LABEL_COLUMNS)
    writer.writerows((name, label, f"{at:%Y-%m-%d}") for name, label in outcome.labels)
    document.write_bytes(path, text.getvalue().encode())


def simulate(
    pictures: Iterable[Picture], answer: Callable[[Picture], Scores], start: datetime, endpoint: str, store: Store
) -> int:
    """Write what would be captured if `pictures` were sent one a second from `start` on, and return how many.

    Args:
        pictures: What is sent.
        answer: In place of the model: the probabilities for a picture.
        start: When the first one is answered, UTC.
        endpoint: Under whose name they are captured.
        store: Receives the files, one for each hour.
    """
    return capture.write(_exchanges(pictures, answer, start), endpoint, store)


def _exchanges(pictures: Iterable[Picture], answer: Callable[[Picture], Scores], start: datetime) -> Iterator[Exchange]:
    for number, picture in enumerate(pictures):
        asked = Body(contract.IMAGE_CONTENT_TYPE, picture.content)
        answered = Body(contract.JSON_CONTENT_TYPE, json.dumps(list(answer(picture))).encode())
        yield Exchange(asked, answered, start + number * _APART, picture.name)

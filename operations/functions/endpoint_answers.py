# SPDX-License-Identifier: MIT-0
"""The golden images: one test image of each class, with the scores that the evaluation has of it.

They are not chosen by hand and lie nowhere of their own: each model's evaluation names them, so that they are
always of the dataset that the model was tested on, and no image of a patient is in this repository.

What an endpoint answers to an image, and the rules that the answer is held to.

Pure functions over plain values: whatever answers, an endpoint or a server on this machine, is held to the same.
Source of the format: SageMaker Developer Guide, image classification, inference. It shows the bare array, and an
object with the array under ``prediction``.

Something that answers an image with scores: an endpoint, or a server at a URL.
"""

import csv
import http.client
import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from operations.functions.aws_clients import Client
from operations.functions.errors import SmokeTestError, UsageError
from pipeline_src import contract
from pipeline_src.class_probabilities import parse_class_probabilities, shorten_body

_REQUIRED_COLUMNS: Final = ("image_id", "split", "label", *contract.PREDICTION_SCORES)
_RERUN_REMEDY: Final = "Run the pipeline again and approve the package that it registers."


@dataclass(frozen=True)
class GoldenImage:
    """One image and what the model said of it offline.

    Attributes:
        image_id: Its id; `contract.held_out_file` is its file.
        label: Its diagnosis.
        scores: (classes,), in the order of `contract.CLASS_LABELS`.
    """

    image_id: str
    label: str
    scores: tuple[float, ...]


class EvaluationFolder(Protocol):
    """Files by name: of a bucket, or of this machine."""

    def place(self, name: str) -> str:
        """Return where that file is, for messages."""

    def read(self, name: str) -> bytes:
        """Return what is in that file.

        Raises:
            SmokeError: It is not there.
        """


@dataclass(frozen=True)
class S3Folder:
    """A folder of a bucket, with the client that reads it."""

    s3: Client
    uri: str

    def place(self, name: str) -> str:
        """Return the object's URI."""
        return f"{self.uri.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes:
        """Return the object's bytes."""
        bucket, _, key = self.place(name).removeprefix("s3://").partition("/")
        try:
            return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            raise SmokeTestError(f"{self.place(name)}: is not there. {_RERUN_REMEDY}") from None


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine."""

    path: Path

    def place(self, name: str) -> str:
        """Return the file's path."""
        return str(self.path / name)

    def read(self, name: str) -> bytes:
        """Return the file's bytes."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise SmokeTestError(f"{self.place(name)}: {error.strerror}. Name the folders of one run.") from error


def choose_golden_images(table: bytes, place: str) -> list[GoldenImage]:
    """Return the first test image, by id, of each class that has one.

    Args:
        table: predictions.csv.
        place: Where it lies, for messages.

    Raises:
        SmokeError: It is no such table, or has no test image.
    """
    rows = csv.DictReader(io.StringIO(table.decode(errors="replace")))
    missing = [name for name in _REQUIRED_COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise SmokeTestError(f"{place}: has no column {', '.join(missing)}. {_RERUN_REMEDY}")
    firsts: dict[str, GoldenImage] = {}
    for row in rows:
        label = row["label"]
        if row["split"] == contract.TEST and (label not in firsts or row["image_id"] < firsts[label].image_id):
            firsts[label] = _parse_golden_image(row, f"{place}: line {rows.line_num}")
    if not firsts:
        raise SmokeTestError(f"{place}: has no row of the split {contract.TEST!r}. {_RERUN_REMEDY}")
    return [firsts[label] for label in contract.CLASS_LABELS if label in firsts]


def _parse_golden_image(row: dict[str, str], place: str) -> GoldenImage:
    image_id, label = row["image_id"], row["label"]
    if label not in contract.CLASS_LABELS:
        raise SmokeTestError(
            f"{place}: label {label!r}: is none of {', '.join(contract.CLASS_LABELS)}. {_RERUN_REMEDY}"
        )
    if not image_id or "/" in image_id:
        raise SmokeTestError(f"{place}: image_id {image_id!r}: is no file name. {_RERUN_REMEDY}")
    try:
        scores = tuple(float(row[name]) for name in contract.PREDICTION_SCORES)
    except (TypeError, ValueError) as error:
        raise SmokeTestError(f"{place}: {error}: a score is no number. {_RERUN_REMEDY}") from error
    if not all(map(math.isfinite, scores)):
        raise SmokeTestError(f"{place}: scores {scores}: one is not finite. {_RERUN_REMEDY}")
    return GoldenImage(image_id, label, scores)


# The serving hardware may differ from that of the evaluation, by which float32 scores differ by about 1e-5.
SCORE_TOLERANCE: Final = 1e-3
_LABELS: Final = contract.CLASS_LABELS


@dataclass(frozen=True)
class EndpointAnswer:
    """One answer.

    Attributes:
        status: Of HTTP.
        content_type: With or without parameters.
        body: What was answered.
    """

    status: int
    content_type: str
    body: bytes


def read_probabilities(answer: EndpointAnswer, place: str) -> tuple[float, ...]:
    """Return the probabilities of an answer, one for each class.

    Args:
        answer: What was answered.
        place: Who answered to which image, for messages.

    Raises:
        SmokeError: It is no success, no JSON, or not one probability for each class that add up to 1.
    """
    if answer.status != 200:
        raise SmokeTestError(
            f"{place}: answered status {answer.status}: {shorten_body(answer.body)}. Read the container's log."
        )
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind != contract.JSON_CONTENT_TYPE:
        raise SmokeTestError(
            f"{place}: answered content type {answer.content_type!r}, not {contract.JSON_CONTENT_TYPE}. "
            "Is it the built-in image classification's container?"
        )
    try:
        return parse_class_probabilities(answer.body)
    except ValueError as error:
        raise SmokeTestError(
            f"{place}: answered {error}. Read the container's log. Was the model trained on other classes?"
        ) from None


def check_agreement(pairs: Sequence[tuple[GoldenImage, tuple[float, ...]]], place: str) -> float:
    """Return by how much the answers differ from the evaluation at most.

    Args:
        pairs: Each image, and the scores that were answered to it.
        place: Who answered, for messages.

    Raises:
        SmokeError: It is more than `TOLERANCE`; where another order of the labels explains all, that is named.
    """
    differences = [
        (abs(got - wanted), golden, label, got, wanted)
        for golden, scores in pairs
        for label, got, wanted in zip(_LABELS, scores, golden.scores, strict=True)
    ]
    largest, golden, label, got, wanted = max(differences, key=lambda difference: difference[0])
    if largest <= SCORE_TOLERANCE:
        return largest
    order = find_label_permutation(pairs)
    if order:
        raise SmokeTestError(
            f"{place}: the scores are right but in the order {', '.join(order)}, not {', '.join(_LABELS)}. "
            "Align the label order of training and serving with contract.py, and retrain."
        )
    raise SmokeTestError(
        f"{place}: image {golden.image_id} ({golden.label}): {label}: answered {got:.4f}, the evaluation has "
        f"{wanted:.4f}: they differ by {largest:.1e}, more than {SCORE_TOLERANCE:.0e}. It serves another model, or the "
        "picture was changed: deliver the package that was evaluated, or retrain."
    )


def find_label_permutation(pairs: Sequence[tuple[GoldenImage, tuple[float, ...]]]) -> tuple[str, ...]:
    """Return the order of labels that makes the answers those of the evaluation; empty if none does.

    Of several orders, as where classes have equal scores, it is the one that moves the fewest labels.
    """
    positions = range(len(_LABELS))
    fits = [[_position_fits_label(pairs, position, label) for label in positions] for position in positions]
    orders = [
        order
        for order in itertools.permutations(positions)
        if all(fits[position][label] for position, label in enumerate(order))
    ]
    moved = [sum(1 for position, label in enumerate(order) if position != label) for order in orders]
    return tuple(_LABELS[label] for label in orders[moved.index(min(moved))]) if orders else ()


def _position_fits_label(pairs: Sequence[tuple[GoldenImage, tuple[float, ...]]], position: int, label: int) -> bool:
    """Return whether what stands at `position` of each answer is the evaluation's score of that label."""
    return all(abs(scores[position] - golden.scores[label]) <= SCORE_TOLERANCE for golden, scores in pairs)


_TIMEOUT_SECONDS: Final = 20.0
_REQUEST_HEADERS: Final = {"Content-Type": contract.IMAGE_CONTENT_TYPE, "Accept": contract.JSON_CONTENT_TYPE}
_CONNECTION_TYPES: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


class InferenceTarget(Protocol):
    """What a smoke test asks."""

    @property
    def place(self) -> str:
        """Which one it is, for messages."""

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return the answer to the bytes of a picture.

        Raises:
            SmokeError: There was no answer.
            ClientError: The service refused.
        """


@dataclass(frozen=True)
class SageMakerEndpoint:
    """A SageMaker endpoint, with the `sagemaker-runtime` client that invokes it."""

    name: str
    runtime: Client

    @property
    def place(self) -> str:
        """Its name."""
        return f"endpoint {self.name!r}"

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return the container's answer, also where it is an error."""
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=self.name,
                ContentType=contract.IMAGE_CONTENT_TYPE,
                Accept=contract.JSON_CONTENT_TYPE,
                Body=image,
            )
        except ClientError as error:
            # ModelError is the service's way to hand on what the container answered.
            if error.response["Error"]["Code"] != "ModelError":
                raise
            told = error.response.get("OriginalMessage") or error.response["Error"]["Message"]
            return EndpointAnswer(error.response.get("OriginalStatusCode", 500), "", str(told).encode())
        return EndpointAnswer(200, answer.get("ContentType", ""), answer["Body"].read())


@dataclass(frozen=True)
class ServerUrl:
    """A server that answers as a SageMaker container does, for example http://127.0.0.1:8080/invocations."""

    url: str

    @property
    def place(self) -> str:
        """Its URL."""
        return self.url

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return the server's answer, also where it is an error; no proxy is asked, no redirect followed."""
        parts = urlsplit(self.url)
        if parts.scheme not in _CONNECTION_TYPES or not parts.hostname:
            raise UsageError(f"{self.url!r}: is no URL. It reads http://127.0.0.1:8080/invocations.")
        try:
            connection = _CONNECTION_TYPES[parts.scheme](parts.netloc, timeout=_TIMEOUT_SECONDS)
            try:
                connection.request("POST", parts.path or "/", image, _REQUEST_HEADERS)
                response = connection.getresponse()
                return EndpointAnswer(response.status, response.headers.get("Content-Type", ""), response.read())
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            cause = str(error) or type(error).__name__
            raise SmokeTestError(f"{self.url}: no answer: {cause}. Start the server, or name its address.") from error

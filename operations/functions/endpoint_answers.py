# SPDX-License-Identifier: MIT-0
"""Invokes an endpoint or a server with golden images, and compares its answers with the evaluation.

A golden image is the first test image of a class, with its scores from the evaluation. The evaluation of each model
names its own, so they are always from the dataset that the model was tested on, and the repository has no image of a
patient.
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

from operations.functions.aws_clients import Client, split_s3_uri
from operations.functions.errors import SmokeTestError, UsageError
from pipeline_src import contract
from pipeline_src.class_probabilities import parse_class_probabilities, shorten_body

_REQUIRED_COLUMNS: Final = ("image_id", "split", "label", *contract.PREDICTION_SCORES)
_RERUN_REMEDY: Final = "Run the pipeline again and approve the package that it registers."
# The serving hardware may differ from that of the evaluation: float32 scores then differ by about 1e-5.
SCORE_TOLERANCE: Final = 1e-3
_LABELS: Final = contract.CLASS_LABELS
_TIMEOUT_SECONDS: Final = 20.0
_REQUEST_HEADERS: Final = {"Content-Type": contract.IMAGE_CONTENT_TYPE, "Accept": contract.JSON_CONTENT_TYPE}
_CONNECTION_TYPES: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


@dataclass(frozen=True)
class GoldenImage:
    """A test image and its scores from the evaluation.

    Attributes:
        image_id: Its id; `contract.held_out_file` names its file.
        label: Its true class.
        scores: (classes,), in the order of `contract.CLASS_LABELS`.
    """

    image_id: str
    label: str
    scores: tuple[float, ...]


class EvaluationFolder(Protocol):
    """Files by name, in a bucket or on this machine."""

    def place(self, name: str) -> str:
        """Return the URI or path of a file."""

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            SmokeTestError: It does not exist.
        """


@dataclass(frozen=True)
class S3Folder:
    """A folder in a bucket, with the client that reads it."""

    s3: Client
    uri: str

    def place(self, name: str) -> str:
        """Return the object's URI."""
        return f"{self.uri.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes:
        """Return the object's bytes."""
        bucket, key = split_s3_uri(self.place(name))
        try:
            return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            raise SmokeTestError(f"{self.place(name)}: does not exist. {_RERUN_REMEDY}") from None


@dataclass(frozen=True)
class LocalFolder:
    """A folder on this machine."""

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
        table: Content of predictions.csv.
        place: Its URI or path, for messages.

    Raises:
        SmokeTestError: It is not such a table, or has no test image.
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
            f"{place}: label {label!r}: is not one of {', '.join(contract.CLASS_LABELS)}. {_RERUN_REMEDY}"
        )
    if not image_id or "/" in image_id:
        raise SmokeTestError(f"{place}: image_id {image_id!r}: is not a file name. {_RERUN_REMEDY}")
    try:
        scores = tuple(float(row[name]) for name in contract.PREDICTION_SCORES)
    except (TypeError, ValueError) as error:
        raise SmokeTestError(f"{place}: {error}: a score is not a number. {_RERUN_REMEDY}") from error
    if not all(map(math.isfinite, scores)):
        raise SmokeTestError(f"{place}: scores {scores}: one is not finite. {_RERUN_REMEDY}")
    return GoldenImage(image_id, label, scores)


@dataclass(frozen=True)
class EndpointAnswer:
    """An answer.

    Attributes:
        status: HTTP status.
        content_type: Content type, with or without parameters.
        body: Body.
    """

    status: int
    content_type: str
    body: bytes


def read_probabilities(answer: EndpointAnswer, place: str) -> tuple[float, ...]:
    """Return the probabilities of an answer, one for each class.

    Args:
        answer: The answer.
        place: The endpoint and the image, for messages.

    Raises:
        SmokeTestError: Its status is not 200, or its body is not JSON with probabilities that add up to 1.
    """
    if answer.status != 200:
        raise SmokeTestError(
            f"{place}: answered status {answer.status}: {shorten_body(answer.body)}. Read the container's log."
        )
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind != contract.JSON_CONTENT_TYPE:
        raise SmokeTestError(
            f"{place}: answered content type {answer.content_type!r}, not {contract.JSON_CONTENT_TYPE}. "
            "Does the endpoint run the image of the model package?"
        )
    try:
        return parse_class_probabilities(answer.body)
    except ValueError as error:
        raise SmokeTestError(
            f"{place}: answered {error}. Read the container's log. Was the model trained on other classes?"
        ) from None


def check_agreement(pairs: Sequence[tuple[GoldenImage, tuple[float, ...]]], place: str) -> float:
    """Return the largest difference between the answers and the evaluation.

    Args:
        pairs: Each image with the scores in its answer.
        place: The endpoint, for messages.

    Raises:
        SmokeTestError: It is more than `SCORE_TOLERANCE`; the message names the order of labels that would explain it.
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
        "image was changed: deliver the package that was evaluated, or retrain."
    )


def find_label_permutation(pairs: Sequence[tuple[GoldenImage, tuple[float, ...]]]) -> tuple[str, ...]:
    """Return the order of labels with which the answers agree with the evaluation; empty if there is none.

    If several do, because classes have equal scores, it is the one that moves the fewest labels.
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
    """Return whether the value at `position` of each answer is the score of `label` in the evaluation."""
    return all(abs(scores[position] - golden.scores[label]) <= SCORE_TOLERANCE for golden, scores in pairs)


class InferenceTarget(Protocol):
    """An endpoint or server under test."""

    @property
    def place(self) -> str:
        """Its name or URL, for messages."""

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return the answer to the bytes of an image.

        Raises:
            SmokeTestError: There was no answer.
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
        """Return the container's answer, which may be an error."""
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=self.name,
                ContentType=contract.IMAGE_CONTENT_TYPE,
                Accept=contract.JSON_CONTENT_TYPE,
                Body=image,
            )
        except ClientError as error:
            # With ModelError the service passes on the answer of the container.
            if error.response["Error"]["Code"] != "ModelError":
                raise
            told = error.response.get("OriginalMessage") or error.response["Error"]["Message"]
            return EndpointAnswer(error.response.get("OriginalStatusCode", 500), "", str(told).encode())
        return EndpointAnswer(200, answer.get("ContentType", ""), answer["Body"].read())


@dataclass(frozen=True)
class ServerUrl:
    """A server that answers like a SageMaker container, for example http://127.0.0.1:8080/invocations."""

    url: str

    @property
    def place(self) -> str:
        """Its URL."""
        return self.url

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return the server's answer, which may be an error; proxies and redirects are not used."""
        parts = urlsplit(self.url)
        if parts.scheme not in _CONNECTION_TYPES or not parts.hostname:
            raise UsageError(f"{self.url!r}: is not a URL such as http://127.0.0.1:8080/invocations.")
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

# SPDX-License-Identifier: MIT-0
"""The golden images: one test image of each class, with the scores that the evaluation has of it.

They are not chosen by hand and lie nowhere of their own: each model's evaluation names them, so that they are
always of the dataset that the model was tested on, and no image of a patient is in this repository.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from operations.client import Client
from operations.error import SmokeError
from pipeline_src import contract

_NEEDED: Final = ("image_id", "split", "label", *contract.PREDICTION_SCORES)
_REGISTER: Final = "Run the pipeline again and approve the package that it registers."


@dataclass(frozen=True)
class Golden:
    """One image and what the model said of it offline.

    Attributes:
        image_id: Its id; the file is ``<image_id>.jpg``.
        label: Its diagnosis.
        scores: (7,), in the order of `contract.CLASS_LABELS`.
    """

    image_id: str
    label: str
    scores: tuple[float, ...]


class Folder(Protocol):
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
            raise SmokeError(f"{self.place(name)}: is not there. {_REGISTER}") from None


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
            raise SmokeError(f"{self.place(name)}: {error.strerror}. Name the folders of one run.") from error


def chosen(table: bytes, place: str) -> list[Golden]:
    """Return the first test image, by id, of each class that has one.

    Args:
        table: predictions.csv.
        place: Where it lies, for messages.

    Raises:
        SmokeError: It is no such table, or has no test image.
    """
    rows = csv.DictReader(io.StringIO(table.decode(errors="replace")))
    missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        raise SmokeError(f"{place}: has no column {', '.join(missing)}. {_REGISTER}")
    firsts: dict[str, Golden] = {}
    for row in rows:
        label = row["label"]
        if row["split"] == contract.TEST and (label not in firsts or row["image_id"] < firsts[label].image_id):
            firsts[label] = _golden(row, f"{place}: line {rows.line_num}")
    if not firsts:
        raise SmokeError(f"{place}: has no row of the split {contract.TEST!r}. {_REGISTER}")
    return [firsts[label] for label in contract.CLASS_LABELS if label in firsts]


def _golden(row: dict[str, str], place: str) -> Golden:
    image_id, label = row["image_id"], row["label"]
    if label not in contract.CLASS_LABELS:
        raise SmokeError(f"{place}: label {label!r}: is none of {', '.join(contract.CLASS_LABELS)}. {_REGISTER}")
    if not image_id or "/" in image_id:
        raise SmokeError(f"{place}: image_id {image_id!r}: is no file name. {_REGISTER}")
    try:
        scores = tuple(float(row[name]) for name in contract.PREDICTION_SCORES)
    except (TypeError, ValueError) as error:
        raise SmokeError(f"{place}: {error}: a score is no number. {_REGISTER}") from error
    if not all(map(math.isfinite, scores)):
        raise SmokeError(f"{place}: scores {scores}: one is not finite. {_REGISTER}")
    return Golden(image_id, label, scores)

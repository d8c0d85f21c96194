# SPDX-License-Identifier: MIT-0
"""A small evaluation for tests: three test images and their pictures, and a model whose scores follow the bytes."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from operations.functions.endpoint_answers import EndpointAnswer
from operations.functions.errors import SmokeTestError
from pipeline_src import contract

# Image id, split and label; out of order, so that the first by id is not the first in the table.
IMAGES: Final = (
    ("I5", "test", "nv"),
    ("I4", "test", "nv"),
    ("I3", "validation", "nv"),
    ("I2", "test", "mel"),
    ("I1", "train", "df"),
    ("I9", "test", "vasc"),
)
GOLDEN: Final = ["I2", "I4", "I9"]


def picture(image_id: str) -> bytes:
    """The bytes of a picture."""
    return f"picture of {image_id}".encode()


def scores(image: bytes) -> list[float]:
    """What the model says of a picture: one probability a class that differ, and that follow from its bytes."""
    weights = [byte + 1 for byte in hashlib.sha256(image).digest()[: len(contract.CLASS_LABELS)]]
    return [weight / sum(weights) for weight in weights]


def table(columns: tuple[str, ...] = contract.PREDICTION_COLUMNS) -> bytes:
    """The evaluation's predictions.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for image_id, split, label in IMAGES:
        probabilities = zip(contract.PREDICTION_SCORES, scores(picture(image_id)), strict=True)
        row = {name: repr(value) for name, value in probabilities}
        writer.writerow({"image_id": image_id, "lesion_id": "L", "split": split, "label": label, **row})
    return text.getvalue().encode()


def files() -> dict[str, bytes]:
    """All that a smoke test reads, by file name."""
    return {contract.PREDICTIONS_FILE: table(), **{f"{image_id}.jpg": picture(image_id) for image_id, _, _ in IMAGES}}


@dataclass
class Memory:
    """A folder that is no more than its files."""

    files: Mapping[str, bytes] = field(default_factory=files)

    def place(self, name: str) -> str:
        return f"memory/{name}"

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise SmokeTestError(f"{self.place(name)}: is not there.")
        return self.files[name]


def answer(image: bytes) -> EndpointAnswer:
    """What a right endpoint answers."""
    return EndpointAnswer(200, contract.JSON_CONTENT_TYPE, json.dumps(scores(image)).encode())

# SPDX-License-Identifier: MIT-0
"""The pictures that a run judged its model by, and what the model answered to them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.error import UsageError
from local.execution import Record
from pipeline_src import contract


@dataclass(frozen=True)
class Judged:
    """A held-out picture.

    Attributes:
        image_id: its id.
        label: its class.
        scores: the model's answer, in the order of `contract.CLASS_LABELS`.
        path: its file.
    """

    image_id: str
    label: str
    scores: tuple[float, ...]
    path: Path


def pictures(record: Record) -> list[Judged]:
    """Return the held-out pictures of validation and test whose files are there, by image id.

    Raises:
        UsageError: the run has no predictions, or none of their pictures.
    """
    predictions = _folder(record, contract.EVALUATE, contract.EVALUATION_OUTPUT) / contract.PREDICTIONS
    folder = _folder(record, contract.PREPROCESS, contract.HOLDOUT_OUTPUT)
    try:
        found = [each for each in _read(predictions, folder) if each.path.is_file()]
    except (OSError, KeyError, ValueError) as error:
        raise _none(record, f"its predictions cannot be read ({error})") from None
    if not found:
        raise _none(record, f"its pictures are no longer in {folder}")
    return found


def _folder(record: Record, step: str, output: str) -> Path:
    return Path((record.step(step) or {}).get("Outputs", {}).get(output, ""))


def _read(predictions: Path, folder: Path) -> Iterator[Judged]:
    with predictions.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] != contract.OFFICIAL:
                scores = tuple(float(row[name]) for name in contract.PREDICTION_SCORES)
                yield Judged(row["image_id"], row["label"], scores, folder / f"{row['image_id']}.jpg")


def _none(record: Record, cause: str) -> UsageError:
    return UsageError(f"run {record.execution_id}: {cause}. Name a run that was evaluated, or run the pipeline again.")

# SPDX-License-Identifier: MIT-0
"""Two models on the same images, by formula: what they answer, and the champion's file."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation import champion_predictions, model_predictions
from pipeline_src.evaluation.champion_predictions import ChampionPredictions
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import for_every_class

LABELS = contract.CLASS_LABELS
COUNTS = for_every_class({"mel": 40, "nv": 120, "bcc": 24, "akiec": 16, "bkl": 40, "df": 8, "vasc": 8}, 16)
THRESHOLD = 0.3


def images(counts: Mapping[str, int] | None = None, per_lesion: int = 2) -> tuple[HoldoutImage, ...]:
    """Return test images of each class, sorted by id."""
    numbers = COUNTS if counts is None else counts
    listed = [
        HoldoutImage(f"ISIC_{label}_{index:04d}", f"HAM_{label}_{index // per_lesion}", label, contract.TEST)
        for label, number in numbers.items()
        for index in range(number)
    ]
    return tuple(sorted(listed))


def answered(
    listed: tuple[HoldoutImage, ...], wrong: Callable[[int, HoldoutImage], bool], sure: float = 0.7
) -> Predictions:
    """Return predictions that are `sure` of the true class, or of the next one where `wrong` (position, image)."""
    rows = np.full((len(listed), len(LABELS)), (1 - sure) / (len(LABELS) - 1))
    for row, image in enumerate(listed):
        rows[row, (LABELS.index(image.label) + wrong(row, image)) % len(LABELS)] = sure
    return Predictions(listed, rows)


def every(share: float, seed: int = 1) -> Callable[[int, HoldoutImage], bool]:
    """Return a rule by which about `share` of the images are wrong."""
    drawn = np.random.default_rng(seed).random(10_000)
    return lambda row, _: bool(drawn[row] < share)


def table(predictions: Predictions, threshold: float | None = THRESHOLD) -> list[list[str]]:
    """Return the champion's file as rows, the header first, to be damaged."""
    return list(csv.reader(io.StringIO(model_predictions.predictions_csv(predictions, threshold))))


def file(folder: Path, rows: list[list[str]], name: str = "predictions.csv") -> ChampionPredictions | None:
    """Write `rows` as the one file in `folder` and read it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return raw(folder, text.getvalue().encode(), name)


def raw(folder: Path, content: bytes, name: str = "predictions.csv") -> ChampionPredictions | None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return champion_predictions.read_champion_predictions(folder)


def known(predictions: Predictions, threshold: float = THRESHOLD) -> ChampionPredictions:
    """Return the champion that answered `predictions`, without a file."""
    rows = zip(predictions.images, predictions.probabilities.tolist(), predictions.melanoma, strict=True)
    return ChampionPredictions(
        {
            image.image_id: champion_predictions.ChampionAnswer(
                image.lesion_id, image.split, image.label, tuple(values), bool(melanoma >= threshold)
            )
            for image, values, melanoma in rows
        }
    )

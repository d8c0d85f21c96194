# SPDX-License-Identifier: MIT-0
"""Test images of lesions that have one to four of them each, and a model of known skill."""

import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES, for_every_class

LESIONS = for_every_class({"mel": 40, "nv": 60, "bcc": 12, "akiec": 8, "bkl": 35, "df": 3, "vasc": 4}, 5)


def images(lesions: dict[str, int], seed: int = 0) -> tuple[HoldoutImage, ...]:
    """Return the images of as many `lesions` of each class, sorted by id."""
    random = np.random.default_rng(seed)
    listed = []
    for label, number in lesions.items():
        for lesion in range(number):
            for _ in range(int(random.choice((1, 1, 2, 4)))):
                listed.append(HoldoutImage(f"ISIC_{len(listed):07d}", f"HAM_{label}_{lesion}", label, contract.TEST))
    return tuple(listed)


def predictions(lesions: dict[str, int] | None = None, skill: float = 1.5, seed: int = 0) -> Predictions:
    """Return a softmax over noise, half of it the lesion's and half the image's, plus `skill` for the true class."""
    random = np.random.default_rng(seed)
    listed = images(LESIONS if lesions is None else lesions, seed)
    shared: dict[str, np.ndarray] = {}
    logits = random.normal(size=(len(listed), CLASSES))
    for row, image in enumerate(listed):
        logits[row] += shared.setdefault(image.lesion_id, random.normal(size=CLASSES))
        logits[row, contract.CLASS_LABELS.index(image.label)] += skill
    return Predictions(listed, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def rows(table: Predictions, order: np.ndarray) -> Predictions:
    """Return the rows of `table` in another order, or some of them."""
    return Predictions(tuple(table.images[row] for row in order), table.probabilities[order])

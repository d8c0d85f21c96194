# SPDX-License-Identifier: MIT-0
"""Scores joined with the truth: the one table from which every metric and plot is computed."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.lesions.holdout import HoldoutImage
from pipeline_src.lesions.scores import Scores


@dataclass(frozen=True)
class Predictions:
    """The held-out images and what the model says of them; row i of each field is image i.

    Attributes:
        images: N images, sorted by id.
        probabilities: (N, 7), columns in the order of `contract.CLASS_LABELS`.
    """

    images: tuple[HoldoutImage, ...]
    probabilities: npt.NDArray[np.float64]

    @property
    def truth(self) -> npt.NDArray[np.int64]:
        """(N,), positions in `contract.CLASS_LABELS`."""
        return np.array([contract.CLASS_LABELS.index(image.label) for image in self.images], dtype=np.int64)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(N,), the most probable class; of equals the first in `contract.CLASS_LABELS`."""
        best: npt.NDArray[np.int64] = np.argmax(self.probabilities, axis=1)
        return best

    @property
    def melanoma(self) -> npt.NDArray[np.float64]:
        """(N,), the probability of melanoma."""
        column: npt.NDArray[np.float64] = self.probabilities[:, contract.CLASS_LABELS.index(contract.MELANOMA)]
        return column

    def of(self, split: str) -> "Predictions":
        """Return the rows of `split` alone."""
        rows = [row for row, image in enumerate(self.images) if image.split == split]
        return Predictions(tuple(self.images[row] for row in rows), self.probabilities[rows])


def join(images: list[HoldoutImage], scores: Scores) -> Predictions:
    """Return the table of `images`, each of which has its `scores`, sorted by image id."""
    ordered = tuple(sorted(images))
    probabilities = np.array([scores[image.image_id] for image in ordered], dtype=np.float64)
    return Predictions(ordered, probabilities.reshape(-1, len(contract.CLASS_LABELS)))


def table(predictions: Predictions, threshold: float | None) -> str:
    """Return predictions.csv.

    Args:
        predictions: validation and test images, and official ones where there are any.
        threshold: the melanoma operating point, or None if there is none.

    Returns:
        CSV text, one row an image in the order of `predictions`; probabilities with every digit, so that reading them
        back gives the same numbers; `melanoma_at_threshold` is 1, 0, or empty without a threshold.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(contract.PREDICTION_COLUMNS)
    rows = zip(predictions.images, predictions.predicted, predictions.probabilities, predictions.melanoma, strict=True)
    for image, predicted, probabilities, melanoma in rows:
        decision = "" if threshold is None else str(int(melanoma >= threshold))
        names = (image.image_id, image.lesion_id, image.split, image.label, contract.CLASS_LABELS[predicted])
        writer.writerow((*names, *(repr(float(value)) for value in probabilities), decision))
    return text.getvalue()

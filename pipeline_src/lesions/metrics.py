# SPDX-License-Identifier: MIT-0
"""How good the predictions are, class by class and on average.

A figure that is not defined (a class without a test image has no sensitivity) is None, never NaN and never 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.lesions.prediction import Predictions


@dataclass(frozen=True)
class ClassMetrics:
    """One class against all others.

    Attributes:
        sensitivity: share of the class's images that are called so (recall).
        specificity: share of the other classes' images that are not called so.
        auc: area under the ROC curve of the class's probability.
        test_images: number of the class's images.
    """

    sensitivity: float | None
    specificity: float | None
    auc: float | None
    test_images: int


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic: rates at falling thresholds, from (0, 0) to (1, 1)."""

    false_positive_rate: npt.NDArray[np.float64]
    true_positive_rate: npt.NDArray[np.float64]


def ratio(part: float, whole: float) -> float | None:
    """Return part / whole, or None of nothing."""
    return float(part / whole) if whole else None


def confusion(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Return the (7, 7) counts: rows are the true class, columns the predicted one."""
    size = len(contract.CLASS_LABELS)
    matrix = np.zeros((size, size), dtype=np.int64)
    np.add.at(matrix, (predictions.truth, predictions.predicted), 1)
    return matrix


def accuracy(predictions: Predictions) -> float | None:
    """Return the share of images whose most probable class is the true one."""
    matrix = confusion(predictions)
    return ratio(np.trace(matrix), matrix.sum())


def balanced_accuracy(predictions: Predictions) -> float | None:
    """Return the mean sensitivity of the seven classes, the metric of ISIC 2018 Task 3.

    None if a class has no image: a mean over fewer classes could not be compared with any other model's.

    Source: https://challenge.isic-archive.com/landing/2018/47/
    """
    values = [figures.sensitivity for figures in per_class(predictions).values()]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def per_class(predictions: Predictions) -> dict[str, ClassMetrics]:
    """Return each class's figures by its label."""
    matrix = confusion(predictions)
    total = matrix.sum()
    figures = {}
    for position, label in enumerate(contract.CLASS_LABELS):
        hits, images, called = matrix[position, position], matrix[position].sum(), matrix[:, position].sum()
        others = total - images
        figures[label] = ClassMetrics(
            sensitivity=ratio(hits, images),
            specificity=ratio(others - (called - hits), others),
            auc=_auc(predictions, position),
            test_images=int(images),
        )
    return figures


def roc(predictions: Predictions, position: int) -> Roc | None:
    """Return the ROC curve of the class at `position`, or None if all images are of it or none is."""
    positive = predictions.truth == position
    if positive.all() or not positive.any():
        return None
    false_rate, true_rate, _ = sklearn_metrics.roc_curve(positive, predictions.probabilities[:, position])
    return Roc(false_rate, true_rate)


def _auc(predictions: Predictions, position: int) -> float | None:
    curve = roc(predictions, position)
    return None if curve is None else float(sklearn_metrics.auc(curve.false_positive_rate, curve.true_positive_rate))

# SPDX-License-Identifier: MIT-0
"""How good the predictions are, class by class and on average: the figures themselves, without intervals.

A figure that is not defined (a class without a test image has no sensitivity) is None, never NaN and never 0.

The figures are those of `isic-challenge-scoring`, the scorer of ISIC 2018 Task 3 (balanced accuracy, and per class
sensitivity, specificity, PPV, NPV, AUC, AUC from a sensitivity of 0.80 on, average precision), but for this:

- It calls an image of a class, in the per-class rates, where that class's probability exceeds 0.5, so that an image may
  be of no class. Here an image is of its most probable class, for these rates as for balanced accuracy.
- Where two classes are equally the most probable it counts the image as wrong; here it is of the first of them in
  `contract.CLASS_LABELS`, which is what `predictions.csv` says and what a user of the endpoint would see.
- A rate of nothing (sensitivity without an image of the class, PPV where nothing is called so) it scores 1.0, and the
  average precision of an absent class 0.0. Here both are None. Of areas it then has none either: NaN, or an error.
- Its balanced accuracy is the mean over the classes that are there; here it is None if one is missing, because a mean
  over fewer classes could not be compared with any other model's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.lesions import ranking
from pipeline_src.lesions.estimate import Estimate
from pipeline_src.lesions.prediction import Predictions

Mask = npt.NDArray[np.bool_]

RATES: Final = ("sensitivity", "specificity", "ppv", "npv")
RANKS: Final = ("auc", "auc_above_80", "average_precision")


@dataclass(frozen=True)
class ClassMetrics:
    """One class against all others, with intervals.

    Attributes:
        sensitivity: share of the class's images that are called so (recall).
        specificity: share of the other classes' images that are not called so.
        ppv: share of the images called so that are of the class (precision).
        npv: share of the images not called so that are of another class.
        auc: area under the ROC curve of the class's probability.
        auc_above_80: the part of it from a sensitivity of 0.80 on, at most 1; see `ranking.Ranking`.
        average_precision: area under the precision-recall curve, as a step function.
        test_images: number of the class's images.
        test_lesions: number of the lesions that these show.
    """

    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    auc: Estimate
    auc_above_80: Estimate
    average_precision: Estimate
    test_images: int
    test_lesions: int


@dataclass(frozen=True)
class Points:
    """The same without intervals; None where not defined."""

    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None
    auc: float | None
    auc_above_80: float | None
    average_precision: float | None
    test_images: int


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic: rates at falling thresholds, from (0, 0) to (1, 1)."""

    false_positive_rate: npt.NDArray[np.float64]
    true_positive_rate: npt.NDArray[np.float64]


def one_hot(positions: npt.NDArray[np.int64]) -> Mask:
    """Return (N, 7), whether image i is of class k, of the classes' `positions` (N,)."""
    matrix: Mask = positions[:, np.newaxis] == np.arange(len(contract.CLASS_LABELS))
    return matrix


def malignant(positions: npt.NDArray[np.int64]) -> Mask:
    """Return (N,), whether the class of the image is one of `contract.MALIGNANT`."""
    found: Mask = np.isin(positions, [contract.CLASS_LABELS.index(label) for label in contract.MALIGNANT])
    return found


def rates(truth: Mask, called: Mask) -> tuple[tuple[Mask, Mask], ...]:
    """Return, for each of `RATES`, which images count as found, and among which; shapes are those of the masks."""
    found, cleared = truth & called, ~truth & ~called
    return (found, truth), (cleared, ~truth), (found, called), (cleared, ~called)


def share(found: Mask, counted: Mask) -> float | None:
    """Return the share of the `counted` (N,) that are `found` (N,), or None if none is counted."""
    total = np.count_nonzero(counted)
    return np.count_nonzero(found & counted) / total if total else None


def confusion(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Return the (7, 7) counts: rows are the true class, columns the predicted one."""
    size = len(contract.CLASS_LABELS)
    matrix = np.zeros((size, size), dtype=np.int64)
    np.add.at(matrix, (predictions.truth, predictions.predicted), 1)
    return matrix


def accuracy(predictions: Predictions) -> float | None:
    """Return the share of images whose most probable class is the true one."""
    right = predictions.truth == predictions.predicted
    return share(right, np.ones_like(right))


def balanced_accuracy(predictions: Predictions) -> float | None:
    """Return the mean sensitivity of the seven classes, the metric of ISIC 2018 Task 3; None if one has no image.

    Source: https://challenge.isic-archive.com/landing/2018/47/
    """
    right, truth = predictions.truth == predictions.predicted, one_hot(predictions.truth)
    shares = [share(right, column) for column in truth.T]
    known = [value for value in shares if value is not None]
    return float(np.mean(known)) if len(known) == len(shares) else None


def malignant_sensitivity(predictions: Predictions) -> float | None:
    """Return the share of the malignant images whose most probable class is malignant, be it the right one or not."""
    return share(malignant(predictions.predicted), malignant(predictions.truth))


def per_class(predictions: Predictions) -> dict[str, Points]:
    """Return each class's figures by its label."""
    truth, called = one_hot(predictions.truth), one_hot(predictions.predicted)
    return {
        label: points(truth[:, column], called[:, column], predictions.probabilities[:, column])
        for column, label in enumerate(contract.CLASS_LABELS)
    }


def points(truth: Mask, called: Mask, scores: npt.NDArray[np.float64]) -> Points:
    """Return one class's figures, of which images are of it, are called so, and how probable it is: each (N,)."""
    shares = [share(found, counted) for found, counted in rates(truth, called)]
    named = dict(zip((*RATES, *RANKS), (*shares, *ranks(scores, truth)), strict=True))
    return Points(**named, test_images=int(truth.sum()))


def ranks(scores: npt.NDArray[np.float64], truth: Mask) -> tuple[float | None, float | None, float | None]:
    """Return the figures `RANKS` of one class: how probable each image is of it, and which are: each (N,)."""
    found = ranking.measure(scores, truth, np.ones((1, truth.size), dtype=np.float32))
    auc, partial, precision = (float(getattr(found, name)[0]) for name in RANKS)
    return _known(auc), _known(partial), _known(precision)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def roc(predictions: Predictions, position: int) -> Roc | None:
    """Return the ROC curve of the class at `position`, or None if all images are of it or none is."""
    positive = predictions.truth == position
    if positive.all() or not positive.any():
        return None
    false_rate, true_rate, _ = sklearn_metrics.roc_curve(positive, predictions.probabilities[:, position])
    return Roc(false_rate, true_rate)

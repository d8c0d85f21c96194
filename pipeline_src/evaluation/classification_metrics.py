# SPDX-License-Identifier: MIT-0
"""Computes classification metrics, overall and per class, as plain values and with intervals.

A metric that is not defined (a class without a test image has no sensitivity) is None, never NaN and never 0.

The metrics are those of `isic-challenge-scoring`, the scorer of ISIC 2018 Task 3 (balanced accuracy; per class
sensitivity, specificity, PPV, NPV, AUC, AUC above a sensitivity of 0.80, average precision), with these differences:

- For per-class rates, the scorer predicts a class where its probability exceeds 0.5, so an image may have no class.
  Here an image has its most probable class, for these rates and for balanced accuracy.
- If two classes are equally probable, the scorer counts the image as wrong. Here the first of them in
  `contract.CLASS_LABELS` is predicted, as in `predictions.csv` and as a user of the endpoint would see it.
- The scorer returns 1.0 for a rate without any image (sensitivity of an absent class, PPV of a class that is never
  predicted), 0.0 for the average precision of an absent class, and NaN or an error for its AUC. Here these are None.
- The scorer's balanced accuracy is the mean over the classes that are present. Here it is None if one is missing,
  because a mean over fewer classes cannot be compared with that of another model.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals, ranking_metrics
from pipeline_src.evaluation.confidence_intervals import (
    EXACT_METHOD,
    NO_INTERVAL,
    SMALL_SAMPLE,
    Estimate,
    Mask,
    Resamples,
)
from pipeline_src.evaluation.model_predictions import Predictions

RATE_NAMES: Final = ("sensitivity", "specificity", "ppv", "npv")
RANKING_NAMES: Final = ("auc", "auc_above_80", "average_precision")


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class against all others, with intervals.

    Attributes:
        sensitivity: share of the images of the class that are predicted as it (recall).
        specificity: share of the images of other classes that are not predicted as it.
        ppv: share of the images predicted as the class that are of it (precision).
        npv: share of the images not predicted as the class that are of another one.
        auc: area under the ROC curve of the class's probability.
        auc_above_80: area above a sensitivity of 0.80, at most 1; see `ranking_metrics.RankingFigures`.
        average_precision: area under the precision-recall curve, as a step function.
        test_images: number of the class's images.
        test_lesions: number of their lesions.
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
class PointMetrics:
    """Metrics of one class without intervals; None where not defined."""

    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None
    auc: float | None
    auc_above_80: float | None
    average_precision: float | None
    test_images: int


@dataclass(frozen=True)
class RocCurve:
    """A receiver operating characteristic: rates at falling thresholds, from (0, 0) to (1, 1)."""

    false_positive_rate: npt.NDArray[np.float64]
    true_positive_rate: npt.NDArray[np.float64]


def one_hot_labels(positions: npt.NDArray[np.int64]) -> Mask:
    """Return (N, classes): True where the position of image i, in `positions` (N,), is k."""
    matrix: Mask = positions[:, np.newaxis] == np.arange(len(contract.CLASS_LABELS))
    return matrix


def malignant_mask(positions: npt.NDArray[np.int64]) -> Mask:
    """Return (N,): True where the class of the image is one of `contract.MALIGNANT`."""
    found: Mask = np.isin(positions, [contract.CLASS_LABELS.index(label) for label in contract.MALIGNANT])
    return found


def rate_masks(truth: Mask, called: Mask) -> tuple[tuple[Mask, Mask], ...]:
    """Return for each of `RATE_NAMES` the numerator's images and the denominator's, as masks of the same shape."""
    found, cleared = truth & called, ~truth & ~called
    return (found, truth), (cleared, ~truth), (found, called), (cleared, ~called)


def masked_share(found: Mask, counted: Mask) -> float | None:
    """Return the share of the `counted` (N,) that are `found` (N,), or None if none is counted."""
    total = np.count_nonzero(counted)
    return np.count_nonzero(found & counted) / total if total else None


def confusion_matrix(predictions: Predictions) -> npt.NDArray[np.int64]:
    """Return counts (classes, classes): rows are the true classes, columns the predicted ones."""
    size = len(contract.CLASS_LABELS)
    matrix = np.zeros((size, size), dtype=np.int64)
    np.add.at(matrix, (predictions.truth, predictions.predicted), 1)
    return matrix


def accuracy_score(predictions: Predictions) -> float | None:
    """Return the share of images whose most probable class is the true one."""
    right = predictions.truth == predictions.predicted
    return masked_share(right, np.ones_like(right))


def balanced_accuracy_score(predictions: Predictions) -> float | None:
    """Return the mean sensitivity of all classes, the metric of ISIC 2018 Task 3; None if one has no image.

    Source: https://challenge.isic-archive.com/landing/2018/47/
    """
    right, truth = predictions.truth == predictions.predicted, one_hot_labels(predictions.truth)
    shares = [masked_share(right, column) for column in truth.T]
    known = [value for value in shares if value is not None]
    return float(np.mean(known)) if len(known) == len(shares) else None


def malignant_sensitivity_score(predictions: Predictions) -> float | None:
    """Return the share of malignant images whose most probable class is malignant, right or wrong."""
    return masked_share(malignant_mask(predictions.predicted), malignant_mask(predictions.truth))


def malignant_specificity_score(predictions: Predictions) -> float | None:
    """Return the share of all other images whose most probable class is not malignant."""
    return masked_share(~malignant_mask(predictions.predicted), ~malignant_mask(predictions.truth))


def point_metrics_per_class(predictions: Predictions) -> dict[str, PointMetrics]:
    """Return the metrics of each class by its label."""
    truth, called = one_hot_labels(predictions.truth), one_hot_labels(predictions.predicted)
    return {
        label: point_metrics_of_class(truth[:, column], called[:, column], predictions.probabilities[:, column])
        for column, label in enumerate(contract.CLASS_LABELS)
    }


def point_metrics_of_class(truth: Mask, called: Mask, scores: npt.NDArray[np.float64]) -> PointMetrics:
    """Return the metrics of one class from true labels, predictions and probabilities of it: each (N,)."""
    shares = [masked_share(found, counted) for found, counted in rate_masks(truth, called)]
    named = dict(zip((*RATE_NAMES, *RANKING_NAMES), (*shares, *ranking_point_metrics(scores, truth)), strict=True))
    return PointMetrics(**named, test_images=int(truth.sum()))


def ranking_point_metrics(
    scores: npt.NDArray[np.float64], truth: Mask
) -> tuple[float | None, float | None, float | None]:
    """Return the metrics `RANKING_NAMES` of one class from its probabilities `scores` (N,) and true labels (N,)."""
    found = ranking_metrics.measure_ranking(scores, truth, np.ones((1, truth.size), dtype=np.float32))
    values = (float(getattr(found, name)[0]) for name in RANKING_NAMES)
    auc, partial, precision = (None if np.isnan(value) else value for value in values)
    return auc, partial, precision


def roc_curve(predictions: Predictions, position: int) -> RocCurve | None:
    """Return the ROC curve of the class at `position`, or None if all images are of it or none is."""
    positive = predictions.truth == position
    if positive.all() or not positive.any():
        return None
    false_rate, true_rate, _ = sklearn_metrics.roc_curve(positive, predictions.probabilities[:, position])
    return RocCurve(false_rate, true_rate)


@dataclass(frozen=True)
class MetricEstimates:
    """Metrics of one set of images, with intervals.

    Attributes:
        balanced_accuracy: mean sensitivity of all classes.
        accuracy: share of images whose most probable class is the true one.
        malignant_sensitivity: share of malignant or premalignant images (`contract.MALIGNANT`) whose most probable
            class is one of these.
        malignant_specificity: share of all others whose most probable class is none of these.
        melanoma_sensitivity: share of the melanomas found at the operating point.
        melanoma_specificity: share of all others not predicted as melanoma there.
        per_class: by label.
    """

    balanced_accuracy: Estimate
    accuracy: Estimate
    malignant_sensitivity: Estimate
    malignant_specificity: Estimate
    melanoma_sensitivity: Estimate
    melanoma_specificity: Estimate
    per_class: dict[str, ClassMetrics]


def estimate_metrics(test: Predictions, threshold: float | None, resamples: Resamples) -> MetricEstimates:
    """Compute the metrics of `test`.

    Args:
        test: any number of images.
        threshold: the melanoma operating point; None leaves the two melanoma metrics undefined.
        resamples: resamples of the same images.
    """
    truth = one_hot_labels(test.truth)
    accuracy, malignant, benign, sensitivity, specificity = confidence_intervals.estimate_proportions(
        *_overall_masks(test, threshold), resamples, test.images
    )
    return MetricEstimates(
        balanced_accuracy=confidence_intervals.estimate_mean_proportion(
            one_hot_labels(test.predicted), truth, resamples, test.images
        ),
        accuracy=accuracy,
        malignant_sensitivity=malignant,
        malignant_specificity=benign,
        melanoma_sensitivity=_without_value(sensitivity) if threshold is None else sensitivity,
        melanoma_specificity=_without_value(specificity) if threshold is None else specificity,
        per_class=_estimate_per_class(test, truth, resamples),
    )


def _overall_masks(test: Predictions, threshold: float | None) -> tuple[Mask, Mask]:
    """Return numerators and denominators (N, 5) of the five overall shares, see `estimate_metrics`."""
    melanoma = test.is_melanoma
    suspected = test.melanoma >= (np.inf if threshold is None else threshold)
    malignant, taken = malignant_mask(test.truth), malignant_mask(test.predicted)
    right = test.truth == test.predicted
    found = np.column_stack([right, taken, ~taken, suspected, ~suspected])
    return found, np.column_stack([np.ones_like(right), malignant, ~malignant, melanoma, ~melanoma])


def _without_value(figure: Estimate) -> Estimate:
    return confidence_intervals.undefined_estimate(figure.images, figure.lesions)


def _estimate_per_class(test: Predictions, truth: Mask, resamples: Resamples) -> dict[str, ClassMetrics]:
    called = one_hot_labels(test.predicted)
    pairs = rate_masks(truth, called)
    found, counted = (np.concatenate(masks, axis=1) for masks in zip(*pairs, strict=True))
    rates = confidence_intervals.estimate_proportions(found, counted, resamples, test.images)
    return {
        label: ClassMetrics(
            **dict(zip(RATE_NAMES, rates[column :: len(contract.CLASS_LABELS)], strict=True)),
            **dict(zip(RANKING_NAMES, _estimate_ranking(test, column, resamples), strict=True)),
            test_images=int(truth[:, column].sum()),
            test_lesions=confidence_intervals.count_lesions(test.images, truth[:, column]),
        )
        for column, label in enumerate(contract.CLASS_LABELS)
    }


def _estimate_ranking(test: Predictions, column: int, resamples: Resamples) -> tuple[Estimate, ...]:
    """Return the metrics `RANKING_NAMES` of the class at `column`.

    Their intervals are bootstrap intervals. With few lesions in the class or outside of it, or an AUC of 0 or 1, the
    bootstrap is unreliable. The AUC is then treated as a share of as many pairs as can be formed without using a lesion
    twice, for which the exact interval holds (all pairs together carry more information, so it is conservative); the
    two others have no interval.
    """
    positive = test.truth == column
    sides = [confidence_intervals.count_lesions(test.images, side) for side in (positive, ~positive)]
    size = len(test.images), confidence_intervals.count_lesions(test.images, np.ones_like(positive))
    auc, *others = ranking_point_metrics(test.probabilities[:, column], positive)
    if auc is None or min(sides) < SMALL_SAMPLE or auc in (0, 1):
        first = (
            confidence_intervals.undefined_estimate(*size)
            if auc is None
            else Estimate(auc, *_exact_auc_interval(test, positive, auc), *size, EXACT_METHOD)
        )
        return first, *(Estimate(value, None, None, *size, NO_INTERVAL) for value in others)
    drawn = ranking_metrics.measure_ranking(test.probabilities[:, column], positive, resamples.weights)
    return tuple(
        confidence_intervals.percentile_estimate(value, getattr(drawn, name), images=size[0], lesions=size[1])
        for value, name in zip((auc, *others), RANKING_NAMES, strict=True)
    )


def _exact_auc_interval(test: Predictions, positive: Mask, auc: float) -> tuple[float, float]:
    return confidence_intervals.clopper_pearson_interval(
        auc, min(confidence_intervals.effective_lesions(test.images, side) for side in (positive, ~positive))
    )

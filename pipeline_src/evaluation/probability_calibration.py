# SPDX-License-Identifier: MIT-0
"""Measures the calibration of the probabilities: ECE, overconfidence, Brier score, temperature; by class and for mel.

A calibrated model is right on 80 of 100 images whose predicted class has a probability of 0.8. The expected calibration
error (ECE) is the mean deviation from that. It cannot be negative, and chance adds to it: a perfectly calibrated model
shows an ECE of about 0.06 on 140 images and 0.016 on 2,000. A bootstrap adds chance a second time, so its percentiles
are too high: for such a model they contain the true ECE in none of 100 samples. ECE and overconfidence therefore have
no interval: they describe this test set. The basic (pivotal) interval, which mirrors the percentiles at the
estimate, contained the true overconfidence in 84 and 91 of 100 simulated test sets (docs/gate.md).

One temperature, by which the logits are divided, is fitted on the validation images. It is only reported: the served
model does not apply it, and no temperature changes the most probable class. A temperature at one of its bounds is not a
fit, because the best one lies outside of them; then only the bound is reported.

By class, observed to expected is the number of images of the class divided by the sum of its probabilities; 1 is
calibrated in the large, below 1 the class is predicted too often. For melanoma, the slope and the intercept are those
of a logistic regression of the truth on the logit of the probability; the intercept is that at slope 1 (calibration in
the large). A slope below 1 means too extreme probabilities, an intercept below 0 too high ones. Their intervals are
Wald intervals with a variance that is robust to the correlation within lesions, for the class counts of this test set.

Sources: Van Calster et al., Calibration: the Achilles heel of predictive analytics, BMC Medicine 17 (2019), for
observed to expected, slope and intercept; Liang and Zeger, Longitudinal data analysis using generalized linear models,
Biometrika 73 (1986), for the variance; Guo et al., On Calibration of Modern Neural Networks, ICML 2017, for bins and
temperature; Brier, Monthly Weather Review 78 (1950); Davison and Hinkley, Bootstrap Methods and their Application
(1997), 5.2, for the interval.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Draws, Estimate, Resamples
from pipeline_src.evaluation.model_predictions import Predictions

BIN_COUNT: Final = 15
TEMPERATURE_BOUNDS: Final = (0.05, 20.0)
# The container computes in float32 and rounds smaller values to 0, which has no logarithm.
SMALLEST_PROBABILITY: Final = float(np.finfo(np.float32).tiny)
# Values are summed as multiples of this step. Float64 holds such sums exactly for up to 200 million images, so the
# order of summation, which differs by processor and number of threads, does not change a digit.
STEP: Final = 2.0**-24
# Logarithms differ by processor in their last digit, and values fitted to them in digits beyond these.
DECIMALS: Final = 4
WALD_METHOD: Final = "Wald"
CURVE_POINTS: Final = 10  # groups of equal numbers of images
_BOUND_TOLERANCE: Final = 0.005  # the search ends near a bound, not at it
_ITERATIONS: Final = 50
_CONVERGED: Final = 1e-9
_NORMAL: Final = float(special.ndtri(1 - confidence_intervals.TAIL_PROBABILITY))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReliabilityBin:
    """Test images whose highest probability is in (`lower`, `upper`]; an empty bin has no confidence or accuracy."""

    lower: float
    upper: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Reliability:
    """Calibration metrics of one set of probabilities.

    Attributes:
        bins: of equal width, from 0 to 1.
        error: expected calibration error: the mean of |accuracy - confidence| over the images' bins; no interval.
        overconfidence: likewise, but counting only bins whose confidence exceeds their accuracy.
        brier: mean squared distance of the probabilities from the truth, from 0 to 2.
    """

    bins: tuple[ReliabilityBin, ...]
    error: Estimate
    overconfidence: Estimate
    brier: Estimate


@dataclass(frozen=True)
class ClassCalibration:
    """Calibration in the large of one class: images of it, the sum of its probabilities, and their ratio."""

    observed: int
    expected: float
    ratio: Estimate


@dataclass(frozen=True)
class CurvePoint:
    """Images of similar melanoma probability: their number, mean probability, and share of melanomas."""

    images: int
    expected: float
    observed: float


@dataclass(frozen=True)
class MelanomaCalibration:
    """Calibration of the melanoma probability; slope and intercept are undefined if the classes are separated."""

    slope: Estimate
    intercept: Estimate
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class Calibration:
    """Reliability on the test images, as served and at the fitted temperature.

    Attributes:
        served: of the probabilities as served.
        temperature: divisor of the logits, fitted on the validation images; None without any, or at a bound.
        tempered: of the test images at that temperature; None without one.
        classes: by label, as served.
        melanoma: of the melanoma probability as served.
        bound: the one of `TEMPERATURE_BOUNDS` at which the search for a temperature ended; None if it did not.
    """

    served: Reliability
    temperature: float | None
    tempered: Reliability | None
    classes: dict[str, ClassCalibration]
    melanoma: MelanomaCalibration
    bound: float | None = None


def measure_calibration(validation: Predictions, test: Predictions, resamples: Resamples) -> Calibration:
    """Measure `test` (N images), with its `resamples`, as served and at the temperature fitted on `validation`."""
    fitted, bound = fitted_temperature(validation)
    tempered = None if fitted is None else Predictions(test.images, apply_temperature(test.probabilities, fitted))
    return Calibration(
        served=measure_reliability(test, resamples),
        temperature=fitted,
        tempered=None if tempered is None else measure_reliability(tempered, resamples),
        classes=measure_classes(test, resamples),
        melanoma=measure_melanoma(test),
        bound=bound,
    )


def fitted_temperature(validation: Predictions) -> tuple[float | None, float | None]:
    """Return the temperature fitted on `validation`, and the bound at which the search ended instead, or None."""
    found = fit_temperature(validation)
    for bound in TEMPERATURE_BOUNDS:
        if found is not None and math.isclose(found, bound, rel_tol=_BOUND_TOLERANCE):
            return None, bound
    return found, None


def fit_temperature(validation: Predictions) -> float | None:
    """Return the maximum-likelihood temperature on `validation` within `TEMPERATURE_BOUNDS`; None without images."""
    if not validation.images:
        return None
    logits, truth = _logits(validation.probabilities), validation.truth[:, np.newaxis]

    def surprise(logarithm: float) -> float:
        scaled = special.log_softmax(logits / np.exp(logarithm), axis=1)
        return -float(np.take_along_axis(scaled, truth, axis=1).mean())

    found = optimize.minimize_scalar(
        surprise, bounds=np.log(TEMPERATURE_BOUNDS).tolist(), method="bounded", options={"xatol": 1e-6}
    )
    return round(float(np.exp(found.x)), DECIMALS)


def apply_temperature(probabilities: Floats, by: float) -> Floats:
    """Return probabilities (N, classes) of a softmax with logits divided by `by`; above 1 lowers the confidence."""
    softened: Floats = special.softmax(_logits(probabilities) / by, axis=1)
    return softened


def measure_reliability(test: Predictions, resamples: Resamples) -> Reliability:
    """Return the calibration metrics of `test` (N images); undefined without images."""
    confidence, right = test.probabilities.max(axis=1), test.truth == test.predicted
    inside, images = _inside(confidence), len(test.images)
    if not images:
        return Reliability(_bins(inside, confidence, right), *[confidence_intervals.undefined_estimate()] * 3)
    gaps = _whole(inside * (confidence - right)[:, np.newaxis]).sum(axis=0) * STEP / images
    squares = np.square(test.probabilities - classification_metrics.one_hot_labels(test.truth)).sum(
        axis=1, keepdims=True
    )
    lesions = confidence_intervals.count_lesions(test.images, np.ones(images, dtype=np.bool_))
    return Reliability(
        bins=_bins(inside, confidence, right),
        error=Estimate(float(np.abs(gaps).sum()), None, None, images, lesions, confidence_intervals.NO_INTERVAL),
        overconfidence=Estimate(
            float(np.maximum(gaps, 0).sum()), None, None, images, lesions, confidence_intervals.NO_INTERVAL
        ),
        brier=confidence_intervals.percentile_estimate(
            *_folded(_means(squares, resamples)), images=images, lesions=lesions
        ),
    )


def _logits(probabilities: Floats) -> Floats:
    logits: Floats = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    return logits


def _inside(confidence: Floats) -> npt.NDArray[np.bool_]:
    """Return (N, bins): True where the confidence of image i is in bin k; 0 is in the first bin."""
    upper = np.linspace(0, 1, BIN_COUNT + 1)[1:-1]
    inside: npt.NDArray[np.bool_] = np.searchsorted(upper, confidence)[:, np.newaxis] == np.arange(BIN_COUNT)
    return inside


def _bins(
    inside: npt.NDArray[np.bool_], confidence: Floats, right: npt.NDArray[np.bool_]
) -> tuple[ReliabilityBin, ...]:
    edges = np.linspace(0, 1, BIN_COUNT + 1).tolist()
    found = []
    for lower, upper, rows in zip(edges, edges[1:], inside.T, strict=False):
        sure = _whole(confidence[rows]).sum() * STEP
        means = (float(sure / rows.sum()), float(right[rows].mean())) if rows.any() else (None, None)
        found.append(ReliabilityBin(lower, upper, int(rows.sum()), *means))
    return tuple(found)


def _whole(values: Floats) -> Floats:
    """Return `values` as multiples of `STEP`."""
    steps: Floats = np.rint(values / STEP)
    return steps


def _means(values: Floats, resamples: Resamples) -> Floats:
    """Return (1 + B, K): the means of `values` (N, K) over the images, then over each resample."""
    whole, weights = _whole(values), resamples.weights.astype(np.float64)
    sums = np.concatenate([whole.sum(axis=0, keepdims=True), weights @ whole])
    images = np.concatenate([[len(whole)], weights.sum(axis=1)])[:, np.newaxis]
    means: Floats = sums * STEP / images
    return means


def _folded(means: Floats) -> tuple[float, Draws]:
    """Return the row sums of `means` (1 + B, K): the first, and the others."""
    sums = means.sum(axis=1)
    return float(sums[0]), sums[1:]


def measure_classes(test: Predictions, resamples: Resamples) -> dict[str, ClassCalibration]:
    """Return the calibration in the large of each class by label; the ratio is undefined without an image of it."""
    truth, images = classification_metrics.one_hot_labels(test.truth), len(test.images)
    lesions = confidence_intervals.count_lesions(test.images, np.ones(images, dtype=np.bool_))
    counts = truth.sum(axis=0)
    expected = _expected_images(test, truth, resamples) if images else np.zeros((1, len(contract.CLASS_LABELS)))
    found = {}
    for column, label in enumerate(contract.CLASS_LABELS):
        count, total = int(counts[column]), float(expected[0, column])
        ratio = confidence_intervals.undefined_estimate(images, lesions)
        if count and total:
            drawn = count / np.maximum(expected[1:, column], STEP)
            ratio = confidence_intervals.percentile_estimate(count / total, drawn, images=images, lesions=lesions)
        found[label] = ClassCalibration(count, total, ratio)
    return found


def _expected_images(test: Predictions, truth: npt.NDArray[np.bool_], resamples: Resamples) -> Floats:
    """Return (1 + B, classes): the sums of the probabilities over the images, then for each resample.

    In a resample, the mean probability of each true class is weighed by the number of its images in the test set, so
    that the number of images that happen to be drawn does not add to the width.
    """
    total = np.zeros((1 + len(resamples.weights), truth.shape[1]))
    for rows in truth.T:
        if rows.any():
            total += _means(test.probabilities[rows], resamples.of(rows)) * np.count_nonzero(rows)
    return total


def measure_melanoma(test: Predictions) -> MelanomaCalibration:
    """Return slope, intercept and curve of the melanoma probability of `test` (N images).

    With few melanoma lesions, or few others, slope and intercept have no interval.
    """
    melanoma, images = test.is_melanoma, len(test.images)
    sides = [confidence_intervals.count_lesions(test.images, side) for side in (melanoma, ~melanoma)]
    shown = np.clip(test.melanoma, STEP, 1 - STEP)
    logits: Floats = np.log(shown) - np.log1p(-shown)
    slope, intercept = (confidence_intervals.undefined_estimate(images, sum(sides)) for _ in range(2))
    if min(sides) and logits[melanoma].min() < logits[~melanoma].max() and logits.min() < logits.max():
        once, nothing = np.ones((images, 1)), np.zeros(images)
        enough = min(sides) >= confidence_intervals.SMALL_SAMPLE
        slope = _wald_estimate(test, np.column_stack([once, logits]), nothing, enough=enough)
        intercept = _wald_estimate(test, once, logits, enough=enough)
    return MelanomaCalibration(slope, intercept, _melanoma_curve(test))


def _melanoma_curve(test: Predictions) -> tuple[CurvePoint, ...]:
    order = np.argsort(test.melanoma, kind="stable")
    groups = [rows for rows in np.array_split(order, CURVE_POINTS) if rows.size]
    return tuple(
        CurvePoint(
            int(rows.size),
            float(_whole(test.melanoma[rows]).sum() * STEP / rows.size),
            float(test.is_melanoma[rows].mean()),
        )
        for rows in groups
    )


def _wald_estimate(test: Predictions, design: Floats, offset: Floats, *, enough: bool) -> Estimate:
    """Return the last coefficient of a logistic regression of melanoma on `design` (N, K) with an `offset` (N,)."""
    images = len(test.images)
    lesions = confidence_intervals.count_lesions(test.images, np.ones(images, dtype=np.bool_))
    fitted = _logistic_coefficients(design, offset, test.is_melanoma)
    if fitted is None:
        return confidence_intervals.undefined_estimate(images, lesions)
    coefficients, inverse = fitted
    value = round(float(coefficients[-1]), DECIMALS)
    if not enough:
        return Estimate(value, None, None, images, lesions, confidence_intervals.NO_INTERVAL)
    errors = test.is_melanoma - special.expit(offset + design @ coefficients)
    half = _NORMAL * math.sqrt((inverse @ _score_variance(test, design * errors[:, np.newaxis]) @ inverse)[-1, -1])
    ends = round(value - half, DECIMALS), round(value + half, DECIMALS)
    return Estimate(value, *ends, images, lesions, WALD_METHOD)


def _logistic_coefficients(
    design: Floats, offset: Floats, outcome: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats] | None:
    """Return coefficients (K,) and inverse information (K, K) by Newton's method; None if it does not converge."""
    coefficients: Floats = np.zeros(design.shape[1])
    for _ in range(_ITERATIONS):
        shares = special.expit(offset + design @ coefficients)
        information = design.T @ (design * (shares * (1 - shares))[:, np.newaxis])
        try:
            inverse: Floats = np.linalg.inv(information)
        except np.linalg.LinAlgError:
            return None
        step = inverse @ (design.T @ (outcome - shares))
        coefficients = coefficients + np.clip(step, -1, 1)
        if np.abs(step).max() < _CONVERGED:
            return coefficients, inverse
    return None


def _score_variance(test: Predictions, scores: Floats) -> Floats:
    """Return the variance (K, K) of the sum of `scores` (N, K), with lesions drawn within each class."""
    total: Floats = np.zeros((scores.shape[1], scores.shape[1]))
    ids = np.array([image.lesion_id for image in test.images])
    for label in np.unique(test.truth):
        rows = test.truth == label
        lesions, codes = np.unique(ids[rows], return_inverse=True)
        sums = np.zeros((len(lesions), scores.shape[1]))
        np.add.at(sums, codes, scores[rows])
        count = len(lesions)
        centred = sums - sums.mean(axis=0) if count > 1 else sums
        total = total + centred.T @ centred * (count / max(1, count - 1))
    return total

# SPDX-License-Identifier: MIT-0
"""Whether a probability means what it says.

Of the images to which a calibrated model gives its class with a probability of 0.8, it is right on 80 in 100. The
expected calibration error (ECE) sums up how far that is from true. It cannot be negative, and chance adds to it: of a
perfectly calibrated model, 140 images show an ECE of about 0.06 and 2,000 one of 0.016. A bootstrap adds chance a
second time, so that its percentiles lie too high: with such a model they hold the truth in none of 100 samples. Their
distances are therefore turned round the figure (the basic, or pivotal, interval), which holds the true overconfidence
in 91 to 94 of 100 samples from 140 or 2,000 images, and the true ECE as often once it is 0.05; of a perfectly
calibrated model's ECE the lower end stays a little above 0 all the same.

One temperature, by which the logits are divided, is fitted on the validation images. It is a remedy to look at: nothing
that is served uses it, and no temperature changes which class is the most probable.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, for bins and temperature; Brier, Monthly
Weather Review 78 (1950); Davison and Hinkley, Bootstrap Methods and their Application (1997), 5.2, for the interval.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from pipeline_src.evaluation import classification_metrics, confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Draws, Estimate, Resamples
from pipeline_src.evaluation.model_predictions import Predictions

BIN_COUNT: Final = 15
TEMPERATURE_BOUNDS: Final = (0.05, 20.0)
# A container computes in float32 and rounds what is smaller to 0, of which there is no logarithm.
SMALLEST_PROBABILITY: Final = float(np.finfo(np.float32).tiny)
# Values are added up as whole numbers of this size. Float64 holds such sums exactly, so that no order of adding, which
# differs by processor and by number of threads, changes a digit; the images would have to be more than 200 million.
STEP: Final = 2.0**-24
# Logarithms differ by processor in their last digit, and what is fitted to them in later ones than these.
DECIMALS: Final = 4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReliabilityBin:
    """Test images whose highest probability is in (`lower`, `upper`]; `confidence` and `accuracy` None if none is."""

    lower: float
    upper: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Reliability:
    """How far probabilities are from the truth.

    Attributes:
        bins: of equal width, from 0 to 1.
        error: expected calibration error: the mean of |accuracy - confidence| over the images' bins.
        overconfidence: the same, counting only bins whose confidence exceeds their accuracy.
        brier: mean squared distance of the probabilities from the truth, from 0 to 2.
    """

    bins: tuple[ReliabilityBin, ...]
    error: Estimate
    overconfidence: Estimate
    brier: Estimate


@dataclass(frozen=True)
class Calibration:
    """Reliability on the test images as the model is served, and what one temperature would make of it.

    Attributes:
        served: of the probabilities as they are.
        temperature: by which the logits would be divided, fitted on the validation images; None without any.
        tempered: reliability of the test images at that temperature; None without it.
    """

    served: Reliability
    temperature: float | None
    tempered: Reliability | None


def measure_calibration(validation: Predictions, test: Predictions, resamples: Resamples) -> Calibration:
    """Measure `test` (N images), with `resamples` of it, as it is and at the temperature that `validation` asks for."""
    fitted = fit_temperature(validation)
    tempered = None if fitted is None else Predictions(test.images, apply_temperature(test.probabilities, fitted))
    return Calibration(
        served=measure_reliability(test, resamples),
        temperature=fitted,
        tempered=None if tempered is None else measure_reliability(tempered, resamples),
    )


def fit_temperature(validation: Predictions) -> float | None:
    """Return the temperature within `TEMPERATURES` that makes the truth of `validation` most likely; None of none."""
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
    """Return the (N, classes) probabilities of a softmax whose logits are divided by `by`: less sure above 1."""
    softened: Floats = special.softmax(_logits(probabilities) / by, axis=1)
    return softened


def measure_reliability(test: Predictions, resamples: Resamples) -> Reliability:
    """Return how far the probabilities of `test` (N images) are from the truth; undefined of no image."""
    confidence, right = test.probabilities.max(axis=1), test.truth == test.predicted
    inside, images = _inside(confidence), len(test.images)
    if not images:
        return Reliability(_bins(inside, confidence, right), *[confidence_intervals.undefined_estimate()] * 3)
    gaps = _means(inside * (confidence - right)[:, np.newaxis], resamples)
    squares = np.square(test.probabilities - classification_metrics.one_hot_labels(test.truth)).sum(
        axis=1, keepdims=True
    )
    lesions = confidence_intervals.count_lesions(test.images, np.ones(images, dtype=np.bool_))
    return Reliability(
        bins=_bins(inside, confidence, right),
        error=_pivotal(*_folded(np.abs(gaps)), images=images, lesions=lesions),
        overconfidence=_pivotal(*_folded(np.maximum(gaps, 0)), images=images, lesions=lesions),
        brier=confidence_intervals.percentile_estimate(
            *_folded(_means(squares, resamples)), images=images, lesions=lesions
        ),
    )


def _logits(probabilities: Floats) -> Floats:
    logits: Floats = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    return logits


def _inside(confidence: Floats) -> npt.NDArray[np.bool_]:
    """Return (N, BINS), whether the confidence of image i lies in bin k; 0, which no softmax gives, is in the first."""
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
    """Return `values` as whole numbers of `STEP`s."""
    steps: Floats = np.rint(values / STEP)
    return steps


def _means(values: Floats, resamples: Resamples) -> Floats:
    """Return (1 + B, K): the means over images of `values` (N, K), first as they are, then of each resample."""
    whole, weights = _whole(values), resamples.weights.astype(np.float64)
    sums = np.concatenate([whole.sum(axis=0, keepdims=True), weights @ whole])
    images = np.concatenate([[len(whole)], weights.sum(axis=1)])[:, np.newaxis]
    means: Floats = sums * STEP / images
    return means


def _folded(means: Floats) -> tuple[float, Draws]:
    """Return the sums over columns of (1 + B, K): of the first row, and of the others."""
    sums = means.sum(axis=1)
    return float(sums[0]), sums[1:]


def _pivotal(value: float, draws: Draws, *, images: int, lesions: int) -> Estimate:
    """Return the estimate with its basic interval: not below 0, and not without `value` itself."""
    found = confidence_intervals.percentile_estimate(value, draws, images=images, lesions=lesions)
    if found.lower is None or found.upper is None:
        return found
    lower, upper = max(0.0, min(value, 2 * value - found.upper)), max(value, 2 * value - found.lower)
    return Estimate(value, lower, upper, images, lesions, found.method)

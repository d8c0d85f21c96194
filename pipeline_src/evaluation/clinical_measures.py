# SPDX-License-Identifier: MIT-0
"""Computes what a clinical reader asks about the melanoma threshold: counts, predictive values, net benefit, misses.

The predictive values on the test images hold for their share of melanomas, about one in ten in HAM10000, which is more
than in most practices. For other prevalences they follow from sensitivity and specificity by Bayes' rule; both may
differ where the spectrum of lesions differs, which no formula corrects. Net benefit weighs a false alarm against a
melanoma found by the odds of the threshold probability at which a reader would refer; it uses the melanoma probability
as served, so a model whose probabilities are wrong is penalised.

Sources: Vickers and Elkin, Decision curve analysis, Medical Decision Making 26 (2006); STARD 2015, items 21 to 24, for
the table of counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Draws, Estimate, Mask, Resamples
from pipeline_src.evaluation.model_predictions import Predictions

PREVALENCES: Final = (0.01, 0.02, 0.05, 0.10)
THRESHOLD_PERCENTS: Final = range(1, 51)  # threshold probabilities of the decision curve


@dataclass(frozen=True)
class TwoByTwoTable:
    """Numbers of test images at the threshold."""

    melanomas_found: int
    melanomas_missed: int
    false_alarms: int
    others_cleared: int


@dataclass(frozen=True)
class PredictiveValues:
    """PPV and NPV at the threshold where a share `prevalence` of the images are melanomas."""

    prevalence: float
    ppv: Estimate
    npv: Estimate


@dataclass(frozen=True)
class NetBenefit:
    """Net benefit at one threshold probability, in melanomas found per image, of the model and of referring all.

    Referring nobody has a net benefit of 0.
    """

    threshold_probability: float
    model: float
    refer_all: float


@dataclass(frozen=True)
class MissedMelanoma:
    """A test image of a melanoma below the threshold, its melanoma probability, and its most probable class."""

    image_id: str
    lesion_id: str
    probability: float
    predicted: str


@dataclass(frozen=True)
class ClinicalMeasures:
    """Measures of the melanoma threshold on the test images.

    Attributes:
        table: None without a threshold; then all but `decision_curve` is empty or undefined.
        ppv: share of the images at or above the threshold that are melanomas; its interval takes the share of melanomas
            in the test images as given.
        npv: share of the images below it that are not; likewise.
        false_alarms_per_melanoma: false alarms for each melanoma image found; its interval is that of the PPV.
        at_prevalence: PPV and NPV at `PREVALENCES`.
        decision_curve: net benefit at `THRESHOLD_PERCENTS`; empty without images.
        missed: the missed melanomas, the least suspected first.
        missed_lesions: number of melanoma lesions of which no image was found.
    """

    table: TwoByTwoTable | None
    ppv: Estimate
    npv: Estimate
    false_alarms_per_melanoma: Estimate
    at_prevalence: tuple[PredictiveValues, ...]
    decision_curve: tuple[NetBenefit, ...]
    missed: tuple[MissedMelanoma, ...]
    missed_lesions: int


def measure_threshold(test: Predictions, threshold: float | None, resamples: Resamples) -> ClinicalMeasures:
    """Measure `test` (any number of images), with its `resamples`, at the melanoma `threshold`."""
    curve = net_benefits(test)
    if threshold is None:
        undefined = confidence_intervals.undefined_estimate()
        return ClinicalMeasures(None, undefined, undefined, undefined, (), curve, (), 0)
    melanoma, suspected = test.is_melanoma, test.melanoma >= threshold
    share = float(melanoma.mean()) if melanoma.size else 0.0
    own, *others = _at_prevalences(test, suspected, resamples, (share, *PREVALENCES))
    ppv, npv = (_of_images(test, *pair) for pair in ((own.ppv, suspected), (own.npv, ~suspected)))
    missed = [int(row) for row in np.flatnonzero(melanoma & ~suspected)]
    missed.sort(key=lambda row: (test.melanoma[row], test.images[row].image_id))
    found = {test.images[row].lesion_id for row in np.flatnonzero(melanoma & suspected).tolist()}
    return ClinicalMeasures(
        table=TwoByTwoTable(
            *(
                int(np.count_nonzero(each))
                for each in (melanoma & suspected, melanoma & ~suspected, ~melanoma & suspected, ~melanoma & ~suspected)
            )
        ),
        ppv=ppv,
        npv=npv,
        false_alarms_per_melanoma=_false_alarms(ppv),
        at_prevalence=tuple(others) if 0 < share < 1 else (),
        decision_curve=curve,
        missed=tuple(_missed_melanoma(test, row) for row in missed),
        missed_lesions=len({test.images[row].lesion_id for row in missed} - found),
    )


def net_benefits(test: Predictions) -> tuple[NetBenefit, ...]:
    """Return the decision curve for melanoma of `test`; empty without images."""
    melanoma, images = test.is_melanoma, len(test.images)
    if not images:
        return ()

    def benefit(called: Mask, odds: float) -> float:
        found, alarms = np.count_nonzero(called & melanoma), np.count_nonzero(called & ~melanoma)
        return (found - alarms * odds) / images

    everyone = np.ones_like(melanoma)
    levels = [(percent / 100, percent / (100 - percent)) for percent in THRESHOLD_PERCENTS]
    return tuple(
        NetBenefit(level, benefit(test.melanoma >= level, odds), benefit(everyone, odds)) for level, odds in levels
    )


def predictive_values(sensitivity: Draws, specificity: Draws, prevalence: float) -> tuple[Draws, Draws]:
    """Return PPV and NPV by Bayes' rule, NaN where they are not defined; both rise with either argument."""
    found, missed = sensitivity * prevalence, (1 - sensitivity) * prevalence
    alarms, cleared = (1 - specificity) * (1 - prevalence), specificity * (1 - prevalence)
    with np.errstate(invalid="ignore"):
        return found / (found + alarms), cleared / (cleared + missed)


def _of_images(test: Predictions, found: Estimate, rows: Mask) -> Estimate:
    """Return `found` with the numbers of images and lesions of `rows` (N,)."""
    return replace(found, images=int(rows.sum()), lesions=confidence_intervals.count_lesions(test.images, rows))


def _at_prevalences(
    test: Predictions, suspected: Mask, resamples: Resamples, prevalences: Sequence[float]
) -> list[PredictiveValues]:
    """Return the predictive values at `prevalences`; undefined without an image of either kind.

    The interval combines draws of both shares, see `confidence_intervals.melded_draws`.
    """
    hits, counted = np.column_stack([suspected, ~suspected]), np.column_stack([test.is_melanoma, ~test.is_melanoma])
    if not counted.any(axis=0).all():
        undefined = confidence_intervals.undefined_estimate()
        return [PredictiveValues(prevalence, undefined, undefined) for prevalence in prevalences]
    shares = confidence_intervals.column_shares(hits, counted)
    ends = confidence_intervals.melded_draws(hits, counted, resamples, test.images)
    found = []
    for prevalence in prevalences:
        value, lower, upper = (
            predictive_values(each[:, 0], each[:, 1], prevalence) for each in (shares[np.newaxis], *ends)
        )
        pairs = zip(value, lower, upper, strict=True)
        found.append(PredictiveValues(prevalence, *(_bounded_estimate(test, *each) for each in pairs)))
    return found


def _bounded_estimate(test: Predictions, value: Draws, low: Draws, high: Draws) -> Estimate:
    """Return the estimate of `value` (1,) with draws (B,) for its lower and for its upper end; undefined if NaN."""
    size = len(test.images), confidence_intervals.count_lesions(test.images, np.ones(len(test.images), dtype=np.bool_))
    if np.isnan(value).any():
        return confidence_intervals.undefined_estimate(*size)
    tail = confidence_intervals.TAIL_PROBABILITY
    ends = float(np.nanquantile(low, tail)), float(np.nanquantile(high, 1 - tail))
    return Estimate(float(value[0]), *ends, *size, confidence_intervals.BOOTSTRAP_METHOD)


def _false_alarms(ppv: Estimate) -> Estimate:
    """Return the false alarms for each melanoma found, which are the odds against the `ppv`; undefined for 0."""
    if not ppv.value:
        return confidence_intervals.undefined_estimate(ppv.images, ppv.lesions)
    value = (1 - ppv.value) / ppv.value
    if not ppv.lower or not ppv.upper:
        return Estimate(value, None, None, ppv.images, ppv.lesions, confidence_intervals.NO_INTERVAL)
    ends = (1 - ppv.upper) / ppv.upper, (1 - ppv.lower) / ppv.lower
    return Estimate(value, *ends, ppv.images, ppv.lesions, ppv.method)


def _missed_melanoma(test: Predictions, row: int) -> MissedMelanoma:
    image = test.images[row]
    predicted = contract.CLASS_LABELS[test.predicted[row]]
    return MissedMelanoma(image.image_id, image.lesion_id, float(test.melanoma[row]), predicted)

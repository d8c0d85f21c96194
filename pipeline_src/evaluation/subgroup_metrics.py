# SPDX-License-Identifier: MIT-0
"""Computes metrics of subgroups of the test images: by sex, age band, site, kind of confirmation and source.

A subgroup is averaged over the classes of which it has enough lesions, and compared with all other images on classes
of which both sides have enough; otherwise a group of mostly benign lesions would appear better than it is. Intervals
are computed as for all images, see confidence_intervals.py. To find the weakest of the groups of one attribute,
simultaneous bounds are needed: the tail probability of a group's ceiling is divided by the number of evaluable groups
of its attribute (Bonferroni), and weak groups are found by Holm's procedure within the attribute. Each attribute has
its own error rate, so with five attributes a model that is equally good everywhere is flagged more often than with one.
A group that is not flagged as weak is not proven to be as good: `detectable` is the smallest deficit that would usually
be found. Correcting an error never lowers a bound of the group that it is in.

Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6 (1979).

Skin tone is not an attribute: HAM10000 comes from Vienna and Queensland (Tschandl et al., Scientific Data 5, 2018) and
does not record it, and public datasets have few images of dark skin (Wen et al., The Lancet Digital Health 4, 2022).
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import stats

from pipeline_src import contract
from pipeline_src.evaluation import (
    classification_metrics,
    confidence_intervals,
    ranking_metrics,
    study_population,
)
from pipeline_src.evaluation.confidence_intervals import (
    BOOTSTRAP_METHOD,
    TAIL_PROBABILITY,
    Draws,
    Estimate,
    Mask,
    Resamples,
)
from pipeline_src.evaluation.model_predictions import Predictions

SUBGROUP_ATTRIBUTES: Final = ("sex", study_population.AGE_ATTRIBUTE, "localization", "dx_type", "source")


@dataclass(frozen=True)
class ClassStrata:
    """Sensitivities of K classes in a set of images, and their mean.

    Attributes:
        classes: their labels.
        columns: (N, K), True where image i is in the set and of class k.
        shares: (K,), the sensitivities.
        lower: (B, K), draws of them for the lower end; see `confidence_intervals.melded_draws`.
        upper: (B, K), likewise for the upper end.
    """

    classes: tuple[str, ...]
    columns: Mask
    shares: Draws
    lower: Draws
    upper: Draws

    @property
    def rows(self) -> Mask:
        """(N,), the images of any of the classes."""
        return np.asarray(self.columns.any(axis=1))

    @property
    def value(self) -> float:
        """The mean sensitivity of the classes."""
        return float(self.shares.mean())

    @property
    def low(self) -> Draws:
        """(B,), draws of `value` for its lower end."""
        means: Draws = self.lower.mean(axis=1)
        return means

    @property
    def high(self) -> Draws:
        """(B,), draws of `value` for its upper end."""
        means: Draws = self.upper.mean(axis=1)
        return means

    def of(self, labels: tuple[str, ...]) -> "ClassStrata":
        """Return the strata of `labels` only."""
        kept = [self.classes.index(label) for label in labels]
        return ClassStrata(labels, self.columns[:, kept], self.shares[kept], self.lower[:, kept], self.upper[:, kept])


def measure_strata(test: Predictions, rows: Mask, labels: tuple[str, ...], resamples: Resamples) -> ClassStrata:
    """Measure the classes `labels`, each of which has an image among the images `rows` (N,) of `test`."""
    positions = [contract.CLASS_LABELS.index(label) for label in labels]
    columns = classification_metrics.one_hot_labels(test.truth)[:, positions] & rows[:, np.newaxis]
    hits = columns & (test.truth == test.predicted)[:, np.newaxis]
    return ClassStrata(
        labels,
        columns,
        confidence_intervals.column_shares(hits, columns),
        *confidence_intervals.melded_draws(hits, columns, resamples, test.images),
    )


def estimate_from_draws(test: Predictions, rows: Mask, value: float, low: Draws, high: Draws) -> Estimate:
    """Return `value`, measured on the images `rows` (N,), with the interval of its draws (B,)."""
    ends = float(np.quantile(low, TAIL_PROBABILITY)), float(np.quantile(high, 1 - TAIL_PROBABILITY))
    return Estimate(
        value,
        *ends,
        int(np.count_nonzero(rows)),
        confidence_intervals.count_lesions(test.images, rows),
        BOOTSTRAP_METHOD,
    )


MINIMUM_LESIONS: Final = 30  # of a group; with fewer, the interval of 0.5 is 0.31 to 0.69 or wider
MINIMUM_CLASS_LESIONS: Final = 5  # of a class in a group; with fewer, a result of 0 is still compatible with 0.6
# Of a class on either side of a difference. A class of fewer adds more to the width of the interval than to the
# evidence: its standard error is 0.09 or more, and a mean over seven classes has that of its rarest ones.
MINIMUM_COMPARED_LESIONS: Final = 20
CAUTION_DIFFERENCE: Final = -0.10  # below it a measured difference is pointed out, proven or not
DETECTION_POWER: Final = 0.80  # share of the test sets in which a deficit of `detectable` is flagged


@dataclass(frozen=True)
class Subgroup:
    """Test images that share a value of an attribute.

    Attributes:
        attribute: sex, age, localization, dx_type or source.
        group: its value, for example "female", "45 to 59", "back".
        images: the number of images.
        lesions: the number of their lesions.
        classes: labels of the classes with at least `MINIMUM_CLASS_LESIONS` of these lesions, in the contract's order.
        evaluable: True with at least `MINIMUM_LESIONS` lesions, which always leave one of `classes`; if False, the
            metrics below have no value.
        balanced_accuracy: mean sensitivity of `classes`, even if some classes are absent.
        malignant_sensitivity: share of the malignant or premalignant images whose most probable class is one of them.
        difference: mean sensitivity minus that of all other test images, on the classes of which both have at least
            `MINIMUM_COMPARED_LESIONS`; not defined if there is none, for example if all images are in one group.
        ceiling: upper end of the simultaneous 95 % interval (over the evaluable groups of the attribute) of
            `balanced_accuracy`.
        malignant_difference: malignant sensitivity minus that of all other test images; not defined unless both have at
            least `MINIMUM_COMPARED_LESIONS` malignant lesions.
        melanoma_auc: area under melanoma's ROC curve.
        melanoma_auc_difference: that minus the area of all other test images; not defined unless both have at least
            `MINIMUM_COMPARED_LESIONS` lesions of melanoma and of other classes.
        weak: True if the group is proven worse than the others by Holm's procedure over the groups of the attribute.
        detectable: the deficit that is flagged as weak in about `DETECTION_POWER` of test sets like this one, by the
            normal approximation with the Bonferroni bound; None where nothing is compared. Without a weak group, a
            smaller deficit may still exist.
    """

    attribute: str
    group: str
    images: int
    lesions: int
    classes: tuple[str, ...]
    evaluable: bool
    balanced_accuracy: Estimate
    malignant_sensitivity: Estimate
    difference: Estimate
    malignant_difference: Estimate
    melanoma_auc: Estimate
    melanoma_auc_difference: Estimate
    ceiling: float | None
    weak: bool
    detectable: float | None = None

    @property
    def differences(self) -> dict[str, Estimate]:
        """The defined differences from all other test images, by the name of the metric."""
        named = {
            "balanced accuracy": self.difference,
            "malignant sensitivity": self.malignant_difference,
            "melanoma AUC": self.melanoma_auc_difference,
        }
        return {name: found for name, found in named.items() if found.value is not None}

    @property
    def deficits(self) -> dict[str, float]:
        """The differences below `CAUTION_DIFFERENCE`, whether they are proven or not, by the name of the metric."""
        values = {name: found.value for name, found in self.differences.items()}
        return {name: value for name, value in values.items() if value is not None and value < CAUTION_DIFFERENCE}


@dataclass(frozen=True)
class _SubgroupImages:
    """The images of a group: rows (N,), its classes, and those of which it and the others have enough (`shared`)."""

    attribute: str
    group: str
    rows: Mask
    lesions: int
    classes: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def evaluable(self) -> bool:
        return self.lesions >= MINIMUM_LESIONS


def measure_subgroups(test: Predictions, resamples: Resamples) -> tuple[Subgroup, ...]:
    """Measure the groups of `test` (N images) by each attribute, with `resamples` of it."""
    found: list[Subgroup] = []
    for _, parts in itertools.groupby(_subgroup_images(test), key=lambda part: part.attribute):
        listed = list(parts)
        tail = TAIL_PROBABILITY / max(1, sum(part.evaluable for part in listed))
        measured = [
            _measured_subgroup(part, test, resamples, tail)
            if part.evaluable
            else (_unevaluable_subgroup(part), float("nan"))
            for part in listed
        ]
        weak = holm_rejections([p_value for _, p_value in measured])
        found += [replace(each, weak=flagged) for (each, _), flagged in zip(measured, weak, strict=True)]
    return tuple(found)


def holm_rejections(p_values: Sequence[float]) -> list[bool]:
    """Return which one-sided hypotheses Holm's procedure rejects at `TAIL_PROBABILITY`; NaN is no hypothesis."""
    order = sorted((value, place) for place, value in enumerate(p_values) if not math.isnan(value))
    rejected = [False] * len(p_values)
    for number, (value, place) in enumerate(order):
        if value > TAIL_PROBABILITY / (len(order) - number):
            break
        rejected[place] = True
    return rejected


def _subgroup_images(test: Predictions) -> Iterator[_SubgroupImages]:
    for attribute in SUBGROUP_ATTRIBUTES:
        values = [study_population.group_of_image(image, attribute) for image in test.images]
        for group in study_population.order_groups(values):
            rows = np.array(values) == group
            classes = _evaluable_classes(test, rows, MINIMUM_CLASS_LESIONS)
            others = _evaluable_classes(test, ~rows, MINIMUM_COMPARED_LESIONS)
            enough = _evaluable_classes(test, rows, MINIMUM_COMPARED_LESIONS)
            shared = tuple(label for label in enough if label in others)
            yield _SubgroupImages(
                attribute, group, rows, confidence_intervals.count_lesions(test.images, rows), classes, shared
            )


def _evaluable_classes(test: Predictions, rows: Mask, least: int) -> tuple[str, ...]:
    """Return the labels of the classes with at least `least` lesions among the images `rows` (N,)."""
    columns = zip(contract.CLASS_LABELS, classification_metrics.one_hot_labels(test.truth).T, strict=True)
    return tuple(
        label for label, column in columns if confidence_intervals.count_lesions(test.images, column & rows) >= least
    )


def _unevaluable_subgroup(part: _SubgroupImages) -> Subgroup:
    images = int(np.count_nonzero(part.rows))
    nothing = confidence_intervals.undefined_estimate(images, part.lesions)
    return Subgroup(
        attribute=part.attribute,
        group=part.group,
        images=images,
        lesions=part.lesions,
        classes=part.classes,
        evaluable=False,
        balanced_accuracy=nothing,
        malignant_sensitivity=nothing,
        difference=nothing,
        malignant_difference=nothing,
        melanoma_auc=nothing,
        melanoma_auc_difference=nothing,
        ceiling=None,
        weak=False,
    )


def _measured_subgroup(
    part: _SubgroupImages, test: Predictions, resamples: Resamples, tail: float
) -> tuple[Subgroup, float]:
    """Return the metrics of `part`, and the one-sided p-value of its being as good as the others, or NaN.

    `tail` is the tail probability of a simultaneous bound. Whether the group is weak is left to the caller.
    """
    inside = measure_strata(test, part.rows, part.classes, resamples)
    malignant, taken = (
        classification_metrics.malignant_mask(test.truth),
        classification_metrics.malignant_mask(test.predicted),
    )
    difference, high = _difference_from_others(part, test, inside.of(part.shared), resamples)
    auc, auc_difference = _melanoma_areas(test, part.rows, resamples)
    measured = Subgroup(
        attribute=part.attribute,
        group=part.group,
        images=int(np.count_nonzero(part.rows)),
        lesions=part.lesions,
        classes=part.classes,
        evaluable=True,
        balanced_accuracy=estimate_from_draws(test, inside.rows, inside.value, inside.low, inside.high),
        malignant_sensitivity=confidence_intervals.estimate_proportion(
            taken, malignant & part.rows, resamples, test.images
        ),
        difference=difference,
        malignant_difference=_share_difference(taken, malignant, part.rows, test, resamples),
        melanoma_auc=auc,
        melanoma_auc_difference=auc_difference,
        ceiling=float(np.quantile(inside.high, 1 - tail)),
        weak=False,
        detectable=None if difference.value is None else float(_detectable_deficits(tail) * high.std()),
    )
    return measured, float("nan") if difference.value is None else (1 + np.count_nonzero(high >= 0)) / (1 + high.size)


def _detectable_deficits(tail: float) -> float:
    """Return the deficit, in standard errors, that a test with the tail probability `tail` finds often enough."""
    return float(stats.norm.ppf(1 - tail) + stats.norm.ppf(DETECTION_POWER))


def _difference_from_others(
    part: _SubgroupImages, test: Predictions, inside: ClassStrata, resamples: Resamples
) -> tuple[Estimate, Draws]:
    """Return the mean sensitivity `inside` minus that of all others, and draws of it (B,) for its upper end."""
    if not part.shared:
        return confidence_intervals.undefined_estimate(), np.zeros(0)
    outside = measure_strata(test, ~part.rows, part.shared, resamples)
    low, high = inside.low - outside.high, inside.high - outside.low
    return estimate_from_draws(test, inside.rows | outside.rows, inside.value - outside.value, low, high), high


def _share_difference(hits: Mask, counted: Mask, rows: Mask, test: Predictions, resamples: Resamples) -> Estimate:
    """Return the share of `hits` (N,) in the `counted` (N,) images among `rows` (N,), minus that of the others."""
    sides = np.column_stack([counted & rows, counted & ~rows])
    if not _enough_lesions(test, *sides.T):
        return confidence_intervals.undefined_estimate()
    both = np.column_stack([hits, hits])
    inside, outside = confidence_intervals.column_shares(both, sides)
    lower, upper = confidence_intervals.melded_draws(both, sides, resamples, test.images)
    low, high = lower[:, 0] - upper[:, 1], upper[:, 0] - lower[:, 1]
    return estimate_from_draws(test, counted, float(inside - outside), low, high)


def _melanoma_areas(test: Predictions, rows: Mask, resamples: Resamples) -> tuple[Estimate, Estimate]:
    """Return the area under melanoma's ROC curve among the images `rows` (N,), and its difference from the others'."""
    nothing = confidence_intervals.undefined_estimate()
    melanoma = test.is_melanoma
    if not _enough_lesions(test, rows & melanoma, rows & ~melanoma):
        return nothing, nothing
    value, drawn = _area(test, rows, resamples)
    area = confidence_intervals.percentile_estimate(value, drawn, **_size(test, rows))
    if not _enough_lesions(test, ~rows & melanoma, ~rows & ~melanoma):
        return area, nothing
    other, others = _area(test, ~rows, resamples)
    everywhere = _size(test, np.ones_like(rows))
    return area, confidence_intervals.percentile_estimate(value - other, drawn - others, **everywhere)


def _size(test: Predictions, rows: Mask) -> dict[str, int]:
    return {"images": int(rows.sum()), "lesions": confidence_intervals.count_lesions(test.images, rows)}


def _area(test: Predictions, rows: Mask, resamples: Resamples) -> tuple[float, Draws]:
    melanoma, scores = test.is_melanoma[rows], test.melanoma[rows]
    once = np.ones((1, melanoma.size), dtype=np.float32)
    value, drawn = (
        ranking_metrics.measure_ranking(scores, melanoma, weights).auc for weights in (once, resamples.of(rows).weights)
    )
    return float(value[0]), drawn


def _enough_lesions(test: Predictions, *sides: Mask) -> bool:
    return all(confidence_intervals.count_lesions(test.images, side) >= MINIMUM_COMPARED_LESIONS for side in sides)

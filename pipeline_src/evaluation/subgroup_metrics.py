# SPDX-License-Identifier: MIT-0
"""The groups that an image is in by what is known of its patient, its site, its confirmation and its source.

How much is right of each class of a set of images, and on average, as draws from which intervals are taken.

The same figures for parts of the test images: by sex, age band, site, kind of confirmation and source.

A group is averaged over the classes of which it has enough lesions, and compared with all other images on the same
classes, or a group of mostly harmless lesions would look better than it is. Intervals are found as for all images (see
melding.py); whoever looks for the weakest of many groups must besides look at simultaneous bounds: each leaves out as
much less as there are groups that can be judged (Bonferroni). That errs to the careful side: that a group is not called
weak does not prove that it is as good. Correcting a mistake never lowers a bound of the group that it is in.

Skin tone is no group: HAM10000 comes from Vienna and Queensland (Tschandl et al., Scientific Data 5, 2018) and does not
record it, and public datasets have few dark skins (Wen et al., The Lancet Digital Health 4, 2022).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, confidence_intervals
from pipeline_src.evaluation.confidence_intervals import (
    BOOTSTRAP_METHOD,
    TAIL_PROBABILITY,
    Draws,
    Estimate,
    Mask,
    Resamples,
)
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions

UNKNOWN_GROUP: Final = "unknown"
AGE_ATTRIBUTE: Final = "age"
SUBGROUP_ATTRIBUTES: Final = ("sex", AGE_ATTRIBUTE, "localization", "dx_type", "source")
# Ages from which a band starts, in years; HAM10000 gives them in steps of five.
_BANDS: Final = ((75, "75 and over"), (60, "60 to 74"), (45, "45 to 59"), (30, "30 to 44"), (0, "0 to 29"))


def group_of_image(image: HoldoutImage, attribute: str) -> str:
    """Return the group of `image` by one of `ATTRIBUTES`; `UNKNOWN` where the table has no value."""
    return age_band_of_image(image) if attribute == AGE_ATTRIBUTE else _normalized_value(getattr(image, attribute))


def age_band_of_image(image: HoldoutImage) -> str:
    """Return the age band of the patient.

    Age 0 of a patient of unknown sex is no age: it is what the dataset has where nothing is known of the patient.
    """
    try:
        age = float(image.age)
    except ValueError:
        return UNKNOWN_GROUP
    if not 0 <= age < float("inf") or (age == 0 and _normalized_value(image.sex) == UNKNOWN_GROUP):
        return UNKNOWN_GROUP
    return next(name for start, name in _BANDS if age >= start)


def order_groups(groups: Iterable[str]) -> list[str]:
    """Return each of `groups` once: by name, which for age bands is by age, and `UNKNOWN` last."""
    return sorted(set(groups), key=lambda name: (name == UNKNOWN_GROUP, name))


def _normalized_value(value: str) -> str:
    return value.strip().lower() or UNKNOWN_GROUP


@dataclass(frozen=True)
class ClassStrata:
    """K classes of a set of images, by themselves and on average.

    Attributes:
        classes: their labels.
        columns: (N, K), whether an image is in the set and of the class.
        shares: (K,), the share of the class that is right.
        lower: (B, K), draws of that share for its lower end; see `melding.draws`.
        upper: (B, K), likewise for its upper end.
    """

    classes: tuple[str, ...]
    columns: Mask
    shares: Draws
    lower: Draws
    upper: Draws

    @property
    def rows(self) -> Mask:
        """(N,), the images of any of the classes."""
        rows: Mask = self.columns.any(axis=1)
        return rows

    @property
    def value(self) -> float:
        """The mean share of the classes."""
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
        """Return the same of `labels` alone."""
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
    """Return `value`, measured on the images `rows` (N,), with the interval that its draws (B,) give."""
    ends = float(np.quantile(low, TAIL_PROBABILITY)), float(np.quantile(high, 1 - TAIL_PROBABILITY))
    return Estimate(
        value,
        *ends,
        int(np.count_nonzero(rows)),
        confidence_intervals.count_lesions(test.images, rows),
        BOOTSTRAP_METHOD,
    )


MINIMUM_LESIONS: Final = 30  # lesions of a group; of fewer, half of them right may be anything from 0.31 to 0.69
MINIMUM_CLASS_LESIONS: Final = 5  # lesions of a class in a group; of fewer, none right is still compatible with 0.6


@dataclass(frozen=True)
class Subgroup:
    """Test images that share a value of an attribute.

    Attributes:
        attribute: what they share: sex, age, localization, dx_type or source.
        group: its value, for example "female", "45 to 59", "back".
        images: how many.
        lesions: how many lesions these show.
        classes: labels of the classes with at least `CLASS_MINIMUM` lesions among them, in the contract's order.
        evaluable: whether they are enough to say anything: `MINIMUM` lesions, which always leave one of `classes`; if
            not, every figure below is without a value.
        balanced_accuracy: mean sensitivity of `classes` (not of all, where some are absent).
        malignant_sensitivity: share of the malignant images among them that are called malignant.
        difference: `balanced_accuracy` less that of all other test images, on those of `classes` that both have; not
            defined where they share none, as when all images are in one group.
        ceiling: upper end of the simultaneous 95 % interval (over all evaluable subgroups) of `balanced_accuracy`.
        weak: whether `difference` lies wholly below 0 even simultaneously: proven worse than the others.
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
    ceiling: float | None
    weak: bool


@dataclass(frozen=True)
class _SubgroupImages:
    """The images of a group: rows (N,), and the classes to average, in the group and in all other images alike."""

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
    parts = list(_subgroup_images(test))
    tail = TAIL_PROBABILITY / max(1, sum(part.evaluable for part in parts))
    return tuple(
        _measured_subgroup(part, test, resamples, tail) if part.evaluable else _unevaluable_subgroup(part)
        for part in parts
    )


def _subgroup_images(test: Predictions) -> Iterator[_SubgroupImages]:
    for attribute in SUBGROUP_ATTRIBUTES:
        values = [group_of_image(image, attribute) for image in test.images]
        for group in order_groups(values):
            rows = np.array(values) == group
            classes, others = _evaluable_classes(test, rows), _evaluable_classes(test, ~rows)
            shared = tuple(label for label in classes if label in others)
            yield _SubgroupImages(
                attribute, group, rows, confidence_intervals.count_lesions(test.images, rows), classes, shared
            )


def _evaluable_classes(test: Predictions, rows: Mask) -> tuple[str, ...]:
    """Return the labels of the classes with enough lesions among the images `rows` (N,)."""
    columns = zip(contract.CLASS_LABELS, classification_metrics.one_hot_labels(test.truth).T, strict=True)
    return tuple(
        label
        for label, column in columns
        if confidence_intervals.count_lesions(test.images, column & rows) >= MINIMUM_CLASS_LESIONS
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
        ceiling=None,
        weak=False,
    )


def _measured_subgroup(part: _SubgroupImages, test: Predictions, resamples: Resamples, tail: float) -> Subgroup:
    """Return the figures of `part`; `tail` is what a simultaneous bound leaves out."""
    inside = measure_strata(test, part.rows, part.classes, resamples)
    malignant, taken = (
        classification_metrics.malignant_mask(test.truth),
        classification_metrics.malignant_mask(test.predicted),
    )
    difference, highest = _difference_from_others(part, test, inside.of(part.shared), resamples, tail)
    return Subgroup(
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
        ceiling=float(np.quantile(inside.high, 1 - tail)),
        weak=highest < 0,
    )


def _difference_from_others(
    part: _SubgroupImages, test: Predictions, inside: ClassStrata, resamples: Resamples, tail: float
) -> tuple[Estimate, float]:
    """Return the mean share that is right `inside`, less that of all others, and its highest simultaneous bound."""
    if not part.shared:
        return confidence_intervals.undefined_estimate(), 0.0
    outside = measure_strata(test, ~part.rows, part.shared, resamples)
    low, high = inside.low - outside.high, inside.high - outside.low
    found = estimate_from_draws(test, inside.rows | outside.rows, inside.value - outside.value, low, high)
    return found, float(np.quantile(high, 1 - tail))

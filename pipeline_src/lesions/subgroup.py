# SPDX-License-Identifier: MIT-0
"""The same figures for parts of the test images: by sex, age band, site, kind of confirmation and source.

A group is averaged over the classes of which it has enough lesions, and compared with all other images on the same
classes, or a group of mostly harmless lesions would look better than it is. Intervals are found as for all images (see
melding.py); whoever looks for the weakest of many groups must besides look at simultaneous bounds: each leaves out as
much less as there are groups that can be judged (Bonferroni). That errs to the careful side: that a group is not called
weak does not prove that it is as good. Correcting a mistake never lowers a bound of the group that it is in.

Skin tone is no group: HAM10000 comes from Vienna and Queensland (Tschandl et al., Scientific Data 5, 2018) and does not
record it, and public datasets have few dark skins (Wen et al., The Lancet Digital Health 4, 2022).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline_src import contract
from pipeline_src.lesions import demographic, estimate, metrics, stratum
from pipeline_src.lesions.estimate import TAIL, Estimate, Mask
from pipeline_src.lesions.prediction import Predictions
from pipeline_src.lesions.resampling import Resamples
from pipeline_src.lesions.stratum import Strata

MINIMUM: Final = 30  # lesions of a group; of fewer, half of them right may be anything from 0.31 to 0.69
CLASS_MINIMUM: Final = 5  # lesions of a class in a group; of fewer, none right is still compatible with 0.6


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
        balanced_accuracy: mean sensitivity of `classes` (not of seven, where some are absent).
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
class _Part:
    """The images of a group: rows (N,), and the classes to average, in the group and in all other images alike."""

    attribute: str
    group: str
    rows: Mask
    lesions: int
    classes: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def evaluable(self) -> bool:
        return self.lesions >= MINIMUM


def measure(test: Predictions, resamples: Resamples) -> tuple[Subgroup, ...]:
    """Measure the groups of `test` (N images) by each attribute, with `resamples` of it."""
    parts = list(_parts(test))
    tail = TAIL / max(1, sum(part.evaluable for part in parts))
    return tuple(_measured(part, test, resamples, tail) if part.evaluable else _unknown(part) for part in parts)


def _parts(test: Predictions) -> Iterator[_Part]:
    for attribute in demographic.ATTRIBUTES:
        values = [demographic.group(image, attribute) for image in test.images]
        for group in demographic.ordered(values):
            rows = np.array(values) == group
            classes, others = _classes(test, rows), _classes(test, ~rows)
            shared = tuple(label for label in classes if label in others)
            yield _Part(attribute, group, rows, estimate.count_lesions(test.images, rows), classes, shared)


def _classes(test: Predictions, rows: Mask) -> tuple[str, ...]:
    """Return the labels of the classes with enough lesions among the images `rows` (N,)."""
    columns = zip(contract.CLASS_LABELS, metrics.one_hot(test.truth).T, strict=True)
    return tuple(
        label for label, column in columns if estimate.count_lesions(test.images, column & rows) >= CLASS_MINIMUM
    )


def _unknown(part: _Part) -> Subgroup:
    images = int(np.count_nonzero(part.rows))
    nothing = estimate.undefined(images, part.lesions)
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


def _measured(part: _Part, test: Predictions, resamples: Resamples, tail: float) -> Subgroup:
    """Return the figures of `part`; `tail` is what a simultaneous bound leaves out."""
    inside = stratum.measure(test, part.rows, part.classes, resamples)
    malignant, taken = metrics.malignant(test.truth), metrics.malignant(test.predicted)
    difference, highest = _difference(part, test, inside.of(part.shared), resamples, tail)
    return Subgroup(
        attribute=part.attribute,
        group=part.group,
        images=int(np.count_nonzero(part.rows)),
        lesions=part.lesions,
        classes=part.classes,
        evaluable=True,
        balanced_accuracy=stratum.estimated(test, inside.rows, inside.value, inside.low, inside.high),
        malignant_sensitivity=estimate.proportion(taken, malignant & part.rows, resamples, test.images),
        difference=difference,
        ceiling=float(np.quantile(inside.high, 1 - tail)),
        weak=highest < 0,
    )


def _difference(
    part: _Part, test: Predictions, inside: Strata, resamples: Resamples, tail: float
) -> tuple[Estimate, float]:
    """Return the mean share that is right `inside`, less that of all others, and its highest simultaneous bound."""
    if not part.shared:
        return estimate.undefined(), 0.0
    outside = stratum.measure(test, ~part.rows, part.shared, resamples)
    low, high = inside.low - outside.high, inside.high - outside.low
    found = stratum.estimated(test, inside.rows | outside.rows, inside.value - outside.value, low, high)
    return found, float(np.quantile(high, 1 - tail))

# SPDX-License-Identifier: MIT-0
"""Describes the images of an evaluation: their flow from the archive to the splits, demographics, reference standard.

Sources: TRIPOD+AI (Collins et al., BMJ 385, 2024), items 20a and 20b, for flow and demographics by split; CLAIM 2024
(Tejani et al., Radiology: Artificial Intelligence 6), for the reference standard.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline_src import contract
from pipeline_src.evaluation.model_predictions import HoldoutImage

UNKNOWN_GROUP: Final = "unknown"
AGE_ATTRIBUTE: Final = "age"
DESCRIBED_ATTRIBUTES: Final = ("sex", AGE_ATTRIBUTE, "localization", "source")
REFERENCE_ATTRIBUTE: Final = "dx_type"
# First age of each band, in years; HAM10000 has ages in steps of five.
_BANDS: Final = ((75, "75 and over"), (60, "60 to 74"), (45, "45 to 59"), (30, "30 to 44"), (0, "0 to 29"))


def group_of_image(image: HoldoutImage, attribute: str) -> str:
    """Return the group of `image` by one of `SUBGROUP_ATTRIBUTES`; `UNKNOWN_GROUP` without a value."""
    return age_band_of_image(image) if attribute == AGE_ATTRIBUTE else _normalized_value(getattr(image, attribute))


def age_band_of_image(image: HoldoutImage) -> str:
    """Return the age band of the patient.

    Age 0 with unknown sex counts as unknown: the dataset has it for patients of whom nothing is recorded.
    """
    try:
        age = float(image.age)
    except ValueError:
        return UNKNOWN_GROUP
    if not 0 <= age < float("inf") or (age == 0 and _normalized_value(image.sex) == UNKNOWN_GROUP):
        return UNKNOWN_GROUP
    return next(name for start, name in _BANDS if age >= start)


def order_groups(groups: Iterable[str]) -> list[str]:
    """Return the distinct `groups` sorted by name, which sorts age bands by age, with `UNKNOWN_GROUP` last."""
    return sorted(set(groups), key=lambda name: (name == UNKNOWN_GROUP, name))


def _normalized_value(value: str) -> str:
    return value.strip().lower() or UNKNOWN_GROUP


@dataclass(frozen=True)
class FlowStep:
    """A step of the flow of images: what it is, and the number of images; None if the dataset card does not have it."""

    step: str
    images: int | None


@dataclass(frozen=True)
class ProductionImages:
    """Images of the additional archive in one split: their number, by class, and the share of the split's images."""

    split: str
    images: int
    share: float
    by_class: dict[str, int]


@dataclass(frozen=True)
class StudyPopulation:
    """The images of all splits.

    Attributes:
        flow: from the archive to the splits.
        demographics: number of images by attribute, group and split.
        reference_standard: number of images by class and kind of confirmation (`dx_type`), over all splits.
        production: images of the additional archive, by split; empty without one.
    """

    flow: tuple[FlowStep, ...]
    demographics: dict[str, dict[str, dict[str, int]]]
    reference_standard: dict[str, dict[str, int]]
    production: tuple[ProductionImages, ...]


def describe_population(images: Sequence[HoldoutImage], card: Mapping[str, object]) -> StudyPopulation:
    """Describe the `images` of the manifest, of all splits, and their flow by the dataset `card`."""
    used = [image for image in images if image.split in contract.SPLITS]
    return StudyPopulation(
        flow=_flow(images, card),
        demographics={name: _groups_by_split(used, name) for name in DESCRIBED_ATTRIBUTES},
        reference_standard=_reference_standard(used),
        production=tuple(_production_images(used)),
    )


def _groups_by_split(images: Sequence[HoldoutImage], attribute: str) -> dict[str, dict[str, int]]:
    counted = Counter((group_of_image(image, attribute), image.split) for image in images)
    groups = order_groups(group for group, _ in counted)
    return {group: {split: counted[group, split] for split in contract.SPLITS} for group in groups}


def _reference_standard(images: Sequence[HoldoutImage]) -> dict[str, dict[str, int]]:
    counted = Counter((image.label, group_of_image(image, REFERENCE_ATTRIBUTE)) for image in images)
    kinds = order_groups(kind for _, kind in counted)
    return {label: {kind: counted[label, kind] for kind in kinds} for label in contract.CLASS_LABELS}


def _production_images(images: Sequence[HoldoutImage]) -> list[ProductionImages]:
    found = []
    for split in contract.SPLITS:
        inside = [image for image in images if image.split == split]
        labels = Counter(image.label for image in inside if image.archive == contract.ADDITION_ORIGIN)
        if labels.total():
            by_class = {label: labels[label] for label in contract.CLASS_LABELS}
            found.append(ProductionImages(split, labels.total(), labels.total() / len(inside), by_class))
    return found


def _flow(images: Sequence[HoldoutImage], card: Mapping[str, object]) -> tuple[FlowStep, ...]:
    """Return the steps: what the archives hold, what was left out and why, and what is in each split."""
    left_out = {
        "listed in a table, without an image in the archive": _length(card.get("metadata_without_image")),
        "in the archive, in no table": _number(_entry(card.get("images_without_metadata"), "count")),
        "left out of training: near-duplicates of held-out images": _length(_entry(card.get("leakage"), "dropped")),
    }
    splits = Counter(image.split for image in images)
    used = sum(splits[split] for split in contract.SPLITS)
    unused = [count for count in left_out.values() if count is not None]
    return (
        FlowStep("listed in a table or in the archive", used + sum(unused) if len(unused) == len(left_out) else None),
        *(FlowStep(step, count) for step, count in left_out.items()),
        FlowStep("used", used),
        *(FlowStep(f"used in {split}", splits[split]) for split in contract.SPLITS),
        *(
            [FlowStep("official test set, beside these", splits[contract.OFFICIAL])]
            if splits[contract.OFFICIAL]
            else []
        ),
    )


def _entry(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _length(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

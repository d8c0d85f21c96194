# SPDX-License-Identifier: MIT-0
"""Splits lesions into train, validation and test by a keyed hash of the lesion id.

All images of a lesion are in one split, and a lesion keeps its split when others are added. Test takes the lowest
positions and train the highest, so a larger test fraction only adds lesions to test.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.errors import BadInputError

# A change of the key changes the split: models made before and after could no longer be compared.
SPLIT_KEY: Final = b"skin-lesion-mlops split 1"
THIN_LESIONS: Final = 5  # lesions; with fewer in a split, one lesion changes a sensitivity by 20 points or more
_LARGEST_FIRST: Final = (contract.TRAIN, contract.VALIDATION, contract.TEST)


class SplitFractions(NamedTuple):
    """Fractions of the lesions, from 0 to 1, in validation and in test; train has the rest."""

    validation: float
    test: float

    def check(self) -> None:
        """Refuse fractions that leave a split empty.

        Raises:
            BadInputError: one is not between 0 and 1, or train would get nothing.
        """
        for name, value in zip(("validation", "test"), self, strict=True):
            if not (math.isfinite(value) and 0 < value < 1):
                raise BadInputError(f"parameters: {name} fraction {value}: must lie between 0 and 1. Correct it.")
        if self.validation + self.test >= 1:
            raise BadInputError(
                f"parameters: validation and test fractions {self.validation} + {self.test}: leave nothing to train"
                " on. Their sum must be below 1."
            )


def position_of_lesion(lesion_id: str) -> float:
    """Return the position of a lesion in [0, 1), the same on every machine and in every run."""
    digest = hashlib.blake2b(lesion_id.encode(), digest_size=8, key=SPLIT_KEY).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def split_of_lesion(lesion_id: str, fractions: SplitFractions) -> str:
    """Return the split of a lesion by its position alone."""
    position = position_of_lesion(lesion_id)
    if position < fractions.test:
        return contract.TEST
    return contract.VALIDATION if position < fractions.test + fractions.validation else contract.TRAIN


def split_of_additional_lesion(lesion_id: str, fractions: SplitFractions) -> str:
    """Return the split of a lesion of an additional archive: never test, which is the same for every model.

    Validation and train are in the same proportion as for the base.
    """
    validated = position_of_lesion(lesion_id) < fractions.validation / (1 - fractions.test)
    return contract.VALIDATION if validated else contract.TRAIN


class LesionSplits(NamedTuple):
    """The split of each lesion id, and remarks on classes with too few lesions for the hash alone."""

    by_lesion: dict[str, str]
    remarks: list[str]


def split_lesions(rows: Iterable[ImageMetadata], fractions: SplitFractions) -> LesionSplits:
    """Return the split of every lesion of `rows`.

    It is `split_of_lesion`, except where that leaves a class without a lesion in some split, which happens to classes
    of about a dozen lesions or fewer. Then train gives up the lesion whose position is nearest; if train has only one,
    the largest split gives up its nearest lesion.

    Raises:
        BadInputError: a class has no image at all, or fewer lesions than there are splits.
    """
    lesions: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        lesions[row.label].add(row.lesion_id)
    by_lesion: dict[str, str] = {}
    remarks: list[str] = []
    for label in contract.CLASS_LABELS:
        if len(lesions[label]) < len(contract.SPLITS):
            raise BadInputError(
                f"class {label}: {len(lesions[label])} lesions: train, validation and test need one each."
                " Add images of this class."
            )
        placed = {
            lesion: split_of_lesion(lesion, fractions) for lesion in sorted(lesions[label], key=position_of_lesion)
        }
        moved = _fill_empty_splits(placed, fractions)
        by_lesion |= placed
        if moved:
            remarks.append(
                f"class {label}: only {len(placed)} lesions, so the hash alone left a split empty. Moved into it:"
                f" {', '.join(moved)}. That may change when lesions are added."
            )
    return LesionSplits(by_lesion, remarks)


def check_split_images(images: Mapping[str, Mapping[str, int]]) -> None:
    """Refuse a dataset in which a class has no image in a split; `images` counts them by class and split.

    Raises:
        BadInputError: naming class and split.
    """
    for label in contract.CLASS_LABELS:
        for split in contract.SPLITS:
            if not images[label][split]:
                raise BadInputError(
                    f"class {label}: no image in {split}. Add images of this class, or those that are missing."
                )


def thin_class_warnings(lesions: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a warning for each class with fewer than `THIN_LESIONS` lesions in some split."""
    warnings = []
    for label in contract.CLASS_LABELS:
        few = [
            f"{lesions[label][split]} in {split}" for split in contract.SPLITS if lesions[label][split] < THIN_LESIONS
        ]
        if few:
            warnings.append(f"class {label} is thin: lesions: {', '.join(few)}; its figures are not reliable.")
    return warnings


def _fill_empty_splits(placed: dict[str, str], fractions: SplitFractions) -> list[str]:
    """Move lesions of one class until every split has one; return the moved lesions."""
    moved: list[str] = []
    while empty := [
        split for split in (contract.TEST, contract.VALIDATION, contract.TRAIN) if split not in placed.values()
    ]:
        sizes = Counter(placed.values())
        donor = contract.TRAIN if sizes[contract.TRAIN] > 1 else max(_LARGEST_FIRST, key=lambda split: sizes[split])
        centre = {
            contract.TEST: fractions.test / 2,
            contract.VALIDATION: fractions.test + fractions.validation / 2,
            contract.TRAIN: (1 + fractions.test + fractions.validation) / 2,
        }[empty[0]]
        candidates = [lesion for lesion, split in placed.items() if split == donor]
        nearest = min(candidates, key=lambda lesion: (abs(position_of_lesion(lesion) - centre), lesion))
        placed[nearest] = empty[0]
        moved.append(nearest)
    return moved

# SPDX-License-Identifier: MIT-0
"""Which images a model is trained on, tuned on and tested on: one split for ever.

A lesion's place is a keyed hash of its id, so all its images lie together, and a lesion stays where it is when others
are added. Test takes the lowest places and train the highest, so that a larger test fraction only adds to it.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.errors import BadInputError

# Another key is another split: models made before and after could no longer be compared.
SPLIT_KEY: Final = b"skin-lesion-mlops split 1"
THIN_LESIONS: Final = (
    5  # lesions; with fewer in a split, one lesion more or less moves a sensitivity by 20 points or more
)
_LARGEST_FIRST: Final = (contract.TRAIN, contract.VALIDATION, contract.TEST)


class SplitFractions(NamedTuple):
    """The parts of the lesions, from 0 to 1, that go to validation and to test; train has the rest."""

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
    """Return the place of a lesion in [0, 1), the same on every machine and in every run."""
    digest = hashlib.blake2b(lesion_id.encode(), digest_size=8, key=SPLIT_KEY).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def split_of_lesion(lesion_id: str, fractions: SplitFractions) -> str:
    """Return the split in which the hash alone puts a lesion."""
    place = position_of_lesion(lesion_id)
    if place < fractions.test:
        return contract.TEST
    return contract.VALIDATION if place < fractions.test + fractions.validation else contract.TRAIN


def split_of_additional_lesion(lesion_id: str, fractions: SplitFractions) -> str:
    """Return the split of a lesion of an additional archive: never test, which stays the same for every model.

    What is left is shared out between validation and train as the base's is.
    """
    validated = position_of_lesion(lesion_id) < fractions.validation / (1 - fractions.test)
    return contract.VALIDATION if validated else contract.TRAIN


class LesionSplits(NamedTuple):
    """The split of each lesion by its id, and remarks on classes that were too thin for the hash alone."""

    by_lesion: dict[str, str]
    remarks: list[str]


def split_lesions(rows: Iterable[ImageMetadata], fractions: SplitFractions) -> LesionSplits:
    """Return the split of every lesion of `rows`.

    It is `natural` but where that leaves a class without a lesion in some split, which chance does to classes of a
    dozen lesions and fewer: then train gives up the lesion whose place is nearest, or, if it has just one, the largest
    split does. A class with three lesions in train can grow without one of them ever becoming a test lesion.

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
                f"class {label}: only {len(placed)} lesions, so {', '.join(moved)} went where the hash would not have"
                " put them; that may change when lesions are added."
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
    """Return a warning for each class with fewer than `THIN` lesions in some split."""
    warnings = []
    for label in contract.CLASS_LABELS:
        few = [
            f"{lesions[label][split]} in {split}" for split in contract.SPLITS if lesions[label][split] < THIN_LESIONS
        ]
        if few:
            warnings.append(f"class {label} is thin: lesions: {', '.join(few)}; its figures say little.")
    return warnings


def _fill_empty_splits(placed: dict[str, str], fractions: SplitFractions) -> list[str]:
    """Move lesions of one class until every split has one; return those that were moved."""
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

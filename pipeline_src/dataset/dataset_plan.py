# SPDX-License-Identifier: MIT-0
"""The options of Preprocess, and its plan: the split of each image, known before the first image is read.

Class balance is part of it. The algorithm has no class weights when an image has one label, and it augments every
record that it reads, so a rare class is balanced by repeating its images: each repetition is augmented differently.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset import archive_directory, lesion_split, metadata_tables
from pipeline_src.dataset.archive_collection import ArchiveCollection
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.errors import BadInputError

NO_BALANCE: Final = "none"
REPEAT_BALANCE: Final = "repeat"
BALANCE_MODES: Final = (NO_BALANCE, REPEAT_BALANCE)
_ORDER_KEY: Final = b"skin-lesion-mlops order 1"


def records_per_image(images: Mapping[str, int], mode: str, cap: int) -> dict[str, int]:
    """Return the number of records per training image, by class, that brings each class near the largest one.

    Args:
        images: training images by class.
        mode: `NO_BALANCE` or `REPEAT_BALANCE`.
        cap: maximum records per image; with more, the model would memorise the images instead of the class.
    """
    largest = max(images.values(), default=0)
    if mode == NO_BALANCE:
        return dict.fromkeys(images, 1)
    return {label: min(cap, max(1, (2 * largest + n) // (2 * n) if n else 1)) for label, n in images.items()}


def shuffle_records(times: Mapping[int, int], names: Mapping[int, str] | list[str]) -> list[int]:
    """Return each image number, repeated as `times` says, in a random but reproducible order.

    Pipe mode reads in file order, so training sees this order. It is that of a keyed hash of the image id and the
    repetition, so a subset of the images keeps the order that it has among all.
    """

    def key(number: int, copy: int) -> bytes:
        return hashlib.blake2b(f"{names[number]}/{copy}".encode(), digest_size=8, key=_ORDER_KEY).digest()

    return [number for _, number in sorted((key(n, copy), n) for n, count in times.items() for copy in range(count))]


DROP_DUPLICATES: Final = "drop"  # leave the training image of a pair out
REPORT_DUPLICATES: Final = "report"  # train on it, and report it
FAIL_ON_DUPLICATES: Final = "fail"  # refuse the archive
DUPLICATE_POLICIES: Final = (DROP_DUPLICATES, REPORT_DUPLICATES, FAIL_ON_DUPLICATES)


@dataclass(frozen=True, kw_only=True)
class PreprocessingOptions:
    """The job's parameters.

    Attributes:
        image_size: side of the recorded images in pixels.
        fractions: fractions of the lesions that are held out.
        balance: one of `BALANCE_MODES`.
        repeat_cap: maximum records per training image.
        allowed_missing: maximum number of images that are in a table but not in the archive.
        near_duplicates: treatment of training images that look like held-out ones, one of `DUPLICATE_POLICIES`.
        starting_model: URI of the model that Train starts from, or of `contract.ABSENT_OBJECT`; empty without warm
            start.
    """

    image_size: int
    fractions: SplitFractions
    balance: str
    repeat_cap: int
    allowed_missing: int
    near_duplicates: str
    starting_model: str = ""

    def parameters(self) -> dict[str, str]:
        """Return the options by pipeline parameter name."""
        return {
            "ImageSize": str(self.image_size),
            "ValidationFraction": str(self.fractions.validation),
            "TestFraction": str(self.fractions.test),
            "ClassBalance": self.balance,
            "RepeatCap": str(self.repeat_cap),
            "AllowedMissingImages": str(self.allowed_missing),
            "NearDuplicates": self.near_duplicates,
            **({contract.STARTING_MODEL_PARAMETER: self.starting_model} if self.starting_model else {}),
        }

    def check(self) -> None:
        """Refuse options outside their range.

        Raises:
            BadInputError: naming the parameter.
        """
        self.fractions.check()
        if not 8 <= self.image_size <= 2048:
            raise BadInputError(f"parameters: image size {self.image_size}: must be from 8 to 2048. Correct it.")
        if self.balance not in BALANCE_MODES:
            known = ", ".join(BALANCE_MODES)
            raise BadInputError(f"parameters: class balance {self.balance!r}: must be one of {known}. Correct it.")
        if not 1 <= self.repeat_cap <= 1000:
            raise BadInputError(f"parameters: repeat cap {self.repeat_cap}: must be from 1 to 1000. Correct it.")
        if self.allowed_missing < 0:
            raise BadInputError(f"parameters: allowed missing images {self.allowed_missing}: is below 0. Correct it.")
        if self.near_duplicates not in DUPLICATE_POLICIES:
            known = ", ".join(DUPLICATE_POLICIES)
            raise BadInputError(
                f"parameters: near duplicates {self.near_duplicates!r}: must be one of {known}. Correct it."
            )


class DatasetPlan(NamedTuple):
    """The plan for all images of the tables: first the base, then the additional archive, then the official test set.

    Attributes:
        rows: metadata of each image; the position is the image's number.
        splits: split of each image.
        origins: origin of each image.
        side: side of the recorded images in pixels.
        remarks: remarks for readers of the dataset card.
    """

    rows: Sequence[ImageMetadata]
    splits: Sequence[str]
    origins: Sequence[str]
    side: int
    remarks: Sequence[str] = ()


def plan_dataset(archives: ArchiveCollection, options: PreprocessingOptions) -> DatasetPlan:
    """Return the plan for `archives`.

    Raises:
        BadInputError: a table cannot be used, or the lesions cannot be split.
    """
    rows, more = archives.tables()
    assigned = lesion_split.split_lesions(rows, options.fractions)
    lacking = archives.base.lacks_official
    remarks = [
        *metadata_tables.metadata_remarks([*rows, *more]),
        *assigned.remarks,
        *([lacking] if lacking else []),
    ]
    tests = archive_directory.read_official_rows(archives.base, {row.image_id.lower() for row in (*rows, *more)})
    splits = [assigned.by_lesion[row.lesion_id] for row in rows]
    splits += [lesion_split.split_of_additional_lesion(row.lesion_id, options.fractions) for row in more]
    splits += [contract.OFFICIAL] * len(tests)
    origins = (
        [contract.BASE_ORIGIN] * len(rows) + [contract.ADDITION_ORIGIN] * len(more) + [contract.OFFICIAL] * len(tests)
    )
    return DatasetPlan([*rows, *more, *tests], splits, origins, options.image_size, remarks)

# SPDX-License-Identifier: MIT-0
"""Class balance: how often each training image is recorded.

The algorithm weights no class when an image has one label, and it augments what it reads, so a rare class is
balanced by reading its images more often, each time augmented anew.

What the user decides about the dataset.

What is to become of each image, known from the tables before the first picture is read.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset import lesion_split, metadata_tables
from pipeline_src.dataset.archive_collection import ArchiveCollection
from pipeline_src.dataset.ham10000_archive import DatasetArchive
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.errors import BadInputError

NO_BALANCE: Final = "none"
REPEAT_BALANCE: Final = "repeat"
BALANCE_MODES: Final = (NO_BALANCE, REPEAT_BALANCE)
_ORDER_KEY: Final = b"skin-lesion-mlops order 1"


def records_per_image(images: Mapping[str, int], mode: str, cap: int) -> dict[str, int]:
    """Return how often each class's images are recorded so that it comes near the largest class, at most `cap` times.

    Args:
        images: training images by class.
        mode: `NONE` or `REPEAT`.
        cap: the most records of one image; more would teach the pictures instead of the class.
    """
    largest = max(images.values(), default=0)
    if mode == NO_BALANCE:
        return dict.fromkeys(images, 1)
    return {label: min(cap, max(1, (2 * largest + n) // (2 * n) if n else 1)) for label, n in images.items()}


def shuffle_records(times: Mapping[int, int], names: Mapping[int, str] | list[str]) -> list[int]:
    """Return each image's number `times` over, in an order that is random, but the same for the same names.

    Pipe mode reads in file order, so this order is what training sees. It is a keyed hash's: a part of the images
    comes in the order that it has among all.
    """
    return [number for _, number in sorted(_keys(times, names))]


def _keys(times: Mapping[int, int], names: Mapping[int, str] | list[str]) -> Iterator[tuple[bytes, int]]:
    for number, count in times.items():
        for copy in range(count):
            text = f"{names[number]}/{copy}".encode()
            yield hashlib.blake2b(text, digest_size=8, key=_ORDER_KEY).digest(), number


DROP_DUPLICATES: Final = "drop"  # leave the training image of a pair out of training
REPORT_DUPLICATES: Final = "report"  # train on it, and tell of it
FAIL_ON_DUPLICATES: Final = "fail"  # refuse the archive
DUPLICATE_POLICIES: Final = (DROP_DUPLICATES, REPORT_DUPLICATES, FAIL_ON_DUPLICATES)


@dataclass(frozen=True, kw_only=True)
class PreprocessingOptions:
    """The job's parameters.

    Attributes:
        image_size: side of the recorded pictures in pixels.
        fractions: parts of the lesions that are held out.
        balance: one of `balance.MODES`.
        repeat_cap: the most records of one training image.
        allowed_missing: how many images that the tables name may be missing in the archive.
        near_duplicates: what becomes of training images that look like held-out ones, one of `POLICIES`.
    """

    image_size: int
    fractions: SplitFractions
    balance: str
    repeat_cap: int
    allowed_missing: int
    near_duplicates: str

    def parameters(self) -> dict[str, str]:
        """Return the options by the names that the pipeline's parameters have."""
        return {
            "ImageSize": str(self.image_size),
            "ValidationFraction": str(self.fractions.validation),
            "TestFraction": str(self.fractions.test),
            "ClassBalance": self.balance,
            "RepeatCap": str(self.repeat_cap),
            "AllowedMissingImages": str(self.allowed_missing),
            "NearDuplicates": self.near_duplicates,
        }

    def check(self) -> None:
        """Refuse what makes no sense.

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
    """What is to become of the images.

    `rows` are all images of the tables, of which a position is the image's number, and `splits` their splits: first
    the base archive's, then those of an additional one, then those of the official test set, as `origins` says of
    each. `side` is that of the recorded pictures in pixels, and `remarks` what a reader of the card should know of it.
    """

    rows: Sequence[ImageMetadata]
    splits: Sequence[str]
    origins: Sequence[str]
    side: int
    remarks: Sequence[str] = ()


def plan_dataset(archives: ArchiveCollection, options: PreprocessingOptions) -> DatasetPlan:
    """Return the plan for `archives`.

    Raises:
        BadInputError: of their tables, or of the split.
    """
    rows, more = archives.tables()
    assigned = lesion_split.split_lesions(rows, options.fractions)
    remarks = [*assigned.remarks, *([archives.base.lacks_official] if archives.base.lacks_official else [])]
    tests = _official_rows(archives.base, {row.image_id for row in (*rows, *more)})
    splits = [assigned.by_lesion[row.lesion_id] for row in rows]
    splits += [lesion_split.split_of_additional_lesion(row.lesion_id, options.fractions) for row in more]
    splits += [contract.OFFICIAL] * len(tests)
    origins = (
        [contract.BASE_ORIGIN] * len(rows) + [contract.ADDITION_ORIGIN] * len(more) + [contract.OFFICIAL] * len(tests)
    )
    return DatasetPlan([*rows, *more, *tests], splits, origins, options.image_size, remarks)


def _official_rows(archive: DatasetArchive, known: set[str]) -> list[ImageMetadata]:
    """Return the rows of the official test set, none of which is an image that is `known` from the dataset."""
    truth = archive.official()
    if truth is None:
        return []
    rows = metadata_tables.read_official_metadata(*truth)
    shared = [row.image_id for row in rows if row.image_id in known]
    if shared:
        raise BadInputError(
            f"{truth[0]}: {', '.join(shared[:5])}: {len(shared)} images are in the dataset's own table too, so that a"
            " model would be tested on what it was trained on. Remove them from one of the two tables."
        )
    return rows

# SPDX-License-Identifier: MIT-0
"""The one pass over the archives, in their own order.

Memory holds one packed picture a worker, and about 1.5 KB an image: a small grey view of it is most of that.
"""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from pipeline_src import contract
from pipeline_src.dataset import image_codec, perceptual_hash, recordio_format, zip_entries
from pipeline_src.dataset.archive_collection import ArchiveCollection
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.dataset.zip_entries import ZipEntry
from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordLocation, RecordSpool

PassProgress = Callable[[int, int, str], None]
NumberedEntry = tuple[int, ZipEntry]

_FORK: Final = "._"  # macOS packs a file's attributes as an entry of its own, which has the file's suffix
_LINES: Final = 100  # of progress in all, but not more than one in `_STEP` images
_STEP: Final = 50


class ImageOutcome(NamedTuple):
    """What became of one image: SHA-256 and size of its bytes, and where its record waits, empty if it has none."""

    sha256: bytes
    size: int
    record: RecordLocation


class ArchivePass:
    """The pass over the images.

    Attributes:
        plan: what it goes by.
        views: what each image seen looks like, by number (n, `likeness.SIDE`, `likeness.SIDE`).
        outcomes: what became of the images, by number.
        unlisted: ids of the images that no table names.
        spill: where the records wait.
    """

    def __init__(self, plan: DatasetPlan, holdout: Path, spill: RecordSpool, progress: PassProgress) -> None:
        self.plan = plan
        self.views = np.zeros((len(plan.rows), perceptual_hash.VIEW_SIDE, perceptual_hash.VIEW_SIDE), np.uint8)
        self.outcomes: dict[int, ImageOutcome] = {}
        self.unlisted: list[str] = []
        self._holdout = holdout
        self.spill = spill
        self._progress = progress
        self._numbers = {row.image_id: number for number, row in enumerate(plan.rows)}
        self._lock = threading.Lock()

    def items(self, archives: ArchiveCollection) -> Iterator[NumberedEntry]:
        """Yield the images of `archives`, still packed.

        Raises:
            BadInputError: of an archive; or an image is there twice.
        """
        seen: set[int] = set()
        for found, number in self._pictures(archives):
            if number is None:
                self.unlisted.append(_image_id(found.name) or "")
                continue
            if number in seen:
                image_id = self.plan.rows[number].image_id
                raise BadInputError(f"{found.place}: image {image_id}: is there twice. Remove one of the two.")
            seen.add(number)
            yield number, found

    def _pictures(self, archives: ArchiveCollection) -> Iterator[tuple[ZipEntry, int | None]]:
        """Yield every picture of `archives` with its number, or None where the table beside it does not name it."""
        official = archives.official_entries() if contract.OFFICIAL in self.plan.origins else ()
        for origin, found in itertools.chain(archives.entries(), official):
            image_id = _image_id(found.name)
            if image_id is not None:
                number = self._numbers.get(image_id, -1)
                listed = number >= 0 and self.plan.origins[number] == origin
                yield found, number if listed else None

    def do(self, item: NumberedEntry) -> None:
        """Check one image, look at it and keep its record; for several threads.

        Its bytes are laid aside if it is held out.

        Raises:
            BadInputError: the image cannot be used.
            OSError: for example a full disk.
        """
        number, found = item
        recorded = self.plan.splits[number] in {contract.TRAIN, contract.VALIDATION}
        data = zip_entries.unpack_entry(found)
        place = str(found.place)
        pixels = (
            image_codec.decode_square(data, place, self.plan.side)
            if recorded
            else image_codec.verify_image(data, place)
        )
        self.views[number] = perceptual_hash.grey_view(pixels)
        record = self._record(number, image_codec.encode_jpeg(pixels)) if recorded else RecordLocation(0, 0)
        if self.plan.splits[number] != contract.TRAIN:
            self._laid_aside(number).write_bytes(data)
        self._done(number, ImageOutcome(sha256(data).digest(), found.size, record))

    def train(self, numbers: frozenset[int]) -> None:
        """Place the validation images `numbers` in train after all; its plan says so from then on.

        Raises:
            OSError: what was laid aside of one cannot be removed.
        """
        for number in sorted(numbers):
            self._laid_aside(number).unlink()
        splits = [contract.TRAIN if number in numbers else split for number, split in enumerate(self.plan.splits)]
        self.plan = self.plan._replace(splits=splits)

    def _laid_aside(self, number: int) -> Path:
        return self._holdout / contract.held_out_file(self.plan.rows[number].image_id)

    def _record(self, number: int, made: bytes) -> RecordLocation:
        label = contract.CLASS_LABELS.index(self.plan.rows[number].label)
        return self.spill.add(recordio_format.encode_image_record(label, number, made))

    def _done(self, number: int, outcome: ImageOutcome) -> None:
        with self._lock:
            self.outcomes[number] = outcome
            done, total = len(self.outcomes), len(self.plan.rows)
            if done == total or done % max(_STEP, total // _LINES) == 0:
                self._progress(done, total, "images")

    def duplicates(self) -> list[list[int]]:
        """Return the groups of images with equal bytes but different lesions, by their numbers.

        Equal SHA-256 make equal bytes.
        """
        equal: dict[bytes, list[int]] = defaultdict(list)
        for number, outcome in sorted(self.outcomes.items()):
            equal[outcome.sha256].append(number)
        return [group for group in equal.values() if self._lesions(group) > 1]

    def _lesions(self, group: list[int]) -> int:
        """Return how many lesions a group shows; one that is in the official test set too counts twice."""
        return len({(self.plan.rows[number].lesion_id, self.plan.splits[number]) for number in group})


def _image_id(name: str) -> str | None:
    """Return the image id that an entry's `name` carries, or None if it is no picture's."""
    base = name.rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in contract.ARCHIVE_IMAGE_SUFFIXES and not base.startswith(_FORK) else None

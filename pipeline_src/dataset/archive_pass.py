# SPDX-License-Identifier: MIT-0
"""Reads every image of the archives once, in the order of the files.

Memory holds one compressed image per worker, the pixels of the image that it decodes, a few images whose remarks are
not complete, and about 1.5 KB per image, most of which is a small grey view.
"""

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from pipeline_src import contract
from pipeline_src.dataset import (
    image_codec,
    metadata_tables,
    perceptual_hash,
    recordio_format,
    zip_entries,
)
from pipeline_src.dataset.archive_collection import ArchiveCollection
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.dataset.zip_entries import ZipEntry
from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordLocation, RecordSpool

PassProgress = Callable[[int, int, str], None]
NumberedEntry = tuple[int, ZipEntry]

_RESOURCE_FORK: Final = "._"  # macOS packs a file's attributes as an entry of its own, which has the file's suffix
_PROGRESS_LINES: Final = 100  # in all, but at most one per `_PROGRESS_STEP` images
_PROGRESS_STEP: Final = 50
_ASKED_IN_A_ROW: Final = 4 << 20  # bytes of images that wait in memory for their last remark, about 20 of HAM10000


class ImageOutcome(NamedTuple):
    """Result of processing one image.

    Attributes:
        sha256: SHA-256 of its bytes.
        size: number of its bytes.
        record: location of its record, empty without one.
        remarks: remarks on it, see `image_codec`.
    """

    sha256: bytes
    size: int
    record: RecordLocation
    remarks: tuple[str, ...] = ()


class ArchivePass:
    """One pass over the images, and its results.

    Attributes:
        plan: split, origin and label of each image.
        views: grey view of each image, by number (n, `perceptual_hash.VIEW_SIDE`, `perceptual_hash.VIEW_SIDE`).
        outcomes: results by image number.
        unlisted: ids of the images that no table names.
        records: the encoded records, in the order of the pass.
    """

    def __init__(self, plan: DatasetPlan, holdout: Path, records: RecordSpool, progress: PassProgress) -> None:
        self.plan = plan
        self.views = np.zeros((len(plan.rows), perceptual_hash.VIEW_SIDE, perceptual_hash.VIEW_SIDE), np.uint8)
        self.outcomes: dict[int, ImageOutcome] = {}
        self.unlisted: list[str] = []
        self._holdout = holdout
        self.records = records
        self._progress = progress
        # The table may spell an id in another case than the file's name; no two ids differ in case alone.
        self._numbers = {row.image_id.lower(): number for number, row in enumerate(plan.rows)}
        self._lock = threading.Lock()
        self._unasked: list[tuple[int, image_codec.ImageRemarks]] = []

    def numbered_entries(self, archives: ArchiveCollection) -> Iterator[NumberedEntry]:
        """Yield the images of `archives`, still compressed, with their numbers.

        Raises:
            BadInputError: an archive cannot be read, or holds an image twice with different bytes.
        """
        counted: set[int] = set()
        seen: dict[int, tuple[int, int]] = {}
        for found, number in self._image_entries(archives):
            if number is None:
                self.unlisted.append(_image_id(found.name) or "")
                continue
            bytes_of = (found.crc, found.size)
            if seen.setdefault(number, bytes_of) != bytes_of:
                image_id = self.plan.rows[number].image_id
                raise BadInputError(
                    f"{found.place}: image {image_id}: appears twice, with other bytes. Remove one of the two."
                )
            if number not in counted:
                counted.add(number)
                yield number, found
            else:
                zip_entries.unpack_entry(found)  # so that its bytes are what the directory says of them

    def _image_entries(self, archives: ArchiveCollection) -> Iterator[tuple[ZipEntry, int | None]]:
        """Yield every image of `archives` with its number, or None if the table of its archive does not name it."""
        official = archives.official_entries() if contract.OFFICIAL in self.plan.origins else ()
        for origin, found in itertools.chain(archives.entries(), official):
            image_id = _image_id(found.name)
            if image_id is not None:
                number = self._numbers.get(image_id.lower(), -1)
                listed = number >= 0 and self.plan.origins[number] == origin
                yield found, number if listed else None

    def process_entry(self, item: NumberedEntry) -> None:
        """Check one image, and keep its view and its record; write its original bytes if it is held out.

        Several threads may call this at once.

        Raises:
            BadInputError: the image cannot be used.
            OSError: for example the disk is full.
        """
        number, found = item
        recorded = self.plan.splits[number] in {contract.TRAIN, contract.VALIDATION}
        data = zip_entries.unpack_entry(found)
        place = str(found.place)
        remarks = image_codec.ImageRemarks()
        pixels = (
            image_codec.decode_square(data, place, self.plan.side, remarks)
            if recorded
            else image_codec.verify_image(data, place, remarks, self.plan.side)
        )
        view = perceptual_hash.grey_view(pixels)
        self.views[number] = view
        remarks.names += image_codec.view_remarks(int(view.min()), int(view.max()))
        record = RecordLocation(0, 0)
        if recorded:
            row = self.plan.rows[number]
            label, lesion = contract.CLASS_LABELS.index(row.label), recordio_format.lesion_number(row.lesion_id)
            encoded = image_codec.encode_jpeg(pixels)
            record = self.records.add(recordio_format.encode_image_record(label, number, encoded, lesion))
        if self.plan.splits[number] != contract.TRAIN:
            self._held_out_path(number).write_bytes(data)
        outcome = ImageOutcome(sha256(data).digest(), found.size, record, tuple(remarks.names))
        unasked: list[tuple[int, image_codec.ImageRemarks]] = []
        with self._lock:
            self.outcomes[number] = outcome
            self._unasked.append((number, remarks))
            if sum(each.held for _, each in self._unasked) >= _ASKED_IN_A_ROW:
                unasked, self._unasked = self._unasked, []
            done, total = len(self.outcomes), len(self.plan.rows)
            if done == total or done % max(_PROGRESS_STEP, total // _PROGRESS_LINES) == 0:
                self._progress(done, total, "images")
        self._complete_remarks(unasked)

    def finish(self) -> None:
        """Complete the remarks on the last images, when all are processed."""
        self._complete_remarks(self._unasked)
        self._unasked = []

    def _complete_remarks(self, unasked: Sequence[tuple[int, image_codec.ImageRemarks]]) -> None:
        for number, remarks in unasked:
            complete = tuple(remarks.all())
            with self._lock:
                self.outcomes[number] = self.outcomes[number]._replace(remarks=complete)

    def move_to_train(self, numbers: frozenset[int]) -> None:
        """Move the validation images `numbers` to train, in the plan too.

        Raises:
            OSError: a held-out file cannot be removed.
        """
        for number in sorted(numbers):
            self._held_out_path(number).unlink()
        splits = [contract.TRAIN if number in numbers else split for number, split in enumerate(self.plan.splits)]
        self.plan = self.plan._replace(splits=splits)

    def _held_out_path(self, number: int) -> Path:
        return self._holdout / contract.held_out_file(self.plan.rows[number].image_id)

    def remarked_images(self) -> dict[str, list[str]]:
        """Return the ids of the images with remarks, by remark."""
        found: dict[str, list[str]] = defaultdict(list)
        for number, outcome in sorted(self.outcomes.items()):
            for remark in outcome.remarks:
                found[remark].append(self.plan.rows[number].image_id)
        return found

    def equal_images(self) -> list[list[int]]:
        """Return the groups of images, by number, with equal bytes (equal SHA-256) but different lesions."""
        equal: dict[bytes, list[int]] = defaultdict(list)
        for number, outcome in sorted(self.outcomes.items()):
            equal[outcome.sha256].append(number)
        # A lesion that the official test set shows too counts twice.
        rows, splits = self.plan.rows, self.plan.splits
        return [group for group in equal.values() if len({(rows[n].lesion_id, splits[n]) for n in group}) > 1]


def _image_id(name: str) -> str | None:
    """Return the image id in an entry's `name`, or None if the entry is not an image."""
    base = name.rpartition("/")[2]
    return None if base.startswith(_RESOURCE_FORK) else metadata_tables.image_name(base)

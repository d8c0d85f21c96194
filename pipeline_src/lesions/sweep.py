# SPDX-License-Identifier: MIT-0
"""The one pass over the archive, in its own order.

Memory holds one packed picture a worker and a few hundred bytes an image.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.lesions import entry, picture, recordio
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.entry import Entry
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.metadata import Row
from pipeline_src.lesions.share import Share
from pipeline_src.lesions.spill import Place, Spill

Progress = Callable[[int, int, str], None]
Item = tuple[int, Entry]

_SUFFIXES: Final = (".jpg", ".jpeg")
_FORK: Final = "._"  # macOS packs a file's attributes as an entry of its own, which has the file's suffix
_LINES: Final = 100  # of progress in all, but not more than one in `_STEP` images
_STEP: Final = 50


class Outcome(NamedTuple):
    """What became of one image: SHA-256 and size of its bytes, and where its record waits, empty if it has none."""

    sha256: bytes
    size: int
    record: Place


class Plan(NamedTuple):
    """What is to become of the images.

    `rows` are all images of the metadata, of which a position is the image's number; `by_lesion` is each lesion's
    split, `share` this host's part and `side` that of the recorded pictures in pixels.
    """

    rows: Sequence[Row]
    by_lesion: Mapping[str, str]
    share: Share
    side: int

    def split(self, number: int) -> str:
        """Return the split of image `number`."""
        return self.by_lesion[self.rows[number].lesion_id]


class Sweep:
    """One host's pass over the images.

    Attributes:
        plan: what it goes by.
        facts: checksum and size of each image seen, by number, whichever host does it.
        outcomes: what became of this host's images, by number.
        unlisted: ids of the images that the metadata does not name.
        spill: where the records wait.
    """

    def __init__(self, plan: Plan, holdout: Path, spill: Spill, progress: Progress) -> None:
        self.plan = plan
        self.facts: dict[int, tuple[int, int]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.unlisted: list[str] = []
        self._holdout = holdout
        self.spill = spill
        self._progress = progress
        self._numbers = {row.image_id: number for number, row in enumerate(plan.rows)}
        self._total = sum(plan.share.owns(number) for number in range(len(plan.rows)))
        self._lock = threading.Lock()

    def items(self, archive: Archive) -> Iterator[Item]:
        """Yield this host's images of `archive`, still packed, and take note of all others.

        Raises:
            BadInputError: of the archive; or an image is there twice.
        """
        for found in archive.entries():
            image_id = _image_id(found.name)
            if image_id is None:
                continue
            number = self._numbers.get(image_id)
            if number is None:
                self.unlisted.append(image_id)
                continue
            if number in self.facts:
                raise BadInputError(f"{found.place}: image {image_id}: is there twice. Remove one of the two.")
            self.facts[number] = found.crc, found.size
            if self.plan.share.owns(number):
                yield number, found

    def do(self, item: Item) -> None:
        """Check one image, keep its record, and lay its bytes aside if it is held out; for several threads.

        Raises:
            BadInputError: the image cannot be used.
            OSError: for example a full disk.
        """
        number, found = item
        row, split = self.plan.rows[number], self.plan.split(number)
        data, place = entry.unpack(found), Place(0, 0)
        if split == contract.TEST:
            picture.verify(data, found.place)
        else:
            made = picture.square(data, found.place, self.plan.side)
            place = self.spill.add(recordio.image(contract.CLASS_LABELS.index(row.label), number, made))
        if split != contract.TRAIN:
            (self._holdout / f"{row.image_id}.jpg").write_bytes(data)
        outcome = Outcome(sha256(data).digest(), found.size, place)
        with self._lock:
            self.outcomes[number] = outcome
            done = len(self.outcomes)
            if done == self._total or done % max(_STEP, self._total // _LINES) == 0:
                self._progress(done, self._total, "images")

    def duplicates(self, archive: Archive) -> list[list[str]]:
        """Return the groups of images with equal bytes but different lesions, by their ids.

        Equal checksums and sizes, which the zip states for every host's images, make a suspect; SHA-256 decides. The
        suspects that another host does are read again for it.
        """
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, fact in self.facts.items():
            alike[fact].append(number)
        suspects = {number for group in alike.values() if self._lesions(group) > 1 for number in group}
        digests = {number: self.outcomes[number].sha256 for number in suspects if number in self.outcomes}
        if len(digests) < len(suspects):
            for found in archive.entries():
                number = self._numbers.get(_image_id(found.name) or "", -1)
                if number in suspects and number not in digests:
                    digests[number] = sha256(entry.unpack(found)).digest()
        equal: dict[bytes, list[int]] = defaultdict(list)
        for number in sorted(suspects):
            equal[digests[number]].append(number)
        groups = (group for group in equal.values() if self._lesions(group) > 1)
        return [[self.plan.rows[number].image_id for number in group] for group in groups]

    def _lesions(self, group: list[int]) -> int:
        return len({self.plan.rows[number].lesion_id for number in group})


def _image_id(name: str) -> str | None:
    """Return the image id that an entry's `name` carries, or None if it is no picture's."""
    base = name.rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in _SUFFIXES and not base.startswith(_FORK) else None

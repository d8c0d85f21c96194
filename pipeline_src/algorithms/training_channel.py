# SPDX-License-Identifier: MIT-0
"""Reads a RecordIO channel of a training job: the distinct images, their labels and their lesions.

A channel may hold an image many times (Preprocess repeats rare classes). Repetitions have equal bytes, so an image is
known by the SHA-256 of its record's image.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.dataset import image_codec, recordio_format
from pipeline_src.runtime.errors import BadInputError

_WRITE_AGAIN: Final = "Write the channel again: run the Preprocess step once more."


class ChannelImage(NamedTuple):
    """A distinct image of a channel.

    Attributes:
        digest: SHA-256 of the encoded image.
        label: its class's position.
        number: its line in the manifest.
        lesion: its lesion's number; `recordio_format.NO_LESION` if the channel names none.
        offset: position of its first record in the file.
    """

    digest: bytes
    label: int
    number: int
    lesion: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Channel:
    """The distinct images of one channel, in the order of their first records.

    Attributes:
        path: the RecordIO file.
        images: the distinct images.
        records: number of records, repetitions included.
    """

    path: Path
    images: Sequence[ChannelImage]
    records: int

    @property
    def labels(self) -> NDArray[np.int64]:
        """The classes' positions, (images,)."""
        return np.array([image.label for image in self.images], np.int64)


def scan_channel(name: str, image_side: int) -> Channel:
    """Return the images of the channel `name` below ``/opt/ml/input/data``.

    Raises:
        BadInputError: the channel is missing, has not exactly one RecordIO file, or no record; a record is damaged, has
            a label that is no class, or an image of another size than `image_side`.
    """
    path = _find_records(name)
    images: dict[tuple[bytes, int, int], ChannelImage] = {}
    count = 0
    for record in recordio_format.read_image_records(path):
        place = f"{path}: record {count}"
        count += 1
        if record.label >= len(contract.CLASS_LABELS):
            raise BadInputError(
                f"{place}: label {record.label}: there are {len(contract.CLASS_LABELS)} classes, so that labels run"
                f" from 0 to {len(contract.CLASS_LABELS) - 1}. {_WRITE_AGAIN}"
            )
        header = image_codec.check_image(record.image, place)
        if (header.height, header.width) != (image_side, image_side):
            raise BadInputError(
                f"{place}: {header.width}x{header.height} pixels, but image_shape says {image_side}x{image_side}. Give"
                " image_shape the size that Preprocess wrote (ImageSize)."
            )
        digest = hashlib.sha256(record.image).digest()
        found = ChannelImage(digest, record.label, record.number, record.lesion, record.offset)
        images.setdefault((digest, record.label, record.lesion), found)
    if not count:
        raise BadInputError(f"{path}: no record. Give the channel {name!r} at least one image.")
    return Channel(path=path, images=list(images.values()), records=count)


def _find_records(name: str) -> Path:
    folder = contract.ml_root() / "input" / "data" / name
    files = sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith("."))
    if len(files) != 1 or files[0].suffix != contract.RECORDS_SUFFIX:
        found = ", ".join(path.name for path in files[:5]) or "none"
        raise BadInputError(
            f"channel {name!r}: {folder}: must hold one {contract.RECORDS_SUFFIX} file (found: {found}). Give the"
            f" training job an input {name!r} with one RecordIO file."
        )
    return files[0]


def check_sample_count(train: Channel, expected: int) -> None:
    """Refuse a training channel that has another number of records than the hyperparameter num_training_samples.

    Raises:
        BadInputError: it has.
    """
    if train.records != expected:
        raise BadInputError(
            f"{train.path}: {train.records} records, but num_training_samples is {expected}: the file is truncated or"
            " from another run of Preprocess. Give the channel and the number of the same run."
        )


def read_pixels(path: Path, image: ChannelImage, image_side: int) -> image_codec.Pixels:
    """Return the pixels of `image` of the file at `path`, uint8 (image_side, image_side, 3), BGR.

    Raises:
        BadInputError: it cannot be decoded.
    """
    place = f"{path}: image {image.number}"
    try:
        return image_codec.decode_square(
            recordio_format.read_image_record_at(path, image.offset).image, place, image_side
        )
    except KeyError as error:  # simplejpeg looks up a sampling that a damaged header does not have
        raise BadInputError(f"{place}: its header is damaged. {_WRITE_AGAIN}") from error


def check_every_class(labels: Iterable[int]) -> None:
    """Refuse the `labels` of a training channel without an image of some class.

    Raises:
        BadInputError: A class has none.
    """
    found = set(labels)
    for label, name in enumerate(contract.CLASS_LABELS):
        if label not in found:
            raise BadInputError(
                f"channel {contract.TRAIN!r}: class {name!r}: no image. Add images of this class, or remove it from"
                " class_labels.py."
            )

# SPDX-License-Identifier: MIT-0
"""Checks the RecordIO file of a channel and reads its batches with MXNet.

MXNet's reader answers a damaged file with a C++ assertion, or reads on at the next magic word; the check names the
file, the record and the remedy.

Format (dmlc-core ``recordio.h``; MXNet ``image_recordio.h``): a record is the magic word, a word with 3 flag bits
and 29 length bits, and the payload padded to 4 bytes. The payload of an image record begins with a header of
24 bytes (label count, label, id, id); the encoded image follows it. All numbers are little-endian.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import mxnet as mx
import numpy as np

from local.builtin_stand_in.errors import ChannelError
from pipeline_src import contract

RECORDIO_MAGIC: Final = 0xCED7230A
_FRAME: Final = struct.Struct("<II")
_HEADER: Final = struct.Struct("<IfQQ")
_WITH_HEADER: Final = (0, 1)  # flags of a whole record and of a first part; 2 and 3 continue a record
_JPEG_SIGNATURE: Final = b"\xff\xd8\xff"
_REMEDY: Final = "Write the channel again: run the Preprocess step once more."


def read_record_labels(path: Path, num_classes: int) -> list[int]:
    """Return the label of each record of `path`, in file order.

    Raises:
        ChannelError: The file is damaged, a record holds no JPEG, or a label is no class.
    """
    found = []
    for number, (label, image) in enumerate(_read_records(path)):
        if not image.startswith(_JPEG_SIGNATURE):
            raise ChannelError(f"{path}: record {number} holds no JPEG image. {_REMEDY}")
        if label != int(label) or not 0 <= label < num_classes:
            raise ChannelError(
                f"{path}: record {number} has the label {label:g}, but num_classes is {num_classes}, so that labels"
                f" run from 0 to {num_classes - 1}. Correct num_classes or the labels."
            )
        found.append(int(label))
    return found


def _read_records(path: Path) -> Iterator[tuple[float, bytes]]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        number = 0
        while stream.tell() < size:
            flag, head = _read_part(stream, size, path, number)
            if flag in _WITH_HEADER:
                if len(head) < _HEADER.size:
                    raise ChannelError(f"{path}: record {number} is too short for its header. {_REMEDY}")
                count, label, _, _ = _HEADER.unpack_from(head)
                if count > 1:
                    raise ChannelError(f"{path}: record {number} has {count} labels instead of one. {_REMEDY}")
                if count == 1:
                    (label,) = struct.unpack_from("<f", head, _HEADER.size)
                yield label, head[_HEADER.size + 4 * count :]
                number += 1


def _read_part(stream: BinaryIO, size: int, path: Path, number: int) -> tuple[int, bytes]:
    """Return the flag and the first bytes of the part at the stream's position, and move past it."""
    start = stream.tell()
    frame = stream.read(_FRAME.size)
    if len(frame) == _FRAME.size:
        magic, word = _FRAME.unpack(frame)
        length = word & ((1 << 29) - 1)
        end = start + _FRAME.size + (length + 3) // 4 * 4
        if magic == RECORDIO_MAGIC and end <= size:
            head = stream.read(min(length, _HEADER.size + 8))
            stream.seek(end)
            return word >> 29, head
        if magic != RECORDIO_MAGIC:
            raise ChannelError(f"{path}: no record begins at byte {start}, after {number} records. {_REMEDY}")
    raise ChannelError(f"{path}: the file ends within record {number}, at byte {size}. {_REMEDY}")


_DECODING_THREADS: Final = (
    2  # fixed, because each thread draws its own augmentations: the same seed gives the same images
)
_CROP_OPTIONS: Final = {"rand_crop": True, "rand_mirror": True}
_COLOR_OPTIONS: Final = {"random_h": 36, "random_s": 50, "random_l": 50}
_TRANSFORM_OPTIONS: Final = {
    "max_rotate_angle": 10,
    "max_shear_ratio": 0.1,
    "max_aspect_ratio": 0.25,
    "fill_value": 127,
}
# Options of MXNet's ImageRecordIter for each type in the Developer Guide.
AUGMENTATIONS: Final[dict[str | None, dict[str, Any]]] = {
    None: {},
    "crop": _CROP_OPTIONS,
    "crop_color": _CROP_OPTIONS | _COLOR_OPTIONS,
    "crop_color_transform": _CROP_OPTIONS | _COLOR_OPTIONS | _TRANSFORM_OPTIONS,
}


@dataclass(frozen=True)
class Channel:
    """Checked records of one channel."""

    name: str
    file: Path
    labels: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.labels)


def find_channel(name: str, num_classes: int) -> Channel:
    """Return the channel `name` below the folder that SageMaker calls ``/opt/ml/input/data``.

    AWS documents one RecordIO file in a channel and does not say how several are read, so several are refused.
    Source: Developer Guide, "Image Classification - MXNet", "Input/Output Interface".

    Raises:
        ChannelError: The channel has no RecordIO file, several files or no record, or its records are unusable.
    """
    folder = contract.ml_root() / "input" / "data" / name
    files = sorted(folder.glob(f"*{contract.RECORDS_SUFFIX}"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise ChannelError(
            f"channel '{name}': {folder}: must hold one {contract.RECORDS_SUFFIX} file (found: {found})."
            f" Give the training job an input '{name}' with one RecordIO file."
        )
    labels = tuple(read_record_labels(files[0], num_classes))
    if not labels:
        raise ChannelError(f"channel '{name}': {files[0]}: no record. Give it at least one image.")
    return Channel(name, files[0], labels)


@dataclass(frozen=True)
class ImageBatch:
    """Images and their labels."""

    data: Any
    """Float32 pixels from 0 to 255, red, green, blue: (batch, 3, height, width)."""
    label: Any
    """Class positions as float32: (batch,)."""
    filled: int
    """Number of images at the end that only fill the batch up."""


def read_batches(
    channel: Channel, *, batch_size: int, image_shape: tuple[int, int, int], augmentation: str | None, seed: int | None
) -> Iterator[ImageBatch]:
    """Yield the channel's images once, the last batch filled up with its first images.

    Args:
        channel: The records.
        batch_size: Images in a batch.
        image_shape: Channels, height and width of an image; records of another size are scaled or cropped.
        augmentation: A key of `AUGMENTATIONS`.
        seed: Seed of the order and the augmentations; None reads in the order of the file.

    Raises:
        ChannelError: A image cannot be decoded.
    """
    order = {} if seed is None else {"shuffle": True, "seed": seed, "seed_aug": seed}
    read = min(batch_size, len(channel))  # the reader repeats its first images to fill a batch up, but only once
    try:
        for batch in mx.io.ImageRecordIter(
            path_imgrec=str(channel.file),
            data_shape=image_shape,
            batch_size=read,
            preprocess_threads=_DECODING_THREADS,
            verbose=False,
            **order,
            **AUGMENTATIONS[augmentation],
        ):
            # The reader hands out pinned memory, which a compiled network refuses to mix with its own.
            data, label = (array.as_in_context(mx.cpu()) for array in (batch.data[0], batch.label[0]))
            if read < batch_size:
                again = mx.nd.arange(batch_size) % read
                data, label = data.take(again), label.take(again)
            yield ImageBatch(data, label, batch.pad + batch_size - read)
    except mx.MXNetError as error:
        cause = str(error).strip().splitlines()[-1]
        raise ChannelError(
            f"channel '{channel.name}': an image cannot be decoded ({cause})."
            " Write the channel again: run the Preprocess step once more."
        ) from error


def count_classes(channel: Channel, num_classes: int) -> list[int]:
    """Return the number of records of each class."""
    return [int(count) for count in np.bincount(channel.labels, minlength=num_classes)]

# SPDX-License-Identifier: MIT-0
"""Reads the image records of a RecordIO file, one at a time, and says where a damaged file is damaged.

The format is that of `recordio_format`, which writes it. Memory holds one record.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from pipeline_src.dataset import recordio_format
from pipeline_src.runtime.errors import BadInputError

_FRAME: Final = struct.Struct("<4sI")  # the magic word, then flag bits and length
_REMEDY: Final = "Write the channel again: run the Preprocess step once more."


class ImageRecord(NamedTuple):
    """One record.

    Attributes:
        offset: position of its first byte in the file.
        label: the class's position.
        number: the image's number, its line in the manifest.
        lesion: the lesion's number, see `recordio_format.lesion_number`; `recordio_format.NO_LESION` if the writer of
            the file named none.
        image: the encoded image.
    """

    offset: int
    label: int
    number: int
    lesion: int
    image: bytes


def read_image_records(path: Path) -> Iterator[ImageRecord]:
    """Yield the records of the file at `path`, in file order.

    Raises:
        BadInputError: the file is damaged or truncated; the message names the byte.
    """
    with path.open("rb") as file:
        count = 0
        while (offset := file.tell()) < path.stat().st_size:
            yield _read_image_record(file, f"{path}: record {count}", offset)
            count += 1


def read_image_record_at(path: Path, offset: int) -> ImageRecord:
    """Return the record of the file at `path` that begins at byte `offset`.

    Raises:
        BadInputError: the record is damaged or truncated.
    """
    with path.open("rb") as file:
        file.seek(offset)
        return _read_image_record(file, f"{path}: record at byte {offset}", offset)


def _read_image_record(file: BinaryIO, place: str, offset: int) -> ImageRecord:
    payload = _read_payload(file, place)
    header = recordio_format.IMAGE_HEADER
    if len(payload) < header.size:
        raise BadInputError(f"{place}: {len(payload)} bytes: too short for the header of an image. {_REMEDY}")
    labels, label, number, lesion = header.unpack_from(payload)
    if labels or not label.is_integer() or label < 0:
        found = f"a list of {labels} labels" if labels else f"label {label}"
        raise BadInputError(f"{place}: {found}: must be the position of one class. {_REMEDY}")
    return ImageRecord(offset, int(label), number, lesion, payload[header.size :])


def _read_payload(file: BinaryIO, place: str) -> bytes:
    """Return the payload of the record at the position of `file`, its parts joined by the magic word."""
    parts: list[bytes] = []
    wanted = (recordio_format.WHOLE, recordio_format.FIRST)
    while True:
        start = file.tell()
        frame = file.read(_FRAME.size)
        magic, word = _FRAME.unpack(frame) if len(frame) == _FRAME.size else (recordio_format.MAGIC, 0)
        flag, length = word >> recordio_format.LENGTH_BITS, word & ((1 << recordio_format.LENGTH_BITS) - 1)
        if magic != recordio_format.MAGIC or flag not in wanted:
            raise BadInputError(
                f"{place}: damaged: no {'part' if parts else 'record'} begins at byte {start}. {_REMEDY}"
            )
        padded = file.read(length + -length % 4)
        if len(frame) < _FRAME.size or len(padded) < length + -length % 4:
            raise BadInputError(f"{place}: truncated: the file ends within it, at byte {file.tell()}. {_REMEDY}")
        parts.append(padded[:length])
        if flag in {recordio_format.WHOLE, recordio_format.LAST}:
            return recordio_format.MAGIC.join(parts)
        wanted = (recordio_format.MIDDLE, recordio_format.LAST)

# SPDX-License-Identifier: MIT-0
"""Writes and reads the RecordIO format of MXNet.

A record is the magic word, a word of 3 flag bits and 29 length bits, and the payload padded to 4 bytes. Where the
payload contains the magic word at a multiple of 4, the record is split there and the word omitted. An image's payload
begins with flag, label, id and second id. All numbers are little-endian. The id is the image's number; the second id,
which MXNet reserves and its readers do not use, is the number of its lesion.
Writing and reading hold one record in memory; a damaged file is refused with the byte where it is damaged.
Source: dmlc-core ``recordio.h`` and ``recordio.cc``; ``mxnet/recordio.py``; MXNet ``src/io/image_recordio.h``.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from pipeline_src.runtime.errors import BadInputError
from pipeline_src.runtime.temporary_files import RecordLocation

MAGIC: Final = struct.pack("<I", 0xCED7230A)
IMAGE_HEADER: Final = struct.Struct("<IfQQ")
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3  # the flag bits: which part of a record follows
LENGTH_BITS: Final = 29
NO_LESION: Final = 0


def lesion_number(lesion_id: str) -> int:
    """Return the number that stands for `lesion_id` in a record: the first 8 bytes of its SHA-256, little-endian."""
    return int.from_bytes(hashlib.sha256(lesion_id.encode()).digest()[:8], "little")


def encode_image_record(label: int, number: int, image: bytes, lesion: int = NO_LESION) -> bytes:
    """Return the record of an encoded `image` with its class `label`, its `number` and the number of its `lesion`."""
    return encode_record(IMAGE_HEADER.pack(0, label, number, lesion) + image)


def encode_record(payload: bytes) -> bytes:
    """Return the record of `payload`."""
    pieces, start, at = [], 0, payload.find(MAGIC)
    while at >= 0:
        if at % 4 == 0:
            pieces += [_head(MIDDLE if start else FIRST, at - start), payload[start:at]]
            start = at + 4
        at = payload.find(MAGIC, max(start, at + 1))
    pieces += [_head(LAST if start else WHOLE, len(payload) - start), payload[start:], bytes(-len(payload) % 4)]
    return b"".join(pieces)


def record_index(places: Iterable[RecordLocation]) -> str:
    """Return the index of consecutive records with the lengths of `places`.

    Every record has a number of its own, repeated images too: ImageRecordIter cannot shuffle with equal offsets.
    """
    lines, offset = [], 0
    for number, place in enumerate(places):
        lines.append(f"{number}\t{offset}\n")
        offset += place.length
    return "".join(lines)


def _head(flag: int, length: int) -> bytes:
    return MAGIC + struct.pack("<I", flag << LENGTH_BITS | length)


_FRAME: Final = struct.Struct("<4sI")  # the magic word, then flag bits and length
_REMEDY: Final = "Write the channel again: run the Preprocess step once more."


class ImageRecord(NamedTuple):
    """One record.

    Attributes:
        offset: position of its first byte in the file.
        label: the class's position.
        number: the image's number, its line in the manifest.
        lesion: the lesion's number, see `lesion_number`; `NO_LESION` if the writer of
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
    header = IMAGE_HEADER
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
    wanted = (WHOLE, FIRST)
    while True:
        start = file.tell()
        frame = file.read(_FRAME.size)
        magic, word = _FRAME.unpack(frame) if len(frame) == _FRAME.size else (MAGIC, 0)
        flag, length = word >> LENGTH_BITS, word & ((1 << LENGTH_BITS) - 1)
        if magic != MAGIC or flag not in wanted:
            raise BadInputError(
                f"{place}: damaged: no {'part' if parts else 'record'} begins at byte {start}. {_REMEDY}"
            )
        padded = file.read(length + -length % 4)
        if len(frame) < _FRAME.size or len(padded) < length + -length % 4:
            raise BadInputError(f"{place}: truncated: the file ends within it, at byte {file.tell()}. {_REMEDY}")
        parts.append(padded[:length])
        if flag in {WHOLE, LAST}:
            return MAGIC.join(parts)
        wanted = (MIDDLE, LAST)

# SPDX-License-Identifier: MIT-0
"""Writes the RecordIO format of MXNet.

A record is the magic word, a word of 3 flag bits and 29 length bits, and the payload padded to 4 bytes. Where the
payload contains the magic word at a multiple of 4, the record is split there and the word omitted. An image's payload
begins with flag, label, id and second id. All numbers are little-endian. The id is the image's number; the second id,
which MXNet reserves and its readers do not use, is the number of its lesion.
Source: dmlc-core ``recordio.h`` and ``recordio.cc``; ``mxnet/recordio.py``; MXNet ``src/io/image_recordio.h``.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

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

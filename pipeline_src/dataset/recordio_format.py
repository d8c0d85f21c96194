# SPDX-License-Identifier: MIT-0
"""Writes the RecordIO format of MXNet.

A record is the magic word, a word of 3 flag bits and 29 length bits, and the payload padded to 4 bytes. Where the
payload contains the magic word at a multiple of 4, the record is split there and the word omitted. An image's payload
begins with flag, label, id and second id. All numbers are little-endian.
Source: dmlc-core ``recordio.h`` and ``recordio.cc``; ``mxnet/recordio.py``.
"""

import struct
from collections.abc import Iterable
from typing import Final

from pipeline_src.runtime.temporary_files import RecordLocation

MAGIC: Final = struct.pack("<I", 0xCED7230A)
_HEADER: Final = struct.Struct("<IfQQ")
_WHOLE, _FIRST, _MIDDLE, _LAST = 0, 1, 2, 3


def encode_image_record(label: int, number: int, image: bytes) -> bytes:
    """Return the record of an encoded `image` with its class `label` and its `number` as id."""
    return encode_record(_HEADER.pack(0, label, number, 0) + image)


def encode_record(payload: bytes) -> bytes:
    """Return the record of `payload`."""
    pieces, start, at = [], 0, payload.find(MAGIC)
    while at >= 0:
        if at % 4 == 0:
            pieces += [_head(_MIDDLE if start else _FIRST, at - start), payload[start:at]]
            start = at + 4
        at = payload.find(MAGIC, max(start, at + 1))
    pieces += [_head(_LAST if start else _WHOLE, len(payload) - start), payload[start:], bytes(-len(payload) % 4)]
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
    return MAGIC + struct.pack("<I", flag << 29 | length)

# SPDX-License-Identifier: MIT-0
"""The bytes of an entry of the outer zip, a chunk at a time: never more of them in memory, however large it is."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

import deflate

from pipeline_src.lesions import part
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.source import Source
from pipeline_src.lesions.tape import CHUNK, Tape

_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")


def chunks(tape: Tape, info: zipfile.ZipInfo, place: Source) -> Iterator[bytes]:
    """Yield the bytes of `info`, checked against the size and the checksum that the zip declares.

    Raises:
        BadInputError: they differ, or the file ends within it.
    """
    crc = size = 0
    stored = info.compress_type == zipfile.ZIP_STORED
    packed = _packed(tape, info, place)
    for chunk in packed if stored else _inflated(packed, place):
        crc = deflate.crc32(chunk, crc)
        size += len(chunk)
        if size > info.file_size:
            break
        yield chunk
    if (size, crc) != (info.file_size, info.CRC):
        raise BadInputError(f"{place}: damaged: its bytes are not those that the zip declares. {place.again}")


def _packed(tape: Tape, info: zipfile.ZipInfo, place: Source) -> Iterator[bytes]:
    header = tape.read(_LOCAL_HEADER.size, info.header_offset)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(part.LOCAL):
        raise BadInputError(f"{place}: no entry begins at byte {info.header_offset}. {place.again}")
    _, name, extra = _LOCAL_HEADER.unpack(header)
    offset = info.header_offset + _LOCAL_HEADER.size + name + extra
    end = offset + info.compress_size
    while offset < end:
        chunk = tape.read(min(CHUNK, end - offset), offset)
        if not chunk:
            raise BadInputError(f"{place}: the file ends within it, at byte {offset}. {place.again}")
        offset += len(chunk)
        yield chunk


def _inflated(packed: Iterator[bytes], place: Source) -> Iterator[bytes]:
    """Yield `packed` inflated, at most one chunk at a time however much it would grow."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in packed:
            yield inflater.decompress(chunk, CHUNK)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, CHUNK)
        # All input can be consumed while output still waits behind the limit.
        yield inflater.flush()
    except zlib.error as error:
        raise BadInputError(f"{place}: damaged: {error}. {place.again}") from error

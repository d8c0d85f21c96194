# SPDX-License-Identifier: MIT-0
"""A part: an inner zip, read from a stream of bytes in one pass.

The directory of a zip lies at its end, which a stream reaches last; so entries are read by their local headers, and
at the end the directory must list exactly what was read. Source: PKWARE's APPNOTE.TXT 6.3.10, section 4.3.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import Final

from pipeline_src.lesions import entry
from pipeline_src.lesions.entry import Entry
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.source import Source
from pipeline_src.lesions.stream import Stream

LOCAL: Final = b"PK\x03\x04"
_DESCRIPTOR: Final = b"PK\x07\x08"
_DIRECTORY: Final = b"PK\x01\x02"
_END: Final = b"PK\x05\x06"
_LOCAL_FIELDS: Final = struct.Struct("<4xHHH4xIIIHH")  # version, flags, method, crc, packed, size, name, extra
_DIRECTORY_FIELDS: Final = struct.Struct("<6xHHH4xIIIHHH12x")  # the same, and the comment's length
_DESCRIPTOR_FOLLOWS: Final = 8
_UTF8: Final = 0x800
_IN_EXTRA: Final = 0xFFFFFFFF


class _Ledger:
    """What the local headers said and what the directory says; both must come to the same."""

    def __init__(self) -> None:
        self._balance = 0
        self.entries = 0

    def add(self, name: bytes, crc: int, packed: int, size: int, *, sign: int) -> None:
        fact = hashlib.blake2b(struct.pack("<IQQ", crc, packed, size) + name, digest_size=16).digest()
        self._balance += sign * int.from_bytes(fact, "little")
        self.entries += sign

    def balanced(self) -> bool:
        return not self._balance and not self.entries


def entries(chunks: Iterator[bytes], place: Source) -> Iterator[Entry]:
    """Yield the entries of the zip whose bytes are `chunks`, folders left out.

    Raises:
        BadInputError: it is no zip, cut short, encrypted, names a path outside, holds too large an entry, or its
            directory lists something else than it holds.
    """
    stream, ledger = Stream(chunks, place), _Ledger()
    if stream.peek(4) not in {LOCAL, _END}:
        raise BadInputError(f"{place}: not a zip file. {place.again}")
    while stream.peek(4) == LOCAL:
        found = _entry(stream, ledger, place)
        if not found.name.endswith("/"):
            yield found
    while stream.peek(4) == _DIRECTORY:
        _directory_entry(stream, ledger)
    if stream.find(_END, 0) < 0:
        raise BadInputError(f"{place}: cut short or damaged: its directory does not end. {place.again}")
    if not ledger.balanced():
        raise BadInputError(f"{place}: damaged: its directory does not list what it holds. {place.again}")
    stream.drain()


def _entry(stream: Stream, ledger: _Ledger, place: Source) -> Entry:
    fields = _LOCAL_FIELDS.unpack(stream.take(_LOCAL_FIELDS.size))
    _, flags, method, crc, packed, size, name_length, extra_length = fields
    raw = stream.take(name_length)
    packed, size = _sizes(stream.take(extra_length), packed, size)
    name = raw.decode("utf-8" if flags & _UTF8 else "cp437", errors="replace")
    entry.check_name(name, place)
    here = place.within(name)
    entry.check_packing(flags, method, here)
    streamed = bool(flags & _DESCRIPTOR_FOLLOWS)
    if streamed and not packed:
        crc, packed, size = _descriptor(stream, here)
    if max(packed, size) > entry.SIZE_LIMIT:
        raise BadInputError(
            f"{here}: {max(packed, size)} bytes: over the limit of {entry.SIZE_LIMIT}. Leave the entry out."
        )
    entry.check_ratio(packed, size, here)
    found = Entry(here, name, method, crc, size, stream.take(packed))
    if streamed:
        _skip_descriptor(stream)
    ledger.add(raw, crc, packed, size, sign=1)
    return found


def _sizes(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    """Return the packed and the real size, which zip64 moves into the extra field."""
    at = 0
    while at + 4 <= len(extra) and _IN_EXTRA in {packed, size}:
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size = next(wide, size) if size == _IN_EXTRA else size
            packed = next(wide, packed) if packed == _IN_EXTRA else packed
        at += 4 + length
    return packed, size


def _descriptor(stream: Stream, place: Source) -> tuple[int, int, int]:
    """Return checksum, packed size and size of an entry whose header was written before they were known.

    They follow the packed bytes, whose end is where a descriptor's own packed size agrees with its position.
    """
    at = stream.find(_DESCRIPTOR, 0)
    while at >= 0:
        crc, packed, size, _ = _described(stream, at)
        if packed == at:
            return crc, packed, size
        at = stream.find(_DESCRIPTOR, at + 1)
    raise BadInputError(
        f"{place}: cut short, or over the limit of {entry.SIZE_LIMIT} bytes: its end is not found. {place.again}"
    )


def _described(stream: Stream, at: int) -> tuple[int, int, int, int]:
    """Return the descriptor that is `at` bytes from here: checksum, packed size, size, and its own length.

    Its sizes have 32 or 64 bits, and nothing says which but where the next header begins.
    """
    found = stream.peek(26, at).ljust(26, b"\0")
    form = "<4xIII" if found[16:18] == b"PK" else "<4xIQQ"
    return *struct.unpack_from(form, found), struct.calcsize(form)


def _skip_descriptor(stream: Stream) -> None:
    if stream.peek(4) == _DESCRIPTOR:
        stream.take(_described(stream, 0)[3])


def _directory_entry(stream: Stream, ledger: _Ledger) -> None:
    fields = _DIRECTORY_FIELDS.unpack(stream.take(_DIRECTORY_FIELDS.size))
    _, _, _, crc, packed, size, name_length, extra_length, comment_length = fields
    name = stream.take(name_length)
    packed, size = _sizes(stream.take(extra_length), packed, size)
    stream.take(comment_length)
    ledger.add(name, crc, packed, size, sign=-1)

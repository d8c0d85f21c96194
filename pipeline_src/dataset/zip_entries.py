# SPDX-License-Identifier: MIT-0
"""Reads the entries of an inner ZIP from a stream of bytes, in one pass.

The directory of a ZIP is at its end, which a stream reaches last. So entries are read by their local headers, and at
the end the directory must list exactly the entries that were read. Entries that are encrypted, too large, compressed in
another way than Dataverse's, or named outside the archive are refused.
Source: PKWARE's APPNOTE.TXT 6.3.10, section 4.3.
"""

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from typing import Final, NamedTuple

import deflate

from pipeline_src.dataset import archive_directory
from pipeline_src.dataset.archive_directory import ArchivePlace
from pipeline_src.runtime.errors import BadInputError

ENTRY_SIZE_LIMIT: Final = 64 << 20  # bytes; an image of HAM10000 has 0.3 MB


class ZipEntry(NamedTuple):
    """One entry as stored in the ZIP: `packed` bytes that must inflate to `size` bytes with checksum `crc`."""

    place: ArchivePlace
    name: str
    method: int
    crc: int
    size: int
    packed: bytes


def unpack_entry(entry: ZipEntry) -> bytes | bytearray:
    """Return the inflated bytes of `entry`, checked against the declared size and checksum.

    Raises:
        BadInputError: they differ.
    """
    try:
        stored = entry.method == zipfile.ZIP_STORED
        data = entry.packed if stored else deflate.deflate_decompress(entry.packed, entry.size)
    except deflate.DeflateError:
        data = b""
    if len(data) != entry.size:
        raise BadInputError(
            f"{entry.place}: damaged: its content is not the declared {entry.size} bytes. {entry.place.again}"
        )
    if deflate.crc32(data) != entry.crc:
        raise BadInputError(f"{entry.place}: damaged: its checksum is wrong. {entry.place.again}")
    return data


class ChunkStream:
    """A read position in a sequence of chunks; `place` names the stream in errors."""

    def __init__(self, chunks: Iterator[bytes], place: ArchivePlace) -> None:
        self._chunks = chunks
        self._place = place
        self._data = b""
        self._at = 0

    def peek(self, size: int, ahead: int = 0) -> bytes:
        """Return up to `size` bytes, `ahead` bytes from here, without advancing; fewer only at the end."""
        if len(self._data) - self._at < ahead + size:
            self._fill(ahead + size)
        return self._data[self._at + ahead : self._at + ahead + size]

    def take(self, size: int) -> bytes:
        """Return `size` bytes and advance past them."""
        data = self.peek(size)
        if len(data) < size:
            raise BadInputError(f"{self._place}: cut short: it ends within an entry. {self._place.again}")
        self._at += size
        return data

    def find(self, mark: bytes, start: int) -> int:
        """Return the offset of `mark`, `start` bytes from here or later, or -1 at the end or the size limit."""
        while True:
            at = self._data.find(mark, self._at + start)
            if at >= 0:
                return at - self._at
            held = len(self._data) - self._at
            if held > ENTRY_SIZE_LIMIT or not self._fill(held + 1):
                return -1
            start = max(start, held - len(mark) + 1)

    def drain(self) -> None:
        """Read to the end, so that the source verifies its own checksum."""
        for _ in self._chunks:
            pass

    def _fill(self, size: int) -> bool:
        pieces = [self._data[self._at :]]
        held = len(pieces[0])
        while held < size and (chunk := next(self._chunks, None)) is not None:
            pieces.append(chunk)
            held += len(chunk)
        self._data, self._at = b"".join(pieces), 0
        return held >= size


_DESCRIPTOR: Final = b"PK\x07\x08"
_DIRECTORY: Final = b"PK\x01\x02"
_END: Final = b"PK\x05\x06"
_LOCAL_FIELDS: Final = struct.Struct("<4xHHH4xIIIHH")  # version, flags, method, crc, packed, size, name, extra
_DIRECTORY_FIELDS: Final = struct.Struct("<6xHHH4xIIIHHH12x")  # the same, and the comment's length
_DESCRIPTOR_FOLLOWS: Final = 8
_UTF8: Final = 0x800
_IN_EXTRA: Final = 0xFFFFFFFF


class _DirectoryLedger:
    """Order-independent digest of the local headers minus that of the directory; they balance if both are the same."""

    def __init__(self) -> None:
        self._balance = 0
        self.entries = 0

    def add(self, name: bytes, crc: int, packed: int, size: int, *, sign: int) -> None:
        fact = hashlib.blake2b(struct.pack("<IQQ", crc, packed, size) + name, digest_size=16).digest()
        self._balance += sign * int.from_bytes(fact, "little")
        self.entries += sign

    def balanced(self) -> bool:
        return not self._balance and not self.entries


def read_zip_entries(chunks: Iterator[bytes], place: ArchivePlace) -> Iterator[ZipEntry]:
    """Yield the entries of the ZIP in `chunks`, without folders.

    Raises:
        BadInputError: it is not a ZIP, truncated, encrypted, has a path outside the archive or a too large entry, or
            its directory does not list exactly its entries.
    """
    stream, ledger = ChunkStream(chunks, place), _DirectoryLedger()
    if stream.peek(4) not in {archive_directory.LOCAL_HEADER_SIGNATURE, _END}:
        raise BadInputError(f"{place}: not a zip file. {place.again}")
    while stream.peek(4) == archive_directory.LOCAL_HEADER_SIGNATURE:
        found = _read_entry(stream, ledger, place)
        if not found.name.endswith("/"):
            yield found
    while stream.peek(4) == _DIRECTORY:
        _directory_entry(stream, ledger)
    if stream.find(_END, 0) < 0:
        raise BadInputError(f"{place}: cut short or damaged: its directory does not end. {place.again}")
    if not ledger.balanced():
        raise BadInputError(f"{place}: damaged: its directory does not list what it holds. {place.again}")
    stream.drain()


def _read_entry(stream: ChunkStream, ledger: _DirectoryLedger, place: ArchivePlace) -> ZipEntry:
    fields = _LOCAL_FIELDS.unpack(stream.take(_LOCAL_FIELDS.size))
    _, flags, method, crc, packed, size, name_length, extra_length = fields
    raw = stream.take(name_length)
    packed, size = _sizes(stream.take(extra_length), packed, size)
    name = raw.decode("utf-8" if flags & _UTF8 else "cp437", errors="replace")
    name = archive_directory.with_slashes(name)
    here = place.within(name)
    if archive_directory.is_image_name(name):
        archive_directory.check_entry_name(name, place)
        archive_directory.check_entry_packing(flags, method, here)
    streamed = bool(flags & _DESCRIPTOR_FOLLOWS)
    if streamed and not packed:
        crc, packed, size = _descriptor(stream, here)
    if max(packed, size) > ENTRY_SIZE_LIMIT:
        raise BadInputError(
            f"{here}: {max(packed, size)} bytes: over the limit of {ENTRY_SIZE_LIMIT}. Leave the entry out."
        )
    archive_directory.check_entry_ratio(packed, size, here)
    found = ZipEntry(here, name, method, crc, size, stream.take(packed))
    if streamed:
        _skip_descriptor(stream)
    ledger.add(raw, crc, packed, size, sign=1)
    return found


def _sizes(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    """Return the compressed and the real size, which zip64 moves into the extra field."""
    at = 0
    while at + 4 <= len(extra) and _IN_EXTRA in {packed, size}:
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size = next(wide, size) if size == _IN_EXTRA else size
            packed = next(wide, packed) if packed == _IN_EXTRA else packed
        at += 4 + length
    return packed, size


def _descriptor(stream: ChunkStream, place: ArchivePlace) -> tuple[int, int, int]:
    """Return checksum, compressed size and size of an entry whose header was written before they were known.

    A data descriptor after the compressed bytes holds them. It is genuine if its compressed size equals its position.
    """
    at = stream.find(_DESCRIPTOR, 0)
    while at >= 0:
        crc, packed, size, _ = _described(stream, at)
        if packed == at:
            return crc, packed, size
        at = stream.find(_DESCRIPTOR, at + 1)
    raise BadInputError(
        f"{place}: cut short, or over the limit of {ENTRY_SIZE_LIMIT} bytes: its end is not found. {place.again}"
    )


def _described(stream: ChunkStream, at: int) -> tuple[int, int, int, int]:
    """Return the data descriptor `at` bytes from here: checksum, compressed size, size, and its own length.

    Its sizes have 32 or 64 bits; only the position of the next header tells which.
    """
    found = stream.peek(26, at).ljust(26, b"\0")
    form = "<4xIII" if found[16:18] == b"PK" else "<4xIQQ"
    return *struct.unpack_from(form, found), struct.calcsize(form)


def _skip_descriptor(stream: ChunkStream) -> None:
    if stream.peek(4) == _DESCRIPTOR:
        stream.take(_described(stream, 0)[3])


def _directory_entry(stream: ChunkStream, ledger: _DirectoryLedger) -> None:
    fields = _DIRECTORY_FIELDS.unpack(stream.take(_DIRECTORY_FIELDS.size))
    _, _, _, crc, packed, size, name_length, extra_length, comment_length = fields
    name = stream.take(name_length)
    packed, size = _sizes(stream.take(extra_length), packed, size)
    stream.take(comment_length)
    ledger.add(name, crc, packed, size, sign=-1)

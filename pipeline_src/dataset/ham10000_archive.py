# SPDX-License-Identifier: MIT-0
"""Reads the archive as Harvard Dataverse ships it: a ZIP of ZIPs of images, in one pass, never unpacked to disk.

Layout: ``HAM10000_images_part_1.zip``, ``..._part_2.zip`` and ``HAM10000_metadata`` (or .csv, .tab), optionally below a
folder. Later editions also contain the test set of ISIC 2018 Task 3, in the two files that `metadata_tables` names.
Other files, such as segmentation masks, are ignored. An entry is read in chunks, so memory does not grow with its size.
Source: the dataset's page, https://doi.org/10.7910/DVN/DBW86T; the ZIP format: PKWARE's APPNOTE.TXT.
"""

import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

import deflate

from pipeline_src.dataset import archive_directory, metadata_tables, zip_entries
from pipeline_src.dataset.archive_directory import (
    HAM10000_DESCRIPTION,
    ArchiveDescription,
    ArchiveDirectory,
    ArchivePlace,
)
from pipeline_src.dataset.zip_entries import ZipEntry
from pipeline_src.runtime.errors import BadInputError

CHUNK_SIZE: Final = 1 << 18  # bytes: fits a core's cache


class HashedFile:
    """A file that is read by offset and hashed on the way.

    Reading forward, also over a gap, hashes the bytes that are passed, so the SHA-256 needs no second reading.
    """

    def __init__(self, path: Path, *, hashed: bool) -> None:
        self._file = path.open("rb")
        self.size = os.fstat(self._file.fileno()).st_size
        self._digest = hashlib.sha256()
        self._hashed = 0 if hashed else self.size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, size: int, offset: int) -> bytes:
        """Return `size` bytes from `offset`; fewer only at the end of the file."""
        self._hash_up_to(offset)
        data = os.pread(self._file.fileno(), size, offset)
        if offset == self._hashed:
            self._digest.update(data)
            self._hashed += len(data)
        return data

    def sha256(self) -> str:
        """Return the SHA-256 of the whole file in hexadecimal."""
        self._hash_up_to(self.size)
        return self._digest.hexdigest()

    def _hash_up_to(self, offset: int) -> None:
        """Hash the bytes between those already hashed and `offset`."""
        while self._hashed < offset:
            data = os.pread(self._file.fileno(), min(CHUNK_SIZE, offset - self._hashed), self._hashed)
            if not data:
                return
            self._digest.update(data)
            self._hashed += len(data)


_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")


def read_entry_chunks(file: HashedFile, info: zipfile.ZipInfo, place: ArchivePlace) -> Iterator[bytes]:
    """Yield the bytes of the entry `info`, and check them against the size and the checksum that the ZIP declares.

    Raises:
        BadInputError: they differ, or the file ends within it.
    """
    crc = size = 0
    stored = info.compress_type == zipfile.ZIP_STORED
    packed = _packed_chunks(file, info, place)
    for chunk in packed if stored else _inflate_chunks(packed, place):
        crc = deflate.crc32(chunk, crc)
        size += len(chunk)
        if size > info.file_size:
            break
        yield chunk
    if (size, crc) != (info.file_size, info.CRC):
        raise BadInputError(f"{place}: damaged: size or checksum differs from what the ZIP declares. {place.again}")


def _packed_chunks(file: HashedFile, info: zipfile.ZipInfo, place: ArchivePlace) -> Iterator[bytes]:
    header = file.read(_LOCAL_HEADER.size, info.header_offset)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(archive_directory.LOCAL_HEADER_SIGNATURE):
        raise BadInputError(f"{place}: no entry begins at byte {info.header_offset}. {place.again}")
    _, name, extra = _LOCAL_HEADER.unpack(header)
    offset = info.header_offset + _LOCAL_HEADER.size + name + extra
    end = offset + info.compress_size
    while offset < end:
        chunk = file.read(min(CHUNK_SIZE, end - offset), offset)
        if not chunk:
            raise BadInputError(f"{place}: the file ends within it, at byte {offset}. {place.again}")
        offset += len(chunk)
        yield chunk


def _inflate_chunks(packed: Iterator[bytes], place: ArchivePlace) -> Iterator[bytes]:
    """Yield `packed` inflated, at most one chunk at a time even from a ZIP bomb."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in packed:
            yield inflater.decompress(chunk, CHUNK_SIZE)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, CHUNK_SIZE)
        # All input can be consumed while output still waits behind the limit.
        yield inflater.flush()
    except zlib.error as error:
        raise BadInputError(f"{place}: damaged: {error}. {place.again}") from error


class DatasetArchive(ArchiveDirectory):
    """An opened archive; a context manager. Only one thread at a time may read.

    With `hashed` its SHA-256 is computed while it is read. `kind` supplies its name and the remedies in messages.

    Raises:
        BadInputError: it is no complete ZIP file, or lacks its images or their table.
    """

    def __init__(self, path: Path, *, hashed: bool = False, kind: ArchiveDescription = HAM10000_DESCRIPTION) -> None:
        super().__init__(path, kind)
        self._file = HashedFile(path, hashed=hashed)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()
        super().__exit__(kind, error, trace)

    def fingerprint(self) -> tuple[str, int]:
        """Return the archive's SHA-256 in hexadecimal, and its size in bytes."""
        return self._file.sha256(), self._file.size

    def entries(self) -> Iterator[ZipEntry]:
        """Yield every entry of every part, in file order, still compressed.

        Raises:
            BadInputError: there is no part, or one is damaged, truncated, encrypted or a ZIP bomb.
        """
        yield from self._entries(self.part_entries())

    def official_entries(self) -> Iterator[ZipEntry]:
        """Yield every entry of the official test set's images, still compressed."""
        yield from self._entries(self._found(metadata_tables.OFFICIAL_IMAGES_FILE))

    def _entries(self, parts: list[zipfile.ZipInfo]) -> Iterator[ZipEntry]:
        for info in sorted(parts, key=lambda info: info.header_offset):
            place = self.place.within(info.filename)
            self.check_entry(info)
            if archive_directory.is_image_name(info.filename):
                yield self._loose_entry(info, place)
            else:
                yield from zip_entries.read_zip_entries(read_entry_chunks(self._file, info, place), place)

    def _loose_entry(self, info: zipfile.ZipInfo, place: ArchivePlace) -> ZipEntry:
        """Return an image that is in no inner ZIP, still compressed."""
        if max(info.file_size, info.compress_size) > zip_entries.ENTRY_SIZE_LIMIT:
            raise BadInputError(
                f"{place}: {info.file_size} bytes: over the limit of {zip_entries.ENTRY_SIZE_LIMIT}. Leave it out."
            )
        packed = b"".join(_packed_chunks(self._file, info, place))
        name = archive_directory.with_slashes(info.filename)
        return ZipEntry(place, name, info.compress_type, info.CRC, info.file_size, packed)

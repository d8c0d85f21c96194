# SPDX-License-Identifier: MIT-0
"""Reads the archive as Harvard Dataverse ships it: a ZIP of ZIPs of images, in one pass, never unpacked to disk.

Layout: ``HAM10000_images_part_1.zip``, ``..._part_2.zip`` and ``HAM10000_metadata`` (or .csv, .tab), optionally below a
folder. Later editions also contain the test set of ISIC 2018 Task 3, in the two files that `metadata_tables` names.
Other files, such as segmentation masks, are ignored. An entry is read in chunks, so memory does not grow with its size.
Source: the dataset's page, https://doi.org/10.7910/DVN/DBW86T; the ZIP format: PKWARE's APPNOTE.TXT.
"""

import hashlib
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import deflate

from pipeline_src import contract
from pipeline_src.dataset import metadata_tables, zip_entries
from pipeline_src.dataset.zip_entries import ArchiveDescription, ArchivePlace, ZipEntry
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
    if len(header) < _LOCAL_HEADER.size or not header.startswith(zip_entries.LOCAL_HEADER_SIGNATURE):
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


METADATA_LIMIT: Final = 64 << 20
HAM10000_DESCRIPTION: Final = ArchiveDescription(
    "archive",
    "Download the archive again.",
    'Download the "Original Format Zip" of the whole dataset from Harvard Dataverse.',
)


class DatasetArchive:
    """An opened archive; a context manager. Only one thread at a time may read.

    With `hashed` its SHA-256 is computed while it is read. `kind` supplies its name and the remedies in messages.
    """

    def __init__(self, path: Path, *, hashed: bool = False, kind: ArchiveDescription = HAM10000_DESCRIPTION) -> None:
        self.place = ArchivePlace(f"{kind.name} {path.name!r}", kind.again)
        self.kind = kind
        self._zip = _open_zip(path, self.place, kind)
        self._file = HashedFile(path, hashed=hashed)
        for info in self._zip.infolist():
            zip_entries.check_entry_name(info.orig_filename, self.place)
        # If a ZIP is truncated inside an inner ZIP, zipfile finds the directory of the inner one.
        if self._zip.infolist() and all(info.header_offset for info in self._zip.infolist()):
            raise BadInputError(
                f"{self.place}: cut short or damaged: its own directory is not at its end. {kind.again}"
            )

    def __enter__(self) -> Self:
        """Return the archive itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()
        self._zip.close()

    def fingerprint(self) -> tuple[str, int]:
        """Return the archive's SHA-256 in hexadecimal, and its size in bytes."""
        return self._file.sha256(), self._file.size

    def metadata(self) -> tuple[str, bytes]:
        """Return the place and the bytes of the metadata table.

        Raises:
            BadInputError: there is none, or more than one, or it is too large or damaged.
        """
        found = self._found(contract.ARCHIVE_METADATA)
        if len(found) != 1:
            names = ", ".join(info.filename for info in found) or "none"
            raise BadInputError(
                f"{self.place}: HAM10000_metadata: must appear once, with or without .csv or .tab (found: {names}). "
                f"{self.kind.whole}"
            )
        return self._table(found[0])

    @property
    def lacks_official(self) -> str | None:
        """A remark if the archive has only one of the two files of the official test set, or None."""
        images, truth = self._official_files()
        if bool(images) == bool(truth):
            return None
        there, missing = (images, "ground truth") if images else (truth, "images")
        return f"{there[0].filename} is in the archive without its {missing}, so the official test set is not used."

    def _official_files(self) -> tuple[list[zipfile.ZipInfo], list[zipfile.ZipInfo]]:
        return self._found(metadata_tables.OFFICIAL_IMAGES_FILE), self._found(metadata_tables.OFFICIAL_TRUTH_FILE)

    def official(self) -> tuple[str, bytes] | None:
        """Return the place and the bytes of the official test set's ground truth, or None without both of its files.

        Raises:
            BadInputError: one of the two files appears twice, or the ground truth is too large or damaged.
        """
        images, truth = self._official_files()
        for found in (images, truth):
            if len(found) > 1:
                names = ", ".join(info.filename for info in found)
                raise BadInputError(f"{self.place}: {names}: must appear once. Remove one of them.")
        return self._table(truth[0]) if images and truth else None

    def _table(self, info: zipfile.ZipInfo) -> tuple[str, bytes]:
        place = self.place.within(info.filename)
        _check_entry(info, place)
        if info.file_size > METADATA_LIMIT:
            raise BadInputError(f"{place}: {info.file_size} bytes: over the limit of {METADATA_LIMIT}. {place.again}")
        try:
            return str(place), self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInputError(f"{place}: damaged: {error}. {place.again}") from error

    @property
    def parts(self) -> list[str]:
        """Names of the inner ZIPs that hold the images."""
        return [info.filename for info in self._found(contract.ARCHIVE_PART)]

    def entries(self) -> Iterator[ZipEntry]:
        """Yield every entry of every part, in file order, still compressed.

        Raises:
            BadInputError: there is no part, or one is damaged, truncated, encrypted or a ZIP bomb.
        """
        parts = self._found(contract.ARCHIVE_PART)
        if not parts:
            raise BadInputError(
                f"{self.place}: HAM10000_images_part_1.zip: inner zip missing, and so is every other part. "
                f"{self.kind.whole} Do not unpack it."
            )
        yield from self._entries(parts)

    def official_entries(self) -> Iterator[ZipEntry]:
        """Yield every entry of the official test set's images, still compressed."""
        yield from self._entries(self._found(metadata_tables.OFFICIAL_IMAGES_FILE))

    def _entries(self, parts: list[zipfile.ZipInfo]) -> Iterator[ZipEntry]:
        for info in sorted(parts, key=lambda info: info.header_offset):
            place = self.place.within(info.filename)
            _check_entry(info, place)
            yield from zip_entries.read_zip_entries(read_entry_chunks(self._file, info, place), place)

    def _found(self, pattern: re.Pattern[str]) -> list[zipfile.ZipInfo]:
        """Return the entries of the outer ZIP whose name, without folders, matches `pattern`."""
        return [info for info in self._zip.infolist() if pattern.fullmatch(info.filename.rpartition("/")[2])]


def _open_zip(path: Path, place: ArchivePlace, kind: ArchiveDescription) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            begins_as_zip = file.read(4) == zip_entries.LOCAL_HEADER_SIGNATURE
        if begins_as_zip:
            raise BadInputError(
                f"{place}: cut short or damaged: the directory at its end cannot be read. {place.again}"
            ) from error
        raise BadInputError(f"{place}: not a zip file ({path.stat().st_size} bytes). {kind.whole}") from error
    except (ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise BadInputError(f"{place}: damaged directory: {error}. {place.again}") from error


def _check_entry(info: zipfile.ZipInfo, place: ArchivePlace) -> None:
    zip_entries.check_entry_packing(info.flag_bits, info.compress_type, place)
    zip_entries.check_entry_ratio(info.compress_size, info.file_size, place)

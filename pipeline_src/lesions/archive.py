# SPDX-License-Identifier: MIT-0
"""The archive as Harvard Dataverse ships it: a zip of zips of pictures, read in one pass and never unpacked to disk.

Layout: ``HAM10000_images_part_1.zip``, ``..._part_2.zip``, ``HAM10000_metadata`` (or .csv, .tab), all perhaps below
a folder, and beside them entries that are none of ours (segmentation masks, the ISIC 2018 test images).
Source: the dataset's page, https://doi.org/10.7910/DVN/DBW86T; the zip format: PKWARE's APPNOTE.TXT.
"""

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
from pipeline_src.lesions import entry, part
from pipeline_src.lesions.entry import AGAIN, Entry
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.tape import CHUNK, Tape

METADATA_LIMIT: Final = 64 << 20
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")


class Archive:
    """The opened archive; a context manager. Reading is for one thread at a time.

    With `hashed` its SHA-256 is taken while it is read.
    """

    def __init__(self, path: Path, *, hashed: bool = False) -> None:
        self.place = f"archive {path.name!r}"
        self._zip = _open(path, self.place)
        self._tape = Tape(path, hashed=hashed)
        for info in self._zip.infolist():
            entry.check_name(info.orig_filename, self.place)

    def __enter__(self) -> Self:
        """Return the archive itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._tape.close()
        self._zip.close()

    def fingerprint(self) -> tuple[str, int]:
        """Return the archive's SHA-256 in hexadecimal, and its size in bytes."""
        return self._tape.sha256(), self._tape.size

    def metadata(self) -> tuple[str, bytes]:
        """Return the place and the bytes of the metadata table.

        Raises:
            BadInputError: there is none, or more than one, or it is too large or damaged.
        """
        found = self._found(contract.ARCHIVE_METADATA)
        if len(found) != 1:
            names = ", ".join(info.filename for info in found) or "none"
            raise BadInputError(
                f"{self.place}: HAM10000_metadata: must be there once, with or without .csv or .tab (found: {names}). "
                'Download the "Original Format Zip" of the whole dataset.'
            )
        info, place = found[0], f"{self.place}: {found[0].filename}"
        _check(info, place)
        if info.file_size > METADATA_LIMIT:
            raise BadInputError(f"{place}: {info.file_size} bytes: over the limit of {METADATA_LIMIT}. {AGAIN}")
        try:
            return place, self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInputError(f"{place}: damaged: {error}. {AGAIN}") from error

    @property
    def parts(self) -> list[str]:
        """The names of the inner zips that hold the images."""
        return [info.filename for info in self._found(contract.ARCHIVE_PART)]

    def entries(self) -> Iterator[Entry]:
        """Yield every entry of every part, in the order of the file, still packed.

        Raises:
            BadInputError: no part is there, or one is damaged, cut short, encrypted or a bomb.
        """
        parts = self._found(contract.ARCHIVE_PART)
        if not parts:
            raise BadInputError(
                f"{self.place}: HAM10000_images_part_1.zip: inner zip missing, and so is every other part. "
                'Download the "Original Format Zip" of the whole dataset and do not unpack it.'
            )
        for info in sorted(parts, key=lambda info: info.header_offset):
            place = f"{self.place}: {info.filename}"
            _check(info, place)
            yield from part.entries(self._chunks(info, place), place)

    def _found(self, pattern: re.Pattern[str]) -> list[zipfile.ZipInfo]:
        """Return the entries of the outer zip whose name, without folders, matches `pattern`."""
        return [info for info in self._zip.infolist() if pattern.fullmatch(info.filename.rpartition("/")[2])]

    def _chunks(self, info: zipfile.ZipInfo, place: str) -> Iterator[bytes]:
        """Yield the bytes of `info`, checked against the size and the checksum that the zip declares."""
        crc = size = 0
        stored = info.compress_type == zipfile.ZIP_STORED
        packed = self._packed(info, place)
        for chunk in packed if stored else _inflated(packed, place):
            crc = deflate.crc32(chunk, crc)
            size += len(chunk)
            if size > info.file_size:
                break
            yield chunk
        if (size, crc) != (info.file_size, info.CRC):
            raise BadInputError(f"{place}: damaged: its bytes are not those that the zip declares. {AGAIN}")

    def _packed(self, info: zipfile.ZipInfo, place: str) -> Iterator[bytes]:
        header = self._tape.read(_LOCAL_HEADER.size, info.header_offset)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(part.LOCAL):
            raise BadInputError(f"{place}: no entry begins at byte {info.header_offset}. {AGAIN}")
        _, name, extra = _LOCAL_HEADER.unpack(header)
        offset = info.header_offset + _LOCAL_HEADER.size + name + extra
        end = offset + info.compress_size
        while offset < end:
            chunk = self._tape.read(min(CHUNK, end - offset), offset)
            if not chunk:
                raise BadInputError(f"{place}: the file ends within it, at byte {offset}. {AGAIN}")
            offset += len(chunk)
            yield chunk


def _open(path: Path, place: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            begins_as_zip = file.read(4) == part.LOCAL
        if begins_as_zip:
            raise BadInputError(
                f"{place}: cut short or damaged: the directory at its end cannot be read. {AGAIN}"
            ) from error
        raise BadInputError(
            f"{place}: not a zip file ({path.stat().st_size} bytes). Give the zip that Harvard Dataverse ships."
        ) from error
    except (ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise BadInputError(f"{place}: damaged directory: {error}. {AGAIN}") from error


def _check(info: zipfile.ZipInfo, place: str) -> None:
    entry.check_packing(info.flag_bits, info.compress_type, place)
    entry.check_ratio(info.compress_size, info.file_size, place)


def _inflated(packed: Iterator[bytes], place: str) -> Iterator[bytes]:
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
        raise BadInputError(f"{place}: damaged: {error}. {AGAIN}") from error

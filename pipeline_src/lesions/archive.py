# SPDX-License-Identifier: MIT-0
"""The archive as Harvard Dataverse ships it: a zip of zips of pictures, read in one pass and never unpacked to disk.

Layout: ``HAM10000_images_part_1.zip``, ``..._part_2.zip``, ``HAM10000_metadata`` (or .csv, .tab), all perhaps below
a folder. Later editions hold the test set of ISIC 2018 Task 3 as well, as `official` names its two files. Everything
else is none of ours (segmentation masks, for example).
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

from pipeline_src import contract
from pipeline_src.lesions import entry, official, part, wrapping
from pipeline_src.lesions.entry import Entry
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.source import Kind, Source
from pipeline_src.lesions.tape import Tape

METADATA_LIMIT: Final = 64 << 20
KIND: Final = Kind(
    "archive",
    "Download the archive again.",
    'Download the "Original Format Zip" of the whole dataset from Harvard Dataverse.',
)


class Archive:
    """The opened archive; a context manager. Reading is for one thread at a time.

    With `hashed` its SHA-256 is taken while it is read. `kind` says what messages call it and how it is had anew:
    `KIND`, or one that the export made, which the dataset's page does not have.
    """

    def __init__(self, path: Path, *, hashed: bool = False, kind: Kind = KIND) -> None:
        self.place = Source(f"{kind.name} {path.name!r}", kind.again)
        self.kind = kind
        self._zip = _open(path, self.place, kind)
        self._tape = Tape(path, hashed=hashed)
        for info in self._zip.infolist():
            entry.check_name(info.orig_filename, self.place)
        # Of a zip that is cut short within a zip that it holds, the latter's directory is found in place of its own.
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
                f"{self.kind.whole}"
            )
        return self._table(found[0])

    @property
    def lacks_official(self) -> str | None:
        """What the archive has of the official test set where it has one file and lacks the other, in words."""
        images, truth = self._found(official.IMAGES), self._found(official.TRUTH)
        if bool(images) == bool(truth):
            return None
        there, missing = (images, "ground truth") if images else (truth, "images")
        return f"{there[0].filename} is in the archive without its {missing}: the official test set was left out."

    def official(self) -> tuple[str, bytes] | None:
        """Return the place and the bytes of the official test set's ground truth, or None if it is not all there.

        Raises:
            BadInputError: one of its two files is there twice, or the ground truth is too large or damaged.
        """
        images, truth = self._found(official.IMAGES), self._found(official.TRUTH)
        for found in (images, truth):
            if len(found) > 1:
                names = ", ".join(info.filename for info in found)
                raise BadInputError(f"{self.place}: {names}: must be there once. Remove one of them.")
        return self._table(truth[0]) if images and truth else None

    def _table(self, info: zipfile.ZipInfo) -> tuple[str, bytes]:
        place = self.place.within(info.filename)
        _check(info, place)
        if info.file_size > METADATA_LIMIT:
            raise BadInputError(f"{place}: {info.file_size} bytes: over the limit of {METADATA_LIMIT}. {place.again}")
        try:
            return str(place), self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInputError(f"{place}: damaged: {error}. {place.again}") from error

    @property
    def parts(self) -> list[str]:
        """The names of the inner zips that hold the images."""
        return [info.filename for info in self._found(contract.ARCHIVE_PART)]

    def entries(self) -> Iterator[Entry]:
        """Yield every entry of every part, in the order of the file, still packed.

        Raises:
            BadInputError: no part is there, or one is damaged, cut short, encrypted or a bomb.
        """
        yield from self._entries(self._parts())

    def official_entries(self) -> Iterator[Entry]:
        """Yield every entry of the images of the official test set likewise."""
        yield from self._entries(self._found(official.IMAGES))

    def _parts(self) -> list[zipfile.ZipInfo]:
        parts = self._found(contract.ARCHIVE_PART)
        if not parts:
            raise BadInputError(
                f"{self.place}: HAM10000_images_part_1.zip: inner zip missing, and so is every other part. "
                f"{self.kind.whole} Do not unpack it."
            )
        return parts

    def _entries(self, parts: list[zipfile.ZipInfo]) -> Iterator[Entry]:
        for info in sorted(parts, key=lambda info: info.header_offset):
            place = self.place.within(info.filename)
            _check(info, place)
            yield from part.entries(wrapping.chunks(self._tape, info, place), place)

    def _found(self, pattern: re.Pattern[str]) -> list[zipfile.ZipInfo]:
        """Return the entries of the outer zip whose name, without folders, matches `pattern`."""
        return [info for info in self._zip.infolist() if pattern.fullmatch(info.filename.rpartition("/")[2])]


def _open(path: Path, place: Source, kind: Kind) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            begins_as_zip = file.read(4) == part.LOCAL
        if begins_as_zip:
            raise BadInputError(
                f"{place}: cut short or damaged: the directory at its end cannot be read. {place.again}"
            ) from error
        raise BadInputError(f"{place}: not a zip file ({path.stat().st_size} bytes). {kind.whole}") from error
    except (ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise BadInputError(f"{place}: damaged directory: {error}. {place.again}") from error


def _check(info: zipfile.ZipInfo, place: Source) -> None:
    entry.check_packing(info.flag_bits, info.compress_type, place)
    entry.check_ratio(info.compress_size, info.file_size, place)

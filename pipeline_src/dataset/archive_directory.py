# SPDX-License-Identifier: MIT-0
"""Reads the directory and the tables of an archive, without its images: what the job and the upload both check.

One function checks for both, so that an archive that the upload accepts is not refused for its tables or layout later.
Standard library only, because `operations` imports it; `ham10000_archive` reads the images.

Members whose names say nothing to us are neither read nor judged. A backslash in a name counts as a slash: Windows
PowerShell 5 writes them. Source: PKWARE's APPNOTE.TXT; for MANIFEST.TXT, Dataverse's DownloadInstanceWriter.
"""

import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from pipeline_src import contract
from pipeline_src.dataset import metadata_tables
from pipeline_src.dataset.metadata_tables import ImageMetadata, PlacedTable
from pipeline_src.runtime.errors import BadInputError


class ArchiveDescription(NamedTuple):
    """Texts about a kind of archive, for messages.

    Attributes:
        name: its name.
        again: remedy if it is damaged.
        whole: remedy if something is missing in it, or it is another file.
    """

    name: str
    again: str
    whole: str


@dataclass(frozen=True, slots=True)
class ArchivePlace:
    """An archive or a place in it, with the remedy if it is damaged; converts to its name."""

    name: str
    again: str

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    def within(self, name: str) -> "ArchivePlace":
        """Return the place `name` in it, with the same remedy."""
        return ArchivePlace(f"{self.name}: {name}", self.again)


ENTRY_RATIO_LIMIT: Final = 100  # images hardly shrink, tables by a factor of 10; deflate reaches 1032 on zeros
_ENCRYPTED: Final = 0x2041  # flags: encrypted, strongly encrypted, masked header
_OUTSIDE: Final = re.compile(r"/|[A-Za-z]:|(.*/)?\.\.(/|$)|.*[\x00-\x1f]", re.DOTALL)
_RESOURCE_FORK: Final = "._"  # macOS packs a file's attributes as an entry of its own, which has the file's suffix
_SHOWN: Final = 5  # names in a message
_MANIFEST: Final = "MANIFEST.TXT"  # Dataverse's list of what it packed
_SKIPPED: Final = re.compile(r"^(?P<name>.*?)\s.*skipped", re.IGNORECASE)
LOCAL_HEADER_SIGNATURE: Final = b"PK\x03\x04"


def check_entry_name(name: str, place: ArchivePlace) -> None:
    """Refuse an entry's `name` that points outside the folder into which the archive might be unpacked.

    Raises:
        BadInputError: it is absolute, goes up, or holds a control character.
    """
    if _OUTSIDE.match(name):
        raise BadInputError(f"{place}: entry {name!r}: its name escapes the archive. Get the archive from its source.")


def check_entry_packing(flags: int, method: int, place: ArchivePlace) -> None:
    """Refuse an entry that is encrypted or compressed with another method than Dataverse's.

    Raises:
        BadInputError: it is.
    """
    if flags & _ENCRYPTED:
        raise BadInputError(f"{place}: encrypted. Create the archive without a password.")
    if method not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadInputError(
            f"{place}: compression method {method}: only stored and deflated are read. Create it again."
        )


def check_entry_ratio(packed: int, size: int, place: ArchivePlace) -> None:
    """Refuse an entry that declares far more bytes than images or tables inflate to.

    Raises:
        BadInputError: naming both sizes.
    """
    if size > ENTRY_RATIO_LIMIT * max(packed, 1 << 12):
        raise BadInputError(f"{place}: {size} bytes out of {packed}: a zip bomb. Get the archive from its source.")


def with_slashes(name: str) -> str:
    """Return an entry's `name` with slashes between its folders."""
    return name.replace("\\", "/")


def base_name(name: str) -> str:
    """Return an entry's `name` without folders."""
    return with_slashes(name).rpartition("/")[2]


def is_image_name(name: str) -> bool:
    """Return whether an entry's `name` is that of an image."""
    base = base_name(name)
    return not base.startswith(_RESOURCE_FORK) and metadata_tables.image_name(base) is not None


METADATA_LIMIT: Final = 64 << 20
HAM10000_DESCRIPTION: Final = ArchiveDescription(
    "archive",
    "Download the archive again.",
    'Download the "Original Format Zip" of the whole dataset from Harvard Dataverse.',
)


class ArchiveDirectory:
    """The directory of an archive and its tables; a context manager. `kind` supplies its name and the remedies.

    Raises:
        BadInputError: it is no complete ZIP file.
    """

    def __init__(self, path: Path, kind: ArchiveDescription = HAM10000_DESCRIPTION) -> None:
        self.place = ArchivePlace(f"{kind.name} {path.name!r}", kind.again)
        self.kind = kind
        self._zip = _open_zip(path, self.place, kind)
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
        self._zip.close()

    def check_members(self) -> None:
        """Check the parts: that there are a table and images, and that each part and table can be read by its entry.

        Raises:
            BadInputError: there is no table or no image, Dataverse left a file out, or an entry has a name that
                escapes, is encrypted, packed in another way or a ZIP bomb.
        """
        self._check_manifest()
        tables = self._found(contract.ARCHIVE_METADATA) or [info for each in self._isic_files() for info in each]
        if not tables:
            self.metadata()
        images, truth = self._official_files()
        for info in (*tables, *self.part_entries(), *images, *truth):
            self.check_entry(info)

    def part_entries(self) -> list[zipfile.ZipInfo]:
        """Return the entries of the inner ZIPs that hold the images, or of the images themselves if there are none.

        Raises:
            BadInputError: there is neither.
        """
        found = self._found(contract.ARCHIVE_PART) or self.loose_images()
        if not found:
            raise BadInputError(
                f"{self.place}: HAM10000_images_part_1.zip: inner zip missing, and so is every other part"
                f"{self.contents()}. {self.kind.whole} Do not unpack it."
            )
        return found

    def loose_images(self) -> list[zipfile.ZipInfo]:
        """Return the entries of images that are in no inner ZIP, as in the copy of the dataset at Kaggle."""
        return [info for info in self._zip.infolist() if not info.is_dir() and is_image_name(info.filename)]

    def check_entry(self, info: zipfile.ZipInfo) -> None:
        """Refuse an entry that cannot be read.

        Raises:
            BadInputError: its name escapes, or it is encrypted, packed in another way or a ZIP bomb.
        """
        place = self.place.within(info.filename)
        check_entry_name(with_slashes(info.orig_filename), self.place)
        check_entry_packing(info.flag_bits, info.compress_type, place)
        check_entry_ratio(info.compress_size, info.file_size, place)

    def contents(self) -> str:
        """Return the first members as text for a message, in brackets."""
        names = [info.filename for info in self._zip.infolist() if not info.is_dir()]
        shown = ", ".join(name[:80] for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f" (the archive holds {shown}{more})" if names else " (the archive is empty)"

    def _check_manifest(self) -> None:
        """Refuse an archive whose own list says that a file that is needed was left out."""
        for info in self._found(re.compile(_MANIFEST, re.IGNORECASE)):
            text = self._table(info)[1].decode("utf-8", errors="replace")
            left_out = [match["name"].strip() for line in text.splitlines() if (match := _SKIPPED.match(line))]
            needed = [
                name
                for name in left_out
                if contract.ARCHIVE_PART.fullmatch(base_name(name))
                or contract.ARCHIVE_METADATA.fullmatch(base_name(name))
            ]
            if needed:
                raise BadInputError(
                    f"{self.place}: {info.filename}: says that Dataverse left out {', '.join(needed[:_SHOWN])}: the"
                    " download was over its limit. Download the files of the dataset one by one, and pack them without"
                    " compression: zip -0 dataverse_files.zip HAM10000_* ISIC2018_*."
                )

    def metadata(self) -> tuple[str, bytes]:
        """Return the place and the bytes of the metadata table.

        Raises:
            BadInputError: there is none, or more than one, or it is too large or damaged.
        """
        found = self._found(contract.ARCHIVE_METADATA)
        tables = [self._table(info) for info in found]
        if not tables or (len(tables) > 1 and not _are_equal(tables)):
            names = ", ".join(info.filename for info in found) or f"none{self.contents()}"
            raise BadInputError(
                f"{self.place}: HAM10000_metadata: must appear once, with or without .csv or .tab (found: {names}). "
                f"{self.kind.whole}"
            )
        return tables[0]

    def _isic_files(self) -> tuple[list[zipfile.ZipInfo], list[zipfile.ZipInfo]]:
        return self._found(contract.ARCHIVE_DIAGNOSES), self._found(contract.ARCHIVE_LESIONS)

    def isic_tables(self) -> tuple[PlacedTable, PlacedTable] | None:
        """Return the two tables of an ISIC challenge, or None if HAM10000_metadata or no table of diagnoses is there.

        Raises:
            BadInputError: one of the two is missing, appears twice, or is too large or damaged.
        """
        diagnoses, lesions = self._isic_files()
        if self._found(contract.ARCHIVE_METADATA) or not diagnoses:
            return None
        if len(diagnoses) > 1 or len(lesions) != 1:
            named = ", ".join(info.filename for info in (*diagnoses, *lesions))
            raise BadInputError(
                f"{self.place}: {named}: one table of diagnoses (..._GroundTruth) and one with the lesion of each image"
                " (..._LesionGroupings or ..._Metadata, column lesion_id) are needed. Add the one that is missing, or"
                " remove the others."
            )
        return self._table(diagnoses[0]), self._table(lesions[0])

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
        self.check_entry(info)
        if info.file_size > METADATA_LIMIT:
            raise BadInputError(f"{place}: {info.file_size} bytes: over the limit of {METADATA_LIMIT}. {place.again}")
        try:
            return str(place), self._zip.read(info)
        except OSError as error:
            raise BadInputError(f"{place}: cannot be read: {error.strerror}. Make it readable.") from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInputError(f"{place}: damaged: {error}. {place.again}") from error

    @property
    def parts(self) -> list[str]:
        """Names of the inner ZIPs that hold the images."""
        return [info.filename for info in self._found(contract.ARCHIVE_PART)]

    def _found(self, pattern: re.Pattern[str]) -> list[zipfile.ZipInfo]:
        """Return the entries of the outer ZIP whose name, without folders, matches `pattern`."""
        return [info for info in self._zip.infolist() if pattern.fullmatch(base_name(info.filename))]


def _are_equal(tables: Sequence[tuple[str, bytes]]) -> bool:
    """Return whether all `tables`, each with its place, have the same rows, for example as .csv and as .tab."""
    first, *others = (metadata_tables.read_metadata(*table) for table in tables)
    return all(rows == first for rows in others)


def _open_zip(path: Path, place: ArchivePlace, kind: ArchiveDescription) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        with path.open("rb") as file:
            begins_as_zip = file.read(4) == LOCAL_HEADER_SIGNATURE
        if begins_as_zip:
            raise BadInputError(
                f"{place}: cut short or damaged: the directory at its end cannot be read. {place.again}"
            ) from error
        raise BadInputError(f"{place}: not a zip file ({path.stat().st_size} bytes). {kind.whole}") from error
    except (ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise BadInputError(f"{place}: damaged directory: {error}. {place.again}") from error


PRODUCTION_SOURCE: Final = "production"  # the source of an exported image, in the table's column `dataset`


def read_base_rows(archive: ArchiveDirectory) -> tuple[str, list[ImageMetadata]]:
    """Return the place and the rows of the table of the base `archive`.

    Raises:
        BadInputError: the table cannot be used, or is that of an additional archive.
    """
    if isic := archive.isic_tables():
        return isic[0][0], metadata_tables.read_isic_metadata(*isic)
    place, content = archive.metadata()
    rows = metadata_tables.read_metadata(place, content)
    exported = Counter(row.source for row in rows)[PRODUCTION_SOURCE]
    if exported:
        raise BadInputError(
            f"{place}: {exported} of {len(rows)} images are from production: this is an additional archive. Pass it"
            " as AdditionalArchive (locally --add), and HAM10000's own as InputArchive."
        )
    return place, rows


def read_official_rows(archive: ArchiveDirectory, known: set[str]) -> Sequence[ImageMetadata]:
    """Return the rows of the official test set; refuse images that are `known` from the dataset, in lower case.

    Raises:
        BadInputError: the table cannot be used, or names such an image.
    """
    truth = archive.official()
    if truth is None:
        return []
    rows = metadata_tables.read_official_metadata(*truth)
    shared = [row.image_id for row in rows if row.image_id.lower() in known]
    if shared:
        raise BadInputError(
            f"{truth[0]}: {', '.join(shared[:_SHOWN])}: {len(shared)} images are in the dataset's own table too, so"
            " that a model would be tested on what it was trained on. Remove them from one of the two tables."
        )
    return rows

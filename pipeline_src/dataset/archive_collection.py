# SPDX-License-Identifier: MIT-0
"""The archives of a dataset: the base archive, and optionally an additional one of images from production.

The base alone supplies the test images and determines the split of its lesions; an additional archive only adds
training and validation images. An image or a lesion that both name is refused, because it would have two splits.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.dataset import archive_directory, metadata_tables
from pipeline_src.dataset.archive_directory import ArchiveDescription
from pipeline_src.dataset.ham10000_archive import DatasetArchive
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.dataset.zip_entries import ZipEntry
from pipeline_src.runtime.errors import BadInputError

ADDITIONAL_DESCRIPTION: Final = ArchiveDescription(
    "additional archive",
    "Export it again from the same captures and labels, which gives the same bytes.",
    "Use the archive exactly as it was exported.",
)
_SHOWN: Final = 3  # ids named in a message


def find_input_archives(inputs: Path) -> tuple[Path, Path | None]:
    """Return the base archive in the folders below `inputs`, and the additional one or None.

    Raises:
        BadInputError: there is no base archive, or more than one file in either folder.
    """
    base = _only_file(inputs / contract.ARCHIVE_INPUT, contract.INPUT_ARCHIVE_PARAMETER)
    folder = inputs / contract.ADDITION_INPUT
    addition = _only_file(folder, contract.ADDITIONAL_ARCHIVE_PARAMETER) if folder.is_dir() else None
    return base, None if addition is None or contract.is_absent_file(addition) else addition


def _only_file(folder: Path, parameter: str) -> Path:
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if len(found) != 1:
        raise BadInputError(
            f"{folder}: {len(found)} files: must hold the archive alone. Name one object as {parameter}."
        )
    return found[0]


class ArchiveCollection(NamedTuple):
    """The opened archives."""

    base: DatasetArchive
    addition: DatasetArchive | None = None

    def of(self, origin: str) -> DatasetArchive:
        """Return the archive that holds the images of `origin`."""
        return self.addition if origin == contract.ADDITION_ORIGIN and self.addition is not None else self.base

    def entries(self) -> Iterator[tuple[str, ZipEntry]]:
        """Yield every entry of every part of all archives with its origin, still compressed, the base first.

        Raises:
            BadInputError: an archive cannot be read.
        """
        yield from ((contract.BASE_ORIGIN, found) for found in self.base.entries())
        if self.addition is not None:
            yield from ((contract.ADDITION_ORIGIN, found) for found in self.addition.entries())

    def official_entries(self) -> Iterator[tuple[str, ZipEntry]]:
        """Yield every entry of the base's official test set with its origin, still compressed."""
        yield from ((contract.OFFICIAL, found) for found in self.base.official_entries())

    def tables(self) -> tuple[list[ImageMetadata], list[ImageMetadata]]:
        """Return the rows of the base and of the additional archive.

        Raises:
            BadInputError: a table cannot be used, the base is an additional archive, or both name an image or a lesion.
        """
        place, rows = archive_directory.read_base_rows(self.base)
        if self.addition is None:
            return rows, []
        other, content = self.addition.metadata()
        more = metadata_tables.read_metadata(other, content)
        _refuse_shared("image_id", (place, rows), (other, more))
        _refuse_shared("lesion_id", (place, rows), (other, more))
        return rows, more


PlacedRows = tuple[str, Sequence[ImageMetadata]]


def _refuse_shared(column: str, first: PlacedRows, second: PlacedRows) -> None:
    known = {getattr(row, column).lower() for row in first[1]}
    shared = sorted({value for row in second[1] if (value := getattr(row, column)).lower() in known})
    if shared:
        names = ", ".join(shared[:_SHOWN]) + (", ..." if len(shared) > _SHOWN else "")
        raise BadInputError(
            f"{second[0]}: {column} {names}: {len(shared)} in all: already in {first[0]}. An image or a lesion"
            " may be in one archive only: remove them from one of the two."
        )

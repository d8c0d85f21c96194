# SPDX-License-Identifier: MIT-0
"""The archives that a dataset is made of: the base, and perhaps an additional one of images from production.

The base alone says what a model is tested on, and where its lesions lie; an additional archive adds to what it learns
from. So an image or a lesion that both name is refused: it would have two places.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.lesions import absence, metadata
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.entry import Entry
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.metadata import Row
from pipeline_src.lesions.source import Kind

KIND: Final = Kind(
    "additional archive",
    "Export it anew, from the same captures and labels: the same bytes come of them.",
    "Give the archive as it was exported.",
)
PRODUCTION: Final = "production"  # the source of an exported image, in the table's column `dataset`
_SHOWN: Final = 3  # ids that are named
_SMALL: Final = 1 << 10  # bytes; no archive has fewer, and `contract.ABSENT` has not as many


def find(inputs: Path) -> tuple[Path, Path | None]:
    """Return the base archive in the folders below `inputs`, and the additional one; None where there is none.

    Raises:
        BadInputError: there is no base archive, or more than one of either.
    """
    base = _one(inputs / contract.ARCHIVE_INPUT, contract.INPUT_ARCHIVE)
    folder = inputs / contract.ADDITION_INPUT
    addition = _one(folder, contract.ADDITIONAL_ARCHIVE) if folder.is_dir() else None
    none = addition is None or (addition.stat().st_size < _SMALL and absence.said(addition.read_bytes()))
    return base, None if none else addition


def _one(folder: Path, parameter: str) -> Path:
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if len(found) != 1:
        raise BadInputError(
            f"{folder}: {len(found)} files: must hold the archive alone. Name one object as {parameter}."
        )
    return found[0]


class Collection(NamedTuple):
    """The opened archives."""

    base: Archive
    addition: Archive | None = None

    def of(self, origin: str) -> Archive:
        """Return the archive in which images of `origin` lie."""
        return self.addition if origin == contract.ADDITION and self.addition is not None else self.base

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Yield every entry of every part of all archives, with its origin, still packed; the base's come first.

        Raises:
            BadInputError: of an archive.
        """
        yield from ((contract.BASE, found) for found in self.base.entries())
        if self.addition is not None:
            yield from ((contract.ADDITION, found) for found in self.addition.entries())

    def official_entries(self) -> Iterator[tuple[str, Entry]]:
        """Yield every entry of the base's official test set likewise."""
        yield from ((contract.OFFICIAL, found) for found in self.base.official_entries())

    def tables(self) -> tuple[list[Row], list[Row]]:
        """Return the rows of the base and of the additional archive.

        Raises:
            BadInputError: of a table; the base is an additional archive; or both name an image or a lesion.
        """
        place, content = self.base.metadata()
        rows = metadata.parse(place, content)
        exported = Counter(row.source for row in rows)[PRODUCTION]
        if exported:
            raise BadInputError(
                f"{place}: {exported} of {len(rows)} images are from production: it is an additional archive. Give it"
                " as AdditionalArchive (locally --add), and HAM10000's own as InputArchive."
            )
        if self.addition is None:
            return rows, []
        other, content = self.addition.metadata()
        more = metadata.parse(other, content)
        _refuse_shared("image_id", (place, rows), (other, more))
        _refuse_shared("lesion_id", (place, rows), (other, more))
        return rows, more


Table = tuple[str, Sequence[Row]]


def _refuse_shared(column: str, first: Table, second: Table) -> None:
    known = {getattr(row, column) for row in first[1]}
    shared = sorted({getattr(row, column) for row in second[1]} & known)
    if shared:
        names = ", ".join(shared[:_SHOWN]) + (", ..." if len(shared) > _SHOWN else "")
        raise BadInputError(
            f"{second[0]}: {column} {names}: {len(shared)} in all: already in {first[0]}. An image and a lesion have"
            " one place: remove them from one of the two archives."
        )

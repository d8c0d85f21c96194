# SPDX-License-Identifier: MIT-0
"""Checks an archive of the dataset without reading its images, before it is uploaded and before it is preprocessed.

One function for both, so that an archive that the upload accepts is not refused for its tables or its layout later.
Standard library only: `operations` imports this module and what it imports.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline_src.dataset import lesion_split, metadata_tables
from pipeline_src.dataset.archive_directory import ArchiveDirectory
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.errors import BadInputError

PRODUCTION_SOURCE: Final = "production"  # the source of an exported image, in the table's column `dataset`
DEFAULT_FRACTIONS: Final = SplitFractions(validation=0.15, test=0.20)
_SHOWN: Final = 5


def check_archive_file(path: Path) -> list[str]:
    """Check the base archive at `path` with the default fractions of the split.

    Returns:
        Remarks on its tables and its split.

    Raises:
        BadInputError: Preprocess would refuse it for its layout or its tables.
    """
    with ArchiveDirectory(path) as archive:
        archive.check_members()
        rows = read_base_rows(archive)
        read_official_rows(archive, {row.image_id.lower() for row in rows})
        assigned = lesion_split.split_lesions(rows, DEFAULT_FRACTIONS)
        return [*metadata_tables.metadata_remarks(rows), *assigned.remarks]


def read_base_rows(archive: ArchiveDirectory) -> list[ImageMetadata]:
    """Return the rows of the table of the base `archive`.

    Raises:
        BadInputError: the table cannot be used, or is that of an additional archive.
    """
    place, content = archive.metadata()
    rows = metadata_tables.read_metadata(place, content)
    exported = Counter(row.source for row in rows)[PRODUCTION_SOURCE]
    if exported:
        raise BadInputError(
            f"{place}: {exported} of {len(rows)} images are from production: this is an additional archive. Pass it"
            " as AdditionalArchive (locally --add), and HAM10000's own as InputArchive."
        )
    return rows


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

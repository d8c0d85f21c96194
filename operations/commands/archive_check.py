# SPDX-License-Identifier: MIT-0
"""Checks an archive of the dataset before it is uploaded, by the functions that Preprocess uses before it reads images.

So an archive that the upload accepts is not refused for its layout or its tables later.
"""

from pathlib import Path
from typing import Final

from pipeline_src.dataset import archive_directory, lesion_split, metadata_tables
from pipeline_src.dataset.archive_directory import ArchiveDirectory
from pipeline_src.dataset.lesion_split import SplitFractions

DEFAULT_FRACTIONS: Final = SplitFractions(validation=0.15, test=0.20)


def check_archive_file(path: Path) -> list[str]:
    """Check the base archive at `path` with the default fractions of the split.

    Returns:
        Remarks on its tables and its split.

    Raises:
        BadInputError: Preprocess would refuse it for its layout or its tables.
    """
    with ArchiveDirectory(path) as archive:
        archive.check_members()
        _, rows = archive_directory.read_base_rows(archive)
        archive_directory.read_official_rows(archive, {row.image_id.lower() for row in rows})
        assigned = lesion_split.split_lesions(rows, DEFAULT_FRACTIONS)
        return [*metadata_tables.metadata_remarks(rows), *assigned.remarks]

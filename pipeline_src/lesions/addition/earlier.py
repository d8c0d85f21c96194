# SPDX-License-Identifier: MIT-0
"""An earlier additional archive, of which a new one holds everything: the captures that it was made of expire."""

from pathlib import Path
from typing import Final

from pipeline_src.lesions import entry, metadata
from pipeline_src.lesions.addition import pool
from pipeline_src.lesions.addition.pool import Pool
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.collection import PRODUCTION
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.metadata import Row
from pipeline_src.lesions.source import Kind

_REMEDY: Final = "Give the archive as it was exported, or export without it."
KIND: Final = Kind("earlier additional archive", _REMEDY, _REMEDY)


def include(path: Path, target: Pool) -> dict[str, str]:
    """Put every picture of the archive at `path` into `target`, and return their labels by image id.

    Raises:
        BadInputError: it is no archive, or none that was exported; or a picture is missing, or not the one it was.
    """
    with Archive(path, kind=KIND) as archive:
        place, content = archive.metadata()
        labels = {row.image_id: _checked(row, place).label for row in metadata.parse(place, content)}
        left = set(labels)
        for found in archive.entries():
            data = entry.unpack(found)
            name = found.name.rpartition("/")[2].rpartition(".")[0]
            if name not in left or pool.image_id(data) != name:
                raise BadInputError(f"{found.place}: is not the picture that was exported by this name. {_REMEDY}")
            left.remove(name)
            target.add(data, label=labels[name])
    if left:
        raise BadInputError(f"{place}: {len(left)} images missing ({min(left)}). {_REMEDY}")
    return labels


def _checked(row: Row, place: str) -> Row:
    if row.source != PRODUCTION or not row.image_id.startswith(pool.PREFIX):
        raise BadInputError(
            f"{place}: image {row.image_id}: was not exported from production: this is no additional archive. {_REMEDY}"
        )
    return row

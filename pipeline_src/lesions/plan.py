# SPDX-License-Identifier: MIT-0
"""What is to become of each image, known from the tables before the first picture is read."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline_src import contract
from pipeline_src.lesions import official, split
from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.collection import Collection
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.metadata import Row
from pipeline_src.lesions.option import Options


class Plan(NamedTuple):
    """What is to become of the images.

    `rows` are all images of the tables, of which a position is the image's number, and `splits` their splits: first
    the base archive's, then those of an additional one, then those of the official test set, as `origins` says of
    each. `side` is that of the recorded pictures in pixels, and `remarks` what a reader of the card should know of it.
    """

    rows: Sequence[Row]
    splits: Sequence[str]
    origins: Sequence[str]
    side: int
    remarks: Sequence[str] = ()


def make(archives: Collection, options: Options) -> Plan:
    """Return the plan for `archives`.

    Raises:
        BadInputError: of their tables, or of the split.
    """
    rows, more = archives.tables()
    assigned = split.assign(rows, options.fractions)
    remarks = [*assigned.remarks, *([archives.base.lacks_official] if archives.base.lacks_official else [])]
    tests = _official(archives.base, {row.image_id for row in (*rows, *more)})
    splits = [assigned.by_lesion[row.lesion_id] for row in rows]
    splits += [split.added(row.lesion_id, options.fractions) for row in more]
    splits += [contract.OFFICIAL] * len(tests)
    origins = [contract.BASE] * len(rows) + [contract.ADDITION] * len(more) + [contract.OFFICIAL] * len(tests)
    return Plan([*rows, *more, *tests], splits, origins, options.image_size, remarks)


def _official(archive: Archive, known: set[str]) -> list[Row]:
    """Return the rows of the official test set, none of which is an image that is `known` from the dataset."""
    truth = archive.official()
    if truth is None:
        return []
    rows = official.parse(*truth)
    shared = [row.image_id for row in rows if row.image_id in known]
    if shared:
        raise BadInputError(
            f"{truth[0]}: {', '.join(shared[:5])}: {len(shared)} images are in the dataset's own table too, so that a"
            " model would be tested on what it was trained on. Remove them from one of the two tables."
        )
    return rows

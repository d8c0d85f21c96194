# SPDX-License-Identifier: MIT-0
"""The official test set: the test images of ISIC 2018 Task 3, which recent editions of the archive hold too.

Its ground truth has the columns of the archive's own table (Dataverse), or a column a class with 1 for the right one
(https://challenge.isic-archive.com/data/#2018).
"""

import re
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import metadata
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.metadata import Fields, Row

IMAGES: Final = re.compile(r"ISIC2018_Task3_Test_(Images|Input)\.zip")
TRUTH: Final = re.compile(r"ISIC2018_Task3_Test_GroundTruth(\.(csv|tab|tsv|txt))?")
_ONE_HOT: Final = {label.upper(): label for label in contract.CLASS_LABELS}


def parse(place: str, content: bytes) -> list[Row]:
    """Read the ground truth `content` in either form; an image without a lesion id is a lesion of its own.

    Returns:
        The rows, sorted by image id.

    Raises:
        BadInputError: as `metadata.read`; or a line of the second form does not name one class.
    """
    if "image_id" in metadata.header(place, content):
        return metadata.read(place, content, ("image_id", "dx"), _row)
    return metadata.read(place, content, ("image", *_ONE_HOT), _marked)


def _row(fields: Fields, here: str) -> Row:
    return metadata.row({**fields, "lesion_id": fields.get("lesion_id") or fields["image_id"]}, here)


def _marked(fields: Fields, here: str) -> Row:
    marked = [label for name, label in _ONE_HOT.items() if _number(fields[name]) == 1]
    others = [name for name in _ONE_HOT if _number(fields[name]) not in {0, 1}]
    if len(marked) != 1 or others:
        values = ", ".join(fields[name][:20] for name in _ONE_HOT)
        raise BadInputError(f"{here}: {values}: must be 1 for one class and 0 for the others. Restore the table.")
    return metadata.row({"image_id": fields["image"], "lesion_id": fields["image"], "dx": marked[0]}, here)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

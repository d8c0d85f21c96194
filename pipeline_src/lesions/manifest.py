# SPDX-License-Identifier: MIT-0
"""The manifest: every image, its lesion, label, split and hash, how many records it has, and whom it shows."""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from pipeline_src import contract


class Line(NamedTuple):
    """One image, in the columns of `contract.MANIFEST_COLUMNS`.

    `repeats` counts its records: one for a validation image, none for one that no model is shown. `archive` says which
    archive it is of, `contract.BASE` or `contract.ADDITION`.
    """

    image_id: str
    lesion_id: str
    label: str
    split: str
    sha256: str
    bytes: int
    repeats: int
    sex: str
    age: str
    localization: str
    dx_type: str
    source: str
    archive: str


def text(lines: Iterable[Line]) -> str:
    """Return the manifest as CSV, in the order of `lines`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(contract.MANIFEST_COLUMNS)
    writer.writerows(lines)
    return file.getvalue()

# SPDX-License-Identifier: MIT-0
"""The manifest: every image, its lesion, label, split and hash, and how many records it has."""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from pipeline_src import contract


class Line(NamedTuple):
    """One image. `repeats` counts its records: none for a test image, one for a validation image."""

    image_id: str
    lesion_id: str
    label: str
    split: str
    sha256: str
    bytes: int
    repeats: int


def text(lines: Iterable[Line]) -> str:
    """Return the manifest as CSV, in the order of `lines`."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(contract.MANIFEST_COLUMNS)
    writer.writerows(lines)
    return file.getvalue()

# SPDX-License-Identifier: MIT-0
"""Writes an additional archive in the layout of the dataset's own: a zip of pictures and a table, in a zip.

Nothing in it depends on the clock, the machine or a library's compression: JPEG does not shrink, so all is stored.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline_src.lesions import metadata
from pipeline_src.lesions.addition.pool import Pool
from pipeline_src.lesions.collection import PRODUCTION

PART: Final = "HAM10000_images_part_1.zip"
TABLE: Final = "HAM10000_metadata"
COLUMNS: Final = (*metadata.COLUMNS, "dataset")
_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can name
_UNIX: Final = 3
_MODE: Final = 0o100644 << 16
_CHUNK: Final = 1 << 20


def write(folder: Path, labels: Mapping[str, str], pool: Pool) -> Path:
    """Write the archive of the pictures with these `labels` by image id, as ``<SHA-256>.zip`` in `folder`.

    Raises:
        OSError: for example a full disk.
    """
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with (
            archive.open(_entry(PART), "w", force_zip64=True) as target,
            zipfile.ZipFile(target, "w") as part,
        ):
            for name in sorted(labels):
                part.writestr(_entry(f"{name}.jpg"), pool.content(name))
        archive.writestr(_entry(TABLE), table(labels))
    return path.replace(folder / f"{sha256(path)}.zip")


def table(labels: Mapping[str, str]) -> str:
    """Return the table: of a picture from production its class is all that is known."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for name, label in sorted(labels.items()):
        known = {"dx_type": "confirmed", "sex": "unknown", "localization": "unknown", "dataset": PRODUCTION}
        rows.writerow({"lesion_id": name, "image_id": name, "dx": label, **known})
    return text.getvalue()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _entry(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name, _TIME)
    found.create_system, found.external_attr = _UNIX, _MODE
    return found

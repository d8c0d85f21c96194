# SPDX-License-Identifier: MIT-0
"""Writes an additional archive in the layout of the base archive: a ZIP of images and a table, in a ZIP.

Its bytes do not depend on clock, machine or compression library: images hardly shrink, so everything is stored.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.dataset import image_codec, metadata_tables
from pipeline_src.dataset.archive_directory import PRODUCTION_SOURCE
from pipeline_src.feedback.captured_images import ImagePool

ADDITIONAL_COLUMNS: Final = (*metadata_tables.HAM10000_COLUMNS, "dataset")
_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time in a ZIP
_UNIX: Final = 3
_MODE: Final = 0o100644 << 16


def write_additional_archive(folder: Path, labels: Mapping[str, str], pool: ImagePool) -> Path:
    """Write the archive of the images in `labels`, by image id, as ``<SHA-256>.zip`` in `folder`.

    Raises:
        OSError: for example the disk is full.
    """
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        with (
            archive.open(_reproducible_entry(contract.ADDITION_IMAGES), "w", force_zip64=True) as target,
            zipfile.ZipFile(target, "w") as part,
        ):
            for name in sorted(labels):
                data = pool.content(name)
                part.writestr(_reproducible_entry(name + image_codec.file_suffix(data)), data)
        archive.writestr(_reproducible_entry(contract.ADDITION_TABLE), additional_metadata_csv(labels))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.replace(folder / f"{digest}.zip")


def additional_metadata_csv(labels: Mapping[str, str]) -> str:
    """Return the metadata table; of an image from production only the class is known."""
    text = io.StringIO()
    rows = csv.DictWriter(text, ADDITIONAL_COLUMNS, restval="", lineterminator="\n")
    rows.writeheader()
    for name, label in sorted(labels.items()):
        known = {"dx_type": "confirmed", "sex": "unknown", "localization": "unknown", "dataset": PRODUCTION_SOURCE}
        rows.writerow({"lesion_id": name, "image_id": name, "dx": label, **known})
    return text.getvalue()


def _reproducible_entry(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name, _TIME)
    found.create_system, found.external_attr = _UNIX, _MODE
    return found

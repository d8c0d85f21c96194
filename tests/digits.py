# SPDX-License-Identifier: MIT-0
"""Packs real scans that this project did not draw into the layout of HAM10000's archive.

The scans are scikit-learn's digits (1,797 of 8 x 8 pixels, from NIST; E. Alpaydin and C. Kaynak, "Optical Recognition
of Handwritten Digits", UCI Machine Learning Repository, 1998). Each class has a digit of its own, in numbers as skewed
as the lesions': the largest class has all its scans, the smallest 58 times fewer, but at least `FLOOR`. Each scan is a
lesion of its own. Run it in the jobs' environment, which has scikit-learn, in the repository's root:

    .venv/jobs/bin/python -m tests.digits out.zip
"""

import csv
import io
import sys
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from pipeline_src import contract

# HAM10000's images by class, largest first.
REAL_IMAGES: Final = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
# The digit that stands for each: of the rarest a model sees one scan or two, so those digits resemble no other.
DIGITS: Final = {"nv": 3, "mel": 2, "bkl": 1, "bcc": 7, "akiec": 4, "vasc": 6, "df": 0}
for _label, _digit in zip((each for each in contract.CLASS_LABELS if each not in DIGITS), (5, 8, 9), strict=False):
    DIGITS[_label], REAL_IMAGES[_label] = _digit, 300  # a class that HAM10000 does not have
FLOOR: Final = 3  # scans of a class: one each for train, validation and test
SIDE: Final = 224
PARTS: Final = ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip")


def class_sizes(largest: int) -> dict[str, int]:
    """Return the number of scans by class, when the largest class has `largest`."""
    most = max(REAL_IMAGES.values())
    return {label: max(FLOOR, round(largest * count / most)) for label, count in REAL_IMAGES.items()}


def pack_digits(path: Path) -> None:
    """Write the archive to `path`: the same bytes each time."""
    digits = load_digits()
    sizes = class_sizes(int(np.sum(digits.target == DIGITS["nv"])))
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset"))
    pictures: dict[str, bytes] = {}
    for label, size in sizes.items():
        for position in np.flatnonzero(digits.target == DIGITS[label])[:size]:
            image_id = f"ISIC_{position:07d}"
            rows.writerow((f"HAM_{position:07d}", image_id, label, "histo", "50.0", "unknown", "unknown", "digits"))
            pictures[image_id] = _jpeg(digits.images[position])
    _write(path, dict(sorted(pictures.items())), table.getvalue())


def _jpeg(scan: NDArray[np.float64]) -> bytes:
    """Return an 8 x 8 scan of values 0 to 16 as an enlarged JPEG (224 x 224, RGB)."""
    grey = cv2.resize((scan * (255 / 16)).astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return data.tobytes()


def _write(path: Path, pictures: dict[str, bytes], table: str) -> None:
    names = list(pictures)
    halves = (names[: len(names) // 2], names[len(names) // 2 :])
    with ZipFile(path, "w", ZIP_DEFLATED) as outer:
        for part, half in zip(PARTS, halves, strict=True):
            file = io.BytesIO()
            with ZipFile(file, "w", ZIP_DEFLATED) as inner:
                for name in half:
                    inner.writestr(ZipInfo(f"{name}.jpg"), pictures[name], ZIP_DEFLATED)
            outer.writestr(ZipInfo(part), file.getvalue(), ZIP_DEFLATED)
        outer.writestr(ZipInfo("HAM10000_metadata"), table, ZIP_DEFLATED)


if __name__ == "__main__":
    pack_digits(Path(sys.argv[1]))

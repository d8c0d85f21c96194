# SPDX-License-Identifier: MIT-0
import io
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.dataset import lesion_split, metadata_tables
from tests import digits
from tests.class_table import for_every_class


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[metadata_tables.ImageMetadata]:
    path = tmp_path_factory.mktemp("digits") / "digits.zip"
    digits.pack_digits(path)
    return _rows(path)


def _rows(path: Path) -> list[metadata_tables.ImageMetadata]:
    """Return the table's rows, having seen that each has a picture and each picture a row."""
    with zipfile.ZipFile(path) as outer:
        parts = [zipfile.ZipFile(io.BytesIO(outer.read(part))) for part in digits.PARTS]
        found = metadata_tables.read_metadata("HAM10000_metadata", outer.read("HAM10000_metadata"))
    pictures = [name for part in parts for name in part.namelist()]
    assert sorted(pictures) == sorted(f"{row.image_id}.jpg" for row in found)
    return found


def test_digits_are_as_skewed_as_the_lesions_and_each_scan_is_a_lesion(
    rows: list[metadata_tables.ImageMetadata],
) -> None:
    counts = Counter(row.label for row in rows)
    assert counts == for_every_class({"nv": 183, "mel": 30, "bkl": 30, "bcc": 14, "akiec": 9, "vasc": 4, "df": 3}, 8)
    assert 50 < counts["nv"] / counts["df"] < 70  # HAM10000: 58
    assert len({row.lesion_id for row in rows}) == len(rows)


@pytest.mark.parametrize("test_fraction", [0.2, 0.3])
def test_every_digit_is_in_every_split(rows: list[metadata_tables.ImageMetadata], test_fraction: float) -> None:
    placed = lesion_split.split_lesions(rows, lesion_split.SplitFractions(0.15, test_fraction)).by_lesion
    assert {(row.label, placed[row.lesion_id]) for row in rows} == {
        (label, name) for label in contract.CLASS_LABELS for name in contract.SPLITS
    }

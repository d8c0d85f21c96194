# SPDX-License-Identifier: MIT-0
"""`upload` refuses what Preprocess would refuse, and says which download is wanted."""

import zipfile
from pathlib import Path

import pytest

from operations.commands import multipart_upload as archives
from operations.functions.errors import UsageError
from tests.operations.commands.store import archive, table

PART = "HAM10000_images_part_1.zip"
WANTED = "Original Format Zip"


@pytest.mark.parametrize("table", ["HAM10000_metadata", "HAM10000_metadata.csv", "below/HAM10000_metadata.tab"])
def test_the_downloads_layouts_are_taken(tmp_path: Path, table: str) -> None:
    archives.check_archive(archive(tmp_path / "a.zip", size=10, names=(f"below/{PART}", table, "README", "masks.zip")))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((PART,), r"HAM10000_metadata: must appear once.*found: none \(the archive holds HAM10000_images_part_1.zip"),
        (
            ("HAM10000_metadata", "HAM10000_segmentations.zip"),
            r"inner zip missing, .*\(the archive holds HAM10000_metadata, HAM10000_segmentations.zip\). Download",
        ),
    ],
)
def test_what_is_missing_is_named_with_what_is_there(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        archives.check_archive(archive(tmp_path / "a.zip", size=10, names=names))
    assert WANTED in str(caught.value)


def test_a_truncated_download_is_named_so(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", size=1000)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UsageError, match=r"archive 'a.zip': cut short or damaged"):
        archives.check_archive(path)


def test_a_table_that_preprocess_refuses_is_refused_before_the_upload(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(PART, b"x")
        opened.writestr("HAM10000_metadata", table().replace(b"mel", b"seborrhea"))
    with pytest.raises(UsageError, match="line 2: dx 'seborrhea': not one of the diagnoses"):
        archives.check_archive(path)


def test_a_folder_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        archives.check_archive(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        archives.check_archive(tmp_path / "none.zip")

# SPDX-License-Identifier: MIT-0
"""`upload` refuses what Preprocess would refuse, and says which download is wanted."""

from pathlib import Path

import pytest

from operations.commands import multipart_upload as archives
from operations.functions.errors import UsageError
from tests.operations.commands.store import archive

PART = "HAM10000_images_part_1.zip"
WANTED = "Original Format Zip"


@pytest.mark.parametrize("table", ["HAM10000_metadata", "HAM10000_metadata.csv", "below/HAM10000_metadata.tab"])
def test_the_downloads_layouts_are_taken(tmp_path: Path, table: str) -> None:
    archives.check_archive(archive(tmp_path / "a.zip", size=10, names=(f"below/{PART}", table, "README", "masks.zip")))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((PART,), r"expected one HAM10000_metadata.*found: 0"),
        ((PART, "HAM10000_metadata", "HAM10000_metadata.csv"), "found: 2"),
        (
            ("HAM10000_metadata", "ISIC_1.jpg", "ISIC_2.JPG"),
            "no inner ZIP file of images, such as HAM10000_images_part_1.zip \\(2 images outside of one",
        ),
        (
            ("HAM10000_metadata", "HAM10000_segmentations.zip"),
            "no inner ZIP file of images, such as HAM10000_images_part_1.zip. Download",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        archives.check_archive(archive(tmp_path / "a.zip", size=10, names=names))
    assert WANTED in str(caught.value)


def test_a_truncated_download_is_named_so(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", size=1000)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UsageError, match=r"not a ZIP file, or truncated \(500 bytes"):
        archives.check_archive(path)


def test_a_folder_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        archives.check_archive(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        archives.check_archive(tmp_path / "none.zip")

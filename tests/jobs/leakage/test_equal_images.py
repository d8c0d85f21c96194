# SPDX-License-Identifier: MIT-0
"""Duplicates are images with equal bytes and different lesions."""

from pathlib import Path

from pipeline_src.dataset.archive_pass import ArchivePass, ImageOutcome
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.dataset.metadata_tables import ImageMetadata
from pipeline_src.runtime.temporary_files import RecordLocation, RecordSpool


def _passed(folder: Path, images: list[tuple[str, bytes]]) -> ArchivePass:
    """Return a pass that has met `images`, lesion and hash each, last first."""
    rows = [ImageMetadata(f"ISIC_{number}", lesion, "nv", "drawn") for number, (lesion, _) in enumerate(images)]
    plan = DatasetPlan(rows, ["train"] * len(rows), ["base"] * len(rows), 32)
    with RecordSpool(folder) as spill:
        archive_pass = ArchivePass(plan, folder, spill, lambda _done, _total, _unit: None)
    for number in reversed(range(len(images))):
        archive_pass.outcomes[number] = ImageOutcome(images[number][1], 1000, RecordLocation(0, 0))
    return archive_pass


def test_different_bytes_are_no_duplicates(tmp_path: Path) -> None:
    assert _passed(tmp_path, [("a", b"x"), ("b", b"y")]).equal_images() == []


def test_equal_bytes_of_one_lesion_are_no_duplicates(tmp_path: Path) -> None:
    assert _passed(tmp_path, [("a", b"x"), ("a", b"x"), ("b", b"y")]).equal_images() == []


def test_groups_and_their_images_come_in_the_order_of_numbers(tmp_path: Path) -> None:
    images = [("a", b"x"), ("b", b"y"), ("c", b"x"), ("d", b"y")]
    assert _passed(tmp_path, images).equal_images() == [[0, 2], [1, 3]]

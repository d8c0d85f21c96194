# SPDX-License-Identifier: MIT-0
"""Duplicates are images with equal bytes and different lesions, whatever their checksums say."""

from pathlib import Path

import pytest

from pipeline_src.lesions.archive import Archive
from pipeline_src.lesions.collection import Collection
from pipeline_src.lesions.metadata import Row
from pipeline_src.lesions.plan import Plan
from pipeline_src.lesions.share import Share
from pipeline_src.lesions.spill import Place, Spill
from pipeline_src.lesions.sweep import Outcome, Sweep
from tests.jobs.lesions.preparation import crate


@pytest.fixture
def archive(tmp_path: Path) -> Collection:
    (tmp_path / "a.zip").write_bytes(crate.good().bytes())
    return Collection(Archive(tmp_path / "a.zip"))


def _sweep(folder: Path, images: list[tuple[str, int, bytes]]) -> Sweep:
    """Return a sweep that has met `images`, lesion, checksum and hash each, last first."""
    rows = [Row(f"ISIC_{number}", lesion, "nv", "drawn") for number, (lesion, _, _) in enumerate(images)]
    plan = Plan(rows, ["train"] * len(rows), ["base"] * len(rows), Share(), 32)
    with Spill(folder) as spill:
        sweep = Sweep(plan, folder, spill, lambda _done, _total, _unit: None)
    for number in reversed(range(len(images))):
        _, crc, digest = images[number]
        sweep.facts[number] = crc, 1000
        sweep.outcomes[number] = Outcome(digest, 1000, Place(0, 0))
    return sweep


def test_equal_checksums_of_different_bytes_are_no_duplicates(tmp_path: Path, archive: Collection) -> None:
    assert _sweep(tmp_path, [("a", 7, b"x"), ("b", 7, b"y")]).duplicates(archive) == []


def test_equal_bytes_of_one_lesion_are_no_duplicates_even_beside_a_suspect(tmp_path: Path, archive: Collection) -> None:
    assert _sweep(tmp_path, [("a", 7, b"x"), ("a", 7, b"x"), ("b", 7, b"y")]).duplicates(archive) == []


def test_groups_and_their_images_come_in_the_order_of_numbers(tmp_path: Path, archive: Collection) -> None:
    images = [("a", 7, b"x"), ("b", 5, b"y"), ("c", 7, b"x"), ("d", 5, b"y")]
    assert _sweep(tmp_path, images).duplicates(archive) == [[0, 2], [1, 3]]

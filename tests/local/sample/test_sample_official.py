# SPDX-License-Identifier: MIT-0
import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from local.synthetic import synthetic_cohort
from local.synthetic.synthetic_archive import (
    IMAGE_PARTS,
    METADATA_FILE,
    OFFICIAL_IMAGES,
    OFFICIAL_TRUTH,
    write_synthetic_archive,
)
from pipeline_src import contract

IMAGES = synthetic_cohort.MINIMUM_PER_CLASS * len(contract.CLASS_LABELS)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "sample.zip"
    write_synthetic_archive(path, images=IMAGES, seed=3, official=28)
    return path


def test_the_official_test_set_is_beside_what_the_archive_holds_without_it(archive: Path, tmp_path: Path) -> None:
    write_synthetic_archive(tmp_path / "without.zip", images=IMAGES, seed=3)
    with zipfile.ZipFile(tmp_path / "without.zip") as without, zipfile.ZipFile(archive) as outer:
        assert without.namelist() == [*IMAGE_PARTS, METADATA_FILE]
        assert outer.namelist() == [*IMAGE_PARTS, METADATA_FILE, OFFICIAL_IMAGES, OFFICIAL_TRUTH]
        assert [outer.read(name) for name in without.namelist()] == [without.read(n) for n in without.namelist()]
        assert outer.testzip() is None


def test_its_pictures_lie_in_a_folder_and_each_has_a_row_of_a_lesion_of_its_own_set(archive: Path) -> None:
    with zipfile.ZipFile(archive) as outer:
        rows = list(csv.DictReader(io.StringIO(outer.read(OFFICIAL_TRUTH).decode())))
        names = zipfile.ZipFile(io.BytesIO(outer.read(OFFICIAL_IMAGES))).namelist()
    assert names == [f"ISIC2018_Task3_Test_Images/ISIC_{34524 + number:07d}.jpg" for number in range(28)]
    assert sorted(row["image_id"] for row in rows) == sorted(name[-16:-4] for name in names)
    assert tuple(rows[0]) == synthetic_cohort.METADATA_COLUMNS
    assert all(row["lesion_id"].startswith("HAMTEST_") for row in rows)
    assert Counter(row["dx"] for row in rows) == synthetic_cohort.images_per_class(28)


def test_no_picture_of_it_is_one_of_the_others(archive: Path) -> None:
    with zipfile.ZipFile(archive) as outer:
        zips = [zipfile.ZipFile(io.BytesIO(outer.read(name))) for name in (*IMAGE_PARTS, OFFICIAL_IMAGES)]
    pictures = [each.read(name) for each in zips for name in each.namelist()]
    assert len(set(pictures)) == len(pictures) == IMAGES + 28


def test_progress_counts_its_pictures_too(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_synthetic_archive(
        tmp_path / "s.zip", images=IMAGES, official=3, twins=2, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, 26) for done in range(1, 27)]


def test_its_ids_go_on_where_a_large_dataset_ends() -> None:
    shots, _ = synthetic_cohort.plan_images(12_000, 7, 5)
    tests, _ = synthetic_cohort.plan_official_images(IMAGES, 7, shots)
    assert tests[0].image_id > shots[-1].image_id
    assert {shot.lesion for shot in tests}.isdisjoint(shot.lesion for shot in shots)


@pytest.mark.parametrize("wish", [{"official": -1}, {"twins": -1}])
def test_fewer_than_none_are_refused(wish: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither can be below 0"):
        write_synthetic_archive(tmp_path / "s.zip", images=IMAGES, **wish)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []

# SPDX-License-Identifier: MIT-0
import csv
import io
import statistics
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from local.synthetic import lesion_drawing, synthetic_cohort
from local.synthetic.synthetic_archive import IMAGE_PARTS, METADATA_FILE, write_synthetic_archive
from pipeline_src import contract

LEAST = synthetic_cohort.MINIMUM_PER_CLASS * len(contract.CLASS_LABELS)
IMAGES = 2 * LEAST


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "sample.zip"
    write_synthetic_archive(path, images=IMAGES, seed=3, workers=1)
    return path


def _parts(archive: Path) -> list[zipfile.ZipFile]:
    with zipfile.ZipFile(archive) as outer:
        return [zipfile.ZipFile(io.BytesIO(outer.read(part))) for part in IMAGE_PARTS]


def _rows(archive: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(archive) as outer:
        return list(csv.DictReader(io.StringIO(outer.read(METADATA_FILE).decode())))


def test_the_archive_holds_two_zips_of_pictures_and_a_table_without_extension(archive: Path) -> None:
    with zipfile.ZipFile(archive) as outer:
        assert outer.namelist() == ["HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip", "HAM10000_metadata"]
        assert outer.testzip() is None
    first, second = (part.namelist() for part in _parts(archive))
    assert [len(first), len(second)] == [IMAGES // 2, IMAGES // 2]
    assert first + second == [f"ISIC_{24306 + number:07d}.jpg" for number in range(IMAGES)]


def test_every_picture_has_one_row_and_every_row_one_picture(archive: Path) -> None:
    rows = _rows(archive)
    assert tuple(rows[0]) == synthetic_cohort.METADATA_COLUMNS
    assert sorted(row["image_id"] for row in rows) == [
        name[:-4] for part in _parts(archive) for name in part.namelist()
    ]
    assert {row["dx"] for row in rows} == set(contract.CLASS_LABELS)


def test_the_table_and_each_picture_say_that_they_are_synthetic(archive: Path) -> None:
    assert {row["dataset"] for row in _rows(archive)} == {"synthetic"}
    for part in _parts(archive):
        for name in part.namelist():
            picture = Image.open(io.BytesIO(part.read(name)))
            assert picture.info["comment"] == lesion_drawing.SYNTHETIC_NOTICE.encode()
            assert picture.getexif()[0x010E] == lesion_drawing.SYNTHETIC_NOTICE
    assert "SYNTHETIC" in lesion_drawing.SYNTHETIC_NOTICE


def test_pictures_have_the_size_and_the_weight_of_real_ones(archive: Path) -> None:
    data = [part.read(name) for part in _parts(archive) for name in part.namelist()]
    pictures = [Image.open(io.BytesIO(item)) for item in data]
    assert {(picture.format, picture.mode, picture.size) for picture in pictures} == {("JPEG", "RGB", (600, 450))}
    assert 220_000 < statistics.mean(map(len, data)) < 300_000
    assert len(set(data)) == IMAGES


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(archive: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again.zip", tmp_path / "other.zip"
    write_synthetic_archive(again, images=IMAGES, seed=3, workers=3)
    write_synthetic_archive(other, images=IMAGES, seed=4)
    assert again.read_bytes() == archive.read_bytes()
    assert other.read_bytes() != archive.read_bytes()


def test_progress_counts_every_picture(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_synthetic_archive(
        tmp_path / "sample.zip", images=LEAST, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, LEAST) for done in range(1, LEAST + 1)]


def test_an_interrupted_archive_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_synthetic_archive(tmp_path / "new" / "sample.zip", images=LEAST, progress=interrupt)
    assert list((tmp_path / "new").iterdir()) == []


def test_an_interrupted_archive_leaves_an_older_one_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sample.zip"
    path.write_bytes(b"older")

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_synthetic_archive(path, images=LEAST, progress=interrupt)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_two_that_write_the_same_archive_at_once_do_not_disturb_each_other(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "sample.zip"

    def write_another(done: int, _total: int) -> None:
        if done == IMAGES - 1:
            write_synthetic_archive(path, images=LEAST)

    write_synthetic_archive(path, images=IMAGES, seed=3, progress=write_another)
    assert path.read_bytes() == archive.read_bytes()
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"images": LEAST - 1}, f"images {LEAST - 1}: every class needs 3 images. Use {LEAST} or more."),
        ({"seed": -1}, "seed -1: a seed must be 0 or more."),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_written(
    wish: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        write_synthetic_archive(tmp_path / "new" / "sample.zip", **wish)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []

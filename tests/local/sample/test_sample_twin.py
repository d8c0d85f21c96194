# SPDX-License-Identifier: MIT-0
import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from local.synthetic import lesion_drawing, synthetic_archive
from local.synthetic.synthetic_archive import IMAGE_PARTS, METADATA_FILE, write_synthetic_archive

IMAGES, TWINS = 24, 4


def _open(path: Path) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """Return the pictures and the rows of the archive at `path` by image id."""
    with zipfile.ZipFile(path) as outer:
        parts = [zipfile.ZipFile(io.BytesIO(outer.read(part))) for part in IMAGE_PARTS]
        rows = list(csv.DictReader(io.StringIO(outer.read(METADATA_FILE).decode())))
    pictures = {name[:-4]: part.read(name) for part in parts for name in part.namelist()}
    return pictures, {row["image_id"]: row for row in rows}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    path = tmp_path_factory.mktemp("archive") / "sample.zip"
    write_synthetic_archive(path, images=IMAGES, seed=3, twins=TWINS)
    return _open(path)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    path = tmp_path_factory.mktemp("archive") / "sample.zip"
    write_synthetic_archive(path, images=IMAGES, seed=3)
    return _open(path)


Archive = tuple[dict[str, bytes], dict[str, dict[str, str]]]


def test_copies_are_added_to_an_archive_that_is_otherwise_the_same(planted: Archive, plain: Archive) -> None:
    pictures, rows = planted
    assert len(pictures) == len(rows) == IMAGES + TWINS
    assert {name: pictures[name] for name in plain[0]} == plain[0]
    assert {name: rows[name] for name in plain[1]} == plain[1]


def test_a_copy_has_a_lesion_id_of_its_own_and_the_class_of_its_original(planted: Archive, plain: Archive) -> None:
    rows = [row for image_id, row in planted[1].items() if image_id not in plain[1]]
    lesions = {row["lesion_id"] for row in plain[1].values()}
    assert len({row["lesion_id"] for row in rows} - lesions) == TWINS
    facts = [{name: value for name, value in row.items() if not name.endswith("_id")} for row in plain[1].values()]
    assert all({name: value for name, value in row.items() if not name.endswith("_id")} in facts for row in rows)


def test_each_copy_shows_what_its_original_shows_saved_anew_or_edited(planted: Archive, plain: Archive) -> None:
    originals = [Image.open(io.BytesIO(data)).resize((48, 36)).convert("L") for data in plain[0].values()]
    copies = [Image.open(io.BytesIO(planted[0][name])) for name in sorted(planted[0].keys() - plain[0].keys())]
    undone = [copies[0], ImageOps.mirror(copies[1]), copies[2].rotate(-90, expand=True), copies[3]]
    sizes = [copy.size for copy in copies]
    assert sizes == [(600, 450), (600, 450), (450, 600), (588, 441)]
    for copy in undone:
        small = copy.resize((48, 36)).convert("L")
        apart = [np.abs(np.asarray(small, float) - np.asarray(each, float)).mean() for each in originals]
        assert min(apart) < 4 < sorted(apart)[1]


def test_a_copy_says_that_it_is_synthetic(planted: Archive, plain: Archive) -> None:
    for name in planted[0].keys() - plain[0].keys():
        picture = Image.open(io.BytesIO(planted[0][name]))
        assert picture.info["comment"] == lesion_drawing.SYNTHETIC_NOTICE.encode()
        assert picture.getexif()[0x010E] == lesion_drawing.SYNTHETIC_NOTICE


def test_more_copies_than_edits_begin_anew(planted: Archive) -> None:
    picture = next(iter(planted[0].values()))
    assert synthetic_archive.edit_image_copy(picture, 1) == synthetic_archive.edit_image_copy(
        picture, 1 + len(synthetic_archive.COPY_EDITS)
    )

# SPDX-License-Identifier: MIT-0
"""A new additional archive holds everything of an earlier one, whose captures have expired."""

from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.dataset.metadata_tables import ImageMetadata
from tests.jobs import archives
from tests.jobs.drift import stream
from tests.jobs.feedback import export_desk
from tests.jobs.feedback.export_desk import Desk, name_of


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return an archive of the pictures 0 and 1; afterwards nothing is captured or labelled."""
    before = Desk(tmp_path / "before")
    with monkeypatch.context() as patch:
        patch.setenv("ML_ROOT", str(before.root))
        before.capture(stream.captured(0), stream.captured(1))
        before.label({name_of(0): "mel", name_of(1): "nv"})
        assert before.run() == 0
    return before.archive()


def test_it_is_all_in_the_new_one_with_what_is_new(desk: Desk, earlier: bytes) -> None:
    desk.add(earlier)
    desk.capture(stream.captured(1), stream.captured(2))
    desk.label({name_of(1): "nv", name_of(2): "df"})
    assert desk.run() == 0
    rows, pictures = export_desk.unpacked(desk.archive())
    old_rows, old_pictures = export_desk.unpacked(earlier)
    assert {*old_rows} < {*rows}
    assert old_pictures.items() < pictures.items()
    assert (desk.told()["earlier"], desk.told()["exported"]["images"], desk.told()["exported"]["new"]) == (2, 3, 1)


def test_in_steps_or_at_once_the_archive_is_the_same(desk: Desk, earlier: bytes) -> None:
    desk.capture(*(stream.captured(number) for number in range(3)))
    desk.label({name_of(0): "mel", name_of(1): "nv", name_of(2): "df"})
    assert desk.run() == 0
    at_once = desk.archives()
    desk.add(earlier)
    assert desk.run() == 0
    assert desk.archives() == at_once


def test_where_nothing_is_new_no_archive_is_written(desk: Desk, earlier: bytes) -> None:
    desk.add(earlier)
    desk.capture(stream.captured(1))
    desk.label({name_of(1): "nv"})
    assert desk.run() == contract.EXIT_BAD_INPUT
    assert "nothing that the earlier archive does not contain" in desk.message()
    assert desk.archives() == {}


def test_a_picture_of_it_that_is_labelled_otherwise_now_leaves_the_archive(desk: Desk, earlier: bytes) -> None:
    desk.add(earlier)
    desk.capture(stream.captured(1))
    desk.label({name_of(1): "bkl"})
    assert desk.run() == 0
    assert [row.label for row in export_desk.unpacked(desk.archive())[0]] == ["mel"]
    assert desk.told()["left_out"]["labels contradict each other"]["count"] == 1


def test_the_object_that_says_there_is_none_is_none(desk: Desk) -> None:
    desk.add(contract.ABSENT_OBJECT.encode(), "absent.json")
    desk.capture(stream.captured(0))
    desk.label({name_of(0): "nv"})
    assert desk.run() == 0
    assert desk.told()["earlier"] == 0


def other(earlier: bytes, number: int) -> bytes:
    """Return `earlier` with another picture in the place of its first."""
    rows, pictures = export_desk.unpacked(earlier)
    pictures[min(pictures)] = stream.picture(number)
    return packed(rows, pictures)


def lacking(earlier: bytes) -> bytes:
    """Return `earlier` without its first picture, which its table still lists."""
    rows, pictures = export_desk.unpacked(earlier)
    return packed(rows, {name: data for name, data in pictures.items() if name != min(pictures)})


def packed(rows: list[ImageMetadata], pictures: dict[str, bytes]) -> bytes:
    part = archives.zipped(pictures)
    table = "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset\n" + "".join(
        f"{row.lesion_id},{row.image_id},{row.label},confirmed,,unknown,unknown,production\n" for row in rows
    )
    return archives.zipped({"HAM10000_images_part_1.zip": part, "HAM10000_metadata": table.encode()})


def test_what_is_no_earlier_export_is_refused_and_nothing_is_written(desk: Desk, earlier: bytes) -> None:
    desk.capture(stream.captured(2))
    desk.label({name_of(2): "nv"})
    wrong = {
        b"no zip at all": "not a zip file",
        earlier[:-30]: "cut short or damaged",
        archives.good().bytes(): "was not exported from production",
        other(earlier, 77): "is not the image that was exported under this name",
        lacking(earlier): "1 images missing",
        archives.zipped({"readme.txt": b"x"}): "HAM10000_metadata: must appear once",
    }
    for data, reason in wrong.items():
        desk.add(data)
        assert desk.run() == contract.EXIT_BAD_INPUT
        assert "earlier additional archive 'earlier.zip'" in desk.message()
        assert reason in desk.message()
        assert "or export without it" in desk.message()
        assert desk.archives() == {}


def test_two_earlier_archives_are_refused(desk: Desk, earlier: bytes) -> None:
    desk.capture(stream.captured(2))
    desk.label({name_of(2): "nv"})
    desk.add(earlier)
    desk.add(earlier, "second.zip")
    assert desk.run() == contract.EXIT_BAD_INPUT
    assert "give one earlier archive" in desk.message()

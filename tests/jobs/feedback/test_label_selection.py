# SPDX-License-Identifier: MIT-0
"""A picture is exported once and with one label; whatever speaks against its label leaves it out and is told."""

from pipeline_src import contract
from tests.jobs.drift import stream
from tests.jobs.feedback import export_desk
from tests.jobs.feedback.export_desk import Desk, name_of


def labels_of(desk: Desk) -> list[str]:
    return sorted(row.label for row in export_desk.unpacked(desk.archive())[0])


def sent(number: int, seed: int) -> dict:
    """Return request `number` with the picture of `seed`."""
    return stream.captured(number, picture=stream.picture(seed))


def test_equal_bytes_are_one_image_however_often_they_are_sent(desk: Desk) -> None:
    desk.capture(sent(0, 5), sent(1, 5), sent(2, 6))
    desk.label({name_of(0): "mel", name_of(1): "mel", name_of(2): "nv"})
    assert desk.run() == 0
    assert labels_of(desk) == ["mel", "nv"]


def test_equal_bytes_with_two_labels_are_left_out_and_named(desk: Desk) -> None:
    desk.capture(sent(0, 5), sent(1, 5), sent(2, 6))
    desk.label({name_of(0): "mel", name_of(1): "bkl", name_of(2): "nv"})
    assert desk.run() == 0
    assert labels_of(desk) == ["nv"]
    (named,) = desk.told()["left_out"]["labels contradict each other"]["first"]
    assert named.startswith("PROD_")
    assert named.endswith(" (bkl and mel)")


def test_one_id_with_two_labels_is_left_out(desk: Desk) -> None:
    desk.capture(sent(0, 5), sent(2, 6))
    desk.label({name_of(0): "mel", name_of(2): "nv"})
    desk.label({name_of(0): "bkl"}, "later.csv")
    assert desk.run() == 0
    assert labels_of(desk) == ["nv"]


def test_an_id_that_was_given_to_different_pictures_labels_none_of_them(desk: Desk) -> None:
    desk.capture(sent(0, 5), sent(0, 6), sent(2, 7))
    desk.label({name_of(0): "mel", name_of(2): "nv"})
    assert desk.run() == 0
    assert labels_of(desk) == ["nv"]
    assert desk.told()["left_out"]["one id for different images"] == {"count": 1, "first": [name_of(0)]}


def test_such_a_picture_is_exported_where_another_id_names_it_alone(desk: Desk) -> None:
    desk.capture(sent(0, 5), sent(0, 6), sent(2, 5))
    desk.label({name_of(0): "mel", name_of(2): "nv"})
    assert desk.run() == 0
    assert labels_of(desk) == ["nv"]


def test_a_label_for_the_image_id_itself_speaks_too(desk: Desk) -> None:
    desk.capture(sent(0, 5))
    desk.label({name_of(0): "mel"})
    assert desk.run() == 0
    (row,) = export_desk.unpacked(desk.archive())[0]
    desk.label({row.image_id: "nv"}, "correction.csv")
    assert desk.run() == contract.EXIT_BAD_INPUT
    assert f"{row.image_id} (mel and nv)" in desk.message()
    assert desk.archives() == {}

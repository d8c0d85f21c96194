# SPDX-License-Identifier: MIT-0
"""An additional image of a lesion that the base trains on is trained on; of one that it holds out, nowhere."""

from collections.abc import Callable, Mapping

import pytest
import simplejpeg

from pipeline_src.dataset import lesion_split
from pipeline_src.dataset.lesion_split import SplitFractions
from pipeline_src.feedback import captured_images
from tests.jobs import archives
from tests.jobs.dataset.test_additional_archive import IDS, PICTURES, card, exported

BASE = archives.good(9)


def copies(rows: Mapping[str, Mapping[str, str]], place: str) -> dict[bytes, str]:
    """Return the pictures of the base in `place` whose bytes by themselves would be validation, with their classes."""
    found = {BASE.pictures[name]: row["label"] for name, row in rows.items() if row["split"] == place}
    fractions = SplitFractions(0.15, 0.20)
    return {
        data: label
        for data, label in found.items()
        if lesion_split.split_of_additional_lesion(captured_images.image_id_of_bytes(data), fractions) == "validation"
    }


@pytest.fixture
def alone(room: archives.Room) -> dict[str, dict[str, str]]:
    """The manifest's rows of the base without anything added, by image id."""
    room.put(BASE.bytes())
    assert room.run() == 0
    return {row["image_id"]: row for row in room.manifest()}


def test_a_copy_of_a_test_image_chooses_no_threshold_either(
    room: archives.Room, alone: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    copied = copies(alone, "test")
    room.add(exported(tmp_path_factory, copied | PICTURES))
    assert room.run() == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    names = [captured_images.image_id_of_bytes(data) for data in copied]
    assert len(names) > 1
    assert {(rows[name]["split"], rows[name]["repeats"]) for name in names} == {("train", "0")}
    assert not any((room.output("holdout") / f"{name}.jpg").exists() for name in names)
    assert card(room)["leakage"]["dropped"] == sorted(names)
    assert card(room)["leakage"]["test_images_in_validation"] == 0
    assert card(room)["addition"]["images"] == len(IDS)
    assert {name: rows[name]["split"] for name in alone} == {name: row["split"] for name, row in alone.items()}


def test_a_copy_of_a_training_image_takes_nothing_of_the_base_out_of_training(
    room: archives.Room, alone: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    copied = copies(alone, "train")
    room.add(exported(tmp_path_factory, copied))
    assert room.run("--class-balance", "none") == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    assert len(copied) > 1
    assert {
        (
            rows[captured_images.image_id_of_bytes(data)]["split"],
            rows[captured_images.image_id_of_bytes(data)]["repeats"],
        )
        for data in copied
    } == {("train", "1")}
    assert card(room)["leakage"]["dropped"] == []
    assert {rows[name]["repeats"] for name, row in alone.items() if row["split"] == "train"} == {"1"}


def repacked(data: bytes) -> bytes:
    """Return the picture `data` in other bytes, as somebody who edits it would save it."""
    return bytes(simplejpeg.encode_jpeg(simplejpeg.decode_jpeg(data, "BGR"), quality=95, colorspace="BGR"))


@pytest.mark.parametrize("again", [bytes, repacked])
def test_a_copy_of_a_validation_image_does_not_count_twice_there(
    room: archives.Room,
    alone: dict[str, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
    again: Callable[[bytes], bytes],
) -> None:
    validated = {BASE.pictures[name]: row["label"] for name, row in alone.items() if row["split"] == "validation"}
    copied = {again(data): label for data, label in validated.items()}
    room.add(exported(tmp_path_factory, copied | PICTURES))
    assert room.run() == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    names = [captured_images.image_id_of_bytes(data) for data in copied]
    assert {lesion_split.split_of_additional_lesion(name, SplitFractions(0.15, 0.20)) for name in names} == {
        "train",
        "validation",
    }
    assert {(rows[name]["split"], rows[name]["repeats"]) for name in names} == {("train", "0")}
    assert not any((room.output("holdout") / f"{name}.jpg").exists() for name in names)
    assert card(room)["leakage"]["dropped"] == sorted(names)
    assert {name: rows[name]["split"] for name in alone} == {name: row["split"] for name, row in alone.items()}


def test_where_nothing_is_placed_anew_it_stays_and_is_no_pair_across_splits(
    room: archives.Room, alone: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    copied = copies(alone, "validation")
    room.add(exported(tmp_path_factory, copied))
    assert room.run("--near-duplicates", "fail") == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    assert {rows[captured_images.image_id_of_bytes(data)]["split"] for data in copied} == {"validation"}
    assert card(room)["leakage"]["pairs"] == 0

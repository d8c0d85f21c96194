# SPDX-License-Identifier: MIT-0
"""A picture that the base and an additional archive label differently is told of, and refused if its bytes are one."""

from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg

from pipeline_src import contract
from pipeline_src.feedback import captured_images
from tests.jobs import archives
from tests.jobs.dataset.test_additional_archive import PICTURES, card, exported
from tests.jobs.leakage.test_validation_placement import BASE, repacked

Change = Callable[[bytes], bytes]
LABELS = {row["image_id"]: row["dx"] for row in BASE.rows}


def other(label: str) -> str:
    return "nv" if label != "nv" else "mel"


def run(room: archives.Room, folders: pytest.TempPathFactory, *names: str, again: Change) -> int:
    """Preprocess the base and copies of its images `names`, each in other bytes and with another label."""
    room.put(BASE.bytes())
    copied = {again(BASE.pictures[name]): other(LABELS[name]) for name in names}
    room.add(exported(folders, copied | PICTURES))
    return room.run()


def test_equal_bytes_with_two_labels_are_refused_wherever_they_lie(
    room: archives.Room, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert run(room, tmp_path_factory, *LABELS, again=bytes) == contract.EXIT_BAD_INPUT
    assert f"and {10 * len(contract.CLASS_LABELS) - 5} more" in room.reason()
    assert room.files() == {}
    (name, label) = next(iter(LABELS.items()))
    assert run(room, tmp_path_factory, name, again=bytes) == contract.EXIT_BAD_INPUT
    copy = captured_images.image_id_of_bytes(BASE.pictures[name])
    assert f"equal bytes with two labels: {copy} is {other(label)}, and {name} of the base {label}." in room.reason()


def test_pictures_that_only_look_the_same_are_told_with_both_labels(
    room: archives.Room, tmp_path_factory: pytest.TempPathFactory
) -> None:
    room.put(BASE.bytes())
    assert room.run() == 0
    held_out = [row["image_id"] for row in room.manifest() if row["split"] != "train"]
    assert run(room, tmp_path_factory, *held_out, again=repacked) == 0
    wanted = [
        {
            "images": [name, captured_images.image_id_of_bytes(repacked(BASE.pictures[name]))],
            "labels": [LABELS[name], other(LABELS[name])],
        }
        for name in sorted(held_out)
    ]
    assert card(room)["leakage"]["contradictions"] == {"count": len(wanted), "examples": wanted}
    said = f"{len(wanted)} additional images look like an image of the base with another label."
    assert said in card(room)["warnings"]


def test_where_both_agree_there_is_no_contradiction(
    room: archives.Room, tmp_path_factory: pytest.TempPathFactory
) -> None:
    room.put(BASE.bytes())
    same = {BASE.pictures[name]: label for name, label in LABELS.items()}
    room.add(exported(tmp_path_factory, same))
    assert room.run() == 0
    assert card(room)["leakage"]["contradictions"] == {"count": 0, "examples": []}


GOOD = {row["image_id"]: row["dx"] for row in archives.good().rows}
PLACES = [("train", "train"), ("train", "test"), ("validation", "validation"), ("validation", "test"), ("test", "test")]


def _two_labels(done: archives.Room, places: tuple[str, str]) -> tuple[str, str]:
    """Return ids of two images of the base in these splits with two labels."""
    rows = done.manifest()
    first = next(row for row in rows if row["split"] == places[0])
    second = next(row for row in rows if row["split"] == places[1] and row["label"] != first["label"])
    return min(first["image_id"], second["image_id"]), max(first["image_id"], second["image_id"])


@pytest.mark.parametrize("places", PLACES, ids=map(" and ".join, PLACES))
def test_one_picture_of_the_base_with_two_labels_is_refused_wherever_it_lies(
    room: archives.Room, done: archives.Room, places: tuple[str, str]
) -> None:
    archive, (one, two) = archives.good(), _two_labels(done, places)
    archive.pictures[two] = archive.pictures[one]
    room.put(archive.bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    said = f"archive: equal bytes with two labels: {one} ({GOOD[one]}) and {two} ({GOOD[two]}). Decide which"
    assert room.reason().startswith(said)
    assert room.files() == {}


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("places", PLACES, ids=map(" and ".join, PLACES))
def test_look_alikes_of_the_base_with_two_labels_are_told_with_ids_and_labels(
    room: archives.Room, done: archives.Room, places: tuple[str, str], turns: int
) -> None:
    archive, (one, two) = archives.good(), _two_labels(done, places)
    pixels = np.rot90(archives.pixels_of(archive.pictures[one]), turns)
    copy = pixels[:, ::-1] if turns >= 4 else pixels
    archive.pictures[two] = bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(copy), quality=80, colorspace="BGR"))
    room.put(archive.bytes())
    assert room.run() == 0
    wanted = {"images": [one, two], "labels": [GOOD[one], GOOD[two]]}
    assert card(room)["leakage"]["contradictions_in_base"] == {"count": 1, "examples": [wanted]}
    said = f"1 pairs of images look the same and have two labels: {one} ({GOOD[one]}) and {two} ({GOOD[two]})."
    assert said in card(room)["warnings"]

# SPDX-License-Identifier: MIT-0
"""A twin proves that two lesion ids are one lesion: every image of that lesion counts, not the twin alone."""

import json
from typing import Any

import pytest

from pipeline_src.dataset import metadata_tables
from pipeline_src.dataset.dataset_plan import DatasetPlan
from pipeline_src.leakage import lesion_identity
from tests.jobs import archives


class Split:
    """The images of an archive by split, and those of lesions with two images."""

    def __init__(self, done: archives.Room) -> None:
        self.rows = done.manifest()

    def ids(self, split: str, images: int) -> list[list[str]]:
        """Return the images of each lesion of `split` that has so many."""
        lesions: dict[str, list[str]] = {}
        for row in self.rows:
            if row["split"] == split:
                lesions.setdefault(row["lesion_id"], []).append(row["image_id"])
        return [found for found in lesions.values() if len(found) == images]


@pytest.fixture
def split(done: archives.Room) -> Split:
    return Split(done)


def _run(room: archives.Room, copies: dict[str, str], *arguments: str) -> dict[str, Any]:
    """Run the job on an archive in which a copy (key) shows another image; return the audit.

    The bytes are equal if both have one label, and otherwise differ behind the end of the picture.
    """
    archive = archives.good()
    labels = {row["image_id"]: row["dx"] for row in archive.rows}
    archive.pictures |= {
        copy: archive.pictures[source] + (b"" if labels[copy] == labels[source] else b"copy")
        for copy, source in copies.items()
    }
    room.put(archive.bytes())
    assert room.run(*arguments) == 0
    return dict(json.loads(json.dumps(room.card()["leakage"])))


def test_all_training_images_of_a_twins_lesion_are_left_out(
    room: archives.Room, done: archives.Room, split: Split
) -> None:
    (test,), both = split.ids("test", 1)[0], split.ids("train", 2)[0]
    leakage = _run(room, {both[1]: test})
    assert (leakage["pairs"], leakage["dropped"], leakage["leaked_test_images"]) == (1, sorted(both), 0)
    assert leakage["lesions_across_splits"] == 0
    rows = {row["image_id"]: row for row in room.manifest()}
    assert {(rows[each]["split"], rows[each]["repeats"]) for each in both} == {("train", "0")}
    before, after = (json.loads(json.dumps(each.card())) for each in (done, room))
    assert after["images"]["by_split"]["train"] == before["images"]["by_split"]["train"] - 2
    assert after["lesions"]["by_split"]["train"] == before["lesions"]["by_split"]["train"] - 1
    records = sum(int(row["repeats"]) for row in rows.values() if row["split"] == "train")
    assert after["training_records"]["total"] == records
    assert after["warnings"][0].startswith("2 training images show the lesion of a held-out image")


def test_all_test_images_of_a_lesion_that_is_trained_on_are_leaked(room: archives.Room, split: Split) -> None:
    tests, (train,) = split.ids("test", 2)[0], split.ids("train", 1)[0]
    leakage = _run(room, {train: tests[0]}, "--near-duplicates", "report")
    assert (leakage["pairs"], leakage["dropped"], leakage["leaked_test_images"]) == (1, [], 2)
    assert leakage["lesions_across_splits"] == 1


def test_a_lesion_is_followed_through_equal_images_within_training(room: archives.Room, split: Split) -> None:
    (test,), first = split.ids("test", 1)[0], split.ids("train", 2)[0]
    labels = {row["image_id"]: row["label"] for row in split.rows}
    second = next(each for (each,) in split.ids("train", 1) if labels[each] == labels[first[1]])
    leakage = _run(room, {first[0]: test, second: first[1]})
    assert leakage["dropped"] == sorted([*first, second])


def test_test_images_whose_lesion_a_validation_image_shows_are_counted(room: archives.Room, split: Split) -> None:
    tests, (validation,) = split.ids("test", 2)[0], split.ids("validation", 1)[0]
    leakage = _run(room, {validation: tests[0]})
    assert (leakage["dropped"], leakage["leaked_test_images"]) == ([], 0)
    assert (leakage["test_images_in_validation"], leakage["lesions_across_splits"]) == (2, 1)


def test_several_ids_are_one_lesion_in_whatever_order_they_are_told() -> None:
    rows = [metadata_tables.ImageMetadata(f"i{number}", f"l{number}", "nv", "drawn") for number in range(5)]
    plan = DatasetPlan(rows, ["train", "test", "train", "validation", "train"], ["base"] * 5, 224)
    found = lesion_identity.lesions_of_images(plan, range(5), [(4, 3), (1, 2), (3, 2)])
    assert found == [{"train": [0]}, {"test": [1], "train": [2, 4], "validation": [3]}]
    assert lesion_identity.lesions_of_images(plan, range(5), [(3, 2), (4, 3), (2, 1)]) == found

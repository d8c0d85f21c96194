# SPDX-License-Identifier: MIT-0
"""A training image that looks like a held-out one is left out, told of, or refused, as the user decides."""

import json
from typing import Any

import numpy as np
import pytest
import simplejpeg

from local.synthetic import lesion_drawing
from pipeline_src import contract
from pipeline_src.algorithms.linear_probe.linear_probe_specification import LINEAR_PROBE
from pipeline_src.dataset import perceptual_hash
from pipeline_src.dataset.image_codec import decode_square, verify_image
from pipeline_src.definition import pipeline_parameters
from pipeline_src.jobs import preprocess
from pipeline_src.leakage import near_duplicates
from tests.jobs import archives


def flipped(data: bytes) -> bytes:
    """Return a picture turned upside down and encoded anew."""
    pixels = simplejpeg.decode_jpeg(data, "BGR")
    return bytes(simplejpeg.encode_jpeg(pixels[::-1].copy(), quality=80, colorspace="BGR"))


class Case:
    """An archive in which copies can be planted, and the splits in which its images lie."""

    def __init__(self, done: archives.Room) -> None:
        self.archive = archives.good()
        self._rows = done.manifest()

    def ids(self, split: str, label: str = "") -> list[str]:
        return [row["image_id"] for row in self._rows if row["split"] == split and label in {"", row["label"]}]

    def plant(self, source: str, target: str, *, exact: bool = False) -> None:
        data = self.archive.pictures[source]
        self.archive.pictures[target] = data if exact else flipped(data)


@pytest.fixture
def case(done: archives.Room) -> Case:
    return Case(done)


def _leakage(room: archives.Room) -> dict[str, Any]:
    return json.loads(json.dumps(room.card()["leakage"]))


def _row(room: archives.Room, image_id: str) -> dict[str, str]:
    return next(row for row in room.manifest() if row["image_id"] == image_id)


def test_without_twins_the_card_says_what_was_compared(done: archives.Room) -> None:
    assert _leakage(done) == {
        "policy": "drop",
        "distance": 14,
        "compared": 6 * len(contract.CLASS_LABELS),
        "pairs": 0,
        "dropped": [],
        "dropped_for_official_images": 0,
        "leaked_test_images": 0,
        "leaked_official_images": 0,
        "test_images_in_validation": 0,
        "lesions_across_splits": 0,
        "twins": [],
        "contradictions": {"count": 0, "examples": []},
        "contradictions_in_base": {"count": 0, "examples": []},
    }


@pytest.mark.parametrize("exact", [False, True])
def test_the_training_image_of_a_pair_is_left_out(
    room: archives.Room, done: archives.Room, case: Case, *, exact: bool
) -> None:
    test, train = case.ids("test", "mel")[0], case.ids("train", "mel")[-1]
    case.plant(test, train, exact=exact)
    room.put(case.archive.bytes())
    assert room.run() == 0
    leakage, twin = _leakage(room), _leakage(room)["twins"][0]
    assert (leakage["pairs"], leakage["dropped"], leakage["leaked_test_images"]) == (1, [train], 0)
    assert (twin["images"], twin["splits"]) == ([test, train], ["test", "train"])
    assert (twin["labels"], twin["exact"], twin["dropped"]) == (["mel", "mel"], exact, True)
    assert not exact or twin["distance"] == 0
    assert (_row(room, train)["split"], _row(room, train)["repeats"]) == ("train", "0")
    before, after = json.loads(json.dumps(done.card())), json.loads(json.dumps(room.card()))
    assert after["images"]["by_class_and_split"]["mel"]["train"] == (
        before["images"]["by_class_and_split"]["mel"]["train"] - 1
    )
    records = sum(int(row["repeats"]) for row in room.manifest() if row["split"] == "train")
    assert after["training_records"]["total"] == records
    assert after["hyperparameters"]["num_training_samples"] == str(records)
    assert sum(1 for _ in (room.output("dataset") / "train.idx").open()) == records
    assert after["warnings"][0].startswith("1 training images show the lesion of a held-out image and were left")


def test_equal_bytes_are_no_bits_apart_however_their_splits_are_decoded(room: archives.Room, case: Case) -> None:
    rng = np.random.default_rng(7)
    picture = lesion_drawing.LesionRenderer(7).picture(lesion_drawing.random_lesion("nv", rng), rng)
    test, train = case.ids("test", "nv")[0], case.ids("train", "nv")[0]
    views = np.array(
        [perceptual_hash.grey_view(each) for each in (verify_image(picture, "x"), decode_square(picture, "x", 224))]
    )
    assert near_duplicates.hash_distances(views, [near_duplicates.ImagePair(0, 1)])[near_duplicates.ImagePair(0, 1)] > 0
    case.archive.pictures |= {test: picture, train: picture}
    room.put(case.archive.bytes())
    assert room.run() == 0
    found = _leakage(room)["twins"]
    assert [(each["images"], each["distance"], each["exact"]) for each in found] == [([test, train], 0, True)]


def test_it_is_trained_on_and_told_of_if_the_user_says_report(room: archives.Room, case: Case) -> None:
    test, validation, train = case.ids("test")[0], case.ids("validation")[0], case.ids("train")[:3]
    case.plant(test, train[0])
    case.plant(test, train[1])
    case.plant(validation, train[2])
    room.put(case.archive.bytes())
    assert room.run("--near-duplicates", "report") == 0
    leakage = _leakage(room)
    assert (leakage["policy"], leakage["pairs"], leakage["dropped"]) == ("report", 3, [])
    assert leakage["leaked_test_images"] == 1  # of the test images; the validation image is not judged by
    assert [each["splits"] for each in leakage["twins"]] == [["test", "train"]] * 2 + [["validation", "train"]]
    assert not any(each["dropped"] for each in leakage["twins"])
    assert int(_row(room, train[0])["repeats"]) > 0
    assert any("1 test images show a lesion that the model is trained on" in w for w in _warnings(room))


def _warnings(room: archives.Room) -> list[str]:
    return list(json.loads(json.dumps(room.card()["warnings"])))


def test_the_archive_is_refused_if_the_user_says_fail(room: archives.Room, case: Case) -> None:
    test, train = case.ids("test")[0], case.ids("train")[0]
    case.plant(test, train)
    room.put(case.archive.bytes())
    assert room.run("--near-duplicates", "fail") == contract.EXIT_BAD_INPUT
    assert f"{train} looks like {test} (test)" in room.reason()
    assert "set NearDuplicates to drop" in room.reason()
    assert room.files() == {}


@pytest.mark.parametrize("policy", ["drop", "fail"])
def test_a_pair_of_held_out_images_is_listed_and_stays(room: archives.Room, case: Case, policy: str) -> None:
    test, validation = case.ids("test")[0], case.ids("validation")[0]
    case.plant(test, validation)
    room.put(case.archive.bytes())
    assert room.run("--near-duplicates", policy) == 0
    leakage = _leakage(room)
    assert (leakage["pairs"], leakage["dropped"], leakage["leaked_test_images"]) == (1, [], 0)
    assert leakage["twins"][0]["images"] == [test, validation]
    assert _row(room, validation)["repeats"] == "1"
    assert any("1 pairs of held-out images" in warning for warning in _warnings(room))


def test_a_class_whose_training_images_are_all_copies_is_refused(room: archives.Room, case: Case) -> None:
    for image_id in case.ids("train", "df"):
        case.plant(case.ids("test", "df")[0], image_id)
    room.put(case.archive.bytes())
    assert room.run() == contract.EXIT_BAD_INPUT
    assert "class df: no image left in train" in room.reason()


def test_copies_within_one_split_are_no_leak(room: archives.Room, case: Case) -> None:
    one, two = case.ids("train", "nv")[0], case.ids("train", "nv")[-1]
    case.plant(one, two, exact=True)
    room.put(case.archive.bytes())
    assert room.run() == 0
    assert _leakage(room)["pairs"] == 0
    assert room.card()["duplicates_across_lesions"] == [sorted([one, two])]


def test_the_card_names_the_options_as_the_pipeline_does(done: archives.Room) -> None:
    parameters = json.loads(json.dumps(done.card()["parameters"]))
    defaults = {each.name: str(each.default) for each in pipeline_parameters.pipeline_parameters(LINEAR_PROBE)}
    # Each algorithm has its own default for the balance of the classes.
    assert parameters | {"ClassBalance": "none"} == {name: defaults[name] for name in parameters}
    assert preprocess.parse_preprocessing_options(()).parameters() == parameters
    assert len(parameters) == 7

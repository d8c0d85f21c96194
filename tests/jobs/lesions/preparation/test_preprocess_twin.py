# SPDX-License-Identifier: MIT-0
"""A picture is known again after what people do to pictures, and not mistaken for another."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from local.sample import appearance, drawing
from pipeline_src.lesions import likeness, picture, twin
from pipeline_src.lesions.twin import Pair

Bytes = NDArray[np.uint8]
LABELS = list(appearance.STYLES)
PICTURES = 40


def _drawn(lesion: int, shot: int) -> bytes:
    subject = appearance.lesion(LABELS[lesion % len(LABELS)], np.random.default_rng([7, lesion]))
    return STUDIO.picture(subject, np.random.default_rng([8, shot]))


STUDIO = drawing.Studio(7)


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [_drawn(number, number) for number in range(PICTURES)]


def _held_out(data: bytes) -> Bytes:
    return likeness.view(picture.verify(data, "x"))


def _recorded(data: bytes) -> Bytes:
    return likeness.view(picture.square(data, "x", 224))


def _edited(data: bytes, edit: Callable[[Bytes], Bytes], quality: int) -> bytes:
    pixels = np.ascontiguousarray(edit(simplejpeg.decode_jpeg(data, "BGR")))
    return bytes(simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="BGR", colorsubsampling="420"))


EDITS: dict[str, Callable[[Bytes], Bytes]] = {
    "nothing but another encoding": lambda pixels: pixels,
    "flip": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "quarter turn": np.rot90,
    "half turn": lambda pixels: np.rot90(pixels, 2),
    "turn and flip": lambda pixels: pixels.transpose(1, 0, 2),
    "crop of 2 %": lambda pixels: pixels[9:, 12:],
    "brighter": lambda pixels: np.clip(pixels * 1.1, 0, 255).astype(np.uint8),
    "half the size": lambda pixels: np.asarray(cv2.resize(pixels, None, fx=0.5, fy=0.5), np.uint8),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_copy_in_training_is_found_whatever_was_done_to_it_and_nothing_else_is(
    pictures: list[bytes], name: str
) -> None:
    views = [_recorded(data) for data in pictures]
    for number in range(0, PICTURES, 10):
        copy = _recorded(_edited(pictures[number], EDITS[name], 60))
        seen = np.array([_held_out(pictures[number]), copy, *views[:number], *views[number + 1 :]])
        splits = {0: "test", **dict.fromkeys(range(1, len(seen)), "train")}
        assert list(twin.near(seen, splits, 1)) == [Pair(0, 1)]


def test_other_lesions_and_other_pictures_of_the_same_lesion_are_no_twins(pictures: list[bytes]) -> None:
    again = [_drawn(number, PICTURES + number) for number in range(PICTURES)]
    seen = np.array([_held_out(data) for data in pictures] + [_recorded(data) for data in again])
    splits = {number: "test" if number < PICTURES else "train" for number in range(len(seen))}
    assert twin.near(seen, splits, 1) == {}


def test_every_pair_of_splits_is_compared_and_no_split_with_itself(pictures: list[bytes]) -> None:
    seen = np.array([_recorded(pictures[0])] * 6)
    splits = {0: "train", 1: "official", 2: "validation", 3: "test", 4: "test", 5: "train"}
    found = twin.near(seen, splits, 1)
    assert {splits[pair.first] + ">" + splits[pair.second] for pair in found} == {
        *("official>test", "official>validation", "official>train"),
        *("test>validation", "test>train", "validation>train"),
    }
    assert len(found) == 13
    assert set(found.values()) == {0}


def test_images_that_do_not_take_part_are_not_compared(pictures: list[bytes]) -> None:
    seen = np.array([_recorded(pictures[0])] * 3)
    assert list(twin.near(seen, {0: "train", 2: "test"}, 1)) == [Pair(2, 0)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_finds_the_same_over_several_blocks(pictures: list[bytes], workers: int) -> None:
    seen = np.array([_recorded(data) for data in pictures] * 5)
    splits = {number: "test" if number % 3 == 0 else "train" for number in range(len(seen))}
    found = twin.near(seen, splits, workers)
    wanted = [(a, b) for a in splits for b in splits if a % PICTURES == b % PICTURES and a % 3 == 0 != b % 3]
    assert list(found) == wanted


def test_without_held_out_images_there_are_no_pairs(pictures: list[bytes]) -> None:
    assert twin.near(np.array([_recorded(pictures[0])] * 2), {0: "train", 1: "train"}, 1) == {}


def test_pictures_that_show_nothing_are_no_twins() -> None:
    flat = np.full((2, likeness.SIDE, likeness.SIDE), 90, np.uint8)
    assert twin.near(flat, {0: "test", 1: "train"}, 1) == {}
    assert twin.distances(flat, [Pair(0, 1)]) == {Pair(0, 1): 0}
    flat[:, :, 16:] = 91
    assert twin.near(flat, {0: "test", 1: "train"}, 1) == {}


def test_a_distance_is_that_of_the_best_orientation(pictures: list[bytes]) -> None:
    view = _recorded(pictures[0])
    for turned in likeness.oriented(view[None]):
        assert twin.distances(np.array([view, turned]), [Pair(0, 1)]) == {Pair(0, 1): 0}


def test_the_eight_orientations_are_all_different(pictures: list[bytes]) -> None:
    assert len({view.tobytes() for view in likeness.oriented(_recorded(pictures[0])[None])}) == likeness.ORIENTATIONS

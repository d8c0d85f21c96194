# SPDX-License-Identifier: MIT-0
"""A picture is known again after what people do to pictures, and not mistaken for another."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from local.synthetic import lesion_drawing
from pipeline_src.dataset import image_codec, perceptual_hash
from pipeline_src.leakage import near_duplicates
from pipeline_src.leakage.near_duplicates import ImagePair

Bytes = NDArray[np.uint8]
LABELS = list(lesion_drawing.STYLES_BY_CLASS)
PICTURES = 40


def _drawn(lesion: int, shot: int) -> bytes:
    subject = lesion_drawing.random_lesion(LABELS[lesion % len(LABELS)], np.random.default_rng([7, lesion]))
    return STUDIO.picture(subject, np.random.default_rng([8, shot]))


STUDIO = lesion_drawing.LesionRenderer(7)


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return [_drawn(number, number) for number in range(PICTURES)]


def _held_out(data: bytes) -> Bytes:
    return perceptual_hash.grey_view(image_codec.verify_image(data, "x"))


def _recorded(data: bytes) -> Bytes:
    return perceptual_hash.grey_view(image_codec.decode_square(data, "x", 224))


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
    "letterbox": lambda pixels: np.pad(pixels, ((75, 75), (0, 0), (0, 0))),
    "white frame": lambda pixels: np.pad(pixels, ((40, 40), (40, 40), (0, 0)), constant_values=255),
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
        assert list(near_duplicates.find_near_duplicates(seen, splits, 1)) == [ImagePair(0, 1)]


def test_other_lesions_and_other_pictures_of_the_same_lesion_are_no_twins(pictures: list[bytes]) -> None:
    again = [_drawn(number, PICTURES + number) for number in range(PICTURES)]
    seen = np.array([_held_out(data) for data in pictures] + [_recorded(data) for data in again])
    splits = {number: "test" if number < PICTURES else "train" for number in range(len(seen))}
    assert near_duplicates.find_near_duplicates(seen, splits, 1) == {}


def test_every_pair_of_splits_is_compared_and_no_split_with_itself(pictures: list[bytes]) -> None:
    seen = np.array([_recorded(pictures[0])] * 6)
    splits = {0: "train", 1: "official", 2: "validation", 3: "test", 4: "test", 5: "train"}
    found = near_duplicates.find_near_duplicates(seen, splits, 1)
    assert {splits[pair.first] + ">" + splits[pair.second] for pair in found} == {
        *("official>test", "official>validation", "official>train"),
        *("test>validation", "test>train", "validation>train"),
    }
    assert len(found) == 13
    assert set(found.values()) == {0}


def test_images_that_do_not_take_part_are_not_compared(pictures: list[bytes]) -> None:
    seen = np.array([_recorded(pictures[0])] * 3)
    assert list(near_duplicates.find_near_duplicates(seen, {0: "train", 2: "test"}, 1)) == [ImagePair(2, 0)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_finds_the_same_over_several_blocks(pictures: list[bytes], workers: int) -> None:
    seen = np.array([_recorded(data) for data in pictures] * 5)
    splits = {number: "test" if number % 3 == 0 else "train" for number in range(len(seen))}
    found = near_duplicates.find_near_duplicates(seen, splits, workers)
    wanted = [(a, b) for a in splits for b in splits if a % PICTURES == b % PICTURES and a % 3 == 0 != b % 3]
    assert list(found) == wanted


def test_without_held_out_images_there_are_no_pairs(pictures: list[bytes]) -> None:
    assert (
        near_duplicates.find_near_duplicates(np.array([_recorded(pictures[0])] * 2), {0: "train", 1: "train"}, 1) == {}
    )


def test_pictures_that_show_nothing_are_no_twins() -> None:
    flat = np.full((2, perceptual_hash.VIEW_SIDE, perceptual_hash.VIEW_SIDE), 90, np.uint8)
    assert near_duplicates.find_near_duplicates(flat, {0: "test", 1: "train"}, 1) == {}
    assert near_duplicates.hash_distances(flat, [ImagePair(0, 1)]) == {ImagePair(0, 1): 0}
    flat[:, :, 16:] = 91
    assert near_duplicates.find_near_duplicates(flat, {0: "test", 1: "train"}, 1) == {}


def test_a_distance_is_that_of_the_best_orientation(pictures: list[bytes]) -> None:
    view = _recorded(pictures[0])
    for turned in perceptual_hash.orient_views(view[None]):
        assert near_duplicates.hash_distances(np.array([view, turned]), [ImagePair(0, 1)]) == {ImagePair(0, 1): 0}


def test_the_eight_orientations_are_all_different(pictures: list[bytes]) -> None:
    assert (
        len({view.tobytes() for view in perceptual_hash.orient_views(_recorded(pictures[0])[None])})
        == perceptual_hash.ORIENTATIONS
    )

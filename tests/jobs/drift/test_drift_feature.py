# SPDX-License-Identifier: MIT-0
"""Each feature moves with what it is named after, and not with what it is not."""

from functools import cache

import cv2
import numpy as np
import pytest

from pipeline_src.drift import image_features
from pipeline_src.runtime.errors import BadInputError

ANSWER = [0.1, 0.6, 0.1, 0.05, 0.05, 0.05, 0.05]


@cache
def _scene() -> np.ndarray:
    random = np.random.default_rng(4)
    pixels = np.clip(random.normal((150, 165, 205), 15, (450, 600, 3)), 0, 255)
    cv2.circle(pixels, (300, 225), 90, (60, 80, 120), -1)
    return pixels


def scene() -> np.ndarray:
    return _scene().copy()


def measured(pixels: np.ndarray, quality: int = 95) -> dict[str, float]:
    data = cv2.imencode(".jpg", pixels.astype(np.uint8), (cv2.IMWRITE_JPEG_QUALITY, quality))[1].tobytes()
    return dict(
        zip(image_features.FEATURE_NAMES, image_features.measure_features(data, ANSWER, "x")[:-1].tolist(), strict=True)
    )


def ring(pixels: np.ndarray) -> np.ndarray:
    mask = np.zeros((450, 600, 1))
    cv2.circle(mask, (300, 225), 260, 1, -1)
    return pixels * mask


SHIFTS = {
    "brightness": (lambda pixels: pixels * 0.8, -1),
    "contrast": (lambda pixels: (pixels - 150) * 0.6 + 150, -1),
    "sharpness": (lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 2), -1),
    "blur": (lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 2), 1),
    "redness": (lambda pixels: pixels * (0.9, 0.9, 1.1), 1),
    "yellowness": (lambda pixels: pixels * (0.8, 1, 1), 1),
    "black_border": (ring, 1),
    "width": (lambda pixels: cv2.resize(pixels, (700, 450)), 1),
    "height": (lambda pixels: cv2.resize(pixels, (600, 300)), -1),
    "aspect": (lambda pixels: cv2.resize(pixels, (450, 450)), -1),
}


@pytest.mark.parametrize("name", SHIFTS)
def test_a_feature_moves_the_way_of_its_shift(name: str) -> None:
    edit, sign = SHIFTS[name]
    before, after = measured(scene())[name], measured(edit(scene()))[name]
    assert sign * (after - before) > 0.05 * abs(before)


def test_a_stronger_compression_shows_in_the_bytes_per_pixel() -> None:
    assert measured(scene(), quality=60)["bytes_per_pixel"] < 0.6 * measured(scene())["bytes_per_pixel"]


def test_blur_does_not_depend_on_contrast_as_sharpness_does() -> None:
    full, faint = measured(scene()), measured((scene() - 150) * 0.6 + 150)
    assert faint["blur"] == pytest.approx(full["blur"], abs=0.02)
    assert faint["sharpness"] < full["sharpness"] - 0.2


def test_a_dark_lesion_inside_is_no_black_border() -> None:
    pixels = scene()
    cv2.circle(pixels, (300, 225), 90, (5, 5, 5), -1)
    assert measured(pixels)["black_border"] == 0


def test_the_border_is_its_share_of_the_picture() -> None:
    pixels = scene()
    pixels[:, :60] = 0
    assert measured(pixels)["black_border"] == pytest.approx(0.1, abs=0.01)


def test_a_black_picture_and_a_flat_one_are_measured_too() -> None:
    assert measured(np.zeros((450, 600, 3)))["black_border"] == 1
    assert np.isfinite(list(measured(np.full((450, 600, 3), 128.0)).values())).all()


def test_an_answer_is_its_confidence_entropy_melanoma_score_and_class() -> None:
    row = image_features.measure_features(
        cv2.imencode(".jpg", scene())[1].tobytes(), [0.25, 0, 0, 0.25, 0.5, 0, 0], "x"
    )
    assert row[-4:].tolist() == [0.5, 1.5, 0.25, 4]


def test_what_is_no_picture_is_refused_with_its_place() -> None:
    with pytest.raises(BadInputError, match="there: neither JPEG nor PNG but a GIF"):
        image_features.measure_features(b"GIF89a....", ANSWER, "there")

# SPDX-License-Identifier: MIT-0
import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from local.synthetic import lesion_drawing
from pipeline_src import contract

LESIONS = 24  # of each class, one picture each


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng([9, *key])


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.float64]:
    """Pictures by class and lesion, 28 x 28 pixels: (classes, lesions, 28, 28, 3), from 0 to 1."""
    studio = lesion_drawing.LesionRenderer(9)
    small = np.zeros((len(contract.CLASS_LABELS), LESIONS, 28, 28, 3))
    for number, label in enumerate(contract.CLASS_LABELS):
        for lesion in range(LESIONS):
            subject = lesion_drawing.random_lesion(label, _generator(1, number, lesion))
            data = studio.picture(subject, _generator(2, number, lesion))
            small[number, lesion] = (
                np.asarray(Image.open(io.BytesIO(data)).resize((28, 28), Image.Resampling.BOX)) / 255
            )
    return small


def _balanced_accuracy(features: NDArray[np.float64]) -> float:
    """Return how well a linear model, fitted to two thirds of (classes, lesions, n), classifies the others."""
    flat = features - features.mean((0, 1))
    cut = LESIONS * 2 // 3
    fit, rest = flat[:, :cut].reshape(-1, flat.shape[-1]), flat[:, cut:].reshape(-1, flat.shape[-1])
    wanted = np.eye(len(features)).repeat(cut, axis=0)
    weights = fit.T @ np.linalg.solve(fit @ fit.T + 0.5 * np.eye(len(fit)), wanted)
    truth = np.arange(len(features)).repeat(LESIONS - cut)
    return float(np.mean((rest @ weights).argmax(1) == truth))


def test_classes_can_be_told_apart_at_28_pixels_but_not_by_the_mean_colour(pictures: NDArray[np.float64]) -> None:
    by_pixels = _balanced_accuracy(pictures.reshape(*pictures.shape[:2], -1))
    by_mean_colour = _balanced_accuracy(pictures.mean((2, 3)))
    assert 0.4 < by_pixels < 0.98
    assert by_mean_colour < by_pixels - 0.1


def test_every_class_has_a_style_of_its_own_and_look_alikes_of_another_class() -> None:
    assert set(lesion_drawing.STYLES_BY_CLASS) == set(lesion_drawing.LOOK_ALIKES)
    assert len({lesion_drawing.style_of_class(label) for label in contract.CLASS_LABELS}) == len(contract.CLASS_LABELS)
    for label in contract.CLASS_LABELS:
        assert set(lesion_drawing.look_alikes(label)) <= set(contract.CLASS_LABELS) - {label}


def _centre(picture: bytes) -> NDArray[np.float64]:
    image = Image.open(io.BytesIO(picture)).crop((240, 165, 360, 285))
    mean: NDArray[np.float64] = np.asarray(image, dtype=np.float64).mean((0, 1))
    return mean


def test_pictures_of_one_lesion_differ_in_view_but_less_than_lesions_do() -> None:
    studio, views, lesions = lesion_drawing.LesionRenderer(9), [], []
    subject = lesion_drawing.random_lesion("bkl", _generator(3))
    for number in range(12):
        views.append(studio.picture(subject, _generator(4, number)))
        lesions.append(
            studio.picture(lesion_drawing.random_lesion("bkl", _generator(5, number)), _generator(6, number))
        )
    assert len(set(views)) == len(views)
    within, between = (np.std([_centre(item) for item in items], axis=0).mean() for items in (views, lesions))
    assert within < between


def _outline(picture: bytes) -> NDArray[np.bool_]:
    """Return where the lesion is, on 60 x 45 pixels without the dark corners: where the picture is dark."""
    grey = np.asarray(Image.open(io.BytesIO(picture)).convert("L").resize((60, 45), Image.Resampling.BOX))[8:37, 12:48]
    dark: NDArray[np.bool_] = grey < (int(grey.min()) + int(grey.max())) / 2
    return dark


def test_each_picture_of_a_lesion_is_taken_from_another_side() -> None:
    studio, subject = lesion_drawing.LesionRenderer(9), lesion_drawing.random_lesion("mel", _generator(1))
    first, *others = (_outline(studio.picture(subject, _generator(4, number))) for number in range(6))
    shared = [(first & other).sum() / (first | other).sum() for other in others]
    assert min(shared) < 0.8
    assert max(shared) > 0.3


def test_a_picture_follows_from_its_generators() -> None:
    first, second = (
        lesion_drawing.LesionRenderer(9).picture(lesion_drawing.random_lesion("mel", _generator(1)), _generator(2))
        for _ in range(2)
    )
    assert first == second


def test_grain_never_wraps_from_black_to_white() -> None:
    black = (0.0, 0.0, 0.0)
    usual = lesion_drawing.random_lesion("mel", _generator(1))
    subject = replace(usual, style=replace(usual.style, base=black, second=black, blob=black))
    image = Image.open(io.BytesIO(lesion_drawing.LesionRenderer(9).picture(subject, _generator(2))))
    middle = np.asarray(image.crop((280, 205, 320, 245)))
    assert 0 < middle.mean() < 60
    assert middle.max() < 130

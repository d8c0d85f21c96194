# SPDX-License-Identifier: MIT-0
"""The melanoma threshold is the highest that reaches the target on validation images, and knows nothing of the test."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src.lesions import operating_point
from pipeline_src.lesions.holdout import HoldoutImage
from pipeline_src.lesions.prediction import Predictions


def suspected(melanomas: list[float], others: list[float], split: str = "validation") -> Predictions:
    """Return images with the given probabilities of melanoma."""
    scored = [("mel", value) for value in melanomas] + [("nv", value) for value in others]
    images = tuple(HoldoutImage(f"i{row:04d}", f"l{row}", label, split) for row, (label, _) in enumerate(scored))
    rows = [[value, 1 - value, 0, 0, 0, 0, 0] for _, value in scored]
    return Predictions(images, np.array(rows, dtype=float).reshape(-1, 7))


@pytest.mark.parametrize(
    ("target", "wanted"),
    [(0.01, 0.9), (0.25, 0.9), (0.26, 0.7), (0.5, 0.7), (0.75, 0.4), (0.76, 0.2), (1.0, 0.2)],
)
def test_a_hand_computed_threshold(target: float, wanted: float) -> None:
    assert operating_point.threshold(suspected([0.2, 0.9, 0.4, 0.7], [0.95, 0.1]), target) == wanted


def test_rounding_of_the_target_asks_for_no_melanoma_more() -> None:
    hundred = [(100 - rank) / 100 for rank in range(100)]
    assert 0.55 * 100 > 55
    assert operating_point.threshold(suspected(hundred, []), 0.55) == hundred[54]


def test_melanomas_of_equal_probability_stand_or_fall_together() -> None:
    point = operating_point.measure(suspected([0.9, 0.5, 0.5, 0.5], []), suspected([0.5, 0.4], [], "test"), 0.5)
    assert point.threshold == 0.5
    assert point.validation_sensitivity == 1
    assert point.sensitivity == 0.5


def test_the_figures_are_of_the_test_images() -> None:
    validation = suspected([0.9, 0.6], [0.1])
    test = suspected([0.8, 0.6, 0.5, 0.1], [0.7, 0.59, 0.2, 0.1, 0.0], "test")
    point = operating_point.measure(validation, test, 0.85)
    assert (point.threshold, point.sensitivity, point.specificity) == (0.6, 0.5, 0.8)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.lists(st.floats(0, 1), max_size=8))
def test_no_test_image_can_move_the_threshold(melanomas: list[float], others: list[float]) -> None:
    validation = suspected([0.9, 0.6, 0.3], [0.5, 0.2])
    assert operating_point.measure(validation, suspected(melanomas, others, "test"), 0.6).threshold == 0.6


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 1))
def test_the_threshold_reaches_the_target_and_no_higher_one_does(melanomas: list[float], target: float) -> None:
    chosen = operating_point.threshold(suspected(melanomas, [0.5]), target)
    assert chosen is not None
    found = sum(value >= chosen for value in melanomas)
    above = sum(value > chosen for value in melanomas)
    assert found >= target * len(melanomas) - 1e-6
    assert above < math.ceil(target * len(melanomas) - 1e-9) or above == 0


def test_without_a_validation_melanoma_there_is_no_operating_point() -> None:
    point = operating_point.measure(suspected([], [0.5]), suspected([0.5], [0.4], "test"), 0.85)
    assert (point.threshold, point.validation_sensitivity, point.sensitivity, point.specificity) == (None,) * 4
    assert point.target_sensitivity == 0.85
    assert point.auc == 1


def test_without_a_test_melanoma_its_sensitivity_is_not_defined() -> None:
    point = operating_point.measure(suspected([0.5], []), suspected([], [0.4], "test"), 0.85)
    assert (point.sensitivity, point.specificity, point.auc) == (None, 1, None)

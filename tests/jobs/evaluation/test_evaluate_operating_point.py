# SPDX-License-Identifier: MIT-0
"""The melanoma threshold is the highest that reaches the target on validation images; nothing else is asked."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.evaluation import operating_point
from pipeline_src.evaluation.confidence_intervals import EXACT_METHOD, NO_INTERVAL, Estimate
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES, scores


def suspected(melanomas: list[float], others: list[float]) -> Predictions:
    """Return images with the given probabilities of melanoma."""
    scored = [("mel", value) for value in melanomas] + [("nv", value) for value in others]
    images = tuple(HoldoutImage(f"i{row:04d}", f"l{row}", label, "validation") for row, (label, _) in enumerate(scored))
    rows = [scores(value, 1 - value) for _, value in scored]
    return Predictions(images, np.array(rows, dtype=float).reshape(-1, CLASSES))


@pytest.mark.parametrize(
    ("target", "wanted"),
    [(0.01, 0.9), (0.25, 0.9), (0.26, 0.7), (0.5, 0.7), (0.75, 0.4), (0.76, 0.2), (1.0, 0.2)],
)
def test_a_hand_computed_threshold(target: float, wanted: float) -> None:
    assert operating_point.melanoma_threshold(suspected([0.2, 0.9, 0.4, 0.7], [0.95, 0.1]), target) == wanted


def test_rounding_of_the_target_asks_for_no_melanoma_more() -> None:
    hundred = [(100 - rank) / 100 for rank in range(100)]
    assert 0.55 * 100 > 55
    assert operating_point.melanoma_threshold(suspected(hundred, []), 0.55) == hundred[54]


def test_melanomas_of_equal_probability_stand_or_fall_together() -> None:
    point = operating_point.choose_operating_point(suspected([0.9, 0.5, 0.5, 0.5], []), 0.5)
    assert point.threshold == 0.5
    assert point.validation_sensitivity.value == 1


def test_what_it_reaches_on_the_images_it_was_chosen_by_has_an_interval_of_their_lesions() -> None:
    point = operating_point.choose_operating_point(suspected([0.9, 0.8, 0.7, 0.1], [0.95, 0.0, 0.0]), 0.75)
    reached = point.validation_sensitivity
    assert (point.threshold, point.target_sensitivity) == (0.7, 0.75)
    assert (reached.value, reached.images, reached.lesions, reached.method) == (0.75, 4, 4, EXACT_METHOD)
    assert reached.lower == pytest.approx(0.194, abs=0.001)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 1))
def test_the_threshold_reaches_the_target_and_no_higher_one_does(melanomas: list[float], target: float) -> None:
    chosen = operating_point.melanoma_threshold(suspected(melanomas, [0.5]), target)
    assert chosen is not None
    found = sum(value >= chosen for value in melanomas)
    above = sum(value > chosen for value in melanomas)
    assert found >= target * len(melanomas) - 1e-6
    assert above < math.ceil(target * len(melanomas) - 1e-9) or above == 0


def test_without_a_validation_melanoma_there_is_no_operating_point() -> None:
    for validation in (suspected([], [0.5]), suspected([], [])):
        point = operating_point.choose_operating_point(validation, 0.85)
        assert (point.threshold, point.target_sensitivity) == (None, 0.85)
        assert point.validation_sensitivity == Estimate(None, None, None, 0, 0, NO_INTERVAL)


def test_production_images_take_no_part_in_the_choice_and_are_measured_beside_it() -> None:
    base = suspected([share / 10 for share in range(1, 11)], [0.1])
    added = from_production(suspected([0.95] * 4, [0.2, 0.9]))
    both = Predictions((*base.images, *added.images), np.concatenate([base.probabilities, added.probabilities]))
    kept, production = operating_point.split_by_archive(both)
    assert (kept.images, production.images) == (base.images, added.images)
    chosen = operating_point.choose_operating_point(kept, 0.9)
    assert chosen.threshold == pytest.approx(0.2)
    found = operating_point.measure_production(production, chosen, 1.5)
    assert found is not None
    assert (found.images, found.melanomas, found.threshold, found.temperature) == (6, 4, 0.95, 1.5)
    assert (found.sensitivity.value, found.specificity.value) == (1, 0)  # 0.2 itself is suspected
    assert operating_point.measure_production(operating_point.split_by_archive(base)[1], chosen, None) is None


def from_production(table: Predictions) -> Predictions:
    images = tuple(
        replace(image, image_id=f"p{image.image_id}", archive=contract.ADDITION_ORIGIN) for image in table.images
    )
    return Predictions(images, table.probabilities)

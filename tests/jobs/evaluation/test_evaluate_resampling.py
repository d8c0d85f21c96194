# SPDX-License-Identifier: MIT-0
"""The bootstrap draws whole lesions within their class, and knows neither order nor names."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.model_predictions import HoldoutImage
from tests.jobs.evaluation import cohort

IMAGES = cohort.images(cohort.LESIONS)


def test_images_of_a_lesion_are_drawn_together_and_as_many_lesions_of_a_class_as_there_are() -> None:
    weights = confidence_intervals.draw_resamples(IMAGES, 50).weights
    for label, number in cohort.LESIONS.items():
        columns: dict[str, list[int]] = {}
        for column, image in enumerate(IMAGES):
            if image.label == label:
                columns.setdefault(image.lesion_id, []).append(column)
        assert all((weights[:, each] == weights[:, each[:1]]).all() for each in columns.values())
        assert (weights[:, [each[0] for each in columns.values()]].sum(axis=1) == number).all()


def test_every_lesion_is_as_likely_as_any_other() -> None:
    weights = confidence_intervals.draw_resamples(IMAGES).weights
    assert weights.shape == (2000, len(IMAGES))
    assert weights.dtype == np.float32
    # A multiplicity is binomial with mean 1; six standard errors of the mean of 2,000.
    number = np.array([cohort.LESIONS[image.label] for image in IMAGES])
    assert (abs(weights.mean(axis=0) - 1) < 6 * np.sqrt((1 - 1 / number) / 2000)).all()
    assert weights.var(axis=0) == pytest.approx(1 - 1 / number, abs=0.3)


def test_classes_are_drawn_independently_even_where_they_are_of_equal_size() -> None:
    same = [
        HoldoutImage(f"i{label}{row}", f"{label}{row}", label, "test") for label in ("mel", "nv") for row in range(50)
    ]
    weights = confidence_intervals.draw_resamples(same).weights
    mel, nv = weights[:, :50], weights[:, 50:]
    assert abs(np.corrcoef(mel.ravel(), nv.ravel())[0, 1]) < 0.05


def test_chunks_do_not_repeat_each_other() -> None:
    weights = confidence_intervals.draw_resamples(IMAGES, 600).weights
    counted = Counter(row.tobytes() for row in weights)
    assert max(counted.values()) == 1


def test_draws_depend_neither_on_the_order_of_the_images_nor_on_the_other_classes() -> None:
    weights = confidence_intervals.draw_resamples(IMAGES, 20).weights
    order = np.random.default_rng(3).permutation(len(IMAGES))
    assert (confidence_intervals.draw_resamples([IMAGES[row] for row in order], 20).weights == weights[:, order]).all()
    melanomas = np.array([image.label == "mel" for image in IMAGES])
    alone = confidence_intervals.draw_resamples([image for image in IMAGES if image.label == "mel"], 20)
    assert (alone.weights == weights[:, melanomas]).all()


def test_draws_do_not_depend_on_what_a_class_is_called() -> None:
    renamed = dict(zip(contract.CLASS_LABELS, np.roll(contract.CLASS_LABELS, 1).tolist(), strict=True))
    other = [replace(image, label=renamed[image.label]) for image in IMAGES]
    assert (
        confidence_intervals.draw_resamples(other, 20).weights
        == confidence_intervals.draw_resamples(IMAGES, 20).weights
    ).all()


def test_the_same_lesions_get_the_same_draws_in_every_release() -> None:
    """A figure of an old report can be computed again: change this only together with the report's schema."""
    images = [HoldoutImage(f"i{row}", f"l{row}", "mel", "test") for row in range(6)]
    drawn = confidence_intervals.draw_resamples(images, 3).weights.tolist()
    assert drawn == [[1, 2, 2, 0, 1, 0], [0, 2, 2, 1, 0, 1], [2, 1, 1, 0, 1, 1]]


def test_a_source_of_numbers_is_told_by_the_set_of_lesions_and_the_purpose() -> None:
    def first(lesions: list[str], purpose: str) -> int:
        return int(confidence_intervals.seeded_generator(lesions, purpose).integers(2**62))

    assert first(["a", "b"], "draws") == first(["b", "a", "a"], "draws")
    assert len({first(["a", "b"], "draws"), first(["a", "b"], "levels"), first(["a", "c"], "draws")}) == 3


def test_no_images_give_resamples_of_none() -> None:
    assert confidence_intervals.draw_resamples([], 5).weights.shape == (5, 0)


def test_resamples_can_be_seen_by_some_of_the_images() -> None:
    resamples = confidence_intervals.draw_resamples(IMAGES, 5)
    mask = np.arange(len(IMAGES)) % 3 == 0
    assert (resamples.of(mask).weights == resamples.weights[:, mask]).all()

# SPDX-License-Identifier: MIT-0
"""An interval is exact where lesions are few or all alike, of the bootstrap elsewhere, and never claims too much."""

import warnings

import numpy as np
import pytest
from scipy import stats

from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import BOOTSTRAP_METHOD, EXACT_METHOD, NO_INTERVAL, Estimate
from pipeline_src.evaluation.model_predictions import HoldoutImage


def lesions(number: int, sizes: tuple[int, ...] = (1,)) -> list[HoldoutImage]:
    """Return images of `number` melanomas, of as many images each as `sizes` says in turn."""
    listed = [lesion for lesion in range(number) for _ in range(sizes[lesion % len(sizes)])]
    return [HoldoutImage(f"i{row:05d}", f"l{lesion:05d}", "mel", "test") for row, lesion in enumerate(listed)]


def share(found: int, images: list[HoldoutImage]) -> Estimate:
    """Return the proportion of the first `found` of the images."""
    hits = np.arange(len(images)) < found
    return confidence_intervals.estimate_proportion(
        hits, np.ones_like(hits), confidence_intervals.draw_resamples(images), images
    )


@pytest.mark.parametrize(("found", "of"), [(0, 7), (1, 7), (6, 7), (3, 4), (7, 10), (29, 29), (40, 40), (0, 200)])
def test_the_exact_interval_is_clopper_and_pearsons(found: int, of: int) -> None:
    got, wanted = share(found, lesions(of)), stats.binomtest(found, of).proportion_ci(0.95, method="exact")
    assert (got.value, got.images, got.lesions, got.method) == (found / of, of, of, EXACT_METHOD)
    assert (got.lower, got.upper) == pytest.approx((wanted.low, wanted.high))


def test_no_mistake_in_a_hundred_lesions_may_still_hide_three_or_four() -> None:
    assert share(100, lesions(100)).lower == pytest.approx(0.025 ** (1 / 100))
    assert share(0, lesions(100)).upper == pytest.approx(1 - 0.025 ** (1 / 100))


def test_thirty_lesions_are_enough_for_the_bootstrap_and_twenty_nine_are_not() -> None:
    assert share(15, lesions(30)).method == BOOTSTRAP_METHOD
    assert share(15, lesions(29)).method == EXACT_METHOD
    assert share(15, lesions(29, (2,))).method == EXACT_METHOD


def test_the_bootstrap_of_single_images_is_close_to_the_binomial() -> None:
    got = share(150, lesions(200))
    assert (got.value, got.images, got.lesions) == (0.75, 200, 200)
    assert (got.lower, got.upper) == pytest.approx(tuple(stats.binom(200, 0.75).ppf((0.025, 0.975)) / 200), abs=0.011)


def test_a_second_image_of_each_lesion_that_tells_the_same_makes_nothing_surer() -> None:
    single, double = share(60, lesions(80)), share(120, lesions(80, (2,)))
    assert (single.lower, single.upper) == (double.lower, double.upper)
    assert (double.images, double.lesions) == (160, 80)
    assert share(6, lesions(8)).lower == share(12, lesions(8, (2,))).lower


def test_a_lesion_with_most_of_the_images_makes_the_interval_wider() -> None:
    even, uneven = lesions(10, (2,)), lesions(10, (1, 1, 1, 1, 6))
    everything = np.ones(20, dtype=np.bool_)
    assert confidence_intervals.effective_lesions(even, everything) == 10
    assert confidence_intervals.effective_lesions(uneven, everything) == pytest.approx(20**2 / (8 * 1 + 2 * 36))
    assert share(20, uneven).lower == pytest.approx(0.025 ** (1 / 5))
    some = np.arange(20) < 4
    assert confidence_intervals.effective_lesions(uneven, some) == 4
    assert confidence_intervals.count_lesions(uneven, np.arange(20) < 6) == 5


@pytest.mark.parametrize("number", [30, 60, 150])
def test_correcting_the_last_mistake_never_lowers_a_bound(number: int) -> None:
    images = lesions(number, (1, 2))
    hits = np.arange(len(images))[:, np.newaxis] < np.arange(len(images) + 1)
    found = confidence_intervals.estimate_proportions(
        hits, np.ones_like(hits), confidence_intervals.draw_resamples(images), images
    )
    lower, upper = ([getattr(each, name) for each in found] for name in ("lower", "upper"))
    assert lower == sorted(lower)
    assert upper == sorted(upper)
    assert found[-2].method == BOOTSTRAP_METHOD
    assert lower[-2] <= lower[-1] < 1
    assert 0 < upper[0] <= upper[1]


def test_only_the_counted_images_count() -> None:
    images = lesions(40)
    hits, counted = np.arange(40) % 2 == 0, np.arange(40) < 5
    got = confidence_intervals.estimate_proportion(hits, counted, confidence_intervals.draw_resamples(images), images)
    assert (got.value, got.images, got.lesions) == (3 / 5, 5, 5)


def test_a_share_of_nothing_is_not_defined() -> None:
    images = lesions(4)
    nothing = np.zeros(4, dtype=np.bool_)
    got = confidence_intervals.estimate_proportion(
        nothing, nothing, confidence_intervals.draw_resamples(images), images
    )
    assert got == Estimate(None, None, None, 0, 0, NO_INTERVAL)
    assert confidence_intervals.undefined_estimate(5, 3) == Estimate(None, None, None, 5, 3, NO_INTERVAL)


def test_several_proportions_are_what_each_is_alone() -> None:
    images, random = lesions(50), np.random.default_rng(2)
    hits, counted = random.random((50, 3)) < 0.6, random.random((50, 3)) < 0.9
    resamples = confidence_intervals.draw_resamples(images)
    together = confidence_intervals.estimate_proportions(hits, counted, resamples, images)
    alone = [
        confidence_intervals.estimate_proportion(hits[:, column], counted[:, column], resamples, images)
        for column in range(3)
    ]
    assert together == alone


def test_ratios_are_those_of_the_images_as_often_as_they_were_drawn() -> None:
    images = lesions(6)
    hits, counted = np.array([[1, 0], [1, 1], [0, 0], [1, 0], [0, 0], [0, 0]], dtype=bool), np.ones((6, 2), dtype=bool)
    counted[1:, 1] = False
    resamples = confidence_intervals.draw_resamples(
        images, 3
    )  # [[1, 2, 2, 0, 1, 0], [0, 2, 2, 1, 0, 1], [2, 1, 1, 0, 1, 1]] by lesion
    weights = resamples.weights
    with warnings.catch_warnings(action="error"):
        drawn = confidence_intervals.resampled_shares(resamples, hits, counted)
    assert drawn.dtype == np.float64
    assert drawn[:, 0] == pytest.approx(weights[:, [0, 1, 3]].sum(axis=1) / 6)
    assert [value == 0 or np.isnan(value) for value in drawn[:, 1]] == [True] * 3
    assert np.isnan(drawn[:, 1]).tolist() == (weights[:, 0] == 0).tolist()


def test_the_percentile_interval_holds_the_middle_95_percent() -> None:
    draws = np.r_[np.arange(1001) / 1000, np.nan]
    got = confidence_intervals.percentile_estimate(0.4, draws, images=9, lesions=8)
    assert got == Estimate(0.4, pytest.approx(0.025), pytest.approx(0.975), 9, 8, BOOTSTRAP_METHOD)


@pytest.mark.parametrize(("value", "draws"), [(None, [0.5, 0.6]), (0.5, [np.nan]), (None, [np.nan])])
def test_without_a_value_or_a_draw_there_is_no_interval(value: float | None, draws: list[float]) -> None:
    got = confidence_intervals.percentile_estimate(value, np.array(draws), images=9, lesions=8)
    assert got == Estimate(value, None, None, 9, 8, NO_INTERVAL)

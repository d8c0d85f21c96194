# SPDX-License-Identifier: MIT-0
"""The mean of proportions is no surer than its parts, however few lesions or mistakes these have."""

import numpy as np
import pytest
from scipy import stats

from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import BOOTSTRAP_METHOD, NO_INTERVAL, Estimate
from pipeline_src.evaluation.model_predictions import HoldoutImage


def classes(*lesions: int) -> tuple[list[HoldoutImage], np.ndarray]:
    """Return images, one a lesion, of classes with that many, and which are of which: (N, K)."""
    of = np.repeat(np.arange(len(lesions)), lesions)
    return [HoldoutImage(f"i{row:05d}", f"l{row}", f"c{label}", "test") for row, label in enumerate(of)], (
        of[:, np.newaxis] == np.arange(len(lesions))
    )


def mean(right: list[int], lesions: list[int]) -> Estimate:
    """Return the mean of ``right[k] / lesions[k]``."""
    images, counted = classes(*lesions)
    hits = np.concatenate([np.arange(number) < found for found, number in zip(right, lesions, strict=True)])
    return confidence_intervals.estimate_mean_proportion(
        hits[:, np.newaxis] & counted, counted, confidence_intervals.draw_resamples(images), images
    )


@pytest.mark.parametrize(("found", "of"), [(0, 5), (1, 5), (4, 5), (28, 29), (29, 29)])
def test_of_one_class_of_few_lesions_it_is_jeffreys_interval(found: int, of: int) -> None:
    got, wanted = mean([found], [of]), stats.beta(found + 0.5, of - found + 0.5)
    assert got.value == found / of
    assert got.lower == (pytest.approx(wanted.ppf(0.025), abs=0.002) if found else 0)
    assert got.upper == (pytest.approx(wanted.ppf(0.975), abs=0.002) if found < of else 1)


@pytest.mark.parametrize(("found", "of"), [(45, 45), (0, 45)])
def test_of_one_class_of_many_lesions_without_an_error_or_a_hit_it_is_the_exact_interval(found: int, of: int) -> None:
    got, wanted = mean([found], [of]), stats.binomtest(found, of).proportion_ci(0.95, method="exact")
    assert got.value == found / of
    assert (got.lower, got.upper) == pytest.approx((wanted.low, wanted.high), abs=0.002)


@pytest.mark.parametrize("number", [30, 300])
def test_of_one_class_of_many_lesions_it_is_the_bootstraps(number: int) -> None:
    images, counted = classes(number)
    hits = np.arange(number)[:, np.newaxis] < 0.6 * number
    resamples = confidence_intervals.draw_resamples(images)
    plain = confidence_intervals.estimate_proportion(hits[:, 0], counted[:, 0], resamples, images)
    assert confidence_intervals.estimate_mean_proportion(hits, counted, resamples, images) == plain


def test_it_is_the_mean_of_the_shares_with_all_images_and_lesions_counted() -> None:
    got = mean([30, 2], [40, 5])
    assert got.value == pytest.approx((30 / 40 + 2 / 5) / 2)
    assert (got.images, got.lesions, got.method) == (45, 45, BOOTSTRAP_METHOD)
    assert got.lower < got.value < got.upper  # type: ignore[operator]


def test_seven_classes_without_a_mistake_are_not_sure_to_have_none() -> None:
    got = mean([30, 300, 20, 10, 50, 5, 6], [30, 300, 20, 10, 50, 5, 6])
    assert (got.value, got.upper) == (1, 1)
    # That every class is as bad as its own bound allows is far less likely than 2.5 %; half as bad is not.
    exact, jeffreys = (30, 300, 50), (20, 10, 5, 6)
    own = np.mean([0.025 ** (1 / number) for number in exact] + [stats.beta(n + 0.5, 0.5).ppf(0.025) for n in jeffreys])
    assert own < got.lower < (1 + own) / 2 + 0.02  # type: ignore[operator]
    nothing = mean([0] * 7, [30, 300, 20, 10, 50, 5, 6])
    assert (nothing.value, nothing.lower) == (0, 0)
    assert nothing.upper == pytest.approx(1 - got.lower, abs=0.01)  # type: ignore[operator]


def test_classes_are_independent_so_that_their_mean_is_surer_than_each() -> None:
    alone, four = mean([50], [100]), mean([50] * 4, [100] * 4)
    width = (alone.upper - alone.lower) / (four.upper - four.lower)  # type: ignore[operator]
    assert width == pytest.approx(2, rel=0.1)
    thin, seven = mean([10], [20]), mean([10] * 7, [20] * 7)
    width = (thin.upper - thin.lower) / (seven.upper - seven.lower)  # type: ignore[operator]
    assert width == pytest.approx(7**0.5, rel=0.2)


@pytest.mark.parametrize("lesions", [(40, 12), (30, 3)])
def test_one_more_hit_never_lowers_either_end(lesions: tuple[int, int]) -> None:
    last = (0.0, 0.0)
    for step in range(sum(lesions) + 1):
        found = mean([max(0, step - lesions[1]), min(step, lesions[1])], list(lesions))
        assert found.lower >= last[0]  # type: ignore[operator]
        assert found.upper >= last[1]  # type: ignore[operator]
        last = (found.lower, found.upper)  # type: ignore[assignment]


def test_a_class_without_an_image_leaves_no_mean() -> None:
    images, counted = classes(4, 5, 0)
    hits = counted.copy()
    got = confidence_intervals.estimate_mean_proportion(
        hits, counted, confidence_intervals.draw_resamples(images), images
    )
    assert got == Estimate(None, None, None, 9, 9, NO_INTERVAL)


def test_no_class_has_no_mean() -> None:
    nothing = np.zeros((0, 0), dtype=np.bool_)
    assert confidence_intervals.estimate_mean_proportion(
        nothing, nothing, confidence_intervals.draw_resamples([]), []
    ) == Estimate(None, None, None, 0, 0, NO_INTERVAL)


def test_a_lesion_with_most_of_the_images_makes_the_mean_less_sure() -> None:
    def lower(sizes: tuple[int, ...]) -> float:
        images = [
            HoldoutImage(f"i{lesion}_{n}", f"l{lesion}", "mel", "test")
            for lesion, size in enumerate(sizes)
            for n in range(size)
        ]
        everything = np.ones((len(images), 1), dtype=np.bool_)
        found = confidence_intervals.estimate_mean_proportion(
            everything, everything, confidence_intervals.draw_resamples(images), images
        )
        return found.lower  # type: ignore[return-value]

    assert lower((1, 1, 1, 1, 6) * 2) < lower((2,) * 10)
    assert lower((1, 1, 1, 1, 6) * 8) < lower((2,) * 40)

# SPDX-License-Identifier: MIT-0
"""A whole-number weight is that many copies of the image, whatever the ties, on many weightings at once."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from pipeline_src.evaluation import ranking_metrics


def measured(scores: list[float], positive: list[bool], weights: list[int] | None = None) -> tuple[float, ...]:
    """Return AUC, its part above a sensitivity of 0.80, and average precision."""
    counts = [1] * len(scores) if weights is None else weights
    copies = np.array([counts], dtype=np.float32)
    with warnings.catch_warnings(action="error"):
        found = ranking_metrics.measure_ranking(np.array(scores, dtype=float), np.array(positive), copies)
    return float(found.auc[0]), float(found.auc_above_80[0]), float(found.average_precision[0])


def above_80(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area right of a sensitivity of 0.80 under scikit-learn's curve, by trapezoids on a fine grid of it."""
    false, true, _ = sklearn_metrics.roc_curve(positive, scores, drop_intermediate=False)
    first = int(np.searchsorted(true, 0.8))
    share = (0.8 - true[first - 1]) / (true[first] - true[first - 1])
    start = false[first - 1] + share * (false[first] - false[first - 1])
    return float(sklearn_metrics.auc([start, *false[first:]], [0.8, *true[first:]]))


IMAGES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.booleans(), st.integers(0, 3)),
    min_size=2,
    max_size=25,
)


@settings(max_examples=150)
@given(IMAGES)
def test_weighted_figures_are_those_of_the_images_physically_repeated(images: list[tuple[float, bool, int]]) -> None:
    scores, positive, weights = (np.array(column) for column in zip(*images, strict=True))
    auc, partial, precision = measured(scores.tolist(), positive.tolist(), weights.tolist())
    scores, positive = np.repeat(scores, weights), np.repeat(positive, weights)
    if not positive.any():
        assert math.isnan(auc)
        assert math.isnan(partial)
        assert math.isnan(precision)
        return
    assert precision == pytest.approx(sklearn_metrics.average_precision_score(positive, scores), abs=1e-12)
    if positive.all():
        assert math.isnan(auc)
        assert math.isnan(partial)
        return
    assert auc == pytest.approx(sklearn_metrics.roc_auc_score(positive, scores), abs=1e-12)
    assert partial == pytest.approx(above_80(positive, scores), abs=1e-12)


def test_a_hand_computed_case() -> None:
    # Falling: + - + + - + + -. Sensitivity 0.8 is reached at the fourth of five positives, after two of three others.
    scores = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    positive = [True, False, True, True, False, True, True, False]
    auc, partial, precision = measured(scores, positive)
    assert auc == pytest.approx((3 + 2 + 2 + 1 + 1) / 15)
    assert partial == pytest.approx(1 / 3)
    assert precision == pytest.approx((1 + 2 / 3 + 3 / 4 + 4 / 6 + 5 / 7) / 5)


def test_the_crossing_of_080_may_lie_within_a_tie() -> None:
    # One positive alone, then four tied with both negatives: the line from (0, 0.2) to (1, 1) is at 0.8 at 0.75.
    partial = measured([0.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], [True] * 5 + [False] * 2)[1]
    assert partial == pytest.approx(0.25 * 0.9)


def test_a_perfect_ranking_has_all_and_a_guesser_018_of_the_partial_area() -> None:
    assert measured([0.9, 0.8, 0.1], [True, True, False]) == (1, 1, 1)
    assert measured([0.5, 0.5, 0.5], [True, False, False]) == pytest.approx((0.5, 0.18, 1 / 3))


def test_a_ranking_of_nothing_but_mistakes_has_no_area() -> None:
    assert measured([0.1, 0.9, 0.9], [True, False, False]) == pytest.approx((0, 0, 1 / 3))


def test_no_images_have_no_figures() -> None:
    assert all(math.isnan(value) for value in measured([], []))


def test_many_weightings_at_once_are_each_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_metrics, "_CHUNK", 90)  # three weightings at a time
    random = np.random.default_rng(5)
    scores, positive = random.random(30).round(1), random.random(30) < 0.4
    weights = random.integers(0, 4, size=(8, 30)).astype(np.float32)
    together = ranking_metrics.measure_ranking(scores, positive, weights)
    for row in range(8):
        alone = ranking_metrics.measure_ranking(scores, positive, weights[row : row + 1])
        assert together.auc[row] == pytest.approx(alone.auc[0], abs=1e-12)
        assert together.auc_above_80[row] == pytest.approx(alone.auc_above_80[0], abs=1e-12)
        assert together.average_precision[row] == pytest.approx(alone.average_precision[0], abs=1e-12)
    assert len(together.auc) == len(set(together.auc.tolist())) == 8

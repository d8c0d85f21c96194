# SPDX-License-Identifier: MIT-0
"""Computes AUC, partial AUC and average precision of one class for many weightings of the same images at once.

With weights of 1 the results are those of scikit-learn's `roc_auc_score` and `average_precision_score`, and the partial
area of ISIC's scorer. A whole-number weight counts as that many copies of the image. Images of equal probability are
not ordered: a tie of a positive and a negative counts half in both areas, and precision is taken after all images of
the tie.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline_src.evaluation.confidence_intervals import Weights

PARTIAL_AREA_SENSITIVITY: Final = 0.80  # lower limit of the partial area, as on ISIC's leaderboards
_CHUNK: Final = 1_000_000  # weights processed at once: about 60 MB, whatever the number of images

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RankingFigures:
    """Three metrics, each (B,), one value for each weighting; NaN where they are not defined.

    Attributes:
        auc: area under the ROC curve; not defined if all weight is positive or none is.
        auc_above_80: the area right of the point at which the curve reaches a sensitivity of 0.80: at most 1, and 0.18
            for random guessing. It is the raw area, without McClish's standardization.
        average_precision: precision averaged over the positive weight; not defined if there is none.
    """

    auc: Floats
    auc_above_80: Floats
    average_precision: Floats


@dataclass(frozen=True)
class _Curve:
    """Weight of positives and negatives up to and before each tie with a positive: (b, G); in total: (b, 1)."""

    true: Floats
    false: Floats
    true_before: Floats
    false_before: Floats
    positives: Floats
    negatives: Floats


@dataclass(frozen=True)
class _Order:
    """Columns by falling probability, of all images and of positives; start and end of each tie with a positive."""

    columns: Counts
    positive_columns: Counts
    starts: Counts
    ends: Counts
    positive_ends: Counts


def measure_ranking(scores: Floats, positive: Mask, weights: Weights) -> RankingFigures:
    """Compute the metrics of N images from `scores` (N,) and true labels `positive` (N,) for each of `weights` (B, N).

    The weights are whole numbers. Memory is bounded by processing them in chunks.
    """
    if not positive.any():
        return RankingFigures(*(np.full(len(weights), np.nan) for _ in range(3)))
    order = _order(scores, positive)
    with np.errstate(invalid="ignore"):
        parts = [_ranking_figures(_curve(order, rows)) for rows in _chunks(weights)]
    auc, partial, precision = (np.concatenate(figure) for figure in zip(*parts, strict=True))
    return RankingFigures(auc, partial, precision)


def _chunks(weights: Weights) -> Iterator[Weights]:
    size = max(1, _CHUNK // max(1, weights.shape[1]))
    return (weights[start : start + size] for start in range(0, len(weights), size))


def _order(scores: Floats, positive: Mask) -> _Order:
    columns = np.argsort(-scores)
    falling = scores[columns]
    starts = np.flatnonzero(np.r_[True, falling[1:] != falling[:-1]])
    ends = np.r_[starts[1:], len(falling)]
    so_far = np.r_[0, np.cumsum(positive[columns])]
    holds = so_far[ends] > so_far[starts]
    return _Order(columns, columns[positive[columns]], starts[holds], ends[holds], so_far[ends[holds]])


def _curve(order: _Order, weights: Weights) -> _Curve:
    whole, true = _cumulated(weights, order.columns), _cumulated(weights, order.positive_columns)
    found = true[:, order.positive_ends].astype(np.float64)
    found_before = np.concatenate([np.zeros((len(found), 1)), found[:, :-1]], axis=1)
    return _Curve(
        true=found,
        false=whole[:, order.ends] - found,
        true_before=found_before,
        false_before=whole[:, order.starts] - found_before,
        positives=true[:, -1:].astype(np.float64),
        negatives=whole[:, -1:].astype(np.float64) - true[:, -1:],
    )


def _cumulated(weights: Weights, columns: Counts) -> Weights:
    """Return (b, n + 1) cumulative sums of the weights at `columns` (n,); exact, as they are whole and below 2**24."""
    sums = np.zeros((len(weights), len(columns) + 1), dtype=np.float32)
    np.cumsum(np.take(weights, columns, axis=1), axis=1, out=sums[:, 1:])
    return sums


def _ranking_figures(curve: _Curve) -> tuple[Floats, Floats, Floats]:
    gained = curve.true - curve.true_before
    called = curve.true + curve.false
    average = (gained * curve.true / np.maximum(called, 1)).sum(axis=1) / curve.positives[:, 0]
    return _area(curve, 0.0), _area(curve, PARTIAL_AREA_SENSITIVITY), average


def _area(curve: _Curve, sensitivity: float) -> Floats:
    """Return the area under the curve right of the point at which it reaches `sensitivity`.

    The sum runs over the positive weight, not over the false positive rate: from the crossing on, each positive adds
    the share of negatives that it outranks; all positives below the crossing add what the positive at the crossing
    outranks. A tie is a straight line from its start to its end, and the crossing may lie on it.
    """
    floor = sensitivity * curve.positives
    from_, to = np.maximum(curve.true_before, floor), np.maximum(curve.true, floor)
    gained = curve.true - curve.true_before
    slope = (curve.false - curve.false_before) / np.maximum(gained, 1)
    false = curve.false_before + slope * (from_ - curve.true_before)
    above = ((to - from_) * (curve.negatives - (false + curve.false) / 2)).sum(axis=1)
    crossing = (curve.true >= floor).argmax(axis=1)[:, np.newaxis]
    below = floor * (curve.negatives - np.take_along_axis(false, crossing, axis=1))
    area: Floats = (above + below[:, 0]) / (curve.positives * curve.negatives)[:, 0]
    return area

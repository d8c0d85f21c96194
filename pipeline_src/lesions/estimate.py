# SPDX-License-Identifier: MIT-0
"""A figure with its 95 % interval and the number of images and lesions that it was measured on.

A bootstrap says too little where there is little to resample: of twenty lesions, or of a class without a single
mistake, all resamples look alike. There the interval is Clopper and Pearson's exact one with an effective sample size:
the number of lesions, or less where a few lesions have most of the images. That is as if all images of a lesion told
the same, so it is conservative: they tell a little more. Elsewhere no bound may be better than the one that a perfect
(or an always wrong) model would get, or correcting the last mistake would lower the lower bound.

Sources: Clopper and Pearson, Biometrika 26 (1934); Korn and Graubard, Survey Methodology 24 (1998), for the effective
sample size in it; Kish, Survey Sampling (1965), for that size where lesions differ in their images; Efron and
Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, for percentiles.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline_src.lesions.holdout import HoldoutImage
from pipeline_src.lesions.resampling import Resamples

BOOTSTRAP: Final = "bootstrap"
EXACT: Final = "exact"
NONE: Final = "none"

TAIL: Final = 0.025  # on either side of a 95 % interval
SMALL: Final = 30  # lesions; below it a proportion's interval is exact

Mask = npt.NDArray[np.bool_]
Draws = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """What was measured and how sure it is; `value`, `lower` and `upper` are None where they are not defined.

    Attributes:
        value: the figure on the images as they are.
        lower: lower end of its 95 % interval.
        upper: upper end.
        images: the images that it was measured on.
        lesions: how many lesions these show; the interval takes lesions as independent, not images.
        method: how the interval was found: `BOOTSTRAP`, `EXACT`, or `NONE` where there is none.
    """

    value: float | None
    lower: float | None
    upper: float | None
    images: int
    lesions: int
    method: str


def undefined(images: int = 0, lesions: int = 0) -> Estimate:
    """Return the estimate of a figure that is not defined on these images."""
    return Estimate(None, None, None, images, lesions, NONE)


def count_lesions(images: Sequence[HoldoutImage], counted: Mask) -> int:
    """Return how many lesions the `counted` (N,) of the N images show."""
    return len({images[row].lesion_id for row in np.flatnonzero(counted)})


def effective_lesions(images: Sequence[HoldoutImage], counted: Mask) -> float:
    """Return how many lesions with one image each tell as much as the `counted` (N,) images, at least one of them.

    It is the number of lesions where all have equally many images, and less where they do not; it assumes that all
    images of a lesion tell the same.
    """
    sizes = np.array(list(Counter(images[row].lesion_id for row in np.flatnonzero(counted)).values()))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def exact(share: float, size: float) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval of `share` (0 to 1, also between whole counts) of `size` (> 0)."""
    hits, misses = share * size, (1 - share) * size
    lower = 0.0 if hits <= 0 else float(special.betaincinv(hits, misses + 1, TAIL))
    upper = 1.0 if misses <= 0 else float(special.betaincinv(hits + 1, misses, 1 - TAIL))
    return lower, upper


def proportion(hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]) -> Estimate:
    """Return the share of the `counted` (N,) images that are `hits` (N,); undefined if none is counted.

    The interval is exact for fewer than `SMALL` lesions and for a share of 0 or 1, else of the bootstrap. A resample
    without a counted image has no share and is left out (with `SMALL` lesions or more, one in 10**13 is).
    """
    return proportions(hits[:, np.newaxis], counted[:, np.newaxis], resamples, images)[0]


def proportions(hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]) -> list[Estimate]:
    """Return `proportion` of each column of `hits` and `counted`, both (N, K): faster than K times that of one."""
    columns = zip(hits.T, counted.T, ratios(resamples, hits, counted).T, strict=True)
    return [_proportion(found & inside, inside, draws, images) for found, inside, draws in columns]


def _proportion(found: Mask, counted: Mask, draws: Draws, images: Sequence[HoldoutImage]) -> Estimate:
    total, lesions = int(np.count_nonzero(counted)), count_lesions(images, counted)
    if not total:
        return undefined()
    share, size = np.count_nonzero(found) / total, effective_lesions(images, counted)
    if lesions < SMALL or share in (0, 1):
        return Estimate(share, *exact(share, size), total, lesions, EXACT)
    lower, upper = _middle(draws)
    lower, upper = min(lower, exact(1, size)[0]), max(upper, exact(0, size)[1])
    return Estimate(share, lower, upper, total, lesions, BOOTSTRAP)


def shares(hits: Mask, counted: Mask) -> Draws:
    """Return (K,) shares, by column: `counted` (N, K) images that are `hits` (N, K); every column must count one."""
    found: Draws = np.count_nonzero(hits & counted, axis=0) / np.count_nonzero(counted, axis=0)
    return found


def ratios(resamples: Resamples, hits: Mask, counted: Mask) -> Draws:
    """Return (B, K) shares, by resample and column: `counted` (N, K) images that are `hits` (N, K); NaN of none."""
    weights = resamples.weights
    found = (weights @ (hits & counted).astype(np.float32)).astype(np.float64)
    total = (weights @ counted.astype(np.float32)).astype(np.float64)
    return np.divide(found, total, out=np.full_like(found, np.nan), where=total > 0)


def percentile(value: float | None, draws: Draws, *, images: int, lesions: int) -> Estimate:
    """Return the estimate whose interval holds the middle 95 % of the `draws` (B,).

    NaN, a resample in which the figure is not defined, is left out; without `value` or any draw there is no interval.
    """
    if value is None or np.isnan(draws).all():
        return Estimate(value, None, None, images, lesions, NONE)
    return Estimate(value, *_middle(draws), images, lesions, BOOTSTRAP)


def _middle(draws: Draws) -> tuple[float, float]:
    lower, upper = np.nanquantile(draws, (TAIL, 1 - TAIL))
    return float(lower), float(upper)

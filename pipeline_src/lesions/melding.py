# SPDX-License-Identifier: MIT-0
"""The interval of a mean of proportions, such as balanced accuracy, some of which are of few lesions.

Each resample has a draw of every class's proportion, and the mean's interval holds the middle 95 % of the draws' means.
A class of few lesions, or without a mistake, hardly moves in the bootstrap; the mean would then look surer than its
parts are. Its draws are therefore taken from the distribution whose quantiles are the ends of the exact interval: one
distribution for the lower ends, one for the upper. A class of many lesions keeps its bootstrap draws, but none is
better (for the upper end: worse) than that distribution's draw for a class without a mistake (without a hit). So a
mistake that is corrected never lowers either end.

Source: Fay, Proschan and Brittain, Combining one-sample confidence procedures for inference in the two-sample case,
Biometrics 71 (2015): "melding".
"""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import special

from pipeline_src.lesions import estimate, resampling
from pipeline_src.lesions.estimate import BOOTSTRAP, SMALL, TAIL, Draws, Estimate, Mask
from pipeline_src.lesions.holdout import HoldoutImage
from pipeline_src.lesions.resampling import Resamples


def mean(hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]) -> Estimate:
    """Return the mean, over K columns, of the share of the `counted` (N, K) images that are `hits` (N, K).

    It is not defined if a column counts no image. The images and lesions are those counted in any column.
    """
    anywhere = counted.any(axis=1)
    size = int(np.count_nonzero(anywhere)), estimate.count_lesions(images, anywhere)
    if not counted.size or not counted.any(axis=0).all():
        return estimate.undefined(*size)
    lower, upper = (ends.mean(axis=1) for ends in draws(hits, counted, resamples, images))
    value = float(estimate.shares(hits, counted).mean())
    return Estimate(value, float(np.quantile(lower, TAIL)), float(np.quantile(upper, 1 - TAIL)), *size, BOOTSTRAP)


def draws(hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]) -> tuple[Draws, Draws]:
    """Return the draws (B, K) for the lower end and those for the upper end; every column must count an image."""
    drawn, shares = estimate.ratios(resamples, hits, counted), estimate.shares(hits, counted)
    lower, upper = drawn.copy(), drawn.copy()
    for column, inside in enumerate(counted.T):
        lesions = {images[row].lesion_id for row in np.flatnonzero(inside)}
        level, size = _levels(lesions, len(drawn)), estimate.effective_lesions(images, inside)
        if len(lesions) < SMALL:
            lower[:, column], upper[:, column] = _exact(shares[column], size, level)
        else:
            lower[:, column] = np.minimum(drawn[:, column], _exact(1.0, size, level)[0])
            upper[:, column] = np.maximum(drawn[:, column], _exact(0.0, size, level)[1])
    return lower, upper


def _levels(lesions: Iterable[str], count: int) -> Draws:
    """Return (count,) evenly spaced probabilities in an order that depends on the lesions alone, not on the model."""
    return (resampling.generator(lesions, "levels").permutation(count) + 0.5) / count


def _exact(share: float, size: float, level: Draws) -> tuple[Draws, Draws]:
    """Return, at each `level`, the quantiles whose 2.5 % and 97.5 % are the ends of `estimate.exact`."""
    hits, misses = share * size, (1 - share) * size
    lower = special.betaincinv(hits, misses + 1, level) if hits else np.zeros_like(level)
    upper = special.betaincinv(hits + 1, misses, level) if misses else np.ones_like(level)
    return lower, upper

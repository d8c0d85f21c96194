# SPDX-License-Identifier: MIT-0
"""Bootstrap over lesions: how often each image is in each of many test sets that could as well have been drawn.

Images of one lesion look alike, so that a second one tells less than a second lesion would: whole lesions are drawn,
with replacement, and a lesion's images come with it as often as it does. Draws are stratified by class (as many
lesions of each class as there are), so that no resample lacks a class. A stratum's draws depend on its lesions' ids
alone: neither the order of the images nor the name of a class, nor any other class, changes them.

Source: Field and Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007), the cluster bootstrap.

A figure with its 95 % interval and the number of images and lesions that it was measured on.

A bootstrap says too little where there is little to resample: of twenty lesions, or of a class without a single
mistake, all resamples look alike. There the interval is Clopper and Pearson's exact one with an effective sample size:
the number of lesions, or less where a few lesions have most of the images. That is as if all images of a lesion told
the same, so it is conservative: they tell a little more. Elsewhere no bound may be better than the one that a perfect
(or an always wrong) model would get, or correcting the last mistake would lower the lower bound.

Sources: Clopper and Pearson, Biometrika 26 (1934); Korn and Graubard, Survey Methodology 24 (1998), for the effective
sample size in it; Kish, Survey Sampling (1965), for that size where lesions differ in their images; Efron and
Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, for percentiles.

The interval of a mean of proportions, such as balanced accuracy, some of which are of few lesions.

Each resample has a draw of every class's proportion, and the mean's interval holds the middle 95 % of the draws' means.
A class of few lesions, or without a mistake, hardly moves in the bootstrap; the mean would then look surer than its
parts are. Its draws are therefore taken from the distribution whose quantiles are the ends of the exact interval: one
distribution for the lower ends, one for the upper. A class of many lesions keeps its bootstrap draws, but none is
better (for the upper end: worse) than that distribution's draw for a class without a mistake (without a hit). So a
mistake that is corrected never lowers either end.

Source: Fay, Proschan and Brittain, Combining one-sample confidence procedures for inference in the two-sample case,
Biometrics 71 (2015): "melding".
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline_src.evaluation.model_predictions import HoldoutImage

RESAMPLES: Final = 2000
_CHUNK: Final = 128  # resamples that are drawn at once: 10,000 lesions then take 10 MB beside the weights

Weights = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Resamples:
    """Resampled test sets, as multiplicities.

    Attributes:
        weights: (B, N), how often image i is in resample b; whole numbers, of which float32 adds up 16 million exactly.
    """

    weights: Weights

    def of(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Resamples":
        """Return the same resamples, seen by the images at `rows` alone."""
        return Resamples(np.ascontiguousarray(self.weights[:, rows]))


def draw_resamples(images: Sequence[HoldoutImage], count: int = RESAMPLES) -> Resamples:
    """Draw `count` resamples of `images`; the same images, in any order, always give the same ones."""
    weights = np.zeros((count, len(images)), dtype=np.float32)
    for columns, codes, source in _class_strata(images):
        for start in range(0, count, _CHUNK):
            rows = weights[start : start + _CHUNK]
            rows[:, columns] = _multiplicity(source, len(rows), int(codes.max()) + 1)[:, codes]
    return Resamples(weights)


def seeded_generator(lesions: Iterable[str], purpose: str) -> np.random.Generator:
    """Return a source of random numbers that depends on the set of `lesions` and on `purpose` alone."""
    text = "\n".join(sorted(set(lesions)))
    digest = hashlib.blake2b(text.encode(), digest_size=16, person=purpose.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _class_strata(images: Sequence[HoldoutImage]) -> Iterator[tuple[Codes, Codes, np.random.Generator]]:
    """Yield for each class the columns of its images, the numbers of their lesions, and the source of its draws."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for column, image in enumerate(images):
        by_label[image.label].append(column)
    for columns in by_label.values():
        lesions, codes = np.unique([images[column].lesion_id for column in columns], return_inverse=True)
        yield np.array(columns), codes, seeded_generator(lesions.tolist(), "draws")


def _multiplicity(source: np.random.Generator, rows: int, lesions: int) -> npt.NDArray[np.int64]:
    """Return (rows, lesions): how often each lesion comes in as many draws as there are lesions, a row a resample."""
    drawn = source.integers(lesions, size=(rows, lesions), dtype=np.int32) + lesions * np.arange(rows)[:, np.newaxis]
    return np.bincount(drawn.ravel(), minlength=rows * lesions).reshape(rows, lesions)


BOOTSTRAP_METHOD: Final = "bootstrap"
EXACT_METHOD: Final = "exact"
NO_INTERVAL: Final = "none"

TAIL_PROBABILITY: Final = 0.025  # on either side of a 95 % interval
SMALL_SAMPLE: Final = 30  # lesions; below it a proportion's interval is exact

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


def undefined_estimate(images: int = 0, lesions: int = 0) -> Estimate:
    """Return the estimate of a figure that is not defined on these images."""
    return Estimate(None, None, None, images, lesions, NO_INTERVAL)


def count_lesions(images: Sequence[HoldoutImage], counted: Mask) -> int:
    """Return how many lesions the `counted` (N,) of the N images show."""
    return len({images[row].lesion_id for row in np.flatnonzero(counted).tolist()})


def effective_lesions(images: Sequence[HoldoutImage], counted: Mask) -> float:
    """Return how many lesions with one image each tell as much as the `counted` (N,) images, at least one of them.

    It is the number of lesions where all have equally many images, and less where they do not; it assumes that all
    images of a lesion tell the same.
    """
    sizes = np.array(list(Counter(images[row].lesion_id for row in np.flatnonzero(counted).tolist()).values()))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def clopper_pearson_interval(share: float, size: float) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval of `share` (0 to 1, also between whole counts) of `size` (> 0)."""
    hits, misses = share * size, (1 - share) * size
    lower = 0.0 if hits <= 0 else float(special.betaincinv(hits, misses + 1, TAIL_PROBABILITY))
    upper = 1.0 if misses <= 0 else float(special.betaincinv(hits + 1, misses, 1 - TAIL_PROBABILITY))
    return lower, upper


def estimate_proportion(hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]) -> Estimate:
    """Return the share of the `counted` (N,) images that are `hits` (N,); undefined if none is counted.

    The interval is exact for fewer than `SMALL` lesions and for a share of 0 or 1, else of the bootstrap. A resample
    without a counted image has no share and is left out (with `SMALL` lesions or more, one in 10**13 is).
    """
    return estimate_proportions(hits[:, np.newaxis], counted[:, np.newaxis], resamples, images)[0]


def estimate_proportions(
    hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]
) -> list[Estimate]:
    """Return `proportion` of each column of `hits` and `counted`, both (N, K): faster than K times that of one."""
    columns = zip(hits.T, counted.T, resampled_shares(resamples, hits, counted).T, strict=True)
    return [_estimate_column(found & inside, inside, draws, images) for found, inside, draws in columns]


def _estimate_column(found: Mask, counted: Mask, draws: Draws, images: Sequence[HoldoutImage]) -> Estimate:
    total, lesions = int(np.count_nonzero(counted)), count_lesions(images, counted)
    if not total:
        return undefined_estimate()
    share, size = np.count_nonzero(found) / total, effective_lesions(images, counted)
    if lesions < SMALL_SAMPLE or share in (0, 1):
        return Estimate(share, *clopper_pearson_interval(share, size), total, lesions, EXACT_METHOD)
    lower, upper = _percentile_interval(draws)
    lower, upper = min(lower, clopper_pearson_interval(1, size)[0]), max(upper, clopper_pearson_interval(0, size)[1])
    return Estimate(share, lower, upper, total, lesions, BOOTSTRAP_METHOD)


def column_shares(hits: Mask, counted: Mask) -> Draws:
    """Return (K,) shares, by column: `counted` (N, K) images that are `hits` (N, K); every column must count one."""
    found: Draws = np.count_nonzero(hits & counted, axis=0) / np.count_nonzero(counted, axis=0)
    return found


def resampled_shares(resamples: Resamples, hits: Mask, counted: Mask) -> Draws:
    """Return (B, K) shares, by resample and column: `counted` (N, K) images that are `hits` (N, K); NaN of none."""
    weights = resamples.weights
    found = (weights @ (hits & counted).astype(np.float32)).astype(np.float64)
    total = (weights @ counted.astype(np.float32)).astype(np.float64)
    return np.divide(found, total, out=np.full_like(found, np.nan), where=total > 0)


def percentile_estimate(value: float | None, draws: Draws, *, images: int, lesions: int) -> Estimate:
    """Return the estimate whose interval holds the middle 95 % of the `draws` (B,).

    NaN, a resample in which the figure is not defined, is left out; without `value` or any draw there is no interval.
    """
    if value is None or np.isnan(draws).all():
        return Estimate(value, None, None, images, lesions, NO_INTERVAL)
    return Estimate(value, *_percentile_interval(draws), images, lesions, BOOTSTRAP_METHOD)


def _percentile_interval(draws: Draws) -> tuple[float, float]:
    lower, upper = np.nanquantile(draws, (TAIL_PROBABILITY, 1 - TAIL_PROBABILITY))
    return float(lower), float(upper)


def estimate_mean_proportion(
    hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]
) -> Estimate:
    """Return the mean, over K columns, of the share of the `counted` (N, K) images that are `hits` (N, K).

    It is not defined if a column counts no image. The images and lesions are those counted in any column.
    """
    anywhere = np.asarray(counted.any(axis=1))
    size = int(np.count_nonzero(anywhere)), count_lesions(images, anywhere)
    if not counted.size or not counted.any(axis=0).all():
        return undefined_estimate(*size)
    lower, upper = (ends.mean(axis=1) for ends in melded_draws(hits, counted, resamples, images))
    value = float(column_shares(hits, counted).mean())
    return Estimate(
        value,
        float(np.quantile(lower, TAIL_PROBABILITY)),
        float(np.quantile(upper, 1 - TAIL_PROBABILITY)),
        *size,
        BOOTSTRAP_METHOD,
    )


def melded_draws(
    hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]
) -> tuple[Draws, Draws]:
    """Return the draws (B, K) for the lower end and those for the upper end; every column must count an image."""
    drawn, shares = resampled_shares(resamples, hits, counted), column_shares(hits, counted)
    lower, upper = drawn.copy(), drawn.copy()
    for column, inside in enumerate(counted.T):
        lesions = {images[row].lesion_id for row in np.flatnonzero(inside).tolist()}
        level, size = _levels(lesions, len(drawn)), effective_lesions(images, inside)
        if len(lesions) < SMALL_SAMPLE:
            lower[:, column], upper[:, column] = _exact_quantiles(shares[column], size, level)
        else:
            lower[:, column] = np.minimum(drawn[:, column], _exact_quantiles(1.0, size, level)[0])
            upper[:, column] = np.maximum(drawn[:, column], _exact_quantiles(0.0, size, level)[1])
    return lower, upper


def _levels(lesions: Iterable[str], count: int) -> Draws:
    """Return (count,) evenly spaced probabilities in an order that depends on the lesions alone, not on the model."""
    return (seeded_generator(lesions, "levels").permutation(count) + 0.5) / count


def _exact_quantiles(share: float, size: float, level: Draws) -> tuple[Draws, Draws]:
    """Return, at each `level`, the quantiles whose 2.5 % and 97.5 % are the ends of `estimate.exact`."""
    hits, misses = share * size, (1 - share) * size
    lower = special.betaincinv(hits, misses + 1, level) if hits else np.zeros_like(level)
    upper = special.betaincinv(hits + 1, misses, level) if misses else np.ones_like(level)
    return lower, upper

# SPDX-License-Identifier: MIT-0
"""Computes 95 % confidence intervals by resampling lesions.

Images of one lesion resemble each other, so lesions are resampled, with replacement, and all images of a lesion go with
it (cluster bootstrap). Draws are stratified by class, as many lesions of each class as there are, so that no resample
lacks a class. The draws of a stratum depend only on its lesion ids: the order of the images, the name of the class and
the other classes do not change them.

Small samples: a bootstrap of twenty lesions, or of a class without a single error, gives resamples that are all alike.
There the interval is the exact one of Clopper and Pearson at an effective sample size: the number of lesions, or less
if a few lesions have most of the images. This treats all images of a lesion as identical, so it is conservative.
Elsewhere no bound may be better than that of a perfect model (or worse than that of an always wrong one); otherwise
correcting the last error would lower the lower bound.

Means of proportions, such as balanced accuracy: each resample has a draw of the proportion of every class, and the
interval of the mean is the middle 95 % of the means of the draws. The draws of a class with few lesions, or without an
error, hardly vary in the bootstrap, so the mean would appear too certain. For a class with few lesions they are
therefore taken from the beta distribution whose quantiles are the ends of Jeffreys' interval at the effective sample
size. The exact interval is wider than that on average; as draws of two of seven classes it widened the interval of the
mean to a coverage above 98 %. A class with many lesions keeps its bootstrap draws, bounded by the draw for a class
without an error (for the upper end: without a hit) from the distributions whose quantiles are the ends of the exact
interval, one for the lower end and one for the upper ("melding"). Correcting an error therefore never lowers either
end.

Shares whose denominator depends on the model or mixes classes, such as PPV, NPV and accuracy, are conditional on the
numbers of lesions of each class in the test set, because the draws are stratified by class. They do not hold for
another mix of classes.

Sources: Field and Welsh, Bootstrapping clustered data, J. R. Stat. Soc. B 69 (2007), the cluster bootstrap; Clopper and
Pearson, Biometrika 26 (1934); Korn and Graubard, Survey Methodology 24 (1998), for the effective sample size in it;
Kish, Survey Sampling (1965), for that size where lesions differ in their number of images; Brown, Cai and DasGupta,
Interval estimation for a binomial proportion, Statistical Science 16 (2001), for Jeffreys' interval; Efron and
Tibshirani, An Introduction to the Bootstrap (1993), chapter 13, for percentiles; Fay, Proschan and Brittain, Combining
one-sample confidence procedures for inference in the two-sample case, Biometrics 71 (2015), for melding.
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
_CHUNK: Final = 128  # resamples drawn at once: 10 MB for 10,000 lesions, besides the weights

Weights = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Resamples:
    """Resampled test sets, as multiplicities.

    Attributes:
        weights: (B, N), how often image i is in resample b; whole numbers, whose sums float32 holds up to 16 million.
    """

    weights: Weights

    def of(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Resamples":
        """Return the same resamples for the images at `rows` only."""
        return Resamples(np.ascontiguousarray(self.weights[:, rows]))


def draw_resamples(images: Sequence[HoldoutImage], count: int = RESAMPLES) -> Resamples:
    """Draw `count` resamples of `images`; the same images in any order give the same resamples."""
    weights = np.zeros((count, len(images)), dtype=np.float32)
    for columns, codes, source in _class_strata(images):
        for start in range(0, count, _CHUNK):
            rows = weights[start : start + _CHUNK]
            rows[:, columns] = _multiplicity(source, len(rows), int(codes.max()) + 1)[:, codes]
    return Resamples(weights)


def seeded_generator(lesions: Iterable[str], purpose: str) -> np.random.Generator:
    """Return a random generator whose seed depends only on the set of `lesions` and on `purpose`."""
    text = "\n".join(sorted(set(lesions)))
    digest = hashlib.blake2b(text.encode(), digest_size=16, person=purpose.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _class_strata(images: Sequence[HoldoutImage]) -> Iterator[tuple[Codes, Codes, np.random.Generator]]:
    """Yield for each class the columns of its images, the numbers of their lesions, and its random generator."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for column, image in enumerate(images):
        by_label[image.label].append(column)
    for columns in by_label.values():
        lesions, codes = np.unique([images[column].lesion_id for column in columns], return_inverse=True)
        yield np.array(columns), codes, seeded_generator(lesions.tolist(), "draws")


def _multiplicity(source: np.random.Generator, rows: int, lesions: int) -> npt.NDArray[np.int64]:
    """Return (rows, lesions): how often each lesion is drawn in `lesions` draws, one row for each resample."""
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
    """A metric with its 95 % interval; `value`, `lower` and `upper` are None where they are not defined.

    Attributes:
        value: the metric on the images.
        lower: lower end of its 95 % interval.
        upper: upper end.
        images: the number of images that it was measured on.
        lesions: the number of their lesions; the interval takes lesions as independent, not images.
        method: of the interval: `BOOTSTRAP_METHOD`, `EXACT_METHOD`, or `NO_INTERVAL`.
    """

    value: float | None
    lower: float | None
    upper: float | None
    images: int
    lesions: int
    method: str


def undefined_estimate(images: int = 0, lesions: int = 0) -> Estimate:
    """Return the estimate of a metric that is not defined on these images."""
    return Estimate(None, None, None, images, lesions, NO_INTERVAL)


def count_lesions(images: Sequence[HoldoutImage], counted: Mask) -> int:
    """Return the number of lesions of the `counted` (N,) images."""
    return len({images[row].lesion_id for row in np.flatnonzero(counted).tolist()})


def effective_lesions(images: Sequence[HoldoutImage], counted: Mask) -> float:
    """Return the effective sample size, in lesions, of the `counted` (N,) images, at least one of them.

    It is the number of lesions if all have equally many images, and less otherwise. It assumes that the images of one
    lesion are fully correlated.
    """
    sizes = np.array(list(Counter(images[row].lesion_id for row in np.flatnonzero(counted).tolist()).values()))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def clopper_pearson_interval(share: float, size: float) -> tuple[float, float]:
    """Return the exact 95 % interval of `share` (0 to 1) of `size` (> 0); `share * size` need not be whole."""
    hits, misses = share * size, (1 - share) * size
    lower = 0.0 if hits <= 0 else float(special.betaincinv(hits, misses + 1, TAIL_PROBABILITY))
    upper = 1.0 if misses <= 0 else float(special.betaincinv(hits + 1, misses, 1 - TAIL_PROBABILITY))
    return lower, upper


def estimate_proportion(hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]) -> Estimate:
    """Return the share of the `counted` (N,) images that are `hits` (N,); undefined if none is counted.

    The interval is exact for fewer than `SMALL_SAMPLE` lesions and for a share of 0 or 1, otherwise a bootstrap
    interval. Resamples without a counted image are left out (one in 10**13, with `SMALL_SAMPLE` lesions or more).
    """
    return estimate_proportions(hits[:, np.newaxis], counted[:, np.newaxis], resamples, images)[0]


def estimate_proportions(
    hits: Mask, counted: Mask, resamples: Resamples, images: Sequence[HoldoutImage]
) -> list[Estimate]:
    """Return `estimate_proportion` of each column of `hits` and `counted`, both (N, K); faster than K calls."""
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
    """Return (K,) shares by column: `counted` (N, K) images that are `hits` (N, K); each column must count one."""
    found: Draws = np.count_nonzero(hits & counted, axis=0) / np.count_nonzero(counted, axis=0)
    return found


def resampled_shares(resamples: Resamples, hits: Mask, counted: Mask) -> Draws:
    """Return (B, K) shares by resample and column of `counted` (N, K) images that are `hits` (N, K); NaN of none."""
    weights = resamples.weights
    found = (weights @ (hits & counted).astype(np.float32)).astype(np.float64)
    total = (weights @ counted.astype(np.float32)).astype(np.float64)
    return np.divide(found, total, out=np.full_like(found, np.nan), where=total > 0)


def percentile_estimate(value: float | None, draws: Draws, *, images: int, lesions: int) -> Estimate:
    """Return the estimate whose interval holds the middle 95 % of the `draws` (B,).

    NaN draws, of resamples in which the metric is not defined, are left out. Without `value` or any draw there is no
    interval.
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

    It is not defined if a column counts no image. Images and lesions are those counted in any column.
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
    """Return draws (B, K) for the lower end and for the upper end; each column must count an image."""
    drawn, shares = resampled_shares(resamples, hits, counted), column_shares(hits, counted)
    lower, upper = drawn.copy(), drawn.copy()
    for column, inside in enumerate(counted.T):
        lesions = {images[row].lesion_id for row in np.flatnonzero(inside).tolist()}
        level, size = _levels(lesions, len(drawn)), effective_lesions(images, inside)
        if len(lesions) < SMALL_SAMPLE:
            lower[:, column], upper[:, column] = _jeffreys_quantiles(shares[column], size, level)
        else:
            lower[:, column] = np.minimum(drawn[:, column], _exact_quantiles(1.0, size, level)[0])
            upper[:, column] = np.maximum(drawn[:, column], _exact_quantiles(0.0, size, level)[1])
    return lower, upper


def _levels(lesions: Iterable[str], count: int) -> Draws:
    """Return (count,) evenly spaced probabilities in an order that depends only on the lesions, not on the model."""
    return (seeded_generator(lesions, "levels").permutation(count) + 0.5) / count


def _jeffreys_quantiles(share: float, size: float, level: Draws) -> tuple[Draws, Draws]:
    """Return quantiles at each `level` for the lower end and for the upper end, by Jeffreys' prior.

    Both are the same, except that the lower end of a share of 0 is 0 and the upper end of a share of 1 is 1.
    """
    hits, misses = share * size, (1 - share) * size
    drawn = special.betaincinv(hits + 0.5, misses + 0.5, level)
    return (drawn if hits else np.zeros_like(level)), (drawn if misses else np.ones_like(level))


def _exact_quantiles(share: float, size: float, level: Draws) -> tuple[Draws, Draws]:
    """Return quantiles at each `level`; those at 2.5 % and 97.5 % are the ends of `clopper_pearson_interval`."""
    hits, misses = share * size, (1 - share) * size
    lower = special.betaincinv(hits, misses + 1, level) if hits else np.zeros_like(level)
    upper = special.betaincinv(hits + 1, misses, level) if misses else np.ones_like(level)
    return lower, upper

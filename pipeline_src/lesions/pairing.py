# SPDX-License-Identifier: MIT-0
"""Figures of two models on the same images, and their difference.

The difference is bootstrapped over lesions, both models on the same resamples, so that what is hard for both cancels
out. Where the two never disagree the bootstrap would be sure of anything, even of four images: the interval is
therefore never narrower than the one that Bonett and Price give for that many lesions without a disagreement, which
counts one on either side that was not seen. Classes are combined by adding the squares of their distances (Zou and
Donner). Neither part can make a challenger look worse for a corrected mistake.

Measured on simulated test sets of HAM10000's size (2,003 images, 1,495 lesions, models that disagree on 12 % of the
images): the interval holds the true difference of balanced accuracy 93 times in 100, of melanoma sensitivity 94 to 95
times. With 140 images it is 97 to 99 times, where the bootstrap alone holds that of balanced accuracy 67 to 71 times.
That of melanoma specificity (false alarms of 20 and 17 %) is held 94 times in 100, with 140 images 95 times.

Sources: Bonett and Price, Adjusted Wald confidence interval for a difference of binomial proportions based on paired
data, J. Educ. Behav. Stat. 37 (2012); Zou and Donner, Construction of confidence limits about effect measures, Stat.
Med. 27 (2008); McNemar, Psychometrika 12 (1947).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from pipeline_src import contract
from pipeline_src.lesions import estimate, melding, metrics
from pipeline_src.lesions.estimate import Draws, Estimate, Mask
from pipeline_src.lesions.prediction import Predictions
from pipeline_src.lesions.resampling import Resamples

_NORMAL: Final = float(stats.norm.ppf(1 - estimate.TAIL))
_MELANOMA: Final = contract.CLASS_LABELS.index(contract.MELANOMA)


@dataclass(frozen=True)
class Paired:
    """Two models' answers to the same N images.

    Attributes:
        champion: the champion's.
        challenger: the challenger's; its images are the same.
        champion_calls: (N,), whether the champion calls it melanoma at its operating point.
        challenger_calls: (N,), likewise.
        resamples: of the images; the same for both models.
    """

    champion: Predictions
    challenger: Predictions
    champion_calls: Mask
    challenger_calls: Mask
    resamples: Resamples


@dataclass(frozen=True)
class Pair:
    """One figure of both, on the shared test images.

    Attributes:
        champion: its figure.
        challenger: the other's.
        difference: challenger less champion, its interval by resampling shared lesions, both models on the same.
        p_value: of the exact McNemar test; None where it does not apply.
    """

    champion: Estimate
    challenger: Estimate
    difference: Estimate
    p_value: float | None = None


def changed(paired: Paired) -> tuple[int, int]:
    """Return how many images the challenger alone gets right, and how many the champion alone."""
    before, after = _right(paired.champion), _right(paired.challenger)
    return int(np.count_nonzero(after & ~before)), int(np.count_nonzero(before & ~after))


def balanced_accuracy(paired: Paired, *, same: bool) -> Pair:
    """Return the mean sensitivity of the classes of both; `same` says that they are one model, which cannot differ."""
    before, after = _right(paired.champion), _right(paired.challenger)
    classes, images = metrics.one_hot(paired.challenger.truth), paired.challenger.images
    return Pair(
        champion=melding.mean(_wide(before, classes), classes, paired.resamples, images),
        challenger=melding.mean(_wide(after, classes), classes, paired.resamples, images),
        difference=_difference((before, after), classes, paired, same=same),
    )


def melanoma_sensitivity(paired: Paired, *, same: bool) -> Pair:
    """Return the share of the melanomas that each finds at its own operating point, with the exact McNemar test."""
    melanoma = paired.challenger.truth == _MELANOMA
    return _share((paired.champion_calls, paired.challenger_calls), melanoma, paired, same=same)


def melanoma_specificity(paired: Paired, *, same: bool) -> Pair:
    """Return the share of all others that each does not call melanoma at its own operating point, likewise."""
    other = paired.challenger.truth != _MELANOMA
    return _share((~paired.champion_calls, ~paired.challenger_calls), other, paired, same=same)


def _share(hits: tuple[Mask, Mask], counted: Mask, paired: Paired, *, same: bool) -> Pair:
    """Return the share of the `counted` (N,) images that are `hits`, (N,) of the champion and of the challenger."""
    images, (before, after) = paired.challenger.images, hits
    unchanged = same and bool((before == after)[counted].all())
    return Pair(
        champion=estimate.proportion(before, counted, paired.resamples, images),
        challenger=estimate.proportion(after, counted, paired.resamples, images),
        difference=_difference(hits, counted[:, np.newaxis], paired, same=unchanged),
        p_value=mcnemar([images[row].lesion_id for row in np.flatnonzero(counted)], before[counted], after[counted]),
    )


def mcnemar(lesions: Sequence[str], before: Mask, after: Mask) -> float:
    """Return the two-sided p value of the exact McNemar test over lesions.

    A lesion counts for the model that is right on more of its images, and for neither if they are even: its images are
    no independent witnesses. With one image a lesion it is the textbook's test over images.

    Args:
        lesions: of each of the N images.
        before: (N,), whether the champion is right on it.
        after: (N,), whether the challenger is.
    """
    balance: Counter[str] = Counter()
    for lesion, first, second in zip(lesions, before.tolist(), after.tolist(), strict=True):
        balance[lesion] += second - first
    fixed, broken = (sum(sign * net > 0 for net in balance.values()) for sign in (1, -1))
    return float(stats.binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0


def unseen(lesions: Sequence[float]) -> float:
    """Return how far the mean difference over classes may lie from 0 although no image of them is disagreed on.

    Args:
        lesions: how many of each class, above 0; see `estimate.effective_lesions`.

    Returns:
        Half the width of the 95 % interval, at most 1.
    """
    distances = [_NORMAL * math.sqrt(2) / (count + 2) for count in lesions]
    return min(1.0, math.hypot(*distances) / len(distances))


def _right(predictions: Predictions) -> Mask:
    right: Mask = predictions.truth == predictions.predicted
    return right


def _wide(hits: Mask, classes: Mask) -> Mask:
    return np.broadcast_to(hits[:, np.newaxis], classes.shape)


def _mean(hits: Mask, classes: Mask, resamples: Resamples) -> tuple[float, Draws]:
    """Return the mean over `classes` (N, K) of the share of their images that are `hits` (N,), and of each resample."""
    wide = _wide(hits, classes)
    return float(estimate.shares(wide, classes).mean()), estimate.ratios(resamples, wide, classes).mean(axis=1)


def _difference(hits: tuple[Mask, Mask], classes: Mask, paired: Paired, *, same: bool) -> Estimate:
    """Return the mean over `classes` of the challenger's share of hits, less that of the champion."""
    images, counted = paired.challenger.images, classes.any(axis=1)
    size = int(np.count_nonzero(counted)), estimate.count_lesions(images, counted)
    if same:
        return Estimate(0.0, 0.0, 0.0, *size, estimate.EXACT)
    (before, first), (after, second) = (_mean(each, classes, paired.resamples) for each in hits)
    value, hidden = after - before, unseen([estimate.effective_lesions(images, column) for column in classes.T])
    lower, upper = np.quantile(second - first, (estimate.TAIL, 1 - estimate.TAIL))
    ends = max(-1.0, min(float(lower), value - hidden)), min(1.0, max(float(upper), value + hidden))
    return Estimate(value, *ends, *size, estimate.BOOTSTRAP)

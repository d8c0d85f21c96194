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

The model in production, the champion, against this one, the challenger, image by image.

Both are judged on the test images that they share. As the split of a lesion never changes, neither has trained on them;
what contradicts that, or that the two were asked the same, is refused with a reason instead of compared (overlap.py).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from pipeline_src import contract
from pipeline_src.evaluation import champion_predictions, classification_metrics, confidence_intervals
from pipeline_src.evaluation.champion_predictions import (
    CHAMPION_REMEDY,
    ChampionPredictions,
    quote_value,
    read_champion_predictions,
)
from pipeline_src.evaluation.confidence_intervals import Draws, Estimate, Mask, Resamples
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.runtime.errors import BadInputError

__all__ = [
    "CHAMPION_ABSENT",
    "CHAMPION_COMPARED",
    "CHAMPION_REFUSED",
    "COMPARISON_WAIVED",
    "MODELS_IDENTICAL",
    "ChampionComparison",
    "ChampionPredictions",
    "PairedEstimate",
    "compare_with_champion",
    "read_champion_predictions",
]


_NORMAL: Final = float(stats.norm.ppf(1 - confidence_intervals.TAIL_PROBABILITY))
_MELANOMA: Final = contract.CLASS_LABELS.index(contract.MELANOMA)


@dataclass(frozen=True)
class PairedPredictions:
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
class PairedEstimate:
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


def count_changed_images(paired: PairedPredictions) -> tuple[int, int]:
    """Return how many images the challenger alone gets right, and how many the champion alone."""
    before, after = _right(paired.champion), _right(paired.challenger)
    return int(np.count_nonzero(after & ~before)), int(np.count_nonzero(before & ~after))


def compare_balanced_accuracy(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Return the mean sensitivity of the classes of both; `same` says that they are one model, which cannot differ."""
    before, after = _right(paired.champion), _right(paired.challenger)
    classes, images = classification_metrics.one_hot_labels(paired.challenger.truth), paired.challenger.images
    return PairedEstimate(
        champion=confidence_intervals.estimate_mean_proportion(
            _wide(before, classes), classes, paired.resamples, images
        ),
        challenger=confidence_intervals.estimate_mean_proportion(
            _wide(after, classes), classes, paired.resamples, images
        ),
        difference=_estimate_difference((before, after), classes, paired, same=same),
    )


def compare_melanoma_sensitivity(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Return the share of the melanomas that each finds at its own operating point, with the exact McNemar test."""
    melanoma = paired.challenger.truth == _MELANOMA
    return _compare_share((paired.champion_calls, paired.challenger_calls), melanoma, paired, same=same)


def compare_melanoma_specificity(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Return the share of all others that each does not call melanoma at its own operating point, likewise."""
    other = paired.challenger.truth != _MELANOMA
    return _compare_share((~paired.champion_calls, ~paired.challenger_calls), other, paired, same=same)


def _compare_share(hits: tuple[Mask, Mask], counted: Mask, paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Return the share of the `counted` (N,) images that are `hits`, (N,) of the champion and of the challenger."""
    images, (before, after) = paired.challenger.images, hits
    unchanged = same and bool((before == after)[counted].all())
    return PairedEstimate(
        champion=confidence_intervals.estimate_proportion(before, counted, paired.resamples, images),
        challenger=confidence_intervals.estimate_proportion(after, counted, paired.resamples, images),
        difference=_estimate_difference(hits, counted[:, np.newaxis], paired, same=unchanged),
        p_value=mcnemar_p_value(
            [images[row].lesion_id for row in np.flatnonzero(counted)], before[counted], after[counted]
        ),
    )


def mcnemar_p_value(lesions: Sequence[str], before: Mask, after: Mask) -> float:
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


def unseen_difference_bound(lesions: Sequence[float]) -> float:
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
    return float(confidence_intervals.column_shares(wide, classes).mean()), confidence_intervals.resampled_shares(
        resamples, wide, classes
    ).mean(axis=1)


def _estimate_difference(hits: tuple[Mask, Mask], classes: Mask, paired: PairedPredictions, *, same: bool) -> Estimate:
    """Return the mean over `classes` of the challenger's share of hits, less that of the champion."""
    images, counted = paired.challenger.images, np.asarray(classes.any(axis=1))
    size = int(np.count_nonzero(counted)), confidence_intervals.count_lesions(images, counted)
    if same:
        return Estimate(0.0, 0.0, 0.0, *size, confidence_intervals.EXACT_METHOD)
    (before, first), (after, second) = (_mean(each, classes, paired.resamples) for each in hits)
    value, hidden = (
        after - before,
        unseen_difference_bound([confidence_intervals.effective_lesions(images, column) for column in classes.T]),
    )
    lower, upper = np.quantile(
        second - first, (confidence_intervals.TAIL_PROBABILITY, 1 - confidence_intervals.TAIL_PROBABILITY)
    )
    ends = max(-1.0, min(float(lower), value - hidden)), min(1.0, max(float(upper), value + hidden))
    return Estimate(value, *ends, *size, confidence_intervals.BOOTSTRAP_METHOD)


CHAMPION_ABSENT: Final = "absent"  # there is no champion yet, or none was named
COMPARISON_WAIVED: Final = "waived"  # whoever started the run switched the comparison off
CHAMPION_COMPARED: Final = "compared"
MODELS_IDENTICAL: Final = "identical"  # the same test images, and every probability is the same: the same model
CHAMPION_REFUSED: Final = "refused"  # the two were not measured on the same things


@dataclass(frozen=True)
class ChampionComparison:
    """What came of the comparison.

    Attributes:
        status: `ABSENT`, `WAIVED`, `COMPARED`, `IDENTICAL` or `REFUSED`.
        package: the champion's model package ARN, `contract.NO_PACKAGE` or `contract.NO_COMPARISON`.
        reason: in a sentence, what the status means here; for `REFUSED` which image, label or column is in the way.
        images: the shared test images.
        left_out: test images of the challenger that the champion was not measured on, for example newly added ones.
        missing: test images of the champion that are not among the challenger's, for example removed ones.
        balanced_accuracy: None unless compared or identical.
        melanoma_sensitivity: each at its own operating point; likewise, and None if the challenger has none.
        melanoma_specificity: share of all other images not called melanoma there; likewise.
        fixed: test images that the champion gets wrong and the challenger right.
        broken: the other way round.
    """

    status: str
    package: str
    reason: str
    images: int = 0
    left_out: int = 0
    missing: int = 0
    balanced_accuracy: PairedEstimate | None = None
    melanoma_sensitivity: PairedEstimate | None = None
    melanoma_specificity: PairedEstimate | None = None
    fixed: int = 0
    broken: int = 0

    @property
    def pairs(self) -> dict[str, PairedEstimate]:
        """The compared figures that there are, by their names."""
        compared = {
            "balanced_accuracy": self.balanced_accuracy,
            "melanoma_sensitivity": self.melanoma_sensitivity,
            "melanoma_specificity": self.melanoma_specificity,
        }
        return {name: pair for name, pair in compared.items() if pair is not None}

    @property
    def named(self) -> bool:
        """Whether `package` is a champion's."""
        return self.package not in {contract.NO_PACKAGE, contract.NO_COMPARISON}


def compare_with_champion(
    test: Predictions, threshold: float | None, champion: ChampionPredictions | None, package: str
) -> ChampionComparison:
    """Compare the challenger with the champion.

    Args:
        test: the challenger's test images.
        threshold: its melanoma operating point, or None if it has none.
        champion: None if there is none.
        package: the ARN of the champion's model package, `contract.NO_PACKAGE` or `contract.NO_COMPARISON`.
    """
    if champion is None:
        return _not_compared(package)
    try:
        paired = _pair_predictions(test, threshold, champion)
    except BadInputError as error:
        return ChampionComparison(CHAMPION_REFUSED, package, str(error))
    images = len(paired.challenger.images)
    left_out, missing = (
        len(test.images) - images,
        len(champion_predictions.missing_test_images(test.images, champion.answers)),
    )
    equal = np.array_equal(paired.challenger.probabilities, paired.champion.probabilities)
    # Equal answers to a part of the images prove nothing of the others: only the whole test set makes one model.
    same = equal and not left_out and not missing
    fixed, broken = count_changed_images(paired)
    return ChampionComparison(
        status=MODELS_IDENTICAL if same else CHAMPION_COMPARED,
        package=package,
        reason=_comparison_reason(images, equal=equal, same=same),
        images=images,
        left_out=left_out,
        missing=missing,
        balanced_accuracy=compare_balanced_accuracy(paired, same=same),
        melanoma_sensitivity=None if threshold is None else compare_melanoma_sensitivity(paired, same=same),
        melanoma_specificity=None if threshold is None else compare_melanoma_specificity(paired, same=same),
        fixed=fixed,
        broken=broken,
    )


def _not_compared(package: str) -> ChampionComparison:
    if package == contract.NO_PACKAGE:
        reason = "No champion was named: this is the first model, or whoever started the run named none."
        return ChampionComparison(CHAMPION_ABSENT, package, reason)
    if package == contract.NO_COMPARISON:
        reason = "The comparison with the model in production was switched off by whoever started this run."
        return ChampionComparison(COMPARISON_WAIVED, package, reason)
    reason = (
        f"{quote_value(package)} is named as the champion, but none of its predictions are given. {CHAMPION_REMEDY}"
    )
    return ChampionComparison(CHAMPION_REFUSED, package, reason)


def _comparison_reason(images: int, *, equal: bool, same: bool) -> str:
    if same:
        return f"Every probability of all {images} test images is the champion's: it is the same model."
    paired = f"Paired on the {images} test images that both models were measured on and neither was trained on."
    if equal:
        return f"{paired} The answers on these {images} are the same, but the two test sets are not."
    return paired


def _pair_predictions(test: Predictions, threshold: float | None, champion: ChampionPredictions) -> PairedPredictions:
    """Return both models' answers to the shared test images.

    Raises:
        BadInputError: they cannot be compared.
    """
    if champion.refusal:
        raise BadInputError(champion.refusal)
    rows = [row for row, image in enumerate(test.images) if image.image_id in champion.answers]
    images = tuple(test.images[row] for row in rows)
    answers = [champion.answers[image.image_id] for image in images]
    champion_predictions.refuse_differing_images(images, answers)
    champion_predictions.refuse_missing_classes(images)
    champion_predictions.refuse_missing_images(
        champion_predictions.missing_test_images(test.images, champion.answers), champion.answers
    )
    own = Predictions(images, test.probabilities[rows])
    other = Predictions(images, np.array([answer.probabilities for answer in answers]))
    called = np.zeros(len(images), dtype=np.bool_) if threshold is None else own.melanoma >= threshold
    return PairedPredictions(
        other,
        own,
        np.array([answer.melanoma for answer in answers]),
        called,
        confidence_intervals.draw_resamples(images),
    )

# SPDX-License-Identifier: MIT-0
"""Compares the model in production, the champion, with the new model, the challenger, on the same test images.

Both are measured on the test images that they share. The split of a lesion never changes, so neither was trained on
them. If the data contradict that, or the two were measured on different things, the comparison is refused with a
reason (see champion_predictions.py).

The difference is bootstrapped over lesions, with the same resamples for both models, so that difficulty common to both
cancels out. If the two never disagree, the bootstrap interval has no width, even for four images. The interval is
therefore never narrower than that of Bonett and Price for as many lesions without a disagreement, which assumes one
unseen disagreement on either side. Classes are combined by adding the squares of their distances (Zou and Donner).
Neither part can make a challenger look worse for a corrected error.

Coverage on simulated test sets of HAM10000's size (2,003 images, 1,495 lesions, models that disagree on 12 % of the
images): 93 of 100 intervals contain the true difference of balanced accuracy, 94 to 95 that of melanoma sensitivity,
94 that of melanoma specificity (false alarms of 20 and 17 %). With 140 images it is 97 to 99, and 95 for specificity;
the bootstrap alone covers the difference of balanced accuracy 67 to 71 times.

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
from pipeline_src.evaluation import (
    champion_predictions,
    classification_metrics,
    confidence_intervals,
    ranking_metrics,
)
from pipeline_src.evaluation.champion_predictions import (
    CHAMPION_REMEDY,
    ChampionPredictions,
    quote_value,
)
from pipeline_src.evaluation.confidence_intervals import Draws, Estimate, Mask, Resamples
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.runtime.errors import BadInputError

_NORMAL: Final = float(stats.norm.ppf(1 - confidence_intervals.TAIL_PROBABILITY))


@dataclass(frozen=True)
class PairedPredictions:
    """The predictions of two models for the same N images.

    Attributes:
        champion: predictions of the champion.
        challenger: predictions of the challenger for the same images.
        champion_calls: (N,), True where the champion predicts melanoma at its operating point.
        challenger_calls: (N,), likewise.
        resamples: of the images, common to both models.
    """

    champion: Predictions
    challenger: Predictions
    champion_calls: Mask
    challenger_calls: Mask
    resamples: Resamples


@dataclass(frozen=True)
class PairedEstimate:
    """One metric of both models on the shared test images.

    Attributes:
        champion: the champion's value.
        challenger: the challenger's value.
        difference: challenger minus champion, with a paired interval over lesions.
        p_value: of the exact McNemar test; None where it does not apply.
    """

    champion: Estimate
    challenger: Estimate
    difference: Estimate
    p_value: float | None = None


def count_changed_images(paired: PairedPredictions) -> tuple[int, int]:
    """Return the numbers of images that only the challenger and only the champion predicts correctly."""
    before, after = _right(paired.champion), _right(paired.challenger)
    return int(np.count_nonzero(after & ~before)), int(np.count_nonzero(before & ~after))


def compare_balanced_accuracy(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Compare the balanced accuracy; `same` is True if both are the same model, which has no difference."""
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


def compare_melanoma_area(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Compare the area under melanoma's ROC curve above a sensitivity of 0.80; no operating point enters it.

    See `ranking_metrics.RankingFigures`. Moving one melanoma from the top of the order to its end costs about one part
    in the number of melanomas, as it does for a share of them, so the same bound for unseen disagreements holds.
    """
    melanoma, images = paired.challenger.is_melanoma, paired.challenger.images
    lesions = confidence_intervals.effective_lesions(images, melanoma)
    (before, first), (after, second) = (
        _area_above_80(each, melanoma, paired.resamples) for each in (paired.champion, paired.challenger)
    )
    size = {"images": len(images), "lesions": confidence_intervals.count_lesions(images, np.ones_like(melanoma))}
    unchanged = Estimate(0.0, 0.0, 0.0, **size, method=confidence_intervals.EXACT_METHOD)
    return PairedEstimate(
        champion=confidence_intervals.percentile_estimate(before, first, **size),
        challenger=confidence_intervals.percentile_estimate(after, second, **size),
        difference=unchanged
        if same
        else _widened_difference((before, first), (after, second), unseen_difference_bound([lesions]), **size),
    )


def _area_above_80(predictions: Predictions, melanoma: Mask, resamples: Resamples) -> tuple[float, Draws]:
    """Return the area of the images, and of each resample."""
    once = np.ones((1, melanoma.size), dtype=np.float32)
    value, drawn = (
        ranking_metrics.measure_ranking(predictions.melanoma, melanoma, weights).auc_above_80
        for weights in (once, resamples.weights)
    )
    return float(value[0]), drawn


def compare_melanoma_sensitivity(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Compare the melanoma sensitivity, each model at its own operating point, with the exact McNemar test."""
    calls = paired.champion_calls, paired.challenger_calls
    return _compare_share(calls, paired.challenger.is_melanoma, paired, same=same)


def compare_melanoma_specificity(paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Compare the melanoma specificity, each model at its own operating point, with the exact McNemar test."""
    calls = ~paired.champion_calls, ~paired.challenger_calls
    return _compare_share(calls, ~paired.challenger.is_melanoma, paired, same=same)


def _compare_share(hits: tuple[Mask, Mask], counted: Mask, paired: PairedPredictions, *, same: bool) -> PairedEstimate:
    """Compare the share of the `counted` (N,) images that are `hits` (N,) of the champion and of the challenger."""
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
    """Return the two-sided p-value of the exact McNemar test over lesions.

    A lesion counts for the model that is right on more of its images, and for neither if they are even, because images
    of one lesion are not independent. With one image for each lesion this is the usual test over images.

    Args:
        lesions: the lesion ids of the N images.
        before: (N,), True where the champion is right.
        after: (N,), True where the challenger is right.
    """
    balance: Counter[str] = Counter()
    for lesion, first, second in zip(lesions, before.tolist(), after.tolist(), strict=True):
        balance[lesion] += second - first
    fixed, broken = (sum(sign * net > 0 for net in balance.values()) for sign in (1, -1))
    return float(stats.binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0


def unseen_difference_bound(lesions: Sequence[float]) -> float:
    """Return the largest plausible mean difference over classes if the models agree on all of their images.

    Args:
        lesions: the number of each class, above 0; see `confidence_intervals.effective_lesions`.

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
    """Return the mean over `classes` (N, K) of their share of `hits` (N,), and that mean for each resample."""
    wide = _wide(hits, classes)
    return float(confidence_intervals.column_shares(wide, classes).mean()), confidence_intervals.resampled_shares(
        resamples, wide, classes
    ).mean(axis=1)


def _estimate_difference(hits: tuple[Mask, Mask], classes: Mask, paired: PairedPredictions, *, same: bool) -> Estimate:
    """Return the mean over `classes` of the challenger's share of hits minus that of the champion."""
    images, counted = paired.challenger.images, np.asarray(classes.any(axis=1))
    size = int(np.count_nonzero(counted)), confidence_intervals.count_lesions(images, counted)
    if same:
        return Estimate(0.0, 0.0, 0.0, *size, confidence_intervals.EXACT_METHOD)
    hidden = unseen_difference_bound([confidence_intervals.effective_lesions(images, column) for column in classes.T])
    before, after = (_mean(each, classes, paired.resamples) for each in hits)
    return _widened_difference(before, after, hidden, images=size[0], lesions=size[1])


def _widened_difference(
    before: tuple[float, Draws], after: tuple[float, Draws], hidden: float, *, images: int, lesions: int
) -> Estimate:
    """Return the difference of two values with draws, whose interval extends `hidden` or more to each side."""
    value = after[0] - before[0]
    lower, upper = np.quantile(
        after[1] - before[1], (confidence_intervals.TAIL_PROBABILITY, 1 - confidence_intervals.TAIL_PROBABILITY)
    )
    ends = max(-1.0, min(float(lower), value - hidden)), min(1.0, max(float(upper), value + hidden))
    return Estimate(value, *ends, images, lesions, confidence_intervals.BOOTSTRAP_METHOD)


CHAMPION_ABSENT: Final = "absent"  # no champion was named
COMPARISON_WAIVED: Final = "waived"  # the comparison was switched off for this run
CHAMPION_COMPARED: Final = "compared"
MODELS_IDENTICAL: Final = "identical"  # the same test images and the same probabilities: the same model
CHAMPION_REFUSED: Final = "refused"  # the two were not measured on the same data


@dataclass(frozen=True)
class ChampionComparison:
    """The result of the comparison.

    Attributes:
        status: `CHAMPION_ABSENT`, `COMPARISON_WAIVED`, `CHAMPION_COMPARED`, `MODELS_IDENTICAL` or `CHAMPION_REFUSED`.
        package: the champion's model package ARN, `contract.NO_PACKAGE` or `contract.NO_COMPARISON`.
        reason: the status in a sentence; if refused, the image, label or column that prevents the comparison.
        images: the number of shared test images.
        left_out: test images of the challenger that the champion was not measured on, for example newly added ones.
        missing: test images of the champion that are not among the challenger's, for example removed ones.
        balanced_accuracy: None unless compared or identical.
        melanoma_auc_above_80: likewise; the area under melanoma's ROC curve above a sensitivity of 0.80, which no
            operating point enters.
        melanoma_sensitivity: each model at its own operating point; None if the challenger has none. Its interval takes
            both operating points as given, and the gate does not judge it.
        melanoma_specificity: likewise.
        fixed: the number of test images that only the challenger predicts correctly.
        broken: the number of test images that only the champion predicts correctly.
    """

    status: str
    package: str
    reason: str
    images: int = 0
    left_out: int = 0
    missing: int = 0
    balanced_accuracy: PairedEstimate | None = None
    melanoma_auc_above_80: PairedEstimate | None = None
    melanoma_sensitivity: PairedEstimate | None = None
    melanoma_specificity: PairedEstimate | None = None
    fixed: int = 0
    broken: int = 0

    @property
    def pairs(self) -> dict[str, PairedEstimate]:
        """The compared metrics by name."""
        compared = {
            "balanced_accuracy": self.balanced_accuracy,
            "melanoma_auc_above_80": self.melanoma_auc_above_80,
            "melanoma_sensitivity": self.melanoma_sensitivity,
            "melanoma_specificity": self.melanoma_specificity,
        }
        return {name: pair for name, pair in compared.items() if pair is not None}

    @property
    def named(self) -> bool:
        """True if `package` is the package of a champion."""
        return self.package not in {contract.NO_PACKAGE, contract.NO_COMPARISON}


def compare_with_champion(
    test: Predictions, threshold: float | None, champion: ChampionPredictions | None, package: str
) -> ChampionComparison:
    """Compare the challenger with the champion.

    Args:
        test: the challenger's predictions for its test images.
        threshold: its melanoma operating point, or None.
        champion: the champion's predictions, or None.
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
    # Equal predictions for a part of the images do not prove that the models are the same.
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
        melanoma_auc_above_80=compare_melanoma_area(paired, same=same),
        melanoma_sensitivity=None if threshold is None else compare_melanoma_sensitivity(paired, same=same),
        melanoma_specificity=None if threshold is None else compare_melanoma_specificity(paired, same=same),
        fixed=fixed,
        broken=broken,
    )


def _not_compared(package: str) -> ChampionComparison:
    if package == contract.NO_PACKAGE:
        reason = "No champion was named: this is the first model, or the run was started without one."
        return ChampionComparison(CHAMPION_ABSENT, package, reason)
    if package == contract.NO_COMPARISON:
        reason = "The comparison with the model in production was switched off for this run."
        return ChampionComparison(COMPARISON_WAIVED, package, reason)
    reason = f"{quote_value(package)} is named as the champion, but its predictions are not given. {CHAMPION_REMEDY}"
    return ChampionComparison(CHAMPION_REFUSED, package, reason)


def _comparison_reason(images: int, *, equal: bool, same: bool) -> str:
    if same:
        return f"All probabilities of all {images} test images equal the champion's: it is the same model."
    paired = f"Compared on the {images} test images that both models were measured on and neither was trained on."
    if equal:
        return f"{paired} The predictions for these {images} are the same, but the two test sets differ."
    return paired


def _pair_predictions(test: Predictions, threshold: float | None, champion: ChampionPredictions) -> PairedPredictions:
    """Return the predictions of both models for the shared test images.

    Raises:
        BadInputError: the models cannot be compared.
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

# SPDX-License-Identifier: MIT-0
"""All figures of one set of test images, each with its interval."""

from dataclasses import dataclass

import numpy as np

from pipeline_src import contract
from pipeline_src.lesions import estimate, melding, metrics, ranking
from pipeline_src.lesions.estimate import EXACT, NONE, SMALL, Estimate, Mask
from pipeline_src.lesions.metrics import ClassMetrics
from pipeline_src.lesions.prediction import Predictions
from pipeline_src.lesions.resampling import Resamples

_MELANOMA = contract.CLASS_LABELS.index(contract.MELANOMA)


@dataclass(frozen=True)
class Figures:
    """How good the predictions of one set of images are.

    Attributes:
        balanced_accuracy: mean sensitivity of the seven classes.
        accuracy: share of images whose most probable class is the true one.
        malignant_sensitivity: share of the malignant images (mel, bcc, akiec) whose most probable class is malignant.
        melanoma_sensitivity: share of the melanomas found at the operating point.
        melanoma_specificity: share of all others not called melanoma there.
        per_class: by label.
    """

    balanced_accuracy: Estimate
    accuracy: Estimate
    malignant_sensitivity: Estimate
    melanoma_sensitivity: Estimate
    melanoma_specificity: Estimate
    per_class: dict[str, ClassMetrics]


def measure(test: Predictions, threshold: float | None, resamples: Resamples) -> Figures:
    """Measure `test`.

    Args:
        test: the images; any number of them.
        threshold: the melanoma operating point, or None, with which its two figures are not defined.
        resamples: of the same images.
    """
    truth = metrics.one_hot(test.truth)
    accuracy, malignant, sensitivity, specificity = estimate.proportions(
        *_overall(test, threshold), resamples, test.images
    )
    return Figures(
        balanced_accuracy=melding.mean(metrics.one_hot(test.predicted), truth, resamples, test.images),
        accuracy=accuracy,
        malignant_sensitivity=malignant,
        melanoma_sensitivity=_without(sensitivity) if threshold is None else sensitivity,
        melanoma_specificity=_without(specificity) if threshold is None else specificity,
        per_class=_per_class(test, truth, resamples),
    )


def _overall(test: Predictions, threshold: float | None) -> tuple[Mask, Mask]:
    """Return what is looked for, and among which (N, 4): right, taken for malignant, suspected, not suspected."""
    melanoma = test.truth == _MELANOMA
    suspected = test.melanoma >= (np.inf if threshold is None else threshold)
    malignant, taken = metrics.malignant(test.truth), metrics.malignant(test.predicted)
    right = test.truth == test.predicted
    found = np.column_stack([right, taken, suspected, ~suspected])
    return found, np.column_stack([np.ones_like(right), malignant, melanoma, ~melanoma])


def _without(figure: Estimate) -> Estimate:
    return estimate.undefined(figure.images, figure.lesions)


def _per_class(test: Predictions, truth: Mask, resamples: Resamples) -> dict[str, ClassMetrics]:
    called = metrics.one_hot(test.predicted)
    pairs = metrics.rates(truth, called)
    found, counted = (np.concatenate(masks, axis=1) for masks in zip(*pairs, strict=True))
    rates = estimate.proportions(found, counted, resamples, test.images)
    return {
        label: ClassMetrics(
            **dict(zip(metrics.RATES, rates[column :: len(contract.CLASS_LABELS)], strict=True)),
            **dict(zip(metrics.RANKS, _ranks(test, column, resamples), strict=True)),
            test_images=int(truth[:, column].sum()),
            test_lesions=estimate.count_lesions(test.images, truth[:, column]),
        )
        for column, label in enumerate(contract.CLASS_LABELS)
    }


def _ranks(test: Predictions, column: int, resamples: Resamples) -> tuple[Estimate, ...]:
    """Return AUC, its part above a sensitivity of 0.80 and average precision of the class at `column`.

    Their interval is the bootstrap's. With few lesions on either side, or a ranking without or of nothing but mistakes,
    that says too little. AUC is then taken as a share of as many pairs as can be made without using a lesion twice,
    for which the exact interval holds (all pairs together tell more, so it errs on the wide side); the two others have
    no interval.
    """
    positive = test.truth == column
    sides = [estimate.count_lesions(test.images, side) for side in (positive, ~positive)]
    size = len(test.images), estimate.count_lesions(test.images, np.ones_like(positive))
    auc, *others = metrics.ranks(test.probabilities[:, column], positive)
    if auc is None or min(sides) < SMALL or auc in (0, 1):
        first = estimate.undefined(*size) if auc is None else Estimate(auc, *_paired(test, positive, auc), *size, EXACT)
        return first, *(Estimate(value, None, None, *size, NONE) for value in others)
    drawn = ranking.measure(test.probabilities[:, column], positive, resamples.weights)
    return tuple(
        estimate.percentile(value, getattr(drawn, name), images=size[0], lesions=size[1])
        for value, name in zip((auc, *others), metrics.RANKS, strict=True)
    )


def _paired(test: Predictions, positive: Mask, auc: float) -> tuple[float, float]:
    return estimate.exact(auc, min(estimate.effective_lesions(test.images, side) for side in (positive, ~positive)))

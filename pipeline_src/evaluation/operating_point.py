# SPDX-License-Identifier: MIT-0
"""Chooses the melanoma threshold on validation images.

Predicting the most probable class misses melanomas that a screening reader would want to see. A threshold on the
melanoma probability finds more of them at the cost of false alarms. It must not be chosen on the images that it is
evaluated on.

Additional images from production do not take part in the choice: somebody selected them, and their melanomas may look
more or less suspicious than those of the base archive. Mixed into the validation images they would move the threshold
away from the images that it is judged on. Production's own threshold and temperature are measured beside it.
"""

import math
from dataclasses import dataclass

import numpy as np

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.model_predictions import Predictions

ROUNDING = 1e-9  # 0.55 * 100 is 55.00000000000001; it means 55 melanomas, not 56


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the melanoma probability; at or above it an image is predicted as melanoma.

    Attributes:
        threshold: None without a validation melanoma to choose it by.
        target_sensitivity: the sensitivity that it was chosen for.
        validation_sensitivity: the sensitivity on the validation images. It is optimistic, because these images were
            used to choose the threshold; not defined without a threshold.
    """

    threshold: float | None
    target_sensitivity: float
    validation_sensitivity: Estimate


def choose_operating_point(validation: Predictions, target_sensitivity: float) -> OperatingPoint:
    """Choose `melanoma_threshold` on any number of `validation` images."""
    chosen = melanoma_threshold(validation, target_sensitivity)
    if chosen is None:
        return OperatingPoint(None, target_sensitivity, confidence_intervals.undefined_estimate())
    melanomas = [image for image in validation.images if image.label == contract.MELANOMA]
    found = validation.melanoma[validation.is_melanoma] >= chosen
    reached = confidence_intervals.estimate_proportion(
        found, np.ones_like(found), confidence_intervals.draw_resamples(melanomas), melanomas
    )
    return OperatingPoint(chosen, target_sensitivity, reached)


@dataclass(frozen=True)
class ProductionValidation:
    """Additional validation images, of which neither the threshold nor the temperature makes use.

    Attributes:
        images: their number.
        melanomas: the number of melanomas among them.
        threshold: the threshold that would be chosen on them alone; None without a melanoma.
        sensitivity: melanoma sensitivity on them at the model's own threshold, optimistic if the model was tuned there.
        specificity: melanoma specificity likewise.
        temperature: the temperature fitted on them alone; None without images, or at a bound.
    """

    images: int
    melanomas: int
    threshold: float | None
    sensitivity: Estimate
    specificity: Estimate
    temperature: float | None


def split_by_archive(validation: Predictions) -> tuple[Predictions, Predictions]:
    """Return the images of the base archive, and those of the additional archive."""
    added = np.array([each.archive == contract.ADDITION_ORIGIN for each in validation.images], dtype=np.bool_)
    base, addition = (
        Predictions(tuple(validation.images[row] for row in np.flatnonzero(rows)), validation.probabilities[rows])
        for rows in (~added, added)
    )
    return base, addition


def measure_production(
    added: Predictions, chosen: OperatingPoint, temperature: float | None
) -> ProductionValidation | None:
    """Measure the `added` validation images at the `chosen` operating point; None if there are none.

    `temperature` is the one fitted on them.
    """
    if not added.images:
        return None
    melanoma = added.is_melanoma
    sensitivity = specificity = confidence_intervals.undefined_estimate()
    if chosen.threshold is not None:
        suspected = added.melanoma >= chosen.threshold
        sensitivity, specificity = confidence_intervals.estimate_proportions(
            np.column_stack([suspected, ~suspected]),
            np.column_stack([melanoma, ~melanoma]),
            confidence_intervals.draw_resamples(added.images),
            added.images,
        )
    return ProductionValidation(
        images=len(added.images),
        melanomas=int(melanoma.sum()),
        threshold=melanoma_threshold(added, chosen.target_sensitivity),
        sensitivity=sensitivity,
        specificity=specificity,
        temperature=temperature,
    )


def melanoma_threshold(validation: Predictions, target_sensitivity: float) -> float | None:
    """Return the highest threshold that reaches `target_sensitivity` on the validation melanomas.

    It is the k-th highest melanoma probability of a melanoma, where k is the least number that reaches the target.
    Melanomas of equal probability are found together, so ties can only increase the sensitivity.

    Args:
        validation: the validation images.
        target_sensitivity: above 0, at most 1.

    Returns:
        The threshold, or None if no validation image is a melanoma.
    """
    suspicion = np.sort(validation.melanoma[validation.is_melanoma])[::-1]
    if not suspicion.size:
        return None
    needed = max(1, math.ceil(target_sensitivity * suspicion.size - ROUNDING))
    return float(suspicion[needed - 1])

# SPDX-License-Identifier: MIT-0
"""The melanoma threshold: chosen on validation images, judged on test images.

Calling the most probable class misses melanomas that a screening reader would want to see; a threshold on the melanoma
probability alone trades false alarms for them. It must not be chosen on the images it is judged by.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.model_predictions import Predictions

# 0.55 * 100 is 55.00000000000001, and 55 melanomas are meant, not 56.
ROUNDING = 1e-9


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the melanoma probability; an image is called melanoma from the threshold on.

    What it does to the test images is in `figures.Figures`.

    Attributes:
        threshold: None without a validation melanoma to choose it by.
        target_sensitivity: what was aimed at.
        validation_sensitivity: what it reaches on the images that it was chosen by: no proof of anything, and not
            defined without a threshold.
    """

    threshold: float | None
    target_sensitivity: float
    validation_sensitivity: Estimate


def choose_operating_point(validation: Predictions, target_sensitivity: float) -> OperatingPoint:
    """Choose the threshold that `threshold` describes on the `validation` images, any number of them."""
    chosen = melanoma_threshold(validation, target_sensitivity)
    if chosen is None:
        return OperatingPoint(None, target_sensitivity, confidence_intervals.undefined_estimate())
    melanomas = [image for image in validation.images if image.label == contract.MELANOMA]
    found = validation.melanoma[_is_melanoma(validation)] >= chosen
    reached = confidence_intervals.estimate_proportion(
        found, np.ones_like(found), confidence_intervals.draw_resamples(melanomas), melanomas
    )
    return OperatingPoint(chosen, target_sensitivity, reached)


def melanoma_threshold(validation: Predictions, target_sensitivity: float) -> float | None:
    """Return the highest threshold that finds at least the wanted share of the validation melanomas.

    That is the probability of the k-th most suspicious melanoma, k being the least number of melanomas that reaches
    the target. Melanomas of the same probability stand or fall together, so ties can only find more than wanted.

    Args:
        validation: the validation images.
        target_sensitivity: above 0, at most 1.

    Returns:
        The threshold, or None if no validation image is a melanoma: nothing could say what a threshold finds.
    """
    suspicion = np.sort(validation.melanoma[_is_melanoma(validation)])[::-1]
    if not suspicion.size:
        return None
    needed = max(1, math.ceil(target_sensitivity * suspicion.size - ROUNDING))
    return float(suspicion[needed - 1])


def _is_melanoma(predictions: Predictions) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = predictions.truth == contract.CLASS_LABELS.index(contract.MELANOMA)
    return mask

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
from pipeline_src.lesions import metrics
from pipeline_src.lesions.prediction import Predictions

# 0.55 * 100 is 55.00000000000001, and 55 melanomas are meant, not 56.
ROUNDING = 1e-9


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the melanoma probability and what it does; an image is called melanoma from the threshold on.

    All but `target_sensitivity` are None where they are not defined: everything without a validation melanoma, the
    test figures besides without a test image to measure them on.
    """

    threshold: float | None
    target_sensitivity: float
    validation_sensitivity: float | None
    sensitivity: float | None
    specificity: float | None
    auc: float | None


def threshold(validation: Predictions, target_sensitivity: float) -> float | None:
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


def measure(validation: Predictions, test: Predictions, target_sensitivity: float) -> OperatingPoint:
    """Choose the threshold on `validation` and measure it on `test`."""
    chosen = threshold(validation, target_sensitivity)
    sensitivity, specificity = _rates(test, chosen)
    return OperatingPoint(
        threshold=chosen,
        target_sensitivity=target_sensitivity,
        validation_sensitivity=_rates(validation, chosen)[0],
        sensitivity=sensitivity,
        specificity=specificity,
        auc=metrics.per_class(test)[contract.MELANOMA].auc,
    )


def _rates(predictions: Predictions, chosen: float | None) -> tuple[float | None, float | None]:
    """Return sensitivity and specificity of calling melanoma from `chosen` on."""
    if chosen is None:
        return None, None
    melanoma, called = _is_melanoma(predictions), predictions.melanoma >= chosen
    return (
        metrics.ratio(np.count_nonzero(melanoma & called), np.count_nonzero(melanoma)),
        metrics.ratio(np.count_nonzero(~melanoma & ~called), np.count_nonzero(~melanoma)),
    )


def _is_melanoma(predictions: Predictions) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = predictions.truth == contract.CLASS_LABELS.index(contract.MELANOMA)
    return mask

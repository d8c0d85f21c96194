# SPDX-License-Identifier: MIT-0
"""The same figures in the words of SageMaker's model quality report, so that its console draws them.

Source: SageMaker Developer Guide, "Model Quality Metrics", multiclass metrics: the confusion matrix is
``{actual: {predicted: count}}`` and each metric ``{"value": ..., "standard_deviation": ...}``, in which the text
``"NaN"`` stands for a deviation that was not computed. The `best_constant_classifier` is the one that answers every
image with the commonest class.
"""

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.lesions import metrics
from pipeline_src.lesions.prediction import Predictions

Labels = npt.NDArray[np.int64]


def report(predictions: Predictions) -> dict[str, object]:
    """Return the value of ``multiclass_classification_metrics``; values are None without any image."""
    truth, predicted = predictions.truth, predictions.predicted
    commonest = np.argmax(np.bincount(truth, minlength=len(contract.CLASS_LABELS)))
    constant = np.full_like(truth, commonest)
    figures = {
        **_figures(truth, predicted),
        **{f"{name}_best_constant_classifier": value for name, value in _figures(truth, constant).items()},
    }
    values = {name: {"value": value, "standard_deviation": "NaN"} for name, value in figures.items()}
    return {"confusion_matrix": _confusion(predictions), **values}


def _confusion(predictions: Predictions) -> dict[str, dict[str, int]]:
    rows = metrics.confusion(predictions).tolist()
    labels = contract.CLASS_LABELS
    return {actual: dict(zip(labels, row, strict=True)) for actual, row in zip(labels, rows, strict=True)}


def _figures(truth: Labels, predicted: Labels) -> dict[str, float | None]:
    def weighted(beta: float) -> float | None:
        score = sklearn_metrics.fbeta_score(truth, predicted, beta=beta, average="weighted", zero_division=0.0)
        return float(score)

    if not truth.size:
        names = ("accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2")
        return dict.fromkeys(names)
    precision = sklearn_metrics.precision_score(truth, predicted, average="weighted", zero_division=0.0)
    recall = sklearn_metrics.recall_score(truth, predicted, average="weighted", zero_division=0.0)
    return {
        "accuracy": float(sklearn_metrics.accuracy_score(truth, predicted)),
        "weighted_recall": float(recall),
        "weighted_precision": float(precision),
        "weighted_f0_5": weighted(0.5),
        "weighted_f1": weighted(1.0),
        "weighted_f2": weighted(2.0),
    }

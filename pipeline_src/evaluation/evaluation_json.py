# SPDX-License-Identifier: MIT-0
"""Evaluates one model and writes evaluation.json: all metrics and the verdict of the gate.

The file is strict JSON; an undefined metric is null. `model_quality_report` repeats the metrics in the format of
SageMaker's model quality report, so that the console shows them. Source: SageMaker Developer Guide, "Model Quality
Metrics", multiclass metrics: the confusion matrix is ``{actual: {predicted: count}}`` and each metric ``{"value": ...,
"standard_deviation": ...}``, where the text ``"NaN"`` means that the deviation was not computed. The
`best_constant_classifier` predicts the most common class for every image.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract, gate, gate_thresholds
from pipeline_src.evaluation import classification_metrics
from pipeline_src.evaluation.champion_comparison import (
    CHAMPION_ABSENT,
    CHAMPION_COMPARED,
    CHAMPION_REFUSED,
    COMPARISON_WAIVED,
    MODELS_IDENTICAL,
    ChampionComparison,
)
from pipeline_src.evaluation.model_measurement import EvaluationInputs, ModelMeasurement, measure_model
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.evaluation.probability_calibration import Calibration

Json = dict[str, object]
Labels = npt.NDArray[np.int64]


def model_quality_report(predictions: Predictions) -> dict[str, object]:
    """Return the value of ``multiclass_classification_metrics``; values are None without any image."""
    truth, predicted = predictions.truth, predictions.predicted
    commonest = np.argmax(np.bincount(truth, minlength=len(contract.CLASS_LABELS)))
    constant = np.full_like(truth, commonest)
    figures = {
        **_quality_metrics(truth, predicted),
        **{f"{name}_best_constant_classifier": value for name, value in _quality_metrics(truth, constant).items()},
    }
    values = {name: {"value": value, "standard_deviation": "NaN"} for name, value in figures.items()}
    return {"confusion_matrix": _quality_confusion_matrix(predictions), **values}


def _quality_confusion_matrix(predictions: Predictions) -> dict[str, dict[str, int]]:
    rows = classification_metrics.confusion_matrix(predictions).tolist()
    labels = contract.CLASS_LABELS
    return {actual: dict(zip(labels, row, strict=True)) for actual, row in zip(labels, rows, strict=True)}


def _quality_metrics(truth: Labels, predicted: Labels) -> dict[str, float | None]:
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


EVALUATION_SCHEMA: Final = 2
_STATUSES: Final = {
    CHAMPION_ABSENT: "no champion",
    COMPARISON_WAIVED: "comparison switched off",
    CHAMPION_REFUSED: "champion refused",
}


def format_metric(value: float | None) -> str:
    """Return a metric with three decimals, or "not defined"."""
    return "not defined" if value is None else f"{value:.3f}"


def temperature_text(found: Calibration) -> str:
    """Return the fitted temperature, ``1.410``, or why there is none."""
    return (
        format_metric(found.temperature)
        if found.bound is None
        else f"none fitted: the search ended at its bound {found.bound:g}"
    )


def archive_sha256_of_card(card: Json) -> str:
    """Return the archive's SHA-256 in the dataset card, or "unknown"."""
    archive = card.get("archive")
    return str(archive.get("sha256", "unknown")) if isinstance(archive, dict) else "unknown"


def addition_sha256_of_card(card: Json) -> str:
    """Return the additional archive's SHA-256 in the dataset card, or `contract.NO_ADDITION`."""
    addition = card.get("addition")
    return str(addition.get("sha256", contract.NO_ADDITION)) if isinstance(addition, dict) else contract.NO_ADDITION


def gate_input(measured: ModelMeasurement) -> Json:
    """Return the part of evaluation.json that the gate reads."""
    figures = measured.figures
    return {
        "balanced_accuracy": asdict(figures.balanced_accuracy),
        "accuracy": asdict(figures.accuracy),
        "malignant_sensitivity": asdict(figures.malignant_sensitivity),
        "malignant_specificity": asdict(figures.malignant_specificity),
        "per_class": {label: asdict(each) for label, each in figures.per_class.items()},
        "melanoma": {
            **asdict(measured.melanoma),
            "sensitivity": asdict(figures.melanoma_sensitivity),
            "specificity": asdict(figures.melanoma_specificity),
            "auc": asdict(figures.per_class[contract.MELANOMA].auc),
        },
        "at_threshold": asdict(measured.clinical),
        "production_validation": None if measured.production is None else asdict(measured.production),
        "calibration": asdict(measured.calibration),
        "subgroups": [asdict(each) for each in measured.subgroups],
        "leakage": asdict(measured.leakage),
        "champion": asdict(measured.comparison),
    }


def evaluation_content(measured: ModelMeasurement, verdict: gate.GateVerdict) -> Json:
    """Return the content of evaluation.json without the model card."""
    test, card = measured.test, measured.card
    counts = {contract.VALIDATION: _prediction_counts(measured.validation), contract.TEST: _prediction_counts(test)}
    return {
        "schema": EVALUATION_SCHEMA,
        **gate_input(measured),
        "confusion_matrix": {
            "labels": list(contract.CLASS_LABELS),
            "counts": classification_metrics.confusion_matrix(test).tolist(),
        },
        "counts": counts
        if measured.official is None
        else counts | {contract.OFFICIAL: _prediction_counts(measured.official)},
        "official": None if measured.official_figures is None else asdict(measured.official_figures),
        "population": asdict(measured.population),
        "gate": verdict.as_json(),
        "headline": headline_texts(measured, verdict),
        "provenance": dict(measured.provenance),
        "training": None if measured.training is None else asdict(measured.training),
        "sources": card.get("sources", {}),
        "archive": card.get("archive", {}),
        "addition": card.get("addition", {}),
        "multiclass_classification_metrics": model_quality_report(test),
    }


def headline_texts(measured: ModelMeasurement, verdict: gate.GateVerdict) -> dict[str, str]:
    """Return the strings attached to the model package, in the characters that its metadata may hold."""
    figures = measured.figures
    said = {
        "verdict": verdict.verdict,
        "balanced_accuracy": format_metric(figures.balanced_accuracy.value),
        "accuracy": format_metric(figures.accuracy.value),
        "melanoma_sensitivity": format_metric(figures.melanoma_sensitivity.value),
        "melanoma_specificity": format_metric(figures.melanoma_specificity.value),
        "melanoma_auc": format_metric(figures.per_class[contract.MELANOMA].auc.value),
        "melanoma_threshold": format_metric(measured.melanoma.threshold),
        "test_images": str(len(measured.test.images)),
        "temperature": temperature_text(measured.calibration),
        "champion_difference": champion_difference_text(measured.comparison),
        "archive_sha256": archive_sha256_of_card(measured.card),
        "addition_sha256": addition_sha256_of_card(measured.card),
    }
    return {name: gate.replace_forbidden_characters(text) for name, text in said.items()}


def champion_difference_text(found: ChampionComparison) -> str:
    """Return the change against the champion: ``balanced accuracy +0.012 from -0.020 to +0.044``, or the status."""
    pair = found.balanced_accuracy
    if found.status not in {CHAMPION_COMPARED, MODELS_IDENTICAL} or pair is None or pair.difference.value is None:
        return _STATUSES.get(found.status, f"{found.status} champion")
    lower, upper = pair.difference.lower, pair.difference.upper
    interval = "" if lower is None or upper is None else f" from {lower:+.3f} to {upper:+.3f}"
    same = " / the same predictions" if found.status == MODELS_IDENTICAL else ""
    return f"balanced accuracy {pair.difference.value:+.3f}{interval}{same}"


def _prediction_counts(predictions: Predictions) -> Json:
    counted = Counter(image.label for image in predictions.images)
    return {
        "images": len(predictions.images),
        "lesions": len({image.lesion_id for image in predictions.images}),
        "by_class": {label: counted[label] for label in contract.CLASS_LABELS},
    }


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of an evaluation: the target melanoma sensitivity (above 0), and the thresholds of the gate."""

    melanoma_target_sensitivity: float
    floors: gate_thresholds.GateThresholds


@dataclass(frozen=True, kw_only=True)
class ModelEvaluation(ModelMeasurement):
    """The metrics of one model and the verdict of the gate."""

    verdict: gate.GateVerdict


def evaluate_model(subject: EvaluationInputs, options: EvaluationOptions) -> ModelEvaluation:
    """Measure `subject` and apply the gate."""
    measured = measure_model(subject, options.melanoma_target_sensitivity)
    verdict = gate.decide_verdict(gate_input(measured), options.floors)
    return ModelEvaluation(**{field.name: getattr(measured, field.name) for field in fields(measured)}, verdict=verdict)


def evaluation_json_text(evaluation: ModelEvaluation, model_card: str) -> str:
    """Return evaluation.json with the text of the model card.

    Raises:
        ValueError: a value is NaN or infinite, which is a defect.
    """
    content = evaluation_content(evaluation, evaluation.verdict) | {contract.MODEL_CARD_PATH: model_card}
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"

# SPDX-License-Identifier: MIT-0
"""evaluation.json: everything that is known about one model, and the gate's verdict on it.

Each section is a function of the predictions; a new one (the champion's figures, intervals, calibration, subgroups)
is a module of its own, a field of `Evaluation` and a line in `document`.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline_src import contract, gate
from pipeline_src.lesions import metrics, operating_point, quality
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.prediction import Predictions

SCHEMA = 1
Json = dict[str, object]


@dataclass(frozen=True)
class Options:
    """What the evaluation is asked for: the melanoma sensitivity to aim at (above 0), and the gate's floors."""

    melanoma_target_sensitivity: float
    floors: gate.Floors


@dataclass(frozen=True)
class Evaluation:
    """One model's figures; all are of the test images, but the melanoma threshold is the validation images'.

    Attributes:
        card: the dataset card, as Preprocess wrote it.
        per_class: by class label.
    """

    validation: Predictions
    test: Predictions
    card: Json
    balanced_accuracy: float | None
    accuracy: float | None
    per_class: dict[str, metrics.ClassMetrics]
    melanoma: operating_point.OperatingPoint
    verdict: gate.Verdict


def read_card(folder: Path) -> Json:
    """Read the dataset card in `folder`.

    Raises:
        BadInputError: it is not there or is no JSON object.
    """
    path = folder / contract.DATASET_CARD
    try:
        card = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadInputError(f"{path}: is not there. Give the evaluation the dataset output of Preprocess.") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON: {error}. Run Preprocess again.") from None
    if not isinstance(card, dict):
        raise BadInputError(f"{path}: is no JSON object. Run Preprocess again.")
    return card


def evaluate(predictions: Predictions, card: Json, options: Options) -> Evaluation:
    """Measure `predictions` (validation and test images) and let the gate judge the figures."""
    validation, test = predictions.of(contract.VALIDATION), predictions.of(contract.TEST)
    balanced_accuracy, per_class = metrics.balanced_accuracy(test), metrics.per_class(test)
    melanoma = operating_point.measure(validation, test, options.melanoma_target_sensitivity)
    return Evaluation(
        validation=validation,
        test=test,
        card=card,
        balanced_accuracy=balanced_accuracy,
        accuracy=metrics.accuracy(test),
        per_class=per_class,
        melanoma=melanoma,
        verdict=gate.decide(_judged(balanced_accuracy, melanoma, per_class), options.floors),
    )


def document(evaluation: Evaluation) -> Json:
    """Return the content of evaluation.json, in strict JSON's terms: an undefined figure is None."""
    test, card = evaluation.test, evaluation.card
    return {
        "schema": SCHEMA,
        **_judged(evaluation.balanced_accuracy, evaluation.melanoma, evaluation.per_class),
        "accuracy": evaluation.accuracy,
        "confusion_matrix": {"labels": list(contract.CLASS_LABELS), "counts": metrics.confusion(test).tolist()},
        "counts": {contract.VALIDATION: _counts(evaluation.validation), contract.TEST: _counts(test)},
        "gate": evaluation.verdict.as_json(),
        "headline": headline(evaluation),
        "sources": card.get("sources", {}),
        "archive": card.get("archive", {}),
        "multiclass_classification_metrics": quality.report(test),
    }


def text(evaluation: Evaluation) -> str:
    """Return evaluation.json; a NaN that slipped in is a defect and raises ValueError."""
    return json.dumps(document(evaluation), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def figure(value: float | None) -> str:
    """Return a metric in words: three decimals, or that there is none."""
    return "not defined" if value is None else f"{value:.3f}"


def headline(evaluation: Evaluation) -> dict[str, str]:
    """Return the few strings that are attached to the model package, whose metadata holds strings alone."""
    melanoma = evaluation.melanoma
    return {
        "verdict": evaluation.verdict.verdict,
        "balanced_accuracy": figure(evaluation.balanced_accuracy),
        "accuracy": figure(evaluation.accuracy),
        "melanoma_sensitivity": figure(melanoma.sensitivity),
        "melanoma_specificity": figure(melanoma.specificity),
        "melanoma_auc": figure(melanoma.auc),
        "melanoma_threshold": figure(melanoma.threshold),
        "test_images": str(len(evaluation.test.images)),
        "archive_sha256": archive_sha256(evaluation.card),
    }


def archive_sha256(card: Json) -> str:
    """Return the hash of the archive that the card names, or that it names none."""
    archive = card.get("archive")
    return str(archive.get("sha256", "unknown")) if isinstance(archive, dict) else "unknown"


def _judged(
    balanced_accuracy: float | None,
    melanoma: operating_point.OperatingPoint,
    per_class: dict[str, metrics.ClassMetrics],
) -> Json:
    """Return the part of evaluation.json that the gate reads."""
    return {
        "balanced_accuracy": balanced_accuracy,
        "per_class": {label: asdict(figures) for label, figures in per_class.items()},
        "melanoma": asdict(melanoma),
    }


def _counts(predictions: Predictions) -> Json:
    counted = Counter(image.label for image in predictions.images)
    return {
        "images": len(predictions.images),
        "lesions": len({image.lesion_id for image in predictions.images}),
        "by_class": {label: counted[label] for label in contract.CLASS_LABELS},
    }

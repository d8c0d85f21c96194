# SPDX-License-Identifier: MIT-0
"""The content of evaluation.json, in strict JSON's terms: an undefined figure is None."""

from collections import Counter
from dataclasses import asdict
from typing import Final

from pipeline_src import contract, gate, requirement
from pipeline_src.lesions import metrics, quality
from pipeline_src.lesions.comparison import ABSENT, COMPARED, IDENTICAL, REFUSED, WAIVED, Comparison
from pipeline_src.lesions.measurement import Measurement
from pipeline_src.lesions.prediction import Predictions

SCHEMA: Final = 2
_STATUSES: Final = {ABSENT: "no champion", WAIVED: "comparison switched off", REFUSED: "champion refused"}
Json = dict[str, object]


def figure(value: float | None) -> str:
    """Return a metric in words: three decimals, or that there is none."""
    return "not defined" if value is None else f"{value:.3f}"


def archive_sha256(card: Json) -> str:
    """Return the hash of the archive that the card names, or that it names none."""
    archive = card.get("archive")
    return str(archive.get("sha256", "unknown")) if isinstance(archive, dict) else "unknown"


def addition_sha256(card: Json) -> str:
    """Return the hash of the additional archive that the card names, or `contract.NO_ADDITION`."""
    addition = card.get("addition")
    return str(addition.get("sha256", contract.NO_ADDITION)) if isinstance(addition, dict) else contract.NO_ADDITION


def judged(measured: Measurement) -> Json:
    """Return the part of evaluation.json that the gate reads."""
    figures = measured.figures
    return {
        **_figures(measured),
        "melanoma": {
            **asdict(measured.melanoma),
            "sensitivity": asdict(figures.melanoma_sensitivity),
            "specificity": asdict(figures.melanoma_specificity),
            "auc": asdict(figures.per_class[contract.MELANOMA].auc),
        },
        "calibration": asdict(measured.calibration),
        "subgroups": [asdict(each) for each in measured.subgroups],
        "leakage": asdict(measured.leakage),
        "champion": asdict(measured.comparison),
    }


def content(measured: Measurement, verdict: gate.Verdict) -> Json:
    """Return all of evaluation.json but the model card."""
    test, card = measured.test, measured.card
    counts = {contract.VALIDATION: _counts(measured.validation), contract.TEST: _counts(test)}
    return {
        "schema": SCHEMA,
        **judged(measured),
        "confusion_matrix": {"labels": list(contract.CLASS_LABELS), "counts": metrics.confusion(test).tolist()},
        "counts": counts if measured.official is None else counts | {contract.OFFICIAL: _counts(measured.official)},
        "official": None if measured.official_figures is None else asdict(measured.official_figures),
        "gate": verdict.as_json(),
        "headline": headline(measured, verdict),
        "provenance": dict(measured.provenance),
        "sources": card.get("sources", {}),
        "archive": card.get("archive", {}),
        "addition": card.get("addition", {}),
        "multiclass_classification_metrics": quality.report(test),
    }


def headline(measured: Measurement, verdict: gate.Verdict) -> dict[str, str]:
    """Return the few strings that are attached to the model package, in the characters that its metadata may hold."""
    figures = measured.figures
    said = {
        "verdict": verdict.verdict,
        "balanced_accuracy": figure(figures.balanced_accuracy.value),
        "accuracy": figure(figures.accuracy.value),
        "melanoma_sensitivity": figure(figures.melanoma_sensitivity.value),
        "melanoma_specificity": figure(figures.melanoma_specificity.value),
        "melanoma_auc": figure(figures.per_class[contract.MELANOMA].auc.value),
        "melanoma_threshold": figure(measured.melanoma.threshold),
        "test_images": str(len(measured.test.images)),
        "temperature": figure(measured.calibration.temperature),
        "champion_difference": difference(measured.comparison),
        "archive_sha256": archive_sha256(measured.card),
        "addition_sha256": addition_sha256(measured.card),
    }
    return {name: requirement.plain(text) for name, text in said.items()}


def difference(found: Comparison) -> str:
    """Return what changed against the champion: ``balanced accuracy +0.012 from -0.020 to +0.044``, or the status."""
    pair = found.balanced_accuracy
    if found.status not in {COMPARED, IDENTICAL} or pair is None or pair.difference.value is None:
        return _STATUSES.get(found.status, f"{found.status} champion")
    lower, upper = pair.difference.lower, pair.difference.upper
    interval = "" if lower is None or upper is None else f" from {lower:+.3f} to {upper:+.3f}"
    same = " / the same predictions" if found.status == IDENTICAL else ""
    return f"balanced accuracy {pair.difference.value:+.3f}{interval}{same}"


def _figures(measured: Measurement) -> Json:
    found = measured.figures
    return {
        "balanced_accuracy": asdict(found.balanced_accuracy),
        "accuracy": asdict(found.accuracy),
        "malignant_sensitivity": asdict(found.malignant_sensitivity),
        "per_class": {label: asdict(each) for label, each in found.per_class.items()},
    }


def _counts(predictions: Predictions) -> Json:
    counted = Counter(image.label for image in predictions.images)
    return {
        "images": len(predictions.images),
        "lesions": len({image.lesion_id for image in predictions.images}),
        "by_class": {label: counted[label] for label in contract.CLASS_LABELS},
    }

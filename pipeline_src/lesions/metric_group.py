# SPDX-License-Identifier: MIT-0
"""The figures of an evaluation as the metric groups of a model card: a value each, interval and number in words."""

from collections.abc import Sequence
from typing import Final

from pipeline_src import contract, gate
from pipeline_src.lesions import metrics
from pipeline_src.lesions.calibration import Calibration
from pipeline_src.lesions.comparison import Comparison, Pair
from pipeline_src.lesions.estimate import Estimate
from pipeline_src.lesions.figures import Figures
from pipeline_src.lesions.prediction import Predictions
from pipeline_src.lesions.subgroup import Subgroup

Metric = dict[str, object]
SUBGROUPS: Final = 5  # the weak ones come first; all stand in report.html and evaluation.json
DIGITS: Final = 6
_NAME: Final = 255
_GROUP: Final = 63
_VALUE: Final = 63
_NOTES: Final = 1024


def clipped(text: str, most: int) -> str:
    """Return `text` on one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def group(name: str, *measured: Metric) -> dict[str, object]:
    """Return a metric group."""
    return {"name": clipped(name, _GROUP), "metric_data": list(measured)}


def number(name: str, estimate: Estimate, more: str = "") -> Metric:
    """Return `estimate` as a metric; one without a value is the words "not defined", for the schema knows no null."""
    notes = "; ".join(part for part in (interval(estimate), size(estimate), more) if part)
    return _metric(name, "not defined" if estimate.value is None else round(estimate.value, DIGITS), notes)


def plain(name: str, value: float | str, more: str = "") -> Metric:
    """Return a figure that has no interval."""
    return _metric(name, value, more)


def interval(estimate: Estimate) -> str:
    """Return the 95 % interval and how it was found; empty where there is none."""
    if estimate.lower is None or estimate.upper is None:
        return ""
    return f"95 % {estimate.lower:.4f} to {estimate.upper:.4f} ({estimate.method})"


def size(estimate: Estimate) -> str:
    """Return what it was measured on."""
    return f"{estimate.images} images, {estimate.lesions} lesions"


def headline(figures: Figures, threshold: float | None) -> dict[str, object]:
    """Return the figures over all classes."""
    point = "no operating point" if threshold is None else f"melanoma probability from {threshold:.6g} on"
    return group(
        "All classes",
        number("balanced_accuracy", figures.balanced_accuracy),
        number("accuracy", figures.accuracy),
        number("malignant_sensitivity", figures.malignant_sensitivity, "mel, bcc or akiec taken for any of these"),
        number("melanoma_sensitivity", figures.melanoma_sensitivity, point),
        number("melanoma_specificity", figures.melanoma_specificity),
    )


def classes(figures: Figures) -> dict[str, object]:
    """Return the sensitivity of each class, its specificity in words."""
    found = figures.per_class.items()
    measured = [number(label, each.sensitivity, f"specificity {_words(each.specificity)}") for label, each in found]
    return group("Sensitivity of each class", *measured)


def _words(estimate: Estimate) -> str:
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return "not defined"
    return f"{estimate.value:.4f}, {estimate.lower:.4f} to {estimate.upper:.4f}"


def confusion(predictions: Predictions) -> Metric:
    """Return the counts of images by true and predicted class."""
    labels = list(contract.CLASS_LABELS)
    return {
        "name": "confusion_matrix",
        "type": "matrix",
        "value": metrics.confusion(predictions).tolist(),
        "x_axis_name": labels,
        "y_axis_name": labels,
        "notes": "rows: true class; columns: predicted class",
    }


def calibration(measured: Calibration) -> dict[str, object]:
    """Return how far the probabilities are from the truth as served, and what the fitted temperature would change."""
    served = measured.served
    found = [
        number("expected_calibration_error", served.error),
        number("overconfidence", served.overconfidence),
        number("brier_score", served.brier),
    ]
    if measured.temperature is not None:
        note = "fitted on validation images; the served model does not apply it"
        found.append(plain("temperature", round(measured.temperature, DIGITS), note))
    if measured.tempered is not None:
        found.append(number("expected_calibration_error_at_temperature", measured.tempered.error))
    return group("Calibration", *found)


def champion(comparison: Comparison) -> dict[str, object]:
    """Return the comparison with the model in production."""
    found = [plain("comparison", clipped(comparison.status, _VALUE), f"{comparison.package}: {comparison.reason}")]
    found.extend(_difference(name, pair) for name, pair in comparison.pairs.items())
    if comparison.images:
        note = f"{comparison.images} shared images, {comparison.left_out} left out, {comparison.missing} missing"
        found += [plain("fixed_images", comparison.fixed, note), plain("broken_images", comparison.broken, note)]
    return group("This model less the champion", *found)


def _difference(name: str, pair: Pair) -> Metric:
    return number(f"{name}_difference", pair.difference, f"champion {_words(pair.champion)}")


def subgroups(found: Sequence[Subgroup]) -> dict[str, object]:
    """Return the balanced accuracy of the `SUBGROUPS` that are weak or lowest."""
    evaluable = [each for each in found if each.evaluable]
    ordered = sorted(evaluable, key=lambda each: (not each.weak, _rank(each.balanced_accuracy), each.attribute))
    lowest = [
        number(f"{each.attribute}: {each.group}", each.balanced_accuracy, _remark(each)) for each in ordered[:SUBGROUPS]
    ]
    return group(f"Balanced accuracy, lowest of {len(evaluable)} subgroups", *lowest)


def _remark(subgroup: Subgroup) -> str:
    return f"of {len(subgroup.classes)} classes{'; weak' if subgroup.weak else ''}"


def _rank(estimate: Estimate) -> float:
    return -1.0 if estimate.value is None else estimate.value


def requirements(verdict: gate.Verdict) -> dict[str, object]:
    """Return the gate's table, the verdict as the value."""
    rows = []
    for each in verdict.requirements:
        measured = f"{each.images} images" if each.images is not None else ""
        parts = (f"wanted {each.wanted_text}", f"got {each.got_text}", each.interval_text, measured, each.place)
        rows.append(plain(each.name, each.verdict, "; ".join(part for part in parts if part)))
    return group("Requirements of the gate", *rows)


def _metric(name: str, value: float | str, notes: str) -> Metric:
    kind, content = ("string", clipped(value, _VALUE)) if isinstance(value, str) else ("number", value)
    metric: Metric = {"name": clipped(name, _NAME), "type": kind, "value": content}
    return metric | ({"notes": clipped(notes, _NOTES)} if notes else {})

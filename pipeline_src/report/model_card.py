# SPDX-License-Identifier: MIT-0
"""Creates the model card of a model package: the evaluation in the format of the model registry.

Sources of the format: SageMaker Developer Guide, "Model package model card schema" (model-registry-details), which is
that of model cards without model_package_details and with a reduced model_overview; SageMaker API, ModelCardContent: at
most 100,000 characters on one line. Texts are truncated to the length of their field, so that no archive and no name of
a subgroup can lead to a card that the service would refuse.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from pipeline_src import contract, gate
from pipeline_src.evaluation import classification_metrics
from pipeline_src.evaluation.champion_comparison import ChampionComparison, PairedEstimate
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.clinical_measures import ClinicalMeasures
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.evaluation_json import ModelEvaluation, addition_sha256_of_card, archive_sha256_of_card
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.evaluation.probability_calibration import Calibration
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.leakage import audit_summary
from pipeline_src.report import report_wording

Json = dict[str, object]
SUBGROUP_LIMIT: Final = 5  # the weak ones first; report.html and evaluation.json have all
METRIC_DIGITS: Final = 6
_NAME: Final = 255
_GROUP: Final = 63
_VALUE: Final = 63
_NOTES: Final = 1024


def clip_text(text: str, most: int) -> str:
    """Return `text` on one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def metric_group(name: str, *measured: Json) -> Json:
    """Return a metric group."""
    return {"name": clip_text(name, _GROUP), "metric_data": list(measured)}


def estimate_metric(name: str, estimate: Estimate, more: str = "") -> Json:
    """Return `estimate` as a metric; its value is "not defined" if undefined, because the schema has no null."""
    notes = "; ".join(part for part in (interval_text(estimate), sample_size_text(estimate), more) if part)
    return plain_metric(name, "not defined" if estimate.value is None else round(estimate.value, METRIC_DIGITS), notes)


def plain_metric(name: str, value: float | str, notes: str = "") -> Json:
    """Return a metric without an interval; texts are truncated to the limits of the schema."""
    kind, content = ("string", clip_text(value, _VALUE)) if isinstance(value, str) else ("number", value)
    metric: Json = {"name": clip_text(name, _NAME), "type": kind, "value": content}
    return metric | ({"notes": clip_text(notes, _NOTES)} if notes else {})


def interval_text(estimate: Estimate) -> str:
    """Return the 95 % interval and its method; empty without one."""
    if estimate.lower is None or estimate.upper is None:
        return ""
    return f"95 % {estimate.lower:.4f} to {estimate.upper:.4f} ({estimate.method})"


def sample_size_text(estimate: Estimate) -> str:
    """Return the numbers of images and lesions."""
    return f"{estimate.images} images, {estimate.lesions} lesions"


def overall_metric_group(figures: MetricEstimates, threshold: float | None) -> Json:
    """Return the metrics over all classes."""
    point = "no operating point" if threshold is None else f"melanoma probability from {threshold:.6g} on"
    return metric_group(
        "All classes",
        estimate_metric("balanced_accuracy", figures.balanced_accuracy),
        estimate_metric("accuracy", figures.accuracy),
        estimate_metric(
            "malignant_or_premalignant_sensitivity",
            figures.malignant_sensitivity,
            f"{', '.join(contract.MALIGNANT)}: most probable class is any of these",
        ),
        estimate_metric("malignant_or_premalignant_specificity", figures.malignant_specificity),
        estimate_metric("melanoma_sensitivity", figures.melanoma_sensitivity, point),
        estimate_metric("melanoma_specificity", figures.melanoma_specificity),
    )


def threshold_metric_group(found: ClinicalMeasures) -> Json:
    """Return the counts and the predictive values at the melanoma threshold; PPV and NPV at other prevalences too."""
    listed = [
        estimate_metric("melanoma_ppv", found.ppv, "for the share of melanomas in the test images"),
        estimate_metric("melanoma_npv", found.npv),
        estimate_metric("false_alarms_per_melanoma_found", found.false_alarms_per_melanoma),
    ]
    if found.table is not None:
        listed += [plain_metric(name, count) for name, count in asdict(found.table).items()]
    for each in found.at_prevalence:
        name = f"at_prevalence_{each.prevalence:g}"
        listed += [estimate_metric(f"ppv_{name}", each.ppv), estimate_metric(f"npv_{name}", each.npv)]
    return metric_group("Melanoma at the threshold", *listed)


def class_metric_group(figures: MetricEstimates) -> Json:
    """Return the sensitivity of each class by the most probable class, with its specificity in the notes."""
    found = figures.per_class.items()
    measured = [
        estimate_metric(label, each.sensitivity, f"specificity {_estimate_words(each.specificity)}")
        for label, each in found
    ]
    return metric_group("Top-class sensitivity of each class", *measured)


def _estimate_words(estimate: Estimate) -> str:
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return "not defined"
    return f"{estimate.value:.4f}, {estimate.lower:.4f} to {estimate.upper:.4f}"


def confusion_matrix_metric(predictions: Predictions) -> Json:
    """Return the counts of images by true and predicted class."""
    labels = list(contract.CLASS_LABELS)
    return {
        "name": "confusion_matrix",
        "type": "matrix",
        "value": classification_metrics.confusion_matrix(predictions).tolist(),
        "x_axis_name": labels,
        "y_axis_name": labels,
        "notes": "rows: true class; columns: predicted class",
    }


def calibration_metric_group(measured: Calibration) -> Json:
    """Return the calibration as served and at the fitted temperature."""
    served = measured.served
    found = [
        estimate_metric("expected_calibration_error", served.error),
        estimate_metric("overconfidence", served.overconfidence),
        estimate_metric("brier_score", served.brier),
    ]
    if measured.temperature is not None:
        note = "fitted on validation images; the served model does not apply it"
        found.append(plain_metric("temperature", round(measured.temperature, METRIC_DIGITS), note))
    if measured.bound is not None:
        found.append(plain_metric("temperature", f"not fitted: the search ended at its bound {measured.bound:g}"))
    found += [
        estimate_metric("melanoma_calibration_slope", measured.melanoma.slope),
        estimate_metric("melanoma_calibration_intercept", measured.melanoma.intercept),
        *(
            estimate_metric(f"observed_to_expected_{label}", each.ratio, f"{each.observed} of {each.expected:.1f}")
            for label, each in measured.classes.items()
        ),
    ]
    if measured.tempered is not None:
        found.append(estimate_metric("expected_calibration_error_at_temperature", measured.tempered.error))
    return metric_group("Calibration", *found)


def champion_metric_group(comparison: ChampionComparison) -> Json:
    """Return the comparison with the model in production."""
    found = [
        plain_metric("comparison", clip_text(comparison.status, _VALUE), f"{comparison.package}: {comparison.reason}")
    ]
    found.extend(_difference(name, pair) for name, pair in comparison.pairs.items())
    if comparison.images:
        note = f"{comparison.images} shared images, {comparison.left_out} left out, {comparison.missing} missing"
        found += [
            plain_metric("fixed_images", comparison.fixed, note),
            plain_metric("broken_images", comparison.broken, note),
        ]
    return metric_group("This model minus the champion", *found)


def _difference(name: str, pair: PairedEstimate) -> Json:
    return estimate_metric(f"{name}_difference", pair.difference, f"champion {_estimate_words(pair.champion)}")


def subgroup_metric_group(found: Sequence[Subgroup]) -> Json:
    """Return the balanced accuracy of the `SUBGROUP_LIMIT` subgroups that are weak or lowest."""
    evaluable = [each for each in found if each.evaluable]
    ordered = sorted(evaluable, key=lambda each: (not each.weak, _rank(each.balanced_accuracy), each.attribute))
    lowest = [
        estimate_metric(f"{each.attribute}: {each.group}", each.balanced_accuracy, _remark(each))
        for each in ordered[:SUBGROUP_LIMIT]
    ]
    return metric_group(f"Balanced accuracy, lowest of {len(evaluable)} subgroups", *lowest)


def _remark(subgroup: Subgroup) -> str:
    parts = [f"of {len(subgroup.classes)} classes{'; weak' if subgroup.weak else ''}"]
    parts += [f"{name} difference {_estimate_words(found)}" for name, found in subgroup.differences.items()]
    if subgroup.detectable is not None:
        parts.append(f"smallest deficit of balanced accuracy usually found {subgroup.detectable:.3f}")
    return "; ".join(parts)


def _rank(estimate: Estimate) -> float:
    return -1.0 if estimate.value is None else estimate.value


def requirement_metric_group(verdict: gate.GateVerdict) -> Json:
    """Return the requirements of the gate, with the verdict as the value."""
    rows = []
    for each in verdict.requirements:
        measured = f"{each.images} images" if each.images is not None else ""
        parts = (f"wanted {each.wanted_text}", f"got {each.got_text}", each.interval_text, measured, each.place)
        rows.append(plain_metric(each.name, each.verdict, "; ".join(part for part in parts if part)))
    return metric_group("Requirements of the gate", *rows)


CARD_LENGTH_LIMIT: Final = 100_000
_TEXT: Final = 2048
_OBSERVATION: Final = 2096
_TRAINING: Final = 1024
_LINE: Final = 1024
_NAMES: Final = 700  # characters of a list of names; a text holds two of them and the words around them


def model_card_json(evaluation: ModelEvaluation) -> str:
    """Return the card as JSON on one line of ASCII, the same for the same evaluation.

    Raises:
        ValueError: a value is NaN or infinite, or the card exceeds the service's limit; both are defects.
    """
    card = json.dumps(model_card_content(evaluation), separators=(",", ":"), allow_nan=False)
    if len(card) > CARD_LENGTH_LIMIT:
        raise ValueError(
            f"model card: {len(card)} characters exceed the service's limit of {CARD_LENGTH_LIMIT}. Shorten it."
        )
    return card


def model_card_content(evaluation: ModelEvaluation) -> Json:
    """Return the content of the card."""
    return {
        "model_overview": {"model_creator": "skin-lesion-mlops, its SageMaker pipeline"},
        "intended_uses": _intended_uses(evaluation),
        "business_details": {
            "business_problem": report_wording.BUSINESS_PROBLEM,
            "business_stakeholders": report_wording.BUSINESS_STAKEHOLDERS,
            "line_of_business": "Research",
        },
        "training_details": {"training_observations": clip_text(_training(evaluation), _TRAINING)},
        "evaluation_details": list(_evaluations(evaluation)),
        "additional_information": {
            "ethical_considerations": report_wording.ethics_statement(_sources(evaluation)),
            "caveats_and_recommendations": clip_text(_caveats(evaluation), _TEXT),
            "custom_details": _details(evaluation),
        },
    }


def _intended_uses(evaluation: ModelEvaluation) -> Json:
    return {
        "purpose_of_model": report_wording.MODEL_PURPOSE,
        "intended_uses": report_wording.INTENDED_USES,
        "factors_affecting_model_efficiency": clip_text(_limits(evaluation.subgroups), _TEXT),
        "risk_rating": report_wording.RISK_RATING,
        "explanations_for_risk_rating": report_wording.RISK_EXPLANATION,
    }


def _limits(subgroups: Iterable[Subgroup]) -> str:
    """Return the names of the subgroups for which the model is weak, and of those that are not evaluable."""
    groups = tuple(subgroups)
    weak = [f"{_subgroup_name(each)} ({_subgroup_figure(each)})" for each in groups if each.weak]
    unknown = [f"{_subgroup_name(each)} ({each.images})" for each in groups if not each.evaluable]
    return (
        f"Proven worse than on all other test images: {_join_clipped_names(weak)}. "
        f"Not evaluable, too few test images (their number): {_join_clipped_names(unknown)}. "
        f"{report_wording.SKIN_TONE_LIMITATION}"
    )


def _subgroup_name(subgroup: Subgroup) -> str:
    return clip_text(f"{subgroup.attribute}: {subgroup.group}", 80)


def _subgroup_figure(subgroup: Subgroup) -> str:
    value = subgroup.balanced_accuracy.value
    said = "" if value is None else f"balanced accuracy {value:.4f}, "
    return f"{said}{subgroup.images} images"


def _join_clipped_names(names: list[str]) -> str:
    """Return as many `names` as fit, and the number of those left out."""
    shown: list[str] = []
    for name in names:
        if len(", ".join([*shown, name])) > _NAMES:
            return f"{', '.join(shown)} and {len(names) - len(shown)} more in report.html"
        shown.append(name)
    return ", ".join(shown) or "none"


def _training(evaluation: ModelEvaluation) -> str:
    images, lesions = (_splits(evaluation.card.get(what)) for what in ("images", "lesions"))
    counts = ", ".join(f"{split} {images[split]} images of {lesions.get(split, '?')} lesions" for split in images)
    return (
        f"Split by lesion id: {counts or 'counts are not in the dataset card'}. "
        f"{report_wording.production_sentences(evaluation.population)} "
        f"{audit_summary.describe_split_consistency(evaluation.leakage)} "
        f"Leakage audit: {audit_summary.describe_leaking_pairs(evaluation.leakage)}"
    )


def _splits(counts: object) -> Mapping[str, object]:
    splits = counts.get("by_split") if isinstance(counts, dict) else None
    return splits if isinstance(splits, dict) else {}


def _evaluations(evaluation: ModelEvaluation) -> Iterator[Json]:
    """Yield the test split, and the official test set where there is one."""
    groups = [
        requirement_metric_group(evaluation.verdict),
        overall_metric_group(evaluation.figures, evaluation.melanoma.threshold),
        threshold_metric_group(evaluation.clinical),
        champion_metric_group(evaluation.comparison),
        subgroup_metric_group(evaluation.subgroups),
        calibration_metric_group(evaluation.calibration),
        class_metric_group(evaluation.figures),
        metric_group("Counts", confusion_matrix_metric(evaluation.test)),
    ]
    yield {
        "name": "Test split",
        "evaluation_observation": clip_text(_gate_outcome(evaluation), _OBSERVATION),
        "datasets": [f"archive SHA-256 {clip_text(archive_sha256_of_card(evaluation.card), _LINE // 2)}, split test"],
        "metric_groups": groups,
    }
    if evaluation.official_figures is not None:
        yield {
            "name": "ISIC 2018 Task 3 test set",
            "evaluation_observation": audit_summary.describe_official_test_leaks(evaluation.leakage),
            "metric_groups": [overall_metric_group(evaluation.official_figures, evaluation.melanoma.threshold)],
        }


def _gate_outcome(evaluation: ModelEvaluation) -> str:
    missed = [each.name for each in evaluation.verdict.requirements if not each.passed]
    return f"Gate: {evaluation.verdict.verdict}. Not met: {', '.join(missed) or 'none'}."


def _caveats(evaluation: ModelEvaluation) -> str:
    warnings = evaluation.card.get("warnings")
    told = [clip_text(str(each), 200) for each in warnings] if isinstance(warnings, list) else []
    return (
        f"For {report_wording.DISCLAIMER}. Intervals are of 95 %, by resampling lesions, exact where a class is small; "
        "they cover chance in the choice of test images, not differences between clinics. Served probabilities are not "
        f"calibrated. {report_wording.earlier_evaluations_sentence(evaluation.provenance)} "
        "Validate on your own images before any study. "
        f"Warnings of the dataset: {_join_clipped_names(told)}"
    )


def _details(evaluation: ModelEvaluation) -> dict[str, str]:
    counted = _sources(evaluation)
    details = {
        "disclaimer": report_wording.DISCLAIMER,
        "data_licence": report_wording.licence_statement(counted),
        "data_sources": ", ".join(f"{name} {number}" for name, number in sorted(counted.items())) or "not stated",
        "gate_verdict": evaluation.verdict.verdict,
        "dataset_sha256": archive_sha256_of_card(evaluation.card),
        "additional_sha256": addition_sha256_of_card(evaluation.card),
        **evaluation.provenance,
    }
    # CloudFormation's schema of the same card requires identifiers as keys.
    return {
        re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII): clip_text(value, _LINE) for name, value in details.items()
    }


def _sources(evaluation: ModelEvaluation) -> Mapping[str, object]:
    sources = evaluation.card.get("sources")
    return sources if isinstance(sources, dict) else {}

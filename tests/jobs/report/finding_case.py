# SPDX-License-Identifier: MIT-0
"""A whole evaluation by hand, in which each finding can be planted: what the report is made of."""

import functools
from dataclasses import replace
from typing import Any

from pipeline_src import contract, gate, gate_thresholds
from pipeline_src.evaluation import clinical_measures, confidence_intervals, evaluation_json, study_population
from pipeline_src.evaluation.champion_comparison import (
    CHAMPION_ABSENT,
    CHAMPION_COMPARED,
    ChampionComparison,
    PairedEstimate,
)
from pipeline_src.evaluation.classification_metrics import ClassMetrics, MetricEstimates
from pipeline_src.evaluation.confidence_intervals import BOOTSTRAP_METHOD, EXACT_METHOD, NO_INTERVAL, Estimate
from pipeline_src.evaluation.evaluation_json import ModelEvaluation
from pipeline_src.evaluation.operating_point import OperatingPoint
from pipeline_src.evaluation.probability_calibration import (
    Calibration,
    ClassCalibration,
    CurvePoint,
    MelanomaCalibration,
    Reliability,
    ReliabilityBin,
)
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.leakage.audit_summary import DuplicatePair, LeakageSummary
from pipeline_src.report import html_report
from pipeline_src.report.report_plots import ReportPlot
from tests.class_table import for_every_class
from tests.jobs.evaluation import case

UNKNOWN = Estimate(None, None, None, 0, 0, NO_INTERVAL)
COUNTS = for_every_class({"mel": 40, "nv": 160, "bcc": 24, "akiec": 20, "bkl": 40, "df": 12, "vasc": 14}, 15)
# Of a gate of our own, so that a change of the profiles changes no test of the report.
STRICT = gate_thresholds.GateThresholds(
    balanced_accuracy=0.7,
    balanced_accuracy_lower=0.64,
    melanoma_sensitivity=0.8,
    melanoma_specificity=0.6,
    melanoma_sensitivity_lower=0.72,
    malignant_sensitivity=0.7,
    class_sensitivity=0.4,
    test_images=10,
    subgroup_balanced_accuracy=0.5,
    overconfidence=0.15,
    leaked_test_images=0,
    champion_balanced_accuracy_loss=0.05,
    champion_melanoma_area_loss=0.05,
)
LENIENT = replace(
    STRICT,
    test_images=1,
    champion_balanced_accuracy_loss=0.2,
    champion_melanoma_area_loss=0.4,
)
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/skin-lesion/3"


def estimate(value: float, images: int = 310, half: float = 0.04, method: str = BOOTSTRAP_METHOD) -> Estimate:
    """Return `value` with an interval of `half` to each side."""
    return Estimate(value, value - half, value + half, images, images * 3 // 4, method)


def class_metrics(images: int, value: float = 0.82) -> ClassMetrics:
    if not images:
        return ClassMetrics(UNKNOWN, estimate(0.99), UNKNOWN, estimate(1.0), UNKNOWN, UNKNOWN, UNKNOWN, 0, 0)
    rate = estimate(value, images, 0.1, EXACT_METHOD if images < 30 else BOOTSTRAP_METHOD)
    rank = estimate(0.93)
    return ClassMetrics(rate, estimate(0.95, 310 - images), rate, estimate(0.96), rank, rank, rate, images, images // 2)


def figures(counts: dict[str, int] | None = None) -> MetricEstimates:
    counts = COUNTS if counts is None else counts
    per_class = {label: class_metrics(counts[label]) for label in contract.CLASS_LABELS}
    balanced = estimate(0.812) if all(counts.values()) else UNKNOWN
    melanoma = estimate(0.875, counts["mel"], 0.09) if counts["mel"] else UNKNOWN
    return MetricEstimates(
        balanced, estimate(0.861), estimate(0.88, 84), estimate(0.9, 226), melanoma, estimate(0.83, 270), per_class
    )


def reliability(error: float, over: float, images: int = 310) -> Reliability:
    """Return bins in which the model is surer than right by `over`."""
    bins = tuple(
        ReliabilityBin(tenth / 10, (tenth + 1) / 10, 0 if tenth < 3 else 8 * tenth, *_bin(tenth, over))
        for tenth in range(10)
    )
    half = 0.02
    return Reliability(bins, estimate(error, images, half), estimate(over, images, half), estimate(0.31, images, half))


def _bin(tenth: int, over: float) -> tuple[float | None, float | None]:
    if tenth < 3:
        return None, None
    return tenth / 10 + 0.05, max(0.0, tenth / 10 + 0.05 - over)


def calibration(over: float = 0.03) -> Calibration:
    classes = {label: ClassCalibration(40, 50.0, estimate(0.8)) for label in contract.CLASS_LABELS}
    curve = tuple(CurvePoint(31, tenth / 10, tenth / 12) for tenth in range(10))
    melanoma = MelanomaCalibration(estimate(0.9), estimate(-0.4), curve)
    return Calibration(reliability(over + 0.01, over), 1 + 8 * over, reliability(0.03, 0.02), classes, melanoma)


def subgroup(attribute: str, group: str, images: int = 150, difference: float = 0.01) -> Subgroup:
    """Return a subgroup that is judged from 50 images on, and weak from -0.1 on."""
    weak, known = difference <= -0.1, images >= 50
    value = estimate(0.81 + difference, images, 0.06) if known else UNKNOWN
    malignant = estimate(0.85 + difference, images // 3, 0.1) if known else UNKNOWN
    apart = estimate(difference, images, 0.07) if known else UNKNOWN
    ceiling = value.upper if known else None
    detectable = 0.09 if known else None
    head = (attribute, group, images, images // 2, contract.CLASS_LABELS, known)
    area = estimate(0.9, images) if known else UNKNOWN
    return Subgroup(*head, value, malignant, apart, apart, area, apart, ceiling, weak, detectable)


def subgroups(weak: float = 0.0) -> tuple[Subgroup, ...]:
    return (
        subgroup("sex", "female", 150, weak),
        subgroup("sex", "male"),
        subgroup("sex", "unknown", 4),
        subgroup("age", "0 to 29", 20),
        subgroup("age", "45 to 59", 120, -0.02),
        subgroup("localization", "back", 90, 0.03),
        subgroup("localization", "ear", 6),
        subgroup("dx_type", "histo", 200, -0.03),
    )


def leakage(leaked: int = 0, dropped: int = 0) -> LeakageSummary:
    twins = tuple(
        DuplicatePair(
            (f"ISIC_nv_test_{n:03d}", f"ISIC_train_{n}"), ("test", "train"), ("nv", "mel"), n, n == 0, n < dropped
        )
        for n in range(leaked + dropped)
    )
    return LeakageSummary(
        policy="report" if leaked else "drop",
        distance=6,
        twins=twins,
        pairs=len(twins),
        dropped=dropped,
        leaked=leaked,
        audited=True,
        leaked_official=0,
        dropped_for_official=0,
        validated=0,
        lesions_across_splits=leaked,
    )


def compared(difference: float, **other: float) -> ChampionComparison:
    """Return a comparison in which this model is `difference` better in all figures but those of another difference."""
    sizes = {"balanced_accuracy": 300, "melanoma_auc_above_80": 300}
    sizes |= {"melanoma_sensitivity": 40, "melanoma_specificity": 260}
    pairs = {name: paired(other.get(name, difference), images) for name, images in sizes.items()}
    return ChampionComparison(
        CHAMPION_COMPARED, ARN, "Both were measured on 300 shared images.", 300, 10, 4, **pairs, fixed=9, broken=31
    )


def paired(difference: float, images: int) -> PairedEstimate:
    """Return a figure of which this model has `difference` more."""
    found = estimate(difference, images, 0.03)
    return PairedEstimate(estimate(0.81, images), estimate(0.81 + difference, images), found, 0.0004)


def evaluation(
    floors: gate_thresholds.GateThresholds = STRICT, counts: dict[str, int] | None = None, **changed: Any
) -> ModelEvaluation:
    """Return an evaluation without a finding; `changed` replaces fields, and the gate judges what comes of it."""
    predictions = case.predictions(COUNTS if counts is None else counts)
    test, made_card = predictions.of(contract.TEST), case.card(list(predictions.images), "rosendahl")
    resamples = confidence_intervals.draw_resamples(test.images, 50)
    made = ModelEvaluation(
        **{
            "validation": predictions.of(contract.VALIDATION),
            "test": test,
            "official": None,
            "card": made_card,
            "figures": figures(counts),
            "official_figures": None,
            "melanoma": OperatingPoint(0.213, 0.9, estimate(0.9, 40, 0.08)),
            "production": None,
            "clinical": clinical_measures.measure_threshold(test, 0.213, resamples),
            "population": study_population.describe_population(predictions.images, made_card),
            "calibration": calibration(),
            "subgroups": subgroups(),
            "leakage": leakage(),
            "comparison": ChampionComparison(
                CHAMPION_ABSENT, contract.NO_PACKAGE, "There is no champion yet: this is the first model."
            ),
            "training": None,
            "provenance": {"SourceCommit": "0123abcd" * 5, "Epochs": "30", "Image": "sha256:" + "cd" * 32},
            "verdict": gate.GateVerdict(contract.VERDICT_PASS, "", ()),
        }
        | changed
    )
    return replace(made, verdict=gate.decide_verdict(evaluation_json.gate_input(made), floors))


def everything() -> ModelEvaluation:
    """Return an evaluation with every finding and an official test set, so that no section stays away."""
    made = evaluation(
        counts=COUNTS | {"df": 3},
        subgroups=subgroups(weak=-0.3),
        leakage=leakage(leaked=1, dropped=2),
        comparison=compared(-0.08),
    )
    return replace(made, official=made.test, official_figures=made.figures)


@functools.cache
def drawn() -> tuple[ReportPlot, ...]:
    """Return the plots of `everything`, drawn once, as they take longer than all else."""
    return tuple(html_report.draw_plots(everything()))

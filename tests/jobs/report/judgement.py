# SPDX-License-Identifier: MIT-0
"""A whole evaluation by hand, as large as that of HAM10000: what the model card is made of."""

from typing import Any

from pipeline_src import contract, gate, gate_thresholds
from pipeline_src.evaluation import clinical_measures, confidence_intervals, study_population
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
    MelanomaCalibration,
    Reliability,
)
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from pipeline_src.leakage import audit_summary
from tests.jobs.evaluation import case

SPLITS = {"by_split": {"train": 6510, "validation": 1502, "test": 2003}}
UNKNOWN = Estimate(None, None, None, 0, 0, NO_INTERVAL)
SITES = ("back", "lower extremity", "trunk", "upper extremity", "abdomen", "face", "chest", "foot", "scalp", "neck")
RARE = ("hand", "genital", "ear", "acral", "unknown")


def estimate(value: float, images: int = 1512, method: str = BOOTSTRAP_METHOD) -> Estimate:
    return Estimate(value, value - 0.0412345678, value + 0.0312345678, images, images * 3 // 4, method)


def figures(*, known: bool = True) -> MetricEstimates:
    """Return figures of all classes; without a value where they are not `known`."""
    one = estimate if known else lambda *_: UNKNOWN
    found = {
        label: ClassMetrics(one(0.5 + place / 20, 23, EXACT_METHOD), *([one(0.9)] * 6), test_images=23, test_lesions=17)
        for place, label in enumerate(contract.CLASS_LABELS)
    }
    return MetricEstimates(one(0.7123456789), one(0.8), one(0.75), one(0.9), one(0.8123456789, 220), one(0.7), found)


def subgroup(attribute: str, group: str, *, evaluable: bool = True, weak: bool = False) -> Subgroup:
    value = estimate(0.75 if weak else 0.7, 130) if evaluable else UNKNOWN
    ceiling = 0.6 if evaluable else None
    images = 130 if evaluable else 3
    head = (attribute, group, images, images, contract.CLASS_LABELS, evaluable)
    return Subgroup(*head, *([value] * 6), ceiling, weak, 0.11 if evaluable else None)


def subgroups() -> tuple[Subgroup, ...]:
    ages = ("0 to 29", "30 to 44", "45 to 59", "60 to 74", "75 and over")
    return (
        *(subgroup("sex", name) for name in ("female", "male")),
        *(subgroup("age", name, evaluable=name != "0 to 29") for name in ages),
        *(subgroup("localization", name, weak=name == "face") for name in SITES),
        *(subgroup("localization", name, evaluable=False) for name in RARE),
        *(subgroup("dx_type", name) for name in ("histo", "follow_up", "consensus", "confocal")),
    )


def compared() -> ChampionComparison:
    pair = PairedEstimate(estimate(0.7), estimate(0.72), Estimate(0.02, -0.01, 0.05, 1500, 1100, BOOTSTRAP_METHOD), 0.3)
    arn = "arn:aws:sagemaker:us-east-1:000000000000:model-package/skin-lesion/3"
    return ChampionComparison(
        CHAMPION_COMPARED, arn, "paired on the shared test images", 1500, 12, 3, pair, pair, pair, pair, 40, 25
    )


def audit(**changed: int) -> audit_summary.LeakageSummary:
    """Return the audit of a split with 12 twins and 9 training images left out; `changed` replaces counts."""
    counts = {"leaked_test_images": 0, "leaked_official_images": 0, "dropped_for_official_images": 0}
    counts |= {"test_images_in_validation": 0, "lesions_across_splits": 0, "distance": 6, "pairs": 12}
    found = {"policy": "drop", "dropped": [f"ISIC_{n}" for n in range(9)], "twins": []}
    return audit_summary.read_leakage_summary({"leakage": found | counts | changed})


def verdict(*, known: bool = True) -> gate.GateVerdict:
    """Return the gate's verdict on a report that says as much as it needs."""
    figure = {"value": 0.71234, "lower": 0.65, "upper": 0.78, "images": 1512} if known else {}
    classes = {label: {"sensitivity": figure, "test_images": 23} for label in contract.CLASS_LABELS}
    report = {"balanced_accuracy": figure, "per_class": classes, "champion": {"status": "absent"}}
    return gate.decide_verdict(report, gate_thresholds.THRESHOLD_PROFILES["default"])


def evaluation(*, known: bool = True, **changed: Any) -> ModelEvaluation:
    """Return an evaluation in which everything is found, or nothing; `changed` replaces fields."""
    measured = Reliability((), *([estimate(0.12) if known else UNKNOWN] * 3))
    predictions = case.predictions()
    test = predictions.of(contract.TEST)
    resamples = confidence_intervals.draw_resamples(test.images, 50)
    fields: dict[str, Any] = {
        "validation": predictions.of(contract.VALIDATION),
        "test": test,
        "official": None,
        "card": case.card(list(predictions.images), "vidir_modern") | {"lesions": SPLITS, "images": SPLITS}
        if known
        else {},
        "figures": figures(known=known),
        "melanoma": OperatingPoint(0.2123456789 if known else None, 0.85, estimate(0.86) if known else UNKNOWN),
        "production": None,
        "clinical": clinical_measures.measure_threshold(test, 0.2123456789 if known else None, resamples),
        "population": study_population.describe_population(predictions.images, {}),
        "calibration": Calibration(
            measured,
            1.41 if known else None,
            measured if known else None,
            {
                label: ClassCalibration(23, 30.5, estimate(0.75) if known else UNKNOWN)
                for label in contract.CLASS_LABELS
            },
            MelanomaCalibration(*([estimate(0.9) if known else UNKNOWN] * 2), ()),
        ),
        "subgroups": subgroups() if known else (),
        "leakage": audit() if known else audit_summary.UNAUDITED_LEAKAGE,
        "comparison": compared() if known else ChampionComparison(CHAMPION_ABSENT, "none", "there is no champion yet"),
        "official_figures": figures() if known else None,
        "provenance": {"SourceCommit": "0123abcd" * 5} | {f"SomeParameter{n}": "0.123" for n in range(30 * known)},
        "training": None,
        "verdict": verdict(known=known),
    }
    return ModelEvaluation(**(fields | changed))

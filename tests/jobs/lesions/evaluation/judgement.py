# SPDX-License-Identifier: MIT-0
"""A whole evaluation by hand, as large as that of HAM10000: what the model card is made of."""

from typing import Any

from pipeline_src import contract, floor, gate
from pipeline_src.lesions import leakage
from pipeline_src.lesions.calibration import Calibration, Reliability
from pipeline_src.lesions.comparison import ABSENT, COMPARED, Comparison, Pair
from pipeline_src.lesions.estimate import BOOTSTRAP, EXACT, NONE, Estimate
from pipeline_src.lesions.evaluation import Evaluation
from pipeline_src.lesions.figures import Figures
from pipeline_src.lesions.metrics import ClassMetrics
from pipeline_src.lesions.operating_point import OperatingPoint
from pipeline_src.lesions.subgroup import Subgroup
from tests.jobs.lesions.evaluation import case

SPLITS = {"by_split": {"train": 6510, "validation": 1502, "test": 2003}}
UNKNOWN = Estimate(None, None, None, 0, 0, NONE)
SITES = ("back", "lower extremity", "trunk", "upper extremity", "abdomen", "face", "chest", "foot", "scalp", "neck")
RARE = ("hand", "genital", "ear", "acral", "unknown")


def estimate(value: float, images: int = 1512, method: str = BOOTSTRAP) -> Estimate:
    return Estimate(value, value - 0.0412345678, value + 0.0312345678, images, images * 3 // 4, method)


def figures(*, known: bool = True) -> Figures:
    """Return figures of all classes; without a value where they are not `known`."""
    one = estimate if known else lambda *_: UNKNOWN
    found = {
        label: ClassMetrics(one(0.5 + place / 20, 23, EXACT), *([one(0.9)] * 6), test_images=23, test_lesions=17)
        for place, label in enumerate(contract.CLASS_LABELS)
    }
    return Figures(one(0.7123456789), one(0.8), one(0.75), one(0.8123456789, 220), one(0.7), found)


def subgroup(attribute: str, group: str, *, evaluable: bool = True, weak: bool = False) -> Subgroup:
    value = estimate(0.75 if weak else 0.7, 130) if evaluable else UNKNOWN
    ceiling = 0.6 if evaluable else None
    images = 130 if evaluable else 3
    return Subgroup(
        attribute, group, images, images, contract.CLASS_LABELS, evaluable, value, value, value, ceiling, weak
    )


def subgroups() -> tuple[Subgroup, ...]:
    ages = ("0 to 29", "30 to 44", "45 to 59", "60 to 74", "75 and over")
    return (
        *(subgroup("sex", name) for name in ("female", "male")),
        *(subgroup("age", name, evaluable=name != "0 to 29") for name in ages),
        *(subgroup("localization", name, weak=name == "face") for name in SITES),
        *(subgroup("localization", name, evaluable=False) for name in RARE),
        *(subgroup("dx_type", name) for name in ("histo", "follow_up", "consensus", "confocal")),
    )


def compared() -> Comparison:
    pair = Pair(estimate(0.7), estimate(0.72), Estimate(0.02, -0.01, 0.05, 1500, 1100, BOOTSTRAP), 0.3)
    arn = "arn:aws:sagemaker:us-east-1:000000000000:model-package/skin-lesion/3"
    return Comparison(COMPARED, arn, "paired on the shared test images", 1500, 12, 3, pair, pair, pair, 40, 25)


def audit(**changed: int) -> leakage.Leakage:
    """Return the audit of a split with 12 twins and 9 training images left out; `changed` replaces counts."""
    counts = {"leaked_test_images": 0, "leaked_official_images": 0, "dropped_for_official_images": 0}
    counts |= {"test_images_in_validation": 0, "lesions_across_splits": 0, "distance": 6, "pairs": 12}
    found = {"policy": "drop", "dropped": [f"ISIC_{n}" for n in range(9)], "twins": []}
    return leakage.read({"leakage": found | counts | changed})


def verdict(*, known: bool = True) -> gate.Verdict:
    """Return the gate's verdict on a report that says as much as it needs."""
    figure = {"value": 0.71234, "lower": 0.65, "upper": 0.78, "images": 1512} if known else {}
    classes = {label: {"sensitivity": figure, "test_images": 23} for label in contract.CLASS_LABELS}
    report = {"balanced_accuracy": figure, "per_class": classes, "champion": {"status": "absent"}}
    return gate.decide(report, floor.PROFILES["default"])


def evaluation(*, known: bool = True, **changed: Any) -> Evaluation:
    """Return an evaluation in which everything is found, or nothing; `changed` replaces fields."""
    measured = Reliability((), *([estimate(0.12) if known else UNKNOWN] * 3))
    predictions = case.predictions()
    fields: dict[str, Any] = {
        "validation": predictions.of(contract.VALIDATION),
        "test": predictions.of(contract.TEST),
        "official": None,
        "card": case.card(list(predictions.images), "vidir_modern") | {"lesions": SPLITS, "images": SPLITS}
        if known
        else {},
        "figures": figures(known=known),
        "melanoma": OperatingPoint(0.2123456789 if known else None, 0.85, estimate(0.86) if known else UNKNOWN),
        "calibration": Calibration(measured, 1.41 if known else None, measured if known else None),
        "subgroups": subgroups() if known else (),
        "leakage": audit() if known else leakage.UNAUDITED,
        "comparison": compared() if known else Comparison(ABSENT, "none", "there is no champion yet"),
        "official_figures": figures() if known else None,
        "provenance": {"SourceCommit": "0123abcd" * 5} | {f"SomeParameter{n}": "0.123" for n in range(30 * known)},
        "verdict": verdict(known=known),
    }
    return Evaluation(**(fields | changed))

# SPDX-License-Identifier: MIT-0
"""An evaluation as the gate reads it, and changed copies of it."""

from typing import Any

from pipeline_src import contract, gate, gate_thresholds

FLOORS = gate_thresholds.GateThresholds(
    balanced_accuracy=0.7,
    balanced_accuracy_lower=0.6,
    melanoma_sensitivity=0.8,
    melanoma_sensitivity_lower=0.7,
    melanoma_specificity=0.65,
    malignant_sensitivity=0.75,
    class_sensitivity=0.4,
    test_images=10,
    subgroup_balanced_accuracy=0.5,
    overconfidence=0.15,
    leaked_test_images=0,
    champion_balanced_accuracy_loss=0.05,
    champion_melanoma_area_loss=0.06,
)
# What asks for nothing: any valid figure passes.
NOTHING = gate_thresholds.GateThresholds(
    **{
        name: (10**9 if name in gate_thresholds.COUNT_THRESHOLDS else 1.0)
        if name in gate_thresholds.UPPER_THRESHOLDS
        else 0
        for name in gate_thresholds.THRESHOLD_PARAMETERS
    }
)
# Where in the evaluation the figure of each requirement stands.
PATHS: dict[str, tuple[str | int, ...]] = {
    "balanced_accuracy": ("balanced_accuracy", "value"),
    "balanced_accuracy_lower": ("balanced_accuracy", "lower"),
    "melanoma_sensitivity": ("melanoma", "sensitivity", "value"),
    "melanoma_sensitivity_lower": ("melanoma", "sensitivity", "lower"),
    "melanoma_specificity": ("melanoma", "specificity", "value"),
    "malignant_sensitivity": ("malignant_sensitivity", "value"),
    "class_sensitivity": ("per_class", "df", "sensitivity", "value"),
    "test_images": ("per_class", "df", "test_images"),
    "subgroup_balanced_accuracy": ("subgroups", 0, "ceiling"),
    "overconfidence": ("calibration", "served", "overconfidence", "value"),
    "leaked_test_images": ("leakage", "leaked"),
    "champion_balanced_accuracy_loss": ("champion", "balanced_accuracy", "difference", "lower"),
    "champion_melanoma_area_loss": ("champion", "melanoma_auc_above_80", "difference", "lower"),
}
# Of these the report holds the difference, which is the loss with the other sign.
CEILING_PATHS = tuple(name for name in PATHS if name.startswith("champion_"))


def report(floors: gate_thresholds.GateThresholds = FLOORS) -> dict[str, Any]:
    """Return an evaluation that reaches each floor exactly."""
    champion = {
        PATHS[name][1]: {"difference": {"value": 0.0, "lower": -getattr(floors, name), "upper": 1.0}}
        for name in CEILING_PATHS
    }
    return {
        "balanced_accuracy": {"value": floors.balanced_accuracy, "lower": floors.balanced_accuracy_lower},
        "melanoma": {
            "sensitivity": {"value": floors.melanoma_sensitivity, "lower": floors.melanoma_sensitivity_lower},
            "specificity": {"value": floors.melanoma_specificity},
        },
        "malignant_sensitivity": {"value": floors.malignant_sensitivity},
        "per_class": {
            label: {"sensitivity": {"value": floors.class_sensitivity}, "test_images": floors.test_images}
            for label in contract.CLASS_LABELS
        },
        "subgroups": [
            {"attribute": "sex", "group": "male", "evaluable": True, "ceiling": floors.subgroup_balanced_accuracy}
        ],
        "calibration": {"served": {"overconfidence": {"value": floors.overconfidence}}},
        "leakage": {"leaked": floors.leaked_test_images},
        "champion": {"status": "compared", **champion},
    }


def changed(name: str, value: Any, *, raw: bool = False) -> dict[str, Any]:
    """Return `report()` with another figure for the requirement `name`; unless raw, a loss is made a difference."""
    made = report()
    *path, last = PATHS[name]
    place: Any = made
    for key in path:
        place = place[key]
    place[last] = -value if name in CEILING_PATHS and not raw else value
    return made


def missed(verdict: gate.GateVerdict) -> list[str]:
    """Return the names of the requirements that were not met."""
    return [requirement.name for requirement in verdict.requirements if not requirement.passed]

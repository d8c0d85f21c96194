# SPDX-License-Identifier: MIT-0
"""The gate passes what reaches every floor, and nothing that it cannot read."""

import json
import math
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract, gate, gate_thresholds
from tests.pipeline_src.gate.judged import CEILING_PATHS, FLOORS, NOTHING, PATHS, changed, missed, report

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
NAMES = tuple(PATHS)


@pytest.mark.parametrize("profile", gate_thresholds.THRESHOLD_PROFILES)
def test_exactly_at_every_floor_passes(profile: str) -> None:
    floors = gate_thresholds.THRESHOLD_PROFILES[profile]
    assert gate.decide_verdict(report(floors), floors).verdict == contract.VERDICT_PASS


@pytest.mark.parametrize("name", NAMES)
def test_just_short_of_a_floor_is_rejected_for_that_floor_alone(name: str) -> None:
    step = 1 if name in gate_thresholds.COUNT_THRESHOLDS else 1e-6
    worse = step if name in gate_thresholds.UPPER_THRESHOLDS else -step
    verdict = gate.decide_verdict(changed(name, getattr(FLOORS, name) + worse), FLOORS)
    assert verdict.verdict == contract.VERDICT_REJECT
    assert missed(verdict) == [name]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in gate_thresholds.COUNT_THRESHOLDS])
def test_a_rounding_error_short_of_a_floor_passes(name: str) -> None:
    worse = 5e-10 if name in gate_thresholds.UPPER_THRESHOLDS else -5e-10
    assert gate.decide_verdict(changed(name, getattr(FLOORS, name) + worse), FLOORS).verdict == contract.VERDICT_PASS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value", [None, math.nan, math.inf, -math.inf, "1", True, [], {}, -1.1, 10**400], ids=lambda value: repr(value)[:8]
)
def test_what_is_no_number_in_range_never_passes(name: str, value: object) -> None:
    verdict = gate.decide_verdict(changed(name, value, raw=True), NOTHING)
    assert missed(verdict) == [name]
    found = next(each for each in verdict.requirements if each.name == name)
    assert found.verdict == "not evaluable"
    assert f"{name}: wanted {found.wanted_text}, got no valid figure" in verdict.reason


@pytest.mark.parametrize("name", [name for name in NAMES if name not in gate_thresholds.COUNT_THRESHOLDS])
def test_more_than_everything_is_no_fraction(name: str) -> None:
    assert missed(
        gate.decide_verdict(changed(name, 1.5 if name not in CEILING_PATHS else -1.5, raw=True), NOTHING)
    ) == [name]


@pytest.mark.parametrize("label", contract.CLASS_LABELS)
def test_a_missing_class_misses_both_requirements_on_classes(label: str) -> None:
    incomplete = report()
    del incomplete["per_class"][label]
    verdict = gate.decide_verdict(incomplete, NOTHING)
    assert missed(verdict) == ["class_sensitivity", "test_images"]
    assert f"({label})" in verdict.reason


@pytest.mark.parametrize("absent", [None, {}, [], "", 1, {"per_class": None, "melanoma": 1, "subgroups": {}}])
def test_a_missing_report_misses_everything(absent: object) -> None:
    """Without evaluable subgroups, a floor of 0 for them asks for nothing."""
    assert missed(gate.decide_verdict(absent, FLOORS)) == list(NAMES)
    assert missed(gate.decide_verdict(absent, NOTHING)) == [
        name for name in NAMES if name != "subgroup_balanced_accuracy"
    ]


@pytest.mark.parametrize("floor", [math.nan, math.inf, -1.0, 2.0])
def test_a_floor_that_is_no_fraction_is_never_met(floor: float) -> None:
    floors = gate_thresholds.GateThresholds(
        **{name: -1 if name in gate_thresholds.COUNT_THRESHOLDS else floor for name in NAMES}
    )
    assert missed(gate.decide_verdict(report(), floors)) == list(NAMES)


def test_the_reason_names_each_miss_with_wanted_got_interval_and_count_and_nothing_else() -> None:
    bad = changed("balanced_accuracy", 0.69996)
    bad["balanced_accuracy"] |= {"lower": 0.65, "upper": 0.74444, "images": 140}
    bad["per_class"]["vasc"] = {"sensitivity": {"value": 0.25, "images": 12}, "test_images": 12}
    assert gate.decide_verdict(bad, FLOORS).reason == (
        "Rejected. balanced_accuracy: wanted at least 0.7, got 0.6999 [0.65 to 0.7445, n 140]; "
        "class_sensitivity: wanted at least 0.4, got 0.25 [n 12] (vasc). What would help: Add training lesions of "
        "vascular lesion (vasc), or use another algorithm or other hyperparameters: balanced accuracy and class "
        "sensitivity too low."
    )


def test_the_melanoma_figure_is_the_one_at_the_operating_point() -> None:
    misleading = report()
    misleading["per_class"]["mel"]["sensitivity"]["value"] = 1.0
    misleading["melanoma"]["sensitivity"]["value"] = 0.5
    assert missed(gate.decide_verdict(misleading, FLOORS)) == ["melanoma_sensitivity"]


@given(ANYTHING, ANYTHING, st.sampled_from(NAMES))
def test_the_gate_answers_whatever_it_is_given(whole: object, part: object, name: str) -> None:
    for weird in (whole, changed(name, part, raw=True), report() | {"subgroups": [whole, part], "champion": part}):
        verdict = gate.decide_verdict(weird, FLOORS)
        assert verdict.verdict in {contract.VERDICT_PASS, contract.VERDICT_REJECT}
        assert 0 < len(verdict.reason) <= gate.REASON_LENGTH
        json.dumps(verdict.as_json(), allow_nan=False)


FLOOR_VALUES = st.builds(
    gate_thresholds.GateThresholds,
    **{name: st.integers(0, 100) if name in gate_thresholds.COUNT_THRESHOLDS else st.floats(0, 1) for name in NAMES},
)


@given(FLOOR_VALUES, FLOOR_VALUES)
def test_a_pass_means_that_every_floor_is_reached(
    reached: gate_thresholds.GateThresholds, asked: gate_thresholds.GateThresholds
) -> None:
    verdict = gate.decide_verdict(report(reached), asked)
    for requirement in verdict.requirements:
        got, floor = getattr(reached, requirement.name), getattr(asked, requirement.name)
        kept = got <= floor + 1e-9 if requirement.name in gate_thresholds.UPPER_THRESHOLDS else got >= floor - 1e-9
        assert requirement.passed is kept
    assert (verdict.verdict == contract.VERDICT_PASS) is all(each.passed for each in verdict.requirements)


@given(FLOOR_VALUES, FLOOR_VALUES, FLOOR_VALUES)
def test_a_better_model_never_fails_where_a_worse_one_passes(
    a: gate_thresholds.GateThresholds, b: gate_thresholds.GateThresholds, asked: gate_thresholds.GateThresholds
) -> None:
    best = {
        name: (min if name in gate_thresholds.UPPER_THRESHOLDS else max)(asdict(a)[name], asdict(b)[name])
        for name in NAMES
    }
    better = gate.decide_verdict(report(gate_thresholds.GateThresholds(**best)), asked)
    for worse in (a, b):
        if gate.decide_verdict(report(worse), asked).verdict == contract.VERDICT_PASS:
            assert better.verdict == contract.VERDICT_PASS


@pytest.mark.parametrize("profile", gate_thresholds.THRESHOLD_PROFILES)
def test_always_answering_nevus_passes_no_profile(profile: str) -> None:
    constant = changed("balanced_accuracy", 1 / 7)
    assert "balanced_accuracy" in missed(gate.decide_verdict(constant, gate_thresholds.THRESHOLD_PROFILES[profile]))


@pytest.mark.parametrize("profile", gate_thresholds.THRESHOLD_PROFILES)
def test_calling_everything_melanoma_passes_no_profile(profile: str) -> None:
    """Any sensitivity can be had so."""
    floors = gate_thresholds.THRESHOLD_PROFILES[profile]
    everything = report(replace(floors, melanoma_specificity=0.0))
    assert missed(gate.decide_verdict(everything, floors)) == ["melanoma_specificity"]


def test_a_perfect_model_with_thin_evidence_does_not_pass_the_default_profile() -> None:
    thin = report(replace(gate_thresholds.THRESHOLD_PROFILES["default"], test_images=8))
    assert missed(gate.decide_verdict(thin, gate_thresholds.THRESHOLD_PROFILES["default"])) == ["test_images"]


def test_every_floor_has_a_parameter_named_after_it_and_a_requirement() -> None:
    assert (
        tuple(gate_thresholds.THRESHOLD_PARAMETERS)
        == NAMES
        == tuple(field.name for field in fields(gate_thresholds.GateThresholds))
    )
    assert tuple(requirement.name for requirement in gate.decide_verdict(None, FLOORS).requirements) == NAMES
    for floor, parameter in gate_thresholds.THRESHOLD_PARAMETERS.items():
        assert parameter == "Gate" + "".join(word.capitalize() for word in floor.split("_"))


def test_no_default_floor_is_easier_than_the_demos() -> None:
    for name in NAMES:
        default, demo = (getattr(gate_thresholds.THRESHOLD_PROFILES[profile], name) for profile in ("default", "demo"))
        assert default <= demo if name in gate_thresholds.UPPER_THRESHOLDS else default >= demo


def test_a_reason_without_room_for_all_counts_what_it_leaves_out() -> None:
    figure = {"value": 0.123456789, "lower": 0.0123456789, "upper": 0.23456789, "images": 10**11}
    difference = {"difference": {"value": -0.5, "lower": -0.87654321, "upper": -0.1234567, "images": 10**11}}
    long = {
        "balanced_accuracy": figure,
        "melanoma": {"sensitivity": figure, "specificity": figure},
        "malignant_sensitivity": figure,
        "per_class": {label: {"sensitivity": figure, "test_images": 1} for label in contract.CLASS_LABELS},
        "subgroups": [{"attribute": "x" * 90, "group": "y" * 90, "ceiling": 0.1, "balanced_accuracy": figure}],
        "calibration": {"served": {"overconfidence": figure | {"value": 0.87654321}}},
        "leakage": {"leaked": 10**11},
        "champion": {
            "status": "compared",
            "balanced_accuracy": difference,
            "melanoma_auc_above_80": difference,
        },
    }
    verdict = gate.decide_verdict(long, FLOORS)
    assert missed(verdict) == list(NAMES)
    assert len(verdict.reason) <= gate.REASON_LENGTH
    assert verdict.reason.endswith("; 2 more in report.html")
    assert verdict.reason.count("wanted") == len(NAMES) - 2


def told(name: str, verdict: gate.GateVerdict) -> Any:
    return next(each for each in verdict.as_json()["requirements"] if each["name"] == name)  # type: ignore[attr-defined]


def test_the_table_of_the_report_carries_figures_and_ready_words() -> None:
    entry = told("overconfidence", gate.decide_verdict(report(), FLOORS))
    assert entry["wanted_text"] == "at most 0.15"
    assert (entry["verdict"], entry["passed"], entry["sense"]) == ("met", True, "at most")

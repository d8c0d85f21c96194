# SPDX-License-Identifier: MIT-0
"""The gate passes what reaches every floor, and nothing that it cannot read."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract, gate

FLOORS = gate.Floors(balanced_accuracy=0.7, melanoma_sensitivity=0.8, class_sensitivity=0.4, test_images=10)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
FIGURES = (
    ("balanced_accuracy",),
    ("melanoma", "sensitivity"),
    ("per_class", "df", "sensitivity"),
    ("per_class", "df", "test_images"),
)
NAMES = ("balanced_accuracy", "melanoma_sensitivity", "class_sensitivity", "test_images")


def report(floors: gate.Floors = FLOORS) -> dict[str, Any]:
    """Return an evaluation that reaches each floor exactly."""
    figures = {"sensitivity": floors.class_sensitivity, "test_images": floors.test_images}
    return {
        "balanced_accuracy": floors.balanced_accuracy,
        "melanoma": {"sensitivity": floors.melanoma_sensitivity},
        "per_class": {label: dict(figures) for label in contract.CLASS_LABELS},
    }


def changed(path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return `report()` with the figure at `path` replaced."""
    made = report()
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made


def missed(verdict: gate.Verdict) -> list[str]:
    return [requirement.name for requirement in verdict.requirements if not requirement.passed]


@pytest.mark.parametrize("profile", gate.PROFILES)
def test_exactly_at_every_floor_passes(profile: str) -> None:
    floors = gate.PROFILES[profile]
    assert gate.decide(report(floors), floors).verdict == contract.VERDICT_PASS


@pytest.mark.parametrize(("path", "name"), list(zip(FIGURES, NAMES, strict=True)))
def test_just_below_a_floor_is_rejected_for_that_floor_alone(path: tuple[str, ...], name: str) -> None:
    below = 9 if name == "test_images" else getattr(FLOORS, name) - 1e-6
    verdict = gate.decide(changed(path, below), FLOORS)
    assert verdict.verdict == contract.VERDICT_REJECT
    assert missed(verdict) == [name]


def test_a_rounding_error_below_a_floor_passes() -> None:
    noisy = sum((0.9, 0.5, 0.7, 0.8, 0.65, 0.75, 0.6)) / 7
    assert noisy < 0.7
    assert gate.decide(changed(("balanced_accuracy",), noisy), FLOORS).verdict == contract.VERDICT_PASS


@pytest.mark.parametrize(("path", "name"), list(zip(FIGURES, NAMES, strict=True)))
@pytest.mark.parametrize(
    "value", [None, math.nan, math.inf, -math.inf, "1", True, [], {}, -1, 10**400], ids=lambda value: repr(value)[:8]
)
def test_what_is_no_number_in_range_never_passes(path: tuple[str, ...], name: str, value: object) -> None:
    verdict = gate.decide(changed(path, value), gate.Floors(0, 0, 0, 0))
    assert missed(verdict) == [name]
    assert f"{name}: wanted at least 0, got no valid figure" in verdict.reason


@pytest.mark.parametrize(("path", "name"), list(zip(FIGURES[:3], NAMES, strict=False)))
def test_more_than_everything_is_no_fraction(path: tuple[str, ...], name: str) -> None:
    assert missed(gate.decide(changed(path, 1.5), FLOORS)) == [name]


@pytest.mark.parametrize("label", contract.CLASS_LABELS)
def test_a_missing_class_misses_both_requirements_on_classes(label: str) -> None:
    incomplete = report()
    del incomplete["per_class"][label]
    verdict = gate.decide(incomplete, gate.Floors(0, 0, 0, 0))
    assert missed(verdict) == ["class_sensitivity", "test_images"]
    assert f"({label})" in verdict.reason


@pytest.mark.parametrize("absent", [None, {}, [], "", 1, {"per_class": None, "melanoma": 1}])
def test_a_missing_report_misses_everything(absent: object) -> None:
    assert missed(gate.decide(absent, gate.Floors(0, 0, 0, 0))) == list(NAMES)


@pytest.mark.parametrize("floor", [math.nan, math.inf, -1.0, 2.0])
def test_a_floor_that_is_no_fraction_is_never_reached(floor: float) -> None:
    floors = gate.Floors(floor, floor, floor, -1)
    perfect = report(gate.Floors(1.0, 1.0, 1.0, 1000))
    assert missed(gate.decide(perfect, floors)) == list(NAMES)


def test_the_reason_names_each_miss_with_wanted_and_got_and_nothing_else() -> None:
    bad = changed(("balanced_accuracy",), 0.69996)
    bad["per_class"]["vasc"] = {"sensitivity": 0.25, "test_images": 12}
    assert gate.decide(bad, FLOORS).reason == (
        "Rejected. balanced_accuracy: wanted at least 0.7, got 0.6999; "
        "class_sensitivity: wanted at least 0.4, got 0.25 (vasc)"
    )


def test_the_melanoma_figure_is_the_one_at_the_operating_point() -> None:
    misleading = report()
    misleading["per_class"]["mel"]["sensitivity"] = 1.0
    misleading["melanoma"]["sensitivity"] = 0.5
    assert missed(gate.decide(misleading, FLOORS)) == ["melanoma_sensitivity"]


@given(ANYTHING, ANYTHING, st.sampled_from(FIGURES))
def test_the_gate_answers_whatever_it_is_given(whole: object, part: object, path: tuple[str, ...]) -> None:
    for weird in (whole, changed(path, part)):
        verdict = gate.decide(weird, FLOORS)
        assert verdict.verdict in {contract.VERDICT_PASS, contract.VERDICT_REJECT}
        assert 0 < len(verdict.reason) <= gate.REASON_LENGTH
        json.dumps(verdict.as_json(), allow_nan=False)


@given(*[st.floats(0, 1)] * 3, st.integers(0, 100), *[st.floats(0, 1)] * 3, st.integers(0, 100))
def test_a_pass_means_every_floor_is_reached(  # noqa: PLR0913, PLR0917  one number for each side of each floor
    balanced: float, melanoma: float, weakest: float, images: int, a: float, b: float, c: float, d: int
) -> None:
    verdict = gate.decide(report(gate.Floors(balanced, melanoma, weakest, images)), gate.Floors(a, b, c, d))
    reached = balanced >= a - 1e-9 and melanoma >= b - 1e-9 and weakest >= c - 1e-9 and images >= d
    assert (verdict.verdict == contract.VERDICT_PASS) is reached


@pytest.mark.parametrize("profile", gate.PROFILES)
def test_always_answering_nevus_passes_no_profile(profile: str) -> None:
    constant = report(gate.Floors(1 / 7, 0.0, 0.0, 1000))
    constant["per_class"]["nv"]["sensitivity"] = 1.0
    assert "balanced_accuracy" in missed(gate.decide(constant, gate.PROFILES[profile]))


def test_a_perfect_model_with_thin_evidence_does_not_pass_the_default_profile() -> None:
    perfect = report(gate.Floors(1.0, 1.0, 1.0, 8))
    assert missed(gate.decide(perfect, gate.PROFILES["default"])) == ["test_images"]
    assert gate.decide(perfect, gate.PROFILES["demo"]).verdict == contract.VERDICT_PASS


def test_every_floor_has_a_pipeline_parameter_and_a_requirement() -> None:
    assert tuple(gate.FLOOR_PARAMETERS) == NAMES == tuple(gate.Floors.__dataclass_fields__)
    assert tuple(requirement.name for requirement in gate.decide(None, FLOORS).requirements) == NAMES

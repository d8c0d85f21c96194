# SPDX-License-Identifier: MIT-0
"""What mutation testing asked of the gate's tests: edges of ranges, and what stands beside a verdict."""

from dataclasses import replace
from typing import Any

import pytest

from pipeline_src import contract, gate, gate_thresholds
from pipeline_src.gate import GateRequirement
from tests.pipeline_src.gate.judged import FLOORS, NOTHING, changed, missed, report


def requirement(name: str, judged: dict[str, Any], floors: gate_thresholds.GateThresholds = FLOORS) -> GateRequirement:
    return next(each for each in gate.decide_verdict(judged, floors).requirements if each.name == name)


def test_the_evaluation_holds_verdict_reason_and_metadata_where_the_pipeline_looks_for_them() -> None:
    verdict = gate.decide_verdict(report(), FLOORS)
    paths = (contract.VERDICT_PATH, contract.REASON_PATH, contract.REQUIREMENT_PATH)
    assert set(verdict.as_json()) == {"requirements", "advice", *(path.removeprefix("gate.") for path in paths)}
    assert verdict.as_json()[contract.VERDICT_PATH.removeprefix("gate.")] == contract.VERDICT_PASS
    assert verdict.reason.startswith("Passed. balanced_accuracy: ")
    assert requirement("overconfidence", report()).as_json()["got_text"] == "0.15"


def test_the_worst_class_brings_its_interval_along_and_the_worst_subgroup_none_that_its_bound_is_no_end_of() -> None:
    judged = report()
    figure = {"value": 0.2, "lower": 0.1, "upper": 0.3, "images": 12}
    judged["per_class"]["vasc"] = {"sensitivity": figure, "test_images": 3}
    judged["subgroups"][0] |= {"ceiling": 0.3, "balanced_accuracy": figure, "attribute": "s" * 50, "group": "g" * 50}
    worst = requirement("class_sensitivity", judged)
    assert (worst.lower, worst.upper, worst.images, worst.place) == (0.1, 0.3, 12, "vasc")
    group = requirement("subgroup_balanced_accuracy", judged)
    assert (group.lower, group.upper, group.images, group.place) == (None, None, 12, f"{'s' * 40}: {'g' * 40}")
    assert requirement("test_images", judged).place == "vasc"


def test_a_class_without_a_count_and_a_subgroup_without_a_ceiling_are_the_worst_there_are() -> None:
    judged = report()
    judged["per_class"]["mel"]["test_images"] = 0
    judged["per_class"]["df"]["test_images"] = None
    judged["subgroups"] += [{"evaluable": True, "ceiling": None}]
    verdict = gate.decide_verdict(judged, NOTHING)
    assert missed(verdict) == ["test_images", "subgroup_balanced_accuracy"]
    assert "(df)" in verdict.reason


@pytest.mark.parametrize("end", ["lower", "upper"])
def test_a_difference_lies_between_minus_1_and_1_with_a_rounding_error_of_room(end: str) -> None:
    judged, name = report(), "champion_balanced_accuracy_loss"
    difference = judged["champion"]["balanced_accuracy"]["difference"]
    difference |= {"images": 40, end: 1.5}
    found = requirement(name, judged, NOTHING)
    assert (found.passed, found.got, found.images) == (False, None, 40)
    difference[end] = {"lower": -1 - 1e-9, "upper": 1 + 1e-9}[end]
    assert requirement(name, judged, NOTHING).passed


def test_a_share_of_1_has_a_rounding_error_of_room() -> None:
    assert requirement("balanced_accuracy", changed("balanced_accuracy", 1 + 1e-9)).passed


def test_a_count_is_below_a_million_millions() -> None:
    assert requirement("test_images", changed("test_images", 10**12 - 1)).passed
    for absurd in (10**12, 10**12 + 1):
        judged = report()
        for each in judged["per_class"].values():
            each["test_images"] = absurd
        assert requirement("test_images", judged).verdict == "not evaluable"


def test_what_is_excused_still_says_what_was_wanted() -> None:
    first = report() | {"champion": {"status": "absent"}, "subgroups": []}
    floors = replace(FLOORS, subgroup_balanced_accuracy=0)
    wanted = {name: requirement(name, first, floors).wanted_text for name in gate_thresholds.THRESHOLD_PARAMETERS}
    assert wanted["champion_balanced_accuracy_loss"] == "at most 0.05"
    assert wanted["subgroup_balanced_accuracy"] == "at least 0"


def test_a_reason_leaves_out_no_more_than_it_must() -> None:
    full = "Rejected. " + "x" * (gate.REASON_LENGTH - 10)
    assert gate._join_sentences("Rejected. ", ["x" * (gate.REASON_LENGTH - 10)]) == full
    for size in (90, 100, 110):
        kept = gate._join_sentences("Rejected. ", ["x" * size] * 20).count("x") // size
        more = "Rejected. " + "; ".join(["x" * size] * (kept + 1)) + f"; {19 - kept} more in report.html"
        assert len(more) > gate.REASON_LENGTH


def test_a_character_that_metadata_may_not_hold_becomes_one_dash() -> None:
    judged = report()
    judged["subgroups"][0]["group"] = "a;b"
    assert requirement("subgroup_balanced_accuracy", judged).metadata().endswith(" / sex: a-b")

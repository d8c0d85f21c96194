# SPDX-License-Identifier: MIT-0
"""What the gate makes of the champion and of the weakest subgroup."""

import math
from dataclasses import replace

import pytest

from pipeline_src import contract, gate
from tests.pipeline_src.gate.judged import FLOORS, PATHS, missed, report

NAMES = tuple(PATHS)


def test_the_first_model_has_no_champion_and_says_so() -> None:
    first = report() | {"champion": {"status": "absent"}}
    verdict = gate.decide_verdict(first, FLOORS)
    assert verdict.verdict == contract.VERDICT_PASS
    assert [each.verdict for each in verdict.requirements[-2:]] == ["no champion"] * 2
    assert "got nothing to compare" in verdict.reason


def test_a_comparison_that_somebody_switched_off_passes_and_does_not_read_as_a_first_model() -> None:
    verdict = gate.decide_verdict(report() | {"champion": {"status": "waived"}}, FLOORS)
    assert verdict.verdict == contract.VERDICT_PASS
    assert [each.verdict for each in verdict.requirements[-2:]] == ["not compared"] * 2


@pytest.mark.parametrize("status", ["refused", "compared", "", None, "Absent"])
def test_a_champion_that_was_not_compared_is_a_miss_unless_there_is_none(status: object) -> None:
    verdict = gate.decide_verdict(report() | {"champion": {"status": status}}, FLOORS)
    assert missed(verdict) == list(NAMES[-2:])


def test_an_invalid_margin_is_not_excused_by_the_lack_of_a_champion() -> None:
    floors = replace(FLOORS, champion_balanced_accuracy_loss=math.nan)
    verdict = gate.decide_verdict(report() | {"champion": {"status": "absent"}}, floors)
    assert missed(verdict) == ["champion_balanced_accuracy_loss"]


def test_the_loss_that_cannot_be_ruled_out_is_judged_and_not_the_loss_itself() -> None:
    better = report()
    better["champion"]["balanced_accuracy"]["difference"] = {"value": 0.02, "lower": -0.06, "upper": 0.1, "images": 40}
    verdict = gate.decide_verdict(better, FLOORS)
    assert missed(verdict) == ["champion_balanced_accuracy_loss"]
    assert "wanted at most 0.05, got 0.06 [-0.1 to 0.06, n 40]" in verdict.reason


def test_the_weakest_evaluable_subgroup_decides() -> None:
    groups = [
        {"attribute": "sex", "group": "male", "evaluable": True, "ceiling": 0.8},
        {"attribute": "sex", "group": "female", "evaluable": True, "ceiling": 0.3},
        {"attribute": "age", "group": "0 to 29", "evaluable": False, "ceiling": None},
    ]
    verdict = gate.decide_verdict(report() | {"subgroups": groups}, FLOORS)
    assert missed(verdict) == ["subgroup_balanced_accuracy"]
    assert "(sex: female)" in verdict.reason


def test_a_subgroup_that_does_not_say_whether_it_is_evaluable_counts() -> None:
    verdict = gate.decide_verdict(
        report() | {"subgroups": [{"attribute": "sex", "group": "male", "ceiling": 0.1}]}, FLOORS
    )
    assert missed(verdict) == ["subgroup_balanced_accuracy"]


def test_no_evaluable_subgroup_is_never_silently_passed() -> None:
    thin = report() | {"subgroups": [{"evaluable": False}]}
    assert missed(gate.decide_verdict(thin, FLOORS)) == ["subgroup_balanced_accuracy"]
    asked_for_none = gate.decide_verdict(thin, replace(FLOORS, subgroup_balanced_accuracy=0))
    assert {each.name: each.verdict for each in asked_for_none.requirements}[
        "subgroup_balanced_accuracy"
    ] == "not asked for"

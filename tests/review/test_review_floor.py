# SPDX-License-Identifier: MIT-0
"""Lowered floors and raised ceilings of the gate need attention."""

import pytest

from pipeline_src import gate_thresholds
from review.markdown import ReviewNote
from review.pipeline_diff import (
    CEILINGS,
    PipelineDefinition,
    gate_threshold_changes,
    is_gate_threshold,
    pipeline_definitions,
)
from tests.review.template import pipeline


def _with(name: str, value: float | None) -> PipelineDefinition:
    given = [] if value is None else [{"Name": name, "Type": "Float", "DefaultValue": value}]
    document = {"Version": "2020-12-01", "Parameters": given, "Steps": []}
    return pipeline_definitions({"Resources": {"Pipeline": pipeline(document)}})["Pipeline"]


@pytest.mark.parametrize(
    ("name", "old", "new", "words", "attention"),
    [
        ("GateOverconfidence", 0.15, 0.3, "the ceiling is raised from `0.15` to `0.3`", True),
        ("GateOverconfidence", 0.15, 0.1, "the ceiling is lowered from `0.15` to `0.1`", False),
        ("GateOverconfidence", 0.15, None, "the ceiling is removed; it was `0.15`", True),
        ("GateOverconfidence", None, 0.15, "new ceiling, `0.15`", False),
        ("GateChampionBalancedAccuracyLoss", 0.05, 0.2, "the ceiling is raised from `0.05` to `0.2`", True),
        ("GateMalignantSensitivity", 0.7, 0.6, "the floor is lowered from `0.7` to `0.6`", True),
        ("GateMalignantSensitivity", 0.7, 0.8, "the floor is raised from `0.7` to `0.8`", False),
        ("GateMalignantSensitivity", None, 0.7, "new floor, `0.7`", False),
    ],
)
def test_what_lets_worse_models_through_needs_attention(
    name: str, old: float | None, new: float | None, words: str, *, attention: bool
) -> None:
    assert gate_threshold_changes(_with(name, old), _with(name, new)) == [
        ReviewNote(f"`{name}`: {words}", needs_attention=attention)
    ]


def test_every_requirement_of_the_gate_is_known_to_the_review_the_right_way_round() -> None:
    assert {gate_thresholds.THRESHOLD_PARAMETERS[name] for name in gate_thresholds.UPPER_THRESHOLDS} == CEILINGS
    assert all(map(is_gate_threshold, gate_thresholds.THRESHOLD_PARAMETERS.values()))

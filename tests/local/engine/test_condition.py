# SPDX-License-Identifier: MIT-0
"""Every type of condition."""

from typing import Any

import pytest

from local.engine import pipeline_expressions
from local.engine.pipeline_expressions import EvaluationScope
from local.errors import DefinitionError, StepError

SCOPE = EvaluationScope({"Two": 2}, {})
TWO = {"Get": "Parameters.Two"}


def binary(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


def member(kind: str, value: Any, *values: Any) -> dict[str, Any]:
    return {"Type": kind, "QueryValue": value, "Values": list(values)}


TRUE = [
    binary("Equals", TWO, 2),
    binary("Equals", "pass", "pass"),
    binary("Equals", 2, 2.0),
    binary("NotEquals", "pass", "reject"),
    binary("GreaterThan", 3, TWO),
    binary("GreaterThanOrEqualTo", 2, TWO),
    binary("LessThan", 1.5, TWO),
    binary("LessThanOrEqualTo", 2.0, TWO),
    member("In", TWO, 1, 2),
    {"Type": "In", "Value": "a", "In": ["a", TWO]},
    member("NotIn", "b", "a", TWO),
    {"Type": "NotIn", "Value": "b", "In": ["a"]},
    {"Type": "Not", "Condition": binary("Equals", 1, 2)},
    {"Type": "Or", "Conditions": [binary("Equals", 1, 2), binary("Equals", 1, 1)]},
    {"Type": "Not", "Condition": {"Type": "Or", "Conditions": []}},
]
FALSE = [
    binary("Equals", TWO, 3),
    binary("Equals", left=True, right=1),
    binary("Equals", "2", 2),
    binary("NotEquals", TWO, 2),
    binary("GreaterThan", 2, TWO),
    binary("GreaterThanOrEqualTo", 1.99, TWO),
    binary("LessThan", 2, TWO),
    binary("LessThanOrEqualTo", 2.01, TWO),
    member("In", TWO, 1, 3),
    {"Type": "In", "QueryValue": True, "Values": [1]},
    {"Type": "In", "Value": "a", "In": []},
    member("NotIn", TWO, 2),
    {"Type": "Not", "Condition": binary("Equals", 1, 1)},
    {"Type": "Or", "Conditions": [binary("Equals", 1, 2), member("In", 1, 2)]},
    {"Type": "Or", "Conditions": []},
]


@pytest.mark.parametrize("test", TRUE)
def test_a_condition_holds(test: Any) -> None:
    pipeline_expressions.check_condition(test, "step 'Gate'")
    assert pipeline_expressions.evaluate_condition(test, SCOPE)


@pytest.mark.parametrize("test", FALSE)
def test_a_condition_does_not_hold(test: Any) -> None:
    pipeline_expressions.check_condition(test, "step 'Gate'")
    assert not pipeline_expressions.evaluate_condition(test, SCOPE)


def test_every_known_type_is_tested_both_ways() -> None:
    for tests in (TRUE, FALSE):
        assert {test["Type"] for test in tests} == set(pipeline_expressions.CONDITION_TYPES)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (binary("Matches", 1, 1), "condition type 'Matches' is unknown"),
        (binary("GreaterThen", 1, 1), "Did you mean 'GreaterThan'"),
        ({"Type": "And", "Conditions": []}, "condition type 'And' is unknown"),
        ({"LeftValue": 1, "RightValue": 1}, "condition type None is unknown"),
        ("Equals", "condition type None is unknown"),
        ({"Type": "Equals", "LeftValue": 1}, "It takes LeftValue, RightValue"),
        ({"Type": "In", "QueryValue": 1, "In": []}, "It takes QueryValue, Values or In, Value"),
        ({"Type": "Not", "Condition": {"Type": "Near"}}, "condition type 'Near' is unknown"),
        ({"Type": "Or", "Conditions": [{"Type": "Near"}]}, "condition type 'Near' is unknown"),
    ],
)
def test_an_unknown_condition_is_refused_by_name(test: Any, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        pipeline_expressions.check_condition(test, "step 'Gate'")
    assert said in str(caught.value)
    assert "step 'Gate'" in str(caught.value)


@pytest.mark.parametrize("value", ["2", None, True, [1]])
def test_what_has_no_order_is_not_compared_by_order(value: Any) -> None:
    with pytest.raises(StepError, match="is not a number"):
        pipeline_expressions.evaluate_condition(binary("GreaterThan", value, 1), SCOPE)

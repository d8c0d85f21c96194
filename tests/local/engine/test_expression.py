# SPDX-License-Identifier: MIT-0
"""The functions Get, Std:Join and Std:JsonGet."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.engine.pipeline_expressions import EvaluationScope, evaluate_expression, evaluate_partially, get_targets
from local.errors import DefinitionError, StepError
from tests.local.fake import json_get, uri_of

CARD = {"hyperparameters": {"num_training_samples": "42"}, "list": [{"a": 1.5}], "none": None}
OUTPUTS = {
    "Outputs": [
        {"OutputName": "x", "S3Output": {"S3Uri": "s3://b/x"}},
        {"OutputName": "out", "S3Output": {"S3Uri": "s3://b/o"}},
    ]
}
SCOPE = EvaluationScope(
    {"Epochs": 3, "Rate": 0.5, "Flag": True, "Name": "n"},
    {"PipelineExecutionId": "abc"},
    {"Prep": {"ProcessingOutputConfig": OUTPUTS, "List": [10, 20]}},
    lambda step, name: CARD if (step, name) == ("Prep", "Card") else None,
    lambda uri: {"uri": uri},
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Get": "Parameters.Epochs"}, 3),
        ({"Get": "Execution.PipelineExecutionId"}, "abc"),
        (uri_of("Prep"), "s3://b/o"),
        ({"Get": 'Steps.Prep.ProcessingOutputConfig.Outputs["x"].S3Output.S3Uri'}, "s3://b/x"),
        ({"Get": "Steps.Prep.ProcessingOutputConfig.Outputs[1].OutputName"}, "out"),
        ({"Get": "Steps.Prep.List[1]"}, 20),
        (
            {"Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.Epochs"}, {"Get": "Parameters.Rate"}]}},
            "a/3/0.5",
        ),
        ({"Std:Join": {"Values": [{"Get": "Parameters.Flag"}, "x"]}}, "truex"),
        ({"Std:Join": {"On": "-", "Values": [{"Std:Join": {"On": "", "Values": ["a", "b"]}}, "c"]}}, "ab-c"),
        (json_get("Prep", "Card", "hyperparameters.num_training_samples"), "42"),
        (json_get("Prep", "Card", "$.list[0].a"), 1.5),
        (json_get("Prep", "Card", "['list'][0]['a']"), 1.5),
        (json_get("Prep", "Card", "none"), None),
        ({"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "/", "Values": ["s3://b", "k"]}}, "Path": "uri"}}, "s3://b/k"),
        (
            [{"Get": "Parameters.Name"}, {"key": {"Get": "Parameters.Name"}}, "plain", 1],
            ["n", {"key": "n"}, "plain", 1],
        ),
        ({"Environment": {}}, {"Environment": {}}),
    ],
)
def test_an_expression_has_its_value(expression: Any, value: Any) -> None:
    assert evaluate_expression(expression, SCOPE) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ({"Get": "Parameters.Epoch"}, "Did you mean 'Epochs'"),
        ({"Get": "Steps.Pre.List"}, "Did you mean 'Prep'"),
        ({"Get": "Steps.Prep.List[2]"}, "no element 2 (there are 2)"),
        (uri_of("Prep", "ou"), "no 'ou' (there: x, out)"),
        ({"Get": "Secrets.Key"}, "unknown source"),
        ({"Std:Split": {"On": ","}}, "function 'Std:Split'"),
        ({"Std:Join": {"On": "", "Values": [["a"]]}}, "is neither a string nor a number"),
        ({"Std:JsonGet": {"PropertyFile": "Card", "Path": "a"}}, "is not valid"),
        ({"Get": "Execution.TrainingJob"}, "no such variable"),
    ],
)
def test_an_expression_that_leads_nowhere_is_refused_by_name(expression: Any, said: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        evaluate_expression(expression, SCOPE)
    assert said in str(caught.value)


def test_a_value_missing_from_a_property_file_fails_the_step_and_says_what_is_there() -> None:
    with pytest.raises(StepError) as caught:
        evaluate_expression(json_get("Prep", "Card", "hyperparameters.samples"), SCOPE)
    assert "property file Card of step Prep" in str(caught.value)
    assert "no 'samples' (there: num_training_samples)" in str(caught.value)


def test_before_the_run_only_what_waits_for_a_step_stays_unevaluated() -> None:
    value = {"a": {"Get": "Parameters.Epochs"}, "b": uri_of("Prep"), "c": [json_get("Prep", "Card", "x")]}
    assert evaluate_partially(value, SCOPE) == {"a": 3, "b": uri_of("Prep"), "c": [json_get("Prep", "Card", "x")]}


def test_all_gets_of_an_expression_are_found_however_deep() -> None:
    value = [{"Std:Join": {"On": "", "Values": [uri_of("A")]}}, {"x": json_get("B", "F", "p")}, {"Get": "Parameters.C"}]
    assert [target.split(".")[1] for target in get_targets(value)] == ["A", "B", "C"]


@given(st.lists(st.text(max_size=5) | st.integers() | st.booleans(), max_size=6), st.text(max_size=2))
def test_join_puts_the_separator_between_all_values_and_nowhere_else(values: list[Any], on: str) -> None:
    joined = evaluate_expression({"Std:Join": {"On": on, "Values": values}}, SCOPE)
    assert joined == on.join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)

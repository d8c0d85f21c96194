# SPDX-License-Identifier: MIT-0
"""A deployment chooses other defaults of parameters; what is no parameter, or does not fit one, is refused."""

import dataclasses
import json
import re

import pytest

from pipeline_src import contract
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from pipeline_src.definition.pipeline_parameters import PIPELINE_PARAMETERS, parameters_with_defaults


def test_without_other_defaults_the_parameters_are_as_they_ship() -> None:
    assert parameters_with_defaults({}) == PIPELINE_PARAMETERS


def test_a_deployments_defaults_reach_the_definition_and_change_nothing_else(rendered: str) -> None:
    other = definition_json(dataclasses.replace(OFFLINE_DEPLOYMENT, defaults={"Epochs": 5, "ClassBalance": "none"}))
    before, after = json.loads(rendered), json.loads(other)
    changed = {
        each["Name"]: each["DefaultValue"]
        for each, was in zip(after["Parameters"], before["Parameters"], strict=True)
        if each != was
    }
    assert changed == {"Epochs": 5, "ClassBalance": "none"}
    assert after["Steps"] == before["Steps"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Epoch", 5, "['Epoch']: unknown"),
        ("Epochs", "5", "'5' is no int"),
        ("Epochs", True, "True is no int"),
        ("LearningRate", 1, "1 is no float"),
        ("ClassBalance", "heavy", "none of ('none', 'repeat')"),
    ],
)
def test_a_default_that_does_not_fit_is_refused(name: str, value: str | float, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parameters_with_defaults({name: value})


def test_the_commit_is_noted_in_the_report_and_the_model_package_and_told_to_no_other_job(rendered: str) -> None:
    """A job that knew it would never come from the cache; Evaluate seldom does, as each execution makes a new model."""
    document = json.loads(rendered)
    users = [
        each["Name"]
        for each in document["Steps"]
        if f"Parameters.{contract.SOURCE_COMMIT_PARAMETER}" in json.dumps(each)
    ]
    assert users == [contract.EVALUATE_STEP, contract.GATE_STEP]
    (register,) = next(each for each in document["Steps"] if each["Name"] == contract.GATE_STEP)["Arguments"]["IfSteps"]
    noted = register["Arguments"]["CustomerMetadataProperties"][contract.METADATA_COMMIT]
    assert noted == {"Get": f"Parameters.{contract.SOURCE_COMMIT_PARAMETER}"}

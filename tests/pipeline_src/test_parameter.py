# SPDX-License-Identifier: MIT-0
"""A deployment chooses other defaults of parameters; what is no parameter, or does not fit one, is refused."""

import dataclasses
import json
import re

import pytest

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import offline_deployment
from pipeline_src.definition.pipeline_parameters import pipeline_parameters
from tests.pipeline_src.conftest import rendered_for

BUILTIN = "builtin_image_classification"


def test_an_algorithm_has_its_own_parameters_and_defaults_besides_those_of_all(
    algorithm: AlgorithmSpecification,
) -> None:
    declared = {each.name: each.default for each in pipeline_parameters(algorithm)}
    assert declared.items() >= algorithm.parameter_defaults.items()
    assert {each.name for each in algorithm.parameters} == set(algorithm.parameter_of_hyperparameter.values())
    others = {each.name for one in ALGORITHMS.values() if one is not algorithm for each in one.parameters}
    assert declared.keys() & others == {each.name for each in algorithm.parameters} & others


def test_a_deployments_defaults_reach_the_definition_and_change_nothing_else() -> None:
    chosen = {"Epochs": 5, "ClassBalance": "none"}
    other = definition_json(dataclasses.replace(offline_deployment(BUILTIN), defaults=chosen))
    before, after = json.loads(rendered_for(BUILTIN)), json.loads(other)
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
        pipeline_parameters(ALGORITHMS[BUILTIN], {name: value})


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

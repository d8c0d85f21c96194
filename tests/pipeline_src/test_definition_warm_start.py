# SPDX-License-Identifier: MIT-0
"""With warm start, Train has a channel for an earlier model, whose training images Preprocess checks."""

import json
from typing import Any

import pytest

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import ALGORITHMS
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from tests.pipeline_src.conftest import TUNING, rendered_for
from tests.pipeline_src.definition import check, walk
from tests.pipeline_src.test_definition_golden import differences, leaves

WARM = [each for each in ALGORITHMS.values() if each.warm_start != "never"]
MODEL = {"Get": f"Parameters.{contract.STARTING_MODEL_PARAMETER}"}
PACKAGE = {"Get": f"Parameters.{contract.STARTING_PACKAGE_PARAMETER}"}


@pytest.fixture(params=WARM, ids=lambda each: each.name)
def algorithm(request: pytest.FixtureRequest) -> AlgorithmSpecification:
    """Every algorithm that can start from an earlier model."""
    return request.param


@pytest.fixture
def warm(algorithm: AlgorithmSpecification) -> Any:
    """The definition with warm start."""
    return json.loads(rendered_for(algorithm.name, warm_start=True))


@pytest.fixture
def arguments(warm: dict[str, Any]) -> dict[str, Any]:
    """The arguments of its steps by name."""
    return {step["Name"]: step["Arguments"] for step in walk.steps(warm)}


def channels(train: dict[str, Any]) -> dict[str, Any]:
    return {each["ChannelName"]: each for each in train["InputDataConfig"]}


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("spot", [False, True])
def test_nothing_is_wrong_with_it(algorithm: AlgorithmSpecification, tuned: bool, spot: bool) -> None:  # noqa: FBT001  parametrized
    if tuned and spot:
        pytest.skip("refused")
    text = rendered_for(algorithm.name, spot=spot, tuning=TUNING if tuned else None, warm_start=True)
    document = json.loads(text)
    for each in document["Parameters"]:  # those that an execution has to give
        each.setdefault("DefaultValue", f"s3://local-runs/runs/0a1b/{each['Name']}")
    assert check.problems(document) == []


def test_train_has_the_model_as_one_more_channel_which_is_part_of_the_key_of_its_cache(
    algorithm: AlgorithmSpecification, arguments: dict[str, Any]
) -> None:
    train = arguments[contract.TRAIN_STEP]
    model = channels(train)[contract.MODEL_CHANNEL]
    assert model["DataSource"]["S3DataSource"]["S3Uri"] == MODEL
    assert model["ContentType"] == "application/x-sagemaker-model"
    plain = {step["Name"]: step["Arguments"] for step in json.loads(rendered_for(algorithm.name))["Steps"]}
    assert {**channels(train), contract.MODEL_CHANNEL: model} == {
        **channels(plain[contract.TRAIN_STEP]),
        contract.MODEL_CHANNEL: model,
    }


def test_each_job_of_a_tuning_has_the_channel(algorithm: AlgorithmSpecification) -> None:
    document = json.loads(rendered_for(algorithm.name, tuning=TUNING, warm_start=True))
    train = next(step["Arguments"] for step in document["Steps"] if step["Name"] == contract.TRAIN_STEP)
    found = channels(train["TrainingJobDefinition"])[contract.MODEL_CHANNEL]
    assert found["DataSource"]["S3DataSource"]["S3Uri"] == MODEL


def test_preprocess_gets_the_manifest_and_the_name_of_the_model(arguments: dict[str, Any]) -> None:
    preprocess = arguments[contract.PREPROCESS_STEP]
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in preprocess["ProcessingInputs"]}
    assert inputs[contract.STARTING_INPUT] == {"Get": f"Parameters.{contract.STARTING_MANIFEST_PARAMETER}"}
    words = preprocess["AppSpecification"]["ContainerArguments"]
    assert words[words.index("--starting-model") + 1] == MODEL


def test_report_and_model_package_name_the_package(arguments: dict[str, Any]) -> None:
    noted = {"Std:Join": {"On": "=", "Values": [contract.STARTING_PACKAGE_PARAMETER, PACKAGE]}}
    assert noted in arguments[contract.EVALUATE_STEP]["AppSpecification"]["ContainerArguments"]
    register = next(each for name, each in arguments.items() if name.startswith(contract.REGISTER_STEP))
    assert register["CustomerMetadataProperties"][contract.METADATA_START] == PACKAGE


def test_nothing_else_differs(algorithm: AlgorithmSpecification, warm: dict[str, Any]) -> None:
    plain = {step["Name"]: step for step in walk.steps(json.loads(rendered_for(algorithm.name)))}
    changed = {
        step["Name"]
        for step in walk.steps(warm)
        if step["Name"] != contract.GATE_STEP and differences(leaves(step), leaves(plain[step["Name"]]))
    }
    steps = (contract.PREPROCESS_STEP, contract.TRAIN_STEP, contract.EVALUATE_STEP)
    assert {name for name in changed if not name.startswith(contract.REGISTER_STEP)} == set(steps)


def test_without_a_model_the_parameters_name_the_absent_object_or_have_to_be_given(
    algorithm: AlgorithmSpecification, warm: dict[str, Any]
) -> None:
    declared = {each["Name"]: each for each in warm["Parameters"]}
    for name in (contract.STARTING_MODEL_PARAMETER, contract.STARTING_MANIFEST_PARAMETER):
        default = declared[name].get("DefaultValue")
        assert default == (OFFLINE_DEPLOYMENT.absent if algorithm.warm_start == "optional" else None)
    assert declared[contract.STARTING_PACKAGE_PARAMETER]["DefaultValue"] == contract.NO_PACKAGE


def test_parameters_that_mean_nothing_then_are_gone(algorithm: AlgorithmSpecification, warm: dict[str, Any]) -> None:
    plain = {each["Name"] for each in json.loads(rendered_for(algorithm.name))["Parameters"]}
    assert plain - {each["Name"] for each in warm["Parameters"]} == set(algorithm.unused_when_warm)


def test_a_training_from_another_model_has_checkpoints_of_its_own(algorithm: AlgorithmSpecification) -> None:
    document = json.loads(rendered_for(algorithm.name, spot=True, warm_start=True))
    train = next(step["Arguments"] for step in document["Steps"] if step["Name"] == contract.TRAIN_STEP)
    assert MODEL in [value for _, value in walk.places(train["CheckpointConfig"])]


@pytest.mark.parametrize("name", [each.name for each in ALGORITHMS.values() if each not in WARM])
def test_an_algorithm_that_takes_no_model_refuses_with_its_reason(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^warm_start and {name}: .*convex problem.* Give False\.$"):
        rendered_for(name, warm_start=True)

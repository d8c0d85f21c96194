# SPDX-License-Identifier: MIT-0
"""Definitions of the SageMaker pipeline are compared by meaning."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from review.pipeline_diff import PipelineChange, PipelineDefinition, compare_pipelines, pipeline_definitions
from tests.review.template import pipeline

Document = dict[str, Any]
GATE = {"Type": "Equals", "LeftValue": {"Get": "Steps.Train.Verdict"}, "RightValue": "pass"}
DOCUMENT: Document = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "TrainInstanceType", "Type": "String", "DefaultValue": "ml.g4dn.xlarge"},
        {"Name": "GateMelanomaSensitivity", "Type": "Float", "DefaultValue": 0.8},
        {"Name": "ModelApprovalStatus", "Type": "String", "DefaultValue": "PendingManualApproval"},
    ],
    "Steps": [
        {"Name": "Preprocess", "Type": "Processing", "Arguments": {"AppSpecification": {"ImageUri": "IMAGE"}}},
        {
            "Name": "Train",
            "Type": "Training",
            "CacheConfig": {"Enabled": True},
            "Arguments": {
                "HyperParameters": {"epochs": "30"},
                "ResourceConfig": {"InstanceType": {"Get": "Parameters.TrainInstanceType"}, "InstanceCount": 1},
                "InputDataConfig": [{"ChannelName": "train", "S3Uri": {"Get": "Steps.Preprocess.Uri"}}],
                "OutputDataConfig": {"KmsKeyId": "key"},
                "EnableNetworkIsolation": True,
                "Floor": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.GateMelanomaSensitivity"}]}},
            },
        },
        {
            "Name": "Gate",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [GATE],
                "IfSteps": [{"Name": "Register", "Type": "RegisterModel"}],
                "ElseSteps": [],
            },
        },
    ],
}


def defined(document: Document) -> PipelineDefinition:
    return pipeline_definitions({"Resources": {"Pipeline": pipeline(document)}})["Pipeline"]


def change(edit: Callable[[Document], object]) -> PipelineChange:
    new = copy.deepcopy(DOCUMENT)
    edit(new)
    return compare_pipelines("Training/Pipeline", defined(DOCUMENT), defined(new))


def arguments(document: Document) -> Document:
    given: Document = document["Steps"][1]["Arguments"]
    return given


def texts(edit: Callable[[Document], object]) -> list[str]:
    return [each.text for each in change(edit).notes]


def test_a_definition_cut_up_by_functions_is_read_and_equal_ones_have_no_change() -> None:
    assert [*defined(DOCUMENT).steps] == ["Preprocess", "Train", "Gate", "Register"]
    assert change(lambda _: None).notes == []


def test_the_order_of_steps_and_parameters_is_ignored() -> None:
    def edit(document: Document) -> None:
        document["Steps"].reverse()
        document["Parameters"].reverse()

    assert change(edit).notes == []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda d: d["Parameters"][0].update(DefaultValue="ml.g5.xlarge"),
            "`TrainInstanceType`: default `ml.g4dn.xlarge` → `ml.g5.xlarge`; read by `Train`",
        ),
        (
            lambda d: d["Parameters"].append({"Name": "Spot", "DefaultValue": False}),
            "`Spot` is new, by default `false`",
        ),
        (lambda d: arguments(d)["ResourceConfig"].update(InstanceCount=2), "`Train`: instance count: `1` → `2`"),
        (
            lambda d: arguments(d)["ResourceConfig"].update(InstanceType="ml.p3"),
            "`Train`: instance type: `{Parameters.TrainInstanceType}` → `ml.p3`",
        ),
        (lambda d: arguments(d)["HyperParameters"].update(epochs="5"), "`Train`: hyperparameter `epochs`: `30` → `5`"),
        (
            lambda d: arguments(d)["HyperParameters"].update(momentum="0.9"),
            "`Train`: hyperparameter `momentum`: now `0.9`",
        ),
        (lambda d: d["Steps"][1]["CacheConfig"].update(Enabled=False), "`Train`: caching `Enabled`: `true` → `false`"),
        (
            lambda d: arguments(d)["InputDataConfig"].append({"ChannelName": "validation"}),
            '`Train`: input `InputDataConfig[validation]`: now `{"ChannelName": "validation"}`',
        ),
        (
            lambda d: d["Steps"].append({"Name": "Score", "Type": "Transform", "DependsOn": ["Train"]}),
            "`Score`: this step is new, of type `Transform`; it waits for `Train`",
        ),
        (lambda d: d["Steps"][1].update(DependsOn=["Other"]), "`Train`: now waits for `Other`"),
    ],
)
def test_each_kind_of_change_is_described_once_and_needs_no_attention(
    edit: Callable[[Document], object], words: str
) -> None:
    assert texts(edit) == [words]
    assert change(edit).attention == []


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda d: d["Parameters"][1].update(DefaultValue=0.6),
            "`GateMelanomaSensitivity`: the floor is lowered from `0.8` to `0.6`",
        ),
        (lambda d: d["Parameters"].pop(1), "`GateMelanomaSensitivity`: the floor is removed; it was `0.8`"),
        (lambda d: arguments(d).pop("Floor"), "`GateMelanomaSensitivity`: no step reads it any more"),
        (
            lambda d: d["Parameters"][2].update(DefaultValue="Approved"),
            "`ModelApprovalStatus`: default `PendingManualApproval` → `Approved`",
        ),
        (lambda d: d["Steps"].pop(0), "`Preprocess`: this step is removed"),
        (lambda d: arguments(d).update(EnableNetworkIsolation=False), "`Train`: network isolation: `true` → `false`"),
        (
            lambda d: arguments(d).pop("OutputDataConfig"),
            '`Train`: output `OutputDataConfig`: `{"KmsKeyId": "key"}` is removed',
        ),
        (lambda d: arguments(d)["OutputDataConfig"].pop("KmsKeyId"), "`Train`: encryption key: `key` is removed"),
        (
            lambda d: d["Steps"][2]["Arguments"]["Conditions"][0].update(RightValue="fail"),
            "`Gate`: condition `[0].RightValue`: `pass` → `fail`",
        ),
        (
            lambda d: d["Steps"].append(d["Steps"][2]["Arguments"]["IfSteps"].pop()),
            "`Register`: moved from `Gate (if)` to the top",
        ),
    ],
)
def test_a_weakened_gate_or_isolation_needs_attention(edit: Callable[[Document], object], words: str) -> None:
    assert words in [each.text for each in change(edit).attention]


def test_a_parameter_as_text_is_the_parameter_and_an_expression_is_readable() -> None:
    number = {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.TrainInstanceType"}]}}
    assert texts(lambda d: arguments(d)["ResourceConfig"].update(InstanceType=number)) == []
    got = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Preprocess.PropertyFiles.Card"}, "Path": "size"}}
    told = texts(
        lambda d: arguments(d)["HyperParameters"].update(epochs={"Std:Join": {"On": "/", "Values": ["a", got]}})
    )
    assert told == ["`Train`: hyperparameter `epochs`: `30` → `a/{Steps.Preprocess.PropertyFiles.Card}#size`"]


def test_a_raised_floor_is_listed_among_the_thresholds_and_needs_no_attention() -> None:
    raised = change(lambda d: d["Parameters"][1].update(DefaultValue=0.9))
    assert [each.text for each in raised.thresholds] == [
        "`GateMelanomaSensitivity`: the floor is raised from `0.8` to `0.9`"
    ]
    assert raised.attention == []
    assert raised.parameters == ()


def test_a_new_pipeline_is_described_and_a_removed_one_needs_attention() -> None:
    new = compare_pipelines("P", None, defined(DOCUMENT))
    assert "4 steps (`Preprocess`, `Train`, `Gate`, `Register`)" in new.whole[0].text
    assert len(new.thresholds) == 1
    assert new.attention == []
    assert compare_pipelines("P", defined(DOCUMENT), None).attention


def test_a_definition_outside_the_template_is_reported_as_not_compared() -> None:
    old, new = (
        pipeline_definitions(
            {
                "Resources": {
                    "P": {"Type": "AWS::SageMaker::Pipeline", "Properties": {"PipelineDefinition": {"Key": key}}}
                }
            }
        )["P"]
        for key in "ab"
    )
    assert "not compared" in compare_pipelines("P", old, new).attention[0].text
    assert compare_pipelines("P", old, old).notes == []

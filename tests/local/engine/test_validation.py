# SPDX-License-Identifier: MIT-0
"""The validation of a pipeline definition."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.aws.s3_store import LocalHome
from local.console.step_progress import ProgressReporter
from local.engine import definition_validation
from local.engine.pipeline_engine import ExecutionPlan, PipelineEngine
from local.errors import DefinitionError, UsageError
from tests.local.fake import (
    ALGORITHM,
    IMAGE,
    FakeRunner,
    definition,
    engine,
    equals,
    fail,
    gate,
    json_get,
    processing,
    uri_of,
)

TRAIN: dict[str, Any] = {
    "Name": "Train",
    "Type": "Training",
    "Arguments": {
        "AlgorithmSpecification": {"TrainingImage": ALGORITHM, "TrainingInputMode": "File"},
        "HyperParameters": {"epochs": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}}},
        "OutputDataConfig": {"S3OutputPath": "s3://b/train"},
        "ResourceConfig": {"InstanceCount": {"Get": "Parameters.Count"}, "InstanceType": "ml.g4dn.xlarge"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
    },
}
BASE = definition(
    processing("A", files={"Card": ("out", "card.json")}),
    TRAIN,
    processing("B", inputs={"a": uri_of("A")}),
    gate("G", [equals(json_get("A", "Card", "x"), 1)], [processing("C", inputs={"b": uri_of("B")})], [fail("F", "no")]),
    parameters=[
        {"Name": "Epochs", "Type": "Integer", "DefaultValue": 1},
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
    ],
)


def test_the_definition_that_the_mistakes_below_are_seeded_in_is_right() -> None:
    assert list(definition_validation.parse_definition(copy.deepcopy(BASE)).steps) == ["A", "Train", "B", "G", "C", "F"]


def step(document: Any, index: int) -> Any:
    return document["Steps"][index]["Arguments"]


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    """Return what sets the value at `path` of a document."""

    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        if path[-1] == "+":
            document.append(value)
        else:
            document[path[-1]] = value

    return change


A = ("Steps", 0)
T = ("Steps", 1, "Arguments")
IN = ("Steps", 2, "Arguments", "ProcessingInputs", 0, "S3Input")
IF = ("Steps", 3, "Arguments", "IfSteps")
MISTAKES = {
    "type 'EMR' is not supported": put(*A, "Type", value="EMR"),
    "pipeline definition.Version: '2030-01-01'": put("Version", value="2030-01-01"),
    "pipeline definition.Triggers: not supported": put("Triggers", value=[]),
    "pipeline definition.Steps[0].Retries: not supported by the local engine. Did you mean 'RetryPolicies'": put(
        *A, "Retries", value=1
    ),
    "Train.WarmPoolStatus: not supported by the local engine": put(*T, "WarmPoolStatus", value={}),
    "Train.AlgorithmSpecification.TrainingInputMode: 'Pipe'": put(
        *T, "AlgorithmSpecification", "TrainingInputMode", value="Pipe"
    ),
    "B.ProcessingInputs[0].S3Input.S3DataType: 'ManifestFile'": put(*IN, "S3DataType", value="ManifestFile"),
    "B.ProcessingInputs[0].S3Input.S3Url": put(*IN, "S3Url", value="x"),
    "A.AppSpecification.ContainerArguments[0]: 3 is not a string": put(
        *A, "Arguments", "AppSpecification", "ContainerArguments", value=[3]
    ),
    "Train.HyperParameters.epochs: 3 is not a string": put(*T, "HyperParameters", "epochs", value=3),
    "A.StoppingCondition.MaxRuntimeInSeconds: 0": put(
        *A, "Arguments", "StoppingCondition", value={"MaxRuntimeInSeconds": 0}
    ),
    "function 'Std:Split'": put(*T, "HyperParameters", "epochs", value={"Std:Split": {}}),
    "Std:Join: field 'Sep' is not supported": put(
        *T, "HyperParameters", "epochs", value={"Std:Join": {"Sep": "", "Values": []}}
    ),
    "no parameter 'Epoch'. Did you mean 'Epochs'": put(
        *T, "HyperParameters", "epochs", value={"Get": "Parameters.Epoch"}
    ),
    "no execution variable 'Id'": put(*T, "HyperParameters", "epochs", value={"Get": "Execution.Id"}),
    "no step 'Z'": put(*IN, "S3Uri", value=uri_of("Z")),
    "no 'outt' (there: out)": put(*IN, "S3Uri", value=uri_of("A", "outt")),
    "no property file of step 'A' 'Cart'": put(*IN, "S3Uri", value=json_get("A", "Cart", "x")),
    "takes Path and one of PropertyFile and S3Uri": put(*IN, "S3Uri", value={"Std:JsonGet": {"Path": "x"}}),
    "property file 'Card': no output 'oot'": put(*A, "PropertyFiles", 0, "OutputName", value="oot"),
    "two steps have this name": put("Steps", "+", value=processing("A")),
    "they wait for each other": put(*A, "DependsOn", value=["B"]),
    "no step 'Y'": put(*A, "DependsOn", value=["Y"]),
    "depends on condition 'G'": put("Steps", "+", value=processing("D", DependsOn=["G"])),
    "needs 'C', which runs only in a branch of 'G'": put("Steps", "+", value=processing("D", DependsOn=["C"])),
    "needs 'F', which runs only in a branch of 'G'": put(*IF, 0, "DependsOn", value=["F"]),
    "type 'Magic' is not supported": put(*IF, 0, "Type", value="Magic"),
    "condition type 'Near'": put("Steps", 3, "Arguments", "Conditions", 0, "Type", value="Near"),
    "a Processing step cannot retry on 'Any.ERROR'": put(*A, "RetryPolicies", value=[{"ExceptionType": ["Any.ERROR"]}]),
    "Steps[0].RetryPolicies[0].ExpireAfterMin: not supported": put(
        *A, "RetryPolicies", value=[{"ExceptionType": [], "ExpireAfterMin": 5}]
    ),
    "Steps[0].RetryPolicies[0].MaxAttempts: 21 is not a whole number from 0 to 20": put(
        *A, "RetryPolicies", value=[{"MaxAttempts": 21}]
    ),
    "a Condition step takes no RetryPolicies": put("Steps", 3, "RetryPolicies", value=[{"MaxAttempts": 1}]),
    "a Condition step is never cached": put("Steps", 3, "CacheConfig", value={"Enabled": True}),
    "'30 days' is not an ISO 8601 duration": put(*A, "CacheConfig", value={"Enabled": True, "ExpireAfter": "30 days"}),
    "pipeline definition.Steps: an empty list": put("Steps", value=[]),
    "pipeline definition.Steps[0].Arguments: None is not an object": put(*A, "Arguments", value=None),
}


COND = ("Steps", 3, "Arguments", "Conditions")
SPEC = (*A, "Arguments", "AppSpecification")
OUT = (*A, "Arguments", "ProcessingOutputConfig", "Outputs", 0)
JOIN = (*T, "HyperParameters", "epochs")
STRUCTURE = {
    "pipeline definition.Steps[0]: 'A' is not an object": put(*A, value="A"),
    "pipeline definition.Steps: {'A': {}} is not a list": put("Steps", value={"A": {}}),
    "pipeline definition.Parameters: {'Epochs': 1} is not a list": put("Parameters", value={"Epochs": 1}),
    "pipeline definition.Steps[0].DependsOn: 'B' is not a list": put(*A, "DependsOn", value="B"),
    "Steps[0].DependsOn[0]: {'Get': 'Steps.B'} is not a string": put(*A, "DependsOn", value=[{"Get": "Steps.B"}]),
    "pipeline definition.Steps[0].CacheConfig: True is not an object": put(*A, "CacheConfig", value=True),
    "Steps[0].CacheConfig.Enabled: 'yes' is not true or false": put(*A, "CacheConfig", value={"Enabled": "yes"}),
    "pipeline definition.Steps[0].RetryPolicies: {} is not a list": put(*A, "RetryPolicies", value={}),
    "RetryPolicies[0].ExceptionType: 'x' is not a list": put(*A, "RetryPolicies", value=[{"ExceptionType": "x"}]),
    "RetryPolicies[0].BackoffRate: 'fast' is not a number": put(*A, "RetryPolicies", value=[{"BackoffRate": "fast"}]),
    "BackoffRate 1000: the local engine takes 0 to 100": put(*A, "RetryPolicies", value=[{"BackoffRate": 1000}]),
    "pipeline definition.Parameters[0]: no Name": put("Parameters", 0, value={"Type": "Integer"}),
    "pipeline definition.Parameters[0]: 'Epochs' is not an object": put("Parameters", 0, value="Epochs"),
    "parameter 'Epochs': two parameters have this name": put("Parameters", "+", value={"Name": "Epochs"}),
    "pipeline definition.Steps[0]: no Name": put(*A, value={"Type": "Fail", "Arguments": {}}),
    "pipeline definition.Steps[0].Name: 3 is not a string": put(*A, "Name", value=3),
    "pipeline definition.Steps[0].Name: '../../x': the service takes": put(*A, "Name", value="../../x"),
    "pipeline definition.Steps[0].Name: 'a.b': the service takes": put(*A, "Name", value="a.b"),
    "pipeline definition.Steps[0].Name: '': the service takes": put(*A, "Name", value=""),
    "pipeline definition.Steps[0]: no Type": put(*A, value={"Name": "A", "Arguments": {}}),
    "pipeline definition.Steps[3].Arguments.IfSteps: 'C' is not a list": put(*IF, value="C"),
    "pipeline definition.Steps[3].Arguments.IfSteps[0]: None is not": put(*IF, 0, value=None),
    "Steps[3].Arguments.IfSteps[0].Name: '/x': the service takes": put(*IF, 0, "Name", value="/x"),
    "Steps[0].PropertyFiles[0]: no PropertyFileName": put(*A, "PropertyFiles", 0, value={"OutputName": "out"}),
    "PropertyFiles[0].FilePath: '../x': not a path below": put(*A, "PropertyFiles", 0, "FilePath", value="../x"),
    "G.Conditions: an empty list": put(*COND, value=[]),
    "G: no Conditions": put("Steps", 3, "Arguments", value={"IfSteps": [], "ElseSteps": []}),
    "condition Equals: [1] is neither a single value nor a function": put(*COND, 0, "RightValue", value=[1]),
    "condition LessThan: 'a' is not a number": put(
        *COND, value=[{"Type": "LessThan", "LeftValue": "a", "RightValue": 1}]
    ),
    "condition In: Values 'ab' is not a list": put(*COND, value=[{"Type": "In", "QueryValue": "a", "Values": "ab"}]),
    "Std:Join: Values None is not a list": put(*JOIN, value={"Std:Join": {"On": "/"}}),
    "Std:Join: Values 'ab' is not a list": put(*JOIN, value={"Std:Join": {"On": "/", "Values": "ab"}}),
    "Std:Join: On 1 is not a string": put(*JOIN, value={"Std:Join": {"On": 1, "Values": []}}),
    "Std:Join: None is neither a string nor": put(*JOIN, value={"Std:Join": {"Values": [None]}}),
    "Std:Join [] is not an object": put(*JOIN, value={"Std:Join": []}),
    "function 'Std:Join' stands in one object with 'x'": put(*JOIN, value={"Std:Join": {"Values": []}, "x": 1}),
    "Get 3 is not a string": put(*JOIN, value={"Get": 3}),
    "step 'Train': no step ''": put(*JOIN, value={"Get": "Steps"}),
    "Get 'Epochs': unknown source": put(*JOIN, value={"Get": "Epochs"}),
    "Std:JsonGet: Path 3 is not a string": put(*IN, "S3Uri", value=json_get("A", "Card", 3)),  # type: ignore[arg-type]
    "Std:JsonGet: Path 'a..b' is not a valid path": put(*IN, "S3Uri", value=json_get("A", "Card", "a..b")),
    "Get Steps.A.PropertyFiles.Card: no 'PropertyFiles'": put(
        *IN, "S3Uri", value={"Get": "Steps.A.PropertyFiles.Card"}
    ),
    "Get Steps.A.AppSpecification.Image: no 'Image'": put(
        *IN, "S3Uri", value={"Get": "Steps.A.AppSpecification.Image"}
    ),
    "Get Steps.A.: '' is an empty path": put(*IN, "S3Uri", value={"Get": "Steps.A"}),
    "S3Uri.Get: no 'Get' (there is the value '')": put(
        *IN, "S3Uri", value={"Get": "Steps.A.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri.Get"}
    ),
    "A: no AppSpecification": put(*A, "Arguments", value={}),
    "A.AppSpecification: no ImageUri": put(*SPEC, value={"ContainerEntrypoint": ["x"]}),
    "A.AppSpecification.ImageUri: 'python:3': the code of this image": put(*SPEC, "ImageUri", value="python:3"),
    "A.AppSpecification: 'x' is not an object": put(*SPEC, value="x"),
    "A.AppSpecification: Get cannot stand for an object": put(*SPEC, value={"Get": "Parameters.Epochs"}),
    "B.ProcessingInputs[0].S3Input.S3Uri: 'https://a/b': is not an S3 URI": put(*IN, "S3Uri", value="https://a/b"),
    "B.ProcessingInputs[0].S3Input.S3Uri: 's3://a/../b': is not an S3 URI": put(*IN, "S3Uri", value="s3://a/../b"),
    "S3Output.LocalPath: '/etc': must be below /opt/ml/processing": put(*OUT, "S3Output", "LocalPath", value="/etc"),
    "A.ProcessingOutputConfig.Outputs[0].OutputName: {'Get'": put(
        *OUT, "OutputName", value={"Get": "Parameters.Epochs"}
    ),
    "A.Environment: name 'a=b': the service takes letters": put(*A, "Arguments", "Environment", value={"a=b": "1"}),
    "Train.OutputDataConfig: no S3OutputPath": put(*T, "OutputDataConfig", value={}),
    "Train.InputDataConfig[0].ChannelName: '..': the service takes": put(
        *T, "InputDataConfig", value=[{"ChannelName": "..", "DataSource": {"S3DataSource": {"S3Uri": "s3://a/b"}}}]
    ),
    "Train.InputDataConfig[0]: no DataSource": put(*T, "InputDataConfig", value=[{"ChannelName": "a"}]),
    "Train.ResourceConfig.InstanceCount: True": put(*T, "ResourceConfig", "InstanceCount", value=True),
    "a Training step has no property files": put(
        "Steps", 1, "PropertyFiles", value=[{"PropertyFileName": "X", "OutputName": "out", "FilePath": "x"}]
    ),
    "nested in more than 60 levels": put("Metadata", value=json.loads("[" * 70 + "]" * 70)),
    "nan: not a number of JSON": put("Metadata", value={"a": float("nan")}),
    r"'\ud800': not a text that can be passed on": put(*JOIN, value="\ud800"),
    r"'a\x00b': not a text that can be passed on": put(*JOIN, value="a\0b"),
}


@pytest.mark.parametrize("said", STRUCTURE)
def test_a_malformed_definition_is_refused_with_the_path_of_the_place(said: str) -> None:
    document = copy.deepcopy(BASE)
    STRUCTURE[said](document)
    with pytest.raises(DefinitionError) as caught:
        definition_validation.parse_definition(document)
    assert said in str(caught.value), str(caught.value)


@pytest.mark.parametrize("document", [None, [], "Steps", 3, {}, {"Steps": None}])
def test_what_is_no_definition_is_refused(document: Any) -> None:
    with pytest.raises(DefinitionError, match=r"^pipeline definition"):
        definition_validation.parse_definition(document)


@pytest.mark.parametrize(
    "group", ["../../x", "/tmp/x", "a/b", "", "arn:aws:sagemaker:us-east-1:1:model-package-group/x"]
)
def test_a_group_whose_name_is_no_name_is_refused(group: str) -> None:
    container = {"Image": ALGORITHM, "ModelDataUrl": "s3://b/model.tar.gz"}
    arguments = {"ModelPackageGroupName": group, "InferenceSpecification": {"Containers": [container]}}
    register = {"Name": "R", "Type": "RegisterModel", "Arguments": arguments}
    with pytest.raises(DefinitionError, match=r"^R.ModelPackageGroupName: .*the service takes 1 to 63 letters"):
        definition_validation.parse_definition(definition(register))


def test_a_model_in_an_image_without_a_model_server_is_refused() -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"}
    model = {"Name": "M", "Type": "Model", "Arguments": {"PrimaryContainer": container}}
    with pytest.raises(DefinitionError, match=r"^M.PrimaryContainer.Image: .*: this image has no model server"):
        definition_validation.parse_definition(definition(model))


@pytest.mark.parametrize("name", ["../x", "a_b", "-a", "", "x" * 257])
def test_a_pipeline_whose_name_is_no_name_is_refused(home: Path, name: str) -> None:
    plan = ExecutionPlan(definition_validation.parse_definition(copy.deepcopy(BASE)), {"Epochs": 1, "Count": 1}, name)
    with pytest.raises(UsageError, match="the service takes 1 to 256 letters"):
        PipelineEngine(plan, LocalHome(home), FakeRunner(), ProgressReporter())
    assert not home.exists()


@pytest.mark.parametrize("said", MISTAKES)
def test_a_mistake_is_refused_and_named(said: str) -> None:
    document = copy.deepcopy(BASE)
    MISTAKES[said](document)
    with pytest.raises(DefinitionError) as caught:
        definition_validation.parse_definition(document)
    assert said in str(caught.value), str(caught.value)


def test_an_argument_whose_value_comes_from_a_parameter_is_checked_before_anything_runs(home: Path) -> None:
    runner = FakeRunner()
    with pytest.raises(DefinitionError, match="the local engine trains on one host"):
        engine(copy.deepcopy(BASE), home, runner, given={"Count": 2})
    assert not home.exists()

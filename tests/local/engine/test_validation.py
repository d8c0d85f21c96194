# SPDX-License-Identifier: MIT-0
"""The validation of a pipeline definition."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.engine import definition_validation
from local.errors import DefinitionError
from tests.local.fake import ALGORITHM, FakeRunner, definition, engine, equals, fail, gate, json_get, processing, uri_of

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
    "Version '2030-01-01'": put("Version", value="2030-01-01"),
    "field 'Triggers' is not supported": put("Triggers", value=[]),
    "field 'Retries' is not supported": put(*A, "Retries", value=1),
    "Train.WarmPoolStatus: argument not supported by the local engine": put(*T, "WarmPoolStatus", value={}),
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
    "cannot retry by 'ExpireAfterMin'": put(*A, "RetryPolicies", value=[{"ExceptionType": [], "ExpireAfterMin": 5}]),
    "MaxAttempts 21: the service takes 0 to 20": put(*A, "RetryPolicies", value=[{"MaxAttempts": 21}]),
    "a Condition step takes no RetryPolicies": put("Steps", 3, "RetryPolicies", value=[{"MaxAttempts": 1}]),
    "a Condition step is never cached": put("Steps", 3, "CacheConfig", value={"Enabled": True}),
    "'30 days' is not an ISO 8601 duration": put(*A, "CacheConfig", value={"Enabled": True, "ExpireAfter": "30 days"}),
    "no Steps": put("Steps", value=[]),
    "no Arguments": put(*A, "Arguments", value=None),
}


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

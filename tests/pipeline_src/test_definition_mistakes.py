# SPDX-License-Identifier: MIT-0
"""Each kind of mistake is seeded once into the definition, and the checker says where and what."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.pipeline_src.definition import check, walk

Document = dict[str, Any]


def at(path: str, value: Any) -> Callable[[Document], None]:
    """Return a mistake: the place `path`, which starts with a step's name or ``Parameters``, becomes `value`."""

    def seed(document: Document) -> None:
        holder, key = place(document, path)
        holder[key] = value

    return seed


def gone(path: str) -> Callable[[Document], None]:
    """Return a mistake: the place `path` is not there."""

    def seed(document: Document) -> None:
        holder, key = place(document, path)
        del holder[key]

    return seed


def more(path: str, value: Any = None) -> Callable[[Document], None]:
    """Return a mistake: the list at `path` holds `value`, or its first element once more."""

    def seed(document: Document) -> None:
        holder, key = place(document, path)
        holder[key].append(holder[key][0] if value is None else value)

    return seed


def place(document: Document, path: str) -> tuple[Any, Any]:
    """Return the dictionary or list that holds the place `path`, and its key there."""
    steps = {step["Name"]: step for step in walk.steps(document)}
    first, *_ = *keys, last = path.split("/")
    holder: Any = steps if first in steps else document
    for key in keys:
        holder = holder[int(key) if isinstance(holder, list) else key]
    return holder, int(last) if isinstance(holder, list) else last


TRAIN, PRE, SCORE, EVAL = "Train/Arguments/", "Preprocess/Arguments/", "Score/Arguments/", "Evaluate/Arguments/"
OUTPUTS = PRE + "ProcessingOutputConfig/Outputs"
VERDICT = "Gate/Arguments/Conditions/0/"
TRAIN_URI = TRAIN + "InputDataConfig/0/DataSource/S3DataSource/S3Uri"

# What botocore refuses before it sends anything.
TYPES = {
    "misspelt argument": (at(TRAIN + "HyperParameter", {}), "Unknown parameter in input"),
    "missing role": (gone(TRAIN + "RoleArn"), "Missing required parameter"),
    "missing image": (gone(PRE + "AppSpecification/ImageUri"), "Missing required parameter"),
    "number where a text belongs": (
        at(TRAIN + "HyperParameters/epochs", {"Get": "Parameters.Epochs"}),
        "Invalid type",
    ),
    "text where a number belongs": (at(TRAIN + "ResourceConfig/VolumeSizeInGB", "30"), "Invalid type"),
    "text where a list belongs": (at(PRE + "AppSpecification/ContainerEntrypoint", "python"), "Invalid type"),
    "no volume": (at(PRE + "ProcessingResources/ClusterConfig/VolumeSizeInGB", 0), "Invalid value"),
    "argument that is a number": (at(PRE + "AppSpecification/ContainerArguments/1", 224), "Invalid type"),
    "parameter of another type": (
        at(SCORE + "TransformResources/InstanceCount", {"Get": "Parameters.ClassBalance"}),
        "Invalid type",
    ),
}
# Faults of the service after which a step would not be tried again, or without a bound.
RETRIES = {
    "no retries": (gone("Train/RetryPolicies"), "it is tried again after []"),
    "one fault forgotten": (gone("Train/RetryPolicies/0/ExceptionType/0"), "it is tried again after"),
    "job's fault for a step without a job": (
        more("Model/RetryPolicies/0/ExceptionType", "SageMaker.CAPACITY_ERROR"),
        "it is tried again after",
    ),
    "a condition that is tried again": (
        at("Gate/RetryPolicies", [{"ExceptionType": ["Step.THROTTLING"]}]),
        "it is tried again after",
    ),
    "two bounds": (at("Train/RetryPolicies/1/ExpireAfterMin", 30), "retry policy of"),
    "no bound": (gone("Train/RetryPolicies/1/MaxAttempts"), "retry policy of"),
    "more attempts than the service takes": (at("Score/RetryPolicies/0/MaxAttempts", 21), "retry policy with"),
}
# What only the service would refuse.
LIMITS = {
    "unknown instance type": (at("Parameters/1/DefaultValue", "ml.c5.xlrage"), "none of the service's values"),
    "unknown input mode": (at(TRAIN + "InputDataConfig/0/InputMode", "Pipes"), "none of the service's values"),
    "unknown batch strategy": (at(SCORE + "BatchStrategy", "OneByOne"), "none of the service's values"),
    "unknown approval status": (
        at("Register/Arguments/ModelApprovalStatus", "Pending"),
        "none of the service's values",
    ),
    "role that is no ARN": (at(TRAIN + "RoleArn", "role/the-role-of-the-local-jobs"), "does not match"),
    "output that is no S3 URI": (at(TRAIN + "OutputDataConfig/S3OutputPath", "/tmp/model"), "does not match"),
    "metadata with a sign that is not allowed": (
        at("Register/Arguments/CustomerMetadataProperties/report", "a;b"),
        "does not match",
    ),
    "payload above the limit": (at(SCORE + "ModelClientConfig/InvocationsTimeoutInSeconds", 3601), "is not from"),
    "job longer than the service allows": (at(PRE + "StoppingCondition/MaxRuntimeInSeconds", 10**6), "is not from"),
    "name that is too long": (at(PRE + "ProcessingInputs/0/S3Input/S3Uri", "s3://b/" + "k" * 1024), "is not from"),
    "too many tags": (at(TRAIN + "Tags", [{"Key": str(number), "Value": ""} for number in range(51)]), "is not from"),
}
GRAPH = {
    "unknown step": (
        at(TRAIN_URI, {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}),
        "unknown step",
    ),
    "unknown output": (
        at(TRAIN_URI, {"Get": "Steps.Preprocess.ProcessingOutputConfig.Outputs['trian'].S3Output.S3Uri"}),
        "unknown output",
    ),
    "unknown property": (at(SCORE + "ModelName", {"Get": "Steps.Model.Name"}), "no such property"),
    "unknown parameter": (at(TRAIN + "HyperParameters/epochs", {"Get": "Parameters.Epoch"}), "unknown parameter Epoch"),
    "parameter that nothing uses": (
        more("Parameters", {"Name": "Lr", "Type": "Float", "DefaultValue": 0.1}),
        "nothing uses it",
    ),
    "unknown execution variable": (
        at(TRAIN + "HyperParameters/epochs", {"Get": "Execution.Id"}),
        "unknown execution variable",
    ),
    "reference to nothing": (at(TRAIN + "HyperParameters/epochs", {"Get": "Epochs"}), "refers to nothing"),
    "two steps of one name": (at("Model/Name", "Train"), "step Train: 2 times"),
    "two parameters of one name": (at("Parameters/2/Name", "InputArchive"), "parameter InputArchive: 2 times"),
    "two outputs of one name": (at(OUTPUTS + "/0/OutputName", "holdout"), "output holdout: 2 times"),
    "two property files of one name": (more("Preprocess/PropertyFiles"), "property file DatasetCard: 2 times"),
    "property file of an output that is not": (at("Evaluate/PropertyFiles/0/OutputName", "report"), "no output report"),
    "unknown property file": (at("Evaluate/PropertyFiles/0/PropertyFileName", "Report"), "unknown property file"),
    "cycle": (
        at(PRE + "ProcessingInputs/0/S3Input/S3Uri", {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}),
        "a cycle",
    ),
    "dependency on no step": (at("Train/DependsOn", ["Prepare"]), "depends on unknown step Prepare"),
}
FORM = {
    "unknown step type": (at("Score/Type", "BatchTransform"), "unknown step type BatchTransform"),
    "unknown condition type": (at(VERDICT + "Type", "Equal"), "unknown condition type Equal"),
    "condition without a side": (gone(VERDICT + "RightValue"), "condition of"),
    "no condition": (at("Gate/Arguments/Conditions", []), "no conditions"),
    "output without its folder": (gone(OUTPUTS + "/0/S3Output/LocalPath"), "LocalPath None"),
    "output of another's folder": (
        at(OUTPUTS + "/0/S3Output/LocalPath", "/opt/ml/processing/output/dataset"),
        "LocalPath",
    ),
    "input without its folder": (gone(PRE + "ProcessingInputs/0/S3Input/LocalPath"), "LocalPath None"),
    "gate that lets a bad model end well": (at("Gate/Arguments/ElseSteps", []), "ElseSteps is empty"),
    "Fail without a reason": (gone("Reject/Arguments/ErrorMessage"), "ErrorMessage"),
    "cache for ever": (gone("Train/CacheConfig/ExpireAfter"), "no ISO 8601 duration"),
    "cache period in other words": (at("Train/CacheConfig/ExpireAfter", "30 days"), "no ISO 8601 duration"),
    "cache switched by a text": (at("Train/CacheConfig/Enabled", "true"), "no boolean"),
    "cache of a step that has none": (
        at("Model/CacheConfig", {"Enabled": True, "ExpireAfter": "P1D"}),
        "unknown key CacheConfig",
    ),
    "default of another type": (at("Parameters/3/DefaultValue", "1"), "is no Integer"),
    "unknown parameter type": (at("Parameters/3/Type", "Number"), "unknown type Number"),
    "default that is none of the choices": (at("Parameters/10/DefaultValue", "weights"), "none of its values"),
    "version of another schema": (at("Version", "2017-10-17"), "Version"),
    "null that the SDK leaves behind": (at("MlflowConfig", None), "unknown key MlflowConfig"),
    "unknown function": (at(TRAIN + "HyperParameters/epochs", {"Std:Sum": {}}), "unknown function"),
    "value of no file": (gone(VERDICT + "LeftValue/Std:JsonGet/PropertyFile/Get"), "Std:JsonGet of"),
    "value of no path": (gone(VERDICT + "LeftValue/Std:JsonGet/Path"), "Std:JsonGet of"),
    "join of nothing": (at(TRAIN + "OutputDataConfig/S3OutputPath/Std:Join/Values/1", {}), "Std:Join of"),
    "space in a step's name": (at("Score/Name", "Batch score"), "its name"),
}


@pytest.mark.parametrize(
    ("seed", "message"),
    [pytest.param(*case, id=name) for name, case in {**TYPES, **LIMITS, **GRAPH, **FORM, **RETRIES}.items()],
)
def test_a_seeded_mistake_is_caught(document: Document, seed: Callable[[Document], None], message: str) -> None:
    seed(document)
    found = check.problems(document)
    assert any(message in problem for problem in found), found

# SPDX-License-Identifier: MIT-0
"""What a training starts from: the weights of the model in production, if it is of the same algorithm."""

import json

import pytest

from operations.functions import retraining_attempts
from operations.functions.errors import UsageError
from operations.functions.function_payloads import RetrainRequest
from tests.operations.service import CHAMPION, METADATA, PACKAGE, Services

MODEL = "runs/abc/train/model/pipelines-abc-Train/output/model.tar.gz"
MANIFEST = "runs/abc/preprocess/dataset/manifest.csv"
OPTIONAL = {"Name": "StartingModel", "Type": "String", "DefaultValue": "s3://assets/0a.json"}
GIVEN = {"Name": "StartingModel", "Type": "String"}
Found = tuple[dict[str, str], str]


def definition(*parameters: dict[str, str]) -> str:
    return json.dumps({"Parameters": [{"Name": "Epochs", "Type": "Integer", "DefaultValue": 10}, *parameters]})


def start(
    aws: Services, text: str = definition(OPTIONAL), algorithm: str = "fine_tuning", compare: str = "champion"
) -> Found:
    request = RetrainRequest("skin-lesion", "raw", "", "", "push", CHAMPION, compare, warm_start=algorithm)
    clients = {name: aws(name) for name in ("sagemaker", "s3", "ssm")}
    return retraining_attempts.starting_parameters(request, text, **clients)


def champion(aws: Services, algorithm: str = "fine_tuning", model: str = f"s3://runs/{MODEL}") -> None:
    aws.champion(PACKAGE)
    containers = [{"Image": "image", **({"ModelDataUrl": model} if model else {})}]
    specification = {
        "Containers": containers,
        "SupportedContentTypes": ["application/x-image"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    metadata = {**METADATA, "algorithm": algorithm}
    aws.package(InferenceSpecification=specification, CustomerMetadataProperties=metadata)


def lists(aws: Services, *keys: str, missing: str = "") -> None:
    for key in keys:
        found = {} if key == missing else {"Contents": [{"Key": key}]}
        aws.answers("s3", "list_objects_v2", found, Bucket="runs", Prefix=key, MaxKeys=1)


@pytest.mark.parametrize("compare", ["champion", "nothing"])
@pytest.mark.parametrize("declared", [OPTIONAL, GIVEN], ids=["optional", "given"])
def test_it_starts_from_the_model_in_production_be_it_compared_with_it_or_not(
    aws: Services, compare: str, declared: dict[str, str]
) -> None:
    champion(aws)
    lists(aws, MODEL, MANIFEST)
    parameters, told = start(aws, definition(declared), compare=compare)
    assert parameters == {
        "StartingModel": f"s3://runs/{MODEL}",
        "StartingManifest": f"s3://runs/{MANIFEST}",
        "StartingPackage": PACKAGE,
    }
    assert told == "; starts from the weights of version 3 of skin-lesion"


def test_without_warm_start_nobody_is_asked(aws: Services) -> None:
    assert start(aws, "no JSON", algorithm="") == ({}, "")


def test_a_pipeline_that_is_not_deployed_anew_yet_gets_no_parameter_that_it_does_not_know(aws: Services) -> None:
    assert start(aws, definition()) == ({}, "")


def test_the_first_model_starts_from_pretrained_weights(aws: Services) -> None:
    aws.champion("")
    assert start(aws) == ({}, "; starts from pretrained weights, because nothing is in production")


def test_a_model_of_another_algorithm_is_no_start(aws: Services) -> None:
    """The network of a linear probe is the pretrained one: there is nothing in it to start from."""
    champion(aws, "linear_probe")
    _, told = start(aws)
    assert told.endswith("because version 3 of skin-lesion, which is in production, is of linear_probe")


@pytest.mark.parametrize("live", ["", "linear_probe"])
def test_an_algorithm_that_needs_a_model_is_not_started_without_one(aws: Services, live: str) -> None:
    if live:
        champion(aws, live)
    else:
        aws.champion("")
    with pytest.raises(UsageError, match=r"^setting 'training\.warm_start': .*Deploy with training\.warm_start=false"):
        start(aws, definition(GIVEN), "builtin_image_classification")


@pytest.mark.parametrize("missing", [MODEL, MANIFEST])
def test_a_file_that_is_gone_is_said_so_before_anything_is_started(aws: Services, missing: str) -> None:
    champion(aws)
    lists(aws, *(MODEL, MANIFEST)[: 1 + (missing == MANIFEST)], missing=missing)
    with pytest.raises(UsageError, match=rf"version 3 of skin-lesion: s3://runs/{missing}: does not exist any more\."):
        start(aws)


def test_a_package_without_the_address_of_its_model_is_refused(aws: Services) -> None:
    champion(aws, model="")
    with pytest.raises(UsageError, match="ModelDataUrl '' is not an S3 URI"):
        start(aws)

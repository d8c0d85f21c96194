# SPDX-License-Identifier: MIT-0
"""What a new model is compared with: the predictions of the one in production, if they are still there."""

import pytest
from botocore.exceptions import ClientError

from operations.functions import retraining_attempts
from operations.functions.errors import UsageError
from operations.functions.function_payloads import RetrainRequest
from tests.operations.service import CHAMPION, METADATA, PACKAGE, Services

REQUEST = RetrainRequest("skin-lesion", "raw", "", "", "push", CHAMPION, "champion")
KEY = "runs/abc/evaluate/evaluation/predictions.csv"
REMEDY = r'make retrain ARGS="--no-champion"\.'


def _parameters(aws: Services, request: RetrainRequest = REQUEST) -> dict[str, str]:
    return retraining_attempts.comparison_parameters(request, sagemaker=aws("sagemaker"), s3=aws("s3"), ssm=aws("ssm"))


def _lists(aws: Services, *keys: str) -> None:
    listed = {"Contents": [{"Key": key} for key in keys]} if keys else {}
    aws.answers("s3", "list_objects_v2", listed, Bucket="runs", Prefix=KEY, MaxKeys=1)


def test_the_champions_predictions_lie_beside_its_report(aws: Services) -> None:
    aws.champion(PACKAGE)
    aws.package()
    _lists(aws, KEY)
    assert _parameters(aws) == {"ChampionPredictions": f"s3://runs/{KEY}", "ChampionPackage": PACKAGE}


def test_a_champion_that_was_rejected_meanwhile_is_compared_with_as_long_as_it_serves(aws: Services) -> None:
    aws.champion(PACKAGE)
    aws.package(status="Rejected")
    _lists(aws, KEY)
    assert _parameters(aws)["ChampionPackage"] == PACKAGE


def test_while_nothing_is_in_production_there_is_nothing_to_compare_with(aws: Services) -> None:
    aws.champion("")
    assert _parameters(aws) == {}


def test_who_wants_no_comparison_needs_no_champion_and_the_report_is_told_so(aws: Services) -> None:
    """Nobody is asked for anything, so that a lost champion is no obstacle."""
    request = RetrainRequest("skin-lesion", "raw", "", "", "manual", CHAMPION, "nothing")
    assert _parameters(aws, request) == {"ChampionPackage": "waived"}


@pytest.mark.parametrize("keys", [(), (f"{KEY}.bak",)], ids=["nothing", "another that begins so"])
def test_predictions_that_are_gone_are_said_so_before_anything_is_started(aws: Services, keys: tuple[str, ...]) -> None:
    aws.champion(PACKAGE)
    aws.package()
    _lists(aws, *keys)
    told = rf"version 3 of skin-lesion: s3://runs/{KEY}: does not exist any more\. .*{REMEDY}"
    with pytest.raises(UsageError, match=told):
        _parameters(aws)


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_predictions_in_a_bucket_that_is_not_ours_are_refused_now_and_not_by_the_job(aws: Services, code: str) -> None:
    aws.champion(PACKAGE)
    aws.package()
    aws.refuses("s3", "list_objects_v2", code)
    with pytest.raises(UsageError, match=rf"is not in the bucket of runs \({code}\)\. .*{REMEDY}"):
        _parameters(aws)


def test_another_refusal_of_the_service_is_raised(aws: Services) -> None:
    aws.champion(PACKAGE)
    aws.package()
    aws.refuses("s3", "list_objects_v2", "SlowDown")
    with pytest.raises(ClientError, match="SlowDown"):
        _parameters(aws)


def test_a_package_that_is_gone_is_said_so_with_the_way_on(aws: Services) -> None:
    aws.champion(PACKAGE)
    aws.refuses("sagemaker", "describe_model_package", "ValidationException", f"ModelPackage {PACKAGE} does not exist.")
    told = rf"no comparison with the model in production: .* does not exist\. .*{REMEDY}"
    with pytest.raises(UsageError, match=told):
        _parameters(aws)


def test_a_package_that_names_no_report_is_refused_with_the_way_on(aws: Services) -> None:
    aws.champion(PACKAGE)
    metadata = {key: value for key, value in METADATA.items() if key != "report"}
    aws.package(CustomerMetadataProperties=metadata)
    with pytest.raises(UsageError, match=rf"metadata 'report': '' is not an S3 URI .*{REMEDY}"):
        _parameters(aws)

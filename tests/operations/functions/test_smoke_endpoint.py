# SPDX-License-Identifier: MIT-0
"""The smoke test against a SageMaker endpoint, with the evaluation of the package in S3."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from operations.functions import smoke_test
from operations.functions.endpoint_answers import SageMakerEndpoint
from operations.functions.errors import SmokeTestError
from operations.functions.model_package import ModelPackage
from tests.operations.evidence import GOLDEN, answer, picture, table
from tests.operations.service import METADATA, MONDAY, PACKAGE, Services

FOUND = ModelPackage(PACKAGE, "Approved", MONDAY, METADATA)
RUN = "runs/abc"


def body(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))


def evidence(aws: Services, *names: str) -> None:
    """Have S3 give the table and pictures of the package's evaluation."""
    objects = {"predictions.csv": (f"{RUN}/evaluate/evaluation/predictions.csv", table())}
    objects |= {name: (f"{RUN}/preprocess/holdout/{name}.jpg", picture(name)) for name in GOLDEN}
    for name in names:
        key, content = objects[name]
        aws.answers("s3", "get_object", {"Body": body(content)}, Bucket="runs", Key=key)


def invoked(aws: Services, image_id: str, **changed: Any) -> None:
    """Have the endpoint answer a picture."""
    given = {"Body": body(answer(picture(image_id)).body), "ContentType": "application/json", **changed}
    request = {"ContentType": "application/x-image", "Accept": "application/json", "Body": picture(image_id)}
    aws.answers("sagemaker-runtime", "invoke_endpoint", given, EndpointName="staging", **request)


def _run(aws: Services, **more: Any) -> smoke_test.SmokeTestResult:
    target = SageMakerEndpoint("staging", aws("sagemaker-runtime"))
    return smoke_test.run_package_smoke_test(FOUND, target, s3=aws("s3"), **more)


def test_the_golden_images_are_sent_as_they_were_scored_and_agree(aws: Services) -> None:
    evidence(aws, "predictions.csv", *GOLDEN)
    for image_id in GOLDEN:
        invoked(aws, image_id)
    passed = _run(aws)
    assert (passed.place, passed.largest) == ("endpoint 'staging'", 0)


def test_an_error_of_the_container_is_told_with_its_status_and_words(aws: Services) -> None:
    evidence(aws, "predictions.csv", "I2")
    told = {"OriginalStatusCode": 500, "OriginalMessage": "out of memory"}
    aws.refuses("sagemaker-runtime", "invoke_endpoint", "ModelError", "Received server error (500)", **told)
    with pytest.raises(
        SmokeTestError, match=r"endpoint 'staging', image I2 \(mel\): answered status 500: 'out of memory'"
    ):
        _run(aws)


def test_an_answer_of_another_content_type_is_refused(aws: Services) -> None:
    evidence(aws, "predictions.csv", "I2")
    invoked(aws, "I2", ContentType="text/csv")
    with pytest.raises(SmokeTestError, match=r"endpoint 'staging', .*content type 'text/csv'"):
        _run(aws)


def test_an_endpoint_that_is_not_there_is_the_service_s_error(aws: Services) -> None:
    evidence(aws, "predictions.csv", "I2")
    aws.refuses("sagemaker-runtime", "invoke_endpoint", "ValidationError", "Endpoint staging not found.")
    with pytest.raises(ClientError, match="Endpoint staging not found"):
        _run(aws)


def test_a_picture_that_is_not_in_the_holdout_is_named_by_its_uri(aws: Services) -> None:
    evidence(aws, "predictions.csv")
    aws.refuses("s3", "get_object", "NoSuchKey")
    with pytest.raises(SmokeTestError, match=r"s3://runs/runs/abc/preprocess/holdout/I2\.jpg: does not exist"):
        _run(aws)


def test_a_slow_endpoint_is_given_up_while_there_is_time_to_report_it(aws: Services) -> None:
    """A function that runs into its own time limit reports nothing, and its action hangs."""
    evidence(aws, "predictions.csv", "I2")
    invoked(aws, "I2")
    seconds = iter((299, 40))
    with pytest.raises(SmokeTestError, match=r"image I4 \(nv\): no time left: the answers are too slow"):
        _run(aws, left=lambda: next(seconds))

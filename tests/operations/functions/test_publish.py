# SPDX-License-Identifier: MIT-0
"""A model is copied to where its endpoint is, as it was registered, or not at all."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.functions import aws_clients, remote_stage_access
from operations.functions.errors import OperationError, RemoteAccessError, UsageError
from operations.functions.function_payloads import PublishRequest
from operations.functions.remote_stage_access import PublishedModel
from tests.operations import elsewhere
from tests.operations.elsewhere import (
    BOUGHT_IMAGE,
    BUCKET,
    CONTAINER,
    DENIED,
    IMAGE,
    IMAGES,
    IMAGES_ROLE,
    MODEL,
    PUBLISHED_IMAGE,
    REGION,
    REPOSITORY,
    TAG,
    There,
    serves,
)
from tests.operations.service import MONDAY, PACKAGE, Services

REQUEST = PublishRequest(PACKAGE, BUCKET, REGION, IMAGES_ROLE, IMAGES)
SOURCE = {"Bucket": "runs", "Key": "runs/abc/train/model.tar.gz"}
MORE = {
    "ChannelName": "more",
    "S3DataSource": {"S3Uri": "s3://runs/more/", "S3DataType": "S3Prefix", "CompressionType": "None"},
}
COPY = {"Bucket": BUCKET, "Key": "models/3/model.tar.gz", "CopySource": SOURCE, "TaggingDirective": "REPLACE"}


def _published(aws: Services, there: There, *, image: bool = True) -> PublishedModel:
    """Publish the package; the registry of the other account has its image, unless `image` is false."""
    if image:
        elsewhere.has_image(there)
    return remote_stage_access.publish_model(
        REQUEST,
        sagemaker=aws("sagemaker"),
        s3=aws("s3"),
        there=there.services("s3"),
        registry=lambda: there.services("ecr"),
    )


def test_a_copy_is_asked_for_where_the_bucket_is_and_waited_for_longer_than_an_answer() -> None:
    """A region refuses what is another's with a redirection, and S3 answers once all is copied."""
    own, copier = aws_clients.CLIENT_CONFIG, aws_clients.s3_copy_client(REGION).meta
    assert copier.region_name == REGION
    assert copier.config.read_timeout == aws_clients.COPY_SECONDS > own.read_timeout
    assert aws_clients.MAX_ATTEMPTS * copier.config.read_timeout < 300


def test_the_model_is_copied_under_the_version_if_it_is_still_what_it_is_now(aws: Services, there: There) -> None:
    serves(aws, CONTAINER)
    aws.answers("s3", "head_object", {"ETag": '"0a1b"', "LastModified": MONDAY}, **SOURCE)
    there.services.answers("s3", "copy_object", {}, CopySourceIfMatch='"0a1b"', **COPY)
    assert _published(aws, there) == PublishedModel(MODEL, PUBLISHED_IMAGE)


def test_the_registry_s_own_etag_counts_where_it_has_one(aws: Services, there: There) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b"})
    there.services.answers("s3", "copy_object", {}, CopySourceIfMatch="0a1b", **COPY)
    assert _published(aws, there) == PublishedModel(MODEL, PUBLISHED_IMAGE)


def test_a_model_that_was_overwritten_is_not_shipped(aws: Services, there: There) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b"})
    there.services.refuses("s3", "copy_object", "PreconditionFailed")
    with pytest.raises(
        OperationError, match=r"s3://runs/runs/abc/train/model\.tar\.gz: differs from what was registered"
    ):
        _published(aws, there)


def test_a_bucket_that_does_not_take_it_names_both_sides(aws: Services, there: There) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b"})
    there.services.refuses("s3", "copy_object", DENIED)
    with pytest.raises(
        RemoteAccessError, match=f"{MODEL}: CopyObject: AccessDenied: .* There: .* In the build account: "
    ):
        _published(aws, there)


def test_what_else_s3_refuses_is_its_own_error(aws: Services, there: There) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b"})
    there.services.refuses("s3", "copy_object", "SlowDown")
    with pytest.raises(ClientError):
        _published(aws, there)


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"Image": "111111111111.dkr.ecr.us-east-1.amazonaws.com/mine:1"}, "image '.*mine:1': has no counterpart in"),
        ({"Image": IMAGE.replace("us-east-1", "eu-west-1")}, "is not in an ECR registry of us-east-1"),
        ({"Image": IMAGE.replace("111111111111.dkr", "333333333333.dkr")}, "has no counterpart in eu-west-1"),
        ({"Image": f"{BOUGHT_IMAGE}-mine"}, r"has no counterpart in eu-west-1 \(known: 111111111111/cdk-.*bought:1\)"),
        ({"Image": IMAGE.replace(f":{TAG}", f"@sha256:{TAG}")}, "is not in an ECR registry of us-east-1"),
        ({"Image": "docker.io/library/mine:1"}, "is not in an ECR registry of us-east-1"),
        ({"Environment": {"SAGEMAKER_PROGRAM": "x.py"}}, "environment: sets SAGEMAKER_PROGRAM"),
        ({"ModelDataUrl": "https://somewhere/model.tar.gz"}, "is not an S3 URI"),
        ({"AdditionalModelDataSources": [MORE]}, "has AdditionalModelDataSources"),
        (
            {"AdditionalS3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://runs/more/"}},
            "has AdditionalS3DataSource",
        ),
    ],
)
def test_a_package_that_would_be_served_otherwise_than_it_was_evaluated_is_refused(
    aws: Services, there: There, container: dict[str, Any], told: str
) -> None:
    serves(aws, CONTAINER | container)
    with pytest.raises(UsageError, match=f"model package {PACKAGE}: .*{told}.*make retrain"):
        _published(aws, there, image=False)


def test_an_image_of_ours_is_served_from_the_registry_beside_the_endpoint_under_its_tag(
    aws: Services, there: There
) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b"})
    there.services.answers("s3", "copy_object", {})
    image = _published(aws, there).image
    assert image == f"222222222222.dkr.ecr.eu-west-1.amazonaws.com/{REPOSITORY}:{TAG}"


def test_an_image_of_aws_is_served_from_its_registry_of_that_region(aws: Services, there: There) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b", "Image": BOUGHT_IMAGE})
    there.services.answers("s3", "copy_object", {})
    assert _published(aws, there, image=False).image == "685385470294.dkr.ecr.eu-west-1.amazonaws.com/bought:1"


@pytest.mark.parametrize("code", ["ImageNotFoundException", "RepositoryNotFoundException"])
def test_an_image_that_was_not_pushed_there_is_told_with_its_remedy_and_nothing_is_copied(
    aws: Services, there: There, code: str
) -> None:
    serves(aws, CONTAINER | {"ModelDataETag": "0a1b"}, commit="c0ffee")
    there.services.refuses("ecr", "describe_images", code)
    told = (
        rf"image {REPOSITORY}:{TAG} of version 3 of skin-lesion: is not in account 222222222222, eu-west-1, .*"
        r"make deploy \(cdk deploy\), with credentials for that account, pushes .*\(c0ffee\).*retry the stage"
    )
    with pytest.raises(OperationError, match=told):
        _published(aws, there, image=False)


def test_a_registry_that_denies_access_names_both_sides(aws: Services, there: There) -> None:
    serves(aws, CONTAINER)
    there.services.refuses("ecr", "describe_images", "AccessDeniedException")
    told = f"{IMAGES_ROLE}: DescribeImages: AccessDeniedException: .* There: .* In the build account: "
    with pytest.raises(RemoteAccessError, match=told):
        _published(aws, there, image=False)


def test_what_else_the_registry_refuses_is_its_own_error(aws: Services, there: There) -> None:
    serves(aws, CONTAINER)
    there.services.refuses("ecr", "describe_images", "ServerException")
    with pytest.raises(ClientError):
        _published(aws, there, image=False)


def test_a_package_of_two_containers_is_refused(aws: Services, there: There) -> None:
    serves(aws, CONTAINER, CONTAINER)
    with pytest.raises(UsageError, match="has 2 containers, not one"):
        _published(aws, there, image=False)


def test_a_package_without_containers_is_refused(aws: Services, there: There) -> None:
    aws.package()
    with pytest.raises(UsageError, match="has 0 containers, not one"):
        _published(aws, there, image=False)

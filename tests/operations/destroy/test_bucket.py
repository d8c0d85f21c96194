# SPDX-License-Identifier: MIT-0
"""A bucket is emptied to its last version and part before it is deleted."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from operations.destroy import retained_data
from operations.functions.errors import OperationError
from tests.operations.service import Services


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")  # noqa: S106  moto
        client.create_bucket(Bucket="full")
        client.put_bucket_versioning(Bucket="full", VersioningConfiguration={"Status": "Enabled"})
        yield client


def test_versions_delete_markers_and_broken_off_uploads_go(s3: Any) -> None:
    for body in (b"1", b"2"):
        s3.put_object(Bucket="full", Key="a", Body=body)
    s3.delete_object(Bucket="full", Key="a")
    s3.create_multipart_upload(Bucket="full", Key="b")
    retained_data.empty_bucket(s3, "full")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="full")
    retained_data.delete_bucket(s3, "full")
    assert s3.list_buckets()["Buckets"] == []


def test_more_than_a_page_of_versions_goes(s3: Any) -> None:
    s3.meta.events.register(
        "before-parameter-build.s3.ListObjectVersions", lambda params, **_: params.update(MaxKeys=2)
    )
    for number in range(5):
        s3.put_object(Bucket="full", Key=str(number), Body=b"")
    retained_data.empty_bucket(s3, "full")
    assert "Versions" not in s3.list_object_versions(Bucket="full")


def test_one_that_is_written_to_all_the_while_is_left_with_a_remedy(s3: Any) -> None:
    s3.meta.events.register(
        "before-parameter-build.s3.DeleteBucket", lambda **_: s3.put_object(Bucket="full", Key="late", Body=b"")
    )
    with pytest.raises(OperationError, match="bucket 'full': not empty: something still writes to it"):
        retained_data.delete_bucket(s3, "full")


def test_an_object_that_cannot_be_deleted_is_named(aws: Services) -> None:
    version = {"Key": "locked", "VersionId": "1"}
    aws.answers("s3", "list_object_versions", {"Versions": [version]})
    errors = [{"Key": "locked", "Code": "AccessDenied", "Message": "WORM protected"}]
    aws.answers("s3", "delete_objects", {"Errors": errors})
    with pytest.raises(OperationError, match="s3://full/locked: not deleted: AccessDenied: WORM protected"):
        retained_data.empty_bucket(aws("s3"), "full")

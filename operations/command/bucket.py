# SPDX-License-Identifier: MIT-0
"""Empties and deletes a versioned bucket, which S3 deletes only when no version of any object is left."""

from typing import Final

from botocore.exceptions import ClientError

from operations.client import Client
from operations.command import refusal
from operations.error import OperationError

_TRIES: Final = 3


def delete(s3: Client, name: str) -> None:
    """Empty and delete a bucket.

    Raises:
        OperationError: Something writes to it all the while.
    """
    for _ in range(_TRIES):
        empty(s3, name)
        try:
            s3.delete_bucket(Bucket=name)
        except ClientError as error:
            if not refusal.is_code(error, "BucketNotEmpty"):
                raise
        else:
            return
    raise OperationError(
        f"bucket {name!r}: not empty: something still writes to it (access logs arrive up to hours late). "
        "Run the command again later: it goes on from here."
    )


def empty(s3: Client, name: str) -> None:
    """Delete all versions of all objects, and the parts of uploads that were broken off.

    Raises:
        OperationError: S3 refused to delete one.
    """
    while versions := _first_versions(s3, name):
        _delete_versions(s3, name, versions)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])


def _first_versions(s3: Client, name: str) -> list[dict[str, str]]:
    """Return up to a thousand versions and delete markers: a page, and the most that one deletion may name."""
    page = s3.list_object_versions(Bucket=name)
    return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]


def _delete_versions(s3: Client, name: str, versions: list[dict[str, str]]) -> None:
    objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
    for failed in answer.get("Errors", [])[:1]:
        raise OperationError(
            f"s3://{name}/{failed['Key']}: not deleted: {failed['Code']}: {failed.get('Message', '')}. Mend that "
            "(a retention lock? a policy?) and run the command again."
        )

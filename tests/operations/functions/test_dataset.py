# SPDX-License-Identifier: MIT-0
"""Which archive a training starts from."""

from datetime import timedelta
from typing import Any

import pytest

from operations.functions.errors import UsageError
from operations.functions.job_inputs import find_addition_key, find_archive_key
from tests.operations.service import MONDAY, Services

OLD = f"archives/{'a' * 64}.zip"
NEW = f"archives/{'b' * 64}.zip"


def _page(*keys: str, later: str = "", **more: Any) -> dict[str, Any]:
    """A page of a listing; the object `later` was modified an hour after the others."""
    times = {key: MONDAY + timedelta(hours=key == later) for key in keys}
    return {"Contents": [{"Key": key, "LastModified": time} for key, time in times.items()], **more}


def test_the_newest_archive_is_taken_wherever_it_stands_in_the_listing(aws: Services) -> None:
    more = {"IsTruncated": True, "NextContinuationToken": "more"}
    aws.answers("s3", "list_objects_v2", _page(OLD, later=OLD, **more), Bucket="raw", Prefix="archives/")
    following = {"Bucket": "raw", "Prefix": "archives/", "ContinuationToken": "more"}
    aws.answers("s3", "list_objects_v2", _page(NEW), **following)
    assert find_archive_key(aws("s3"), "raw", "") == OLD


def test_a_folder_and_what_bears_no_hash_are_no_archives(aws: Services) -> None:
    """A key that does not change with its content would silently give the old model."""
    aws.answers("s3", "list_objects_v2", _page("archives/", "archives/mine.zip", OLD, later="archives/mine.zip"))
    assert find_archive_key(aws("s3"), "raw", "") == OLD


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ({}, "s3://raw/archives/: no archive. Upload one: make upload ARCHIVE="),
        (_page("archives/"), "no archive"),
        (_page("archives/mine.zip"), "no archive that is named after its SHA-256, but 1 other objects"),
    ],
)
def test_without_an_archive_it_says_how_to_upload_one(aws: Services, page: dict[str, Any], told: str) -> None:
    aws.answers("s3", "list_objects_v2", page)
    with pytest.raises(UsageError, match=told):
        find_archive_key(aws("s3"), "raw", "")


def test_a_given_archive_is_taken_though_another_is_newer(aws: Services) -> None:
    aws.answers("s3", "list_objects_v2", _page(OLD), Bucket="raw", Prefix=OLD)
    assert find_archive_key(aws("s3"), "raw", OLD) == OLD


def test_a_given_archive_that_is_not_there_is_refused(aws: Services) -> None:
    aws.answers("s3", "list_objects_v2", _page(f"{OLD}.part"))
    with pytest.raises(UsageError, match=rf"archive s3://raw/{OLD}: does not exist. Upload one"):
        find_archive_key(aws("s3"), "raw", OLD)


@pytest.mark.parametrize(
    "key", ["runs/x.zip", f"archives/x/{'a' * 64}.zip", "archives/", "archives/mine.zip", f"/{OLD}"]
)
def test_a_key_outside_of_archives_or_without_a_hash_is_refused_without_asking(aws: Services, key: str) -> None:
    with pytest.raises(UsageError, match=r"is not named archives/<SHA-256>\.zip"):
        find_archive_key(aws("s3"), "raw", key)


ADDED = f"additions/{'c' * 64}.zip"


def test_the_newest_additional_archive_is_taken_if_there_is_one(aws: Services) -> None:
    other = f"additions/{'d' * 64}.zip"
    report = "additions/export/job/export.json"
    aws.answers("s3", "list_objects_v2", _page(ADDED, other, report, later=other), Bucket="raw", Prefix="additions/")
    assert find_addition_key(aws("s3"), "raw", "") == other
    aws.answers("s3", "list_objects_v2", _page(report), Bucket="raw", Prefix="additions/")
    assert find_addition_key(aws("s3"), "raw", "") == ""


def test_who_wants_no_additional_archive_gets_none_without_asking(aws: Services) -> None:
    assert find_addition_key(aws("s3"), "raw", "none") == ""


def test_a_given_additional_archive_has_to_be_there_under_its_hash(aws: Services) -> None:
    aws.answers("s3", "list_objects_v2", _page(ADDED), Bucket="raw", Prefix=ADDED)
    assert find_addition_key(aws("s3"), "raw", ADDED) == ADDED
    aws.answers("s3", "list_objects_v2", {})
    with pytest.raises(UsageError, match=r"additional archive s3://raw/additions/c+\.zip: does not exist\. Export one"):
        find_addition_key(aws("s3"), "raw", ADDED)
    with pytest.raises(UsageError, match=r"is not named additions/<SHA-256>\.zip"):
        find_addition_key(aws("s3"), "raw", OLD)

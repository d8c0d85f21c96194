# SPDX-License-Identifier: MIT-0
"""Which archive in the bucket a training starts from: one whose key carries its content's hash.

Both the guard of retraining and step caching look at the key alone. So an object whose key does not change with
its content would silently give the old model, and is refused here.
"""

import re
from typing import Any, Final

from operations.client import Client
from operations.error import UsageError
from pipeline_src import contract

_KEY: Final = re.compile(rf"{re.escape(contract.ARCHIVES_PREFIX)}[0-9a-f]{{64}}\.zip")
_UPLOAD: Final = "Upload one: make upload ARCHIVE=dataverse_files.zip."


def archive_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the archive to train on: the `given` one, or the newest.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, or empty.

    Raises:
        UsageError: There is no such archive, or none at all, or the key is not made of the content's hash.
    """
    return _existing(s3, bucket, given) if given else _newest(s3, bucket)


def _existing(s3: Client, bucket: str, key: str) -> str:
    if not _KEY.fullmatch(key):
        raise UsageError(
            f"archive s3://{bucket}/{key}: is not named {contract.ARCHIVES_PREFIX}<SHA-256>.zip, by which a run knows "
            f"that it is new. {_UPLOAD}"
        )
    if not any(found["Key"] == key for found in _objects(s3, bucket, key)):
        raise UsageError(f"archive s3://{bucket}/{key}: is not there. {_UPLOAD}")
    return key


def _newest(s3: Client, bucket: str) -> str:
    objects = _objects(s3, bucket, contract.ARCHIVES_PREFIX)
    archives = [(found["LastModified"], found["Key"]) for found in objects if _KEY.fullmatch(found["Key"])]
    if not archives:
        others = len([found for found in objects if not found["Key"].endswith("/")])
        beside = f" with its SHA-256 as its name, though {others} other objects are" if others else ""
        raise UsageError(f"s3://{bucket}/{contract.ARCHIVES_PREFIX}: no archive{beside} there. {_UPLOAD}")
    return str(max(archives)[1])


def _objects(s3: Client, bucket: str, prefix: str) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found for page in pages for found in page.get("Contents", [])]

# SPDX-License-Identifier: MIT-0
"""Which archives in the bucket a training starts from: those whose keys carry their content's hash.

Both the guard of retraining and step caching look at the key alone. So an object whose key does not change with
its content would silently give the old model, and is refused here.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from operations.client import Client
from operations.error import UsageError
from pipeline_src import contract


@dataclass(frozen=True)
class Data:
    """What a model is trained on.

    Attributes:
        bucket: Name of the bucket of both.
        archive: Key of the archive.
        addition: Key of the additional archive, or empty.
    """

    bucket: str
    archive: str
    addition: str

    @property
    def uris(self) -> dict[str, str]:
        """The URIs of what there is, by the parameters of the pipeline that name it."""
        keys = {contract.INPUT_ARCHIVE: self.archive, contract.ADDITIONAL_ARCHIVE: self.addition}
        return {name: f"s3://{self.bucket}/{key}" for name, key in keys.items() if key}


@dataclass(frozen=True)
class _Kind:
    """A kind of archive: what it is called, below which prefix it lies, and how one comes there."""

    name: str
    prefix: str
    remedy: str

    def named(self, key: str) -> bool:
        return bool(re.fullmatch(rf"{re.escape(self.prefix)}[0-9a-f]{{64}}\.zip", key))


_BASE: Final = _Kind("archive", contract.ARCHIVES_PREFIX, "Upload one: make upload ARCHIVE=dataverse_files.zip.")
_ADDITION: Final = _Kind("additional archive", contract.ADDITIONS_PREFIX, "Export one: make export.")


def archive_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the archive to train on: the `given` one, or the newest.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, or empty.

    Raises:
        UsageError: There is no such archive, or none at all, or the key is not made of the content's hash.
    """
    return _existing(s3, bucket, given, _BASE) if given else _newest(s3, bucket)


def addition_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the additional archive to train on too: the `given` one, or the newest; empty for none.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, `contract.NO_ADDITION`, or empty.

    Raises:
        UsageError: The given one is not there, or its key is not made of the content's hash.
    """
    if given == contract.NO_ADDITION:
        return ""
    if given:
        return _existing(s3, bucket, given, _ADDITION)
    return _last([found for found in _objects(s3, bucket, _ADDITION.prefix) if _ADDITION.named(found["Key"])])


def _existing(s3: Client, bucket: str, key: str, kind: _Kind) -> str:
    place = f"{kind.name} s3://{bucket}/{key}"
    if not kind.named(key):
        raise UsageError(
            f"{place}: is not named {kind.prefix}<SHA-256>.zip, by which a run knows that it is new. {kind.remedy}"
        )
    if not any(found["Key"] == key for found in _objects(s3, bucket, key)):
        raise UsageError(f"{place}: is not there. {kind.remedy}")
    return key


def _newest(s3: Client, bucket: str) -> str:
    objects = _objects(s3, bucket, _BASE.prefix)
    newest = _last([found for found in objects if _BASE.named(found["Key"])])
    if not newest:
        others = len([found for found in objects if not found["Key"].endswith("/")])
        beside = f" with its SHA-256 as its name, though {others} other objects are" if others else ""
        raise UsageError(f"s3://{bucket}/{_BASE.prefix}: no archive{beside} there. {_BASE.remedy}")
    return newest


def _last(objects: list[dict[str, Any]]) -> str:
    """Return the key of the object that was written last, empty without any."""
    return str(max(((found["LastModified"], found["Key"]) for found in objects), default=("", ""))[1])


def _objects(s3: Client, bucket: str, prefix: str) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found for page in pages for found in page.get("Contents", [])]

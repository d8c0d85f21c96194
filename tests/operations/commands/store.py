# SPDX-License-Identifier: MIT-0
"""A bucket in memory (moto's), with what S3 does and moto does not: check a part's SHA-256, list it, date objects.

S3 dates an object by the beginning of its upload, or by its copying.
"""

import base64
import hashlib
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from pipeline_src import contract

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
MIB = 1 << 20
RAW = "skin-lesion-raw"


class Store:
    """A bucket and its client.

    Attributes:
        client: boto3's.
        sent: Number of each part that was sent, in order.
        copied: Key of each object that was copied.
    """

    def __init__(self) -> None:
        self.client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s")  # noqa: S106  moto
        self.client.create_bucket(Bucket=RAW)
        self.client.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
        self.sent: list[int] = []
        self.copied: list[str] = []
        self._dated: list[str] = []
        self._checksums: dict[tuple[str, int], str] = {}
        self.on("before-parameter-build.s3.UploadPart", self._check)
        self.on("after-call.s3.ListParts", self._list)
        self.on(
            "before-parameter-build.s3.CreateMultipartUpload", lambda params, **_: self._dated.append(params["Key"])
        )
        self.on("before-parameter-build.s3.CompleteMultipartUpload", self._complete)
        self.on("before-parameter-build.s3.CopyObject", self._copy)
        self.on("after-call.s3.ListObjectsV2", self._date)

    def on(self, event: str, handler: Callable[..., Any]) -> None:
        """Have botocore call `handler` at an event of this client's."""
        self.client.meta.events.register(event, handler)

    def keys(self) -> list[str]:
        """Return what the bucket holds."""
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=RAW).get("Contents", [])]

    def body(self, key: str) -> bytes:
        """Return an object's bytes."""
        return bytes(self.client.get_object(Bucket=RAW, Key=key)["Body"].read())

    def uploads(self) -> list[dict[str, Any]]:
        """Return the uploads that are under way."""
        return list(self.client.list_multipart_uploads(Bucket=RAW).get("Uploads", []))

    def _check(self, params: dict[str, Any], **_: object) -> None:
        found = base64.b64encode(hashlib.sha256(params["Body"]).digest()).decode()
        if found != params["ChecksumSHA256"]:
            refusal = {"Error": {"Code": "BadDigest", "Message": "The SHA256 you specified did not match."}}
            raise self.client.exceptions.ClientError(refusal, "UploadPart")
        self.sent.append(params["PartNumber"])
        self._checksums[params["UploadId"], params["PartNumber"]] = found

    def _complete(self, params: dict[str, Any], **_: object) -> None:
        if all(found["UploadId"] != params["UploadId"] for found in self.uploads()):
            refusal = {"Error": {"Code": "NoSuchUpload", "Message": "The specified upload does not exist."}}
            raise self.client.exceptions.ClientError(refusal, "CompleteMultipartUpload")

    def _copy(self, params: dict[str, Any], **_: object) -> None:
        self.copied.append(params["Key"])
        self._dated.append(params["Key"])

    def _date(self, parsed: dict[str, Any], **_: object) -> None:
        newest = {key: number for number, key in enumerate(self._dated)}
        for found in parsed.get("Contents", []):
            found["LastModified"] = BEGINNING + timedelta(hours=newest[found["Key"]])

    def _list(self, parsed: dict[str, Any], **_: object) -> None:
        for part in parsed.get("Parts", []):
            part["ChecksumSHA256"] = self._checksums[parsed["UploadId"], part["PartNumber"]]


def archive(path: Path, *, size: int = 20 * MIB, seed: int = 7, names: tuple[str, ...] = ()) -> Path:
    """Write an archive in the layout of the real one, whose images are `size` random bytes.

    Its table has three lesions of each class, as many as the split needs.
    """
    with zipfile.ZipFile(path, "w") as opened:
        for name in names or ("HAM10000_images_part_1.zip", "HAM10000_metadata"):
            image = random.Random(seed).randbytes(size if name.endswith(".zip") else 10)
            opened.writestr(name, table() if "metadata" in name else image)
    return path


def table() -> bytes:
    """Return a table of three lesions of each class."""
    numbered = enumerate(label for label in contract.CLASS_LABELS for _ in range(3))
    rows = [f"HAM_{number},ISIC_{number},{label}" for number, label in numbered]
    return "\n".join(["lesion_id,image_id,dx", *rows, ""]).encode()

# SPDX-License-Identifier: MIT-0
"""Checks a table of confirmed labels (pipeline_src/label_table.py) and uploads it to the raw bucket, by its SHA-256."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError
from pipeline_src import contract, label_table
from pipeline_src.label_table import LabelTableError

_MAX_TABLE_BYTES: Final = 10 << 20  # two hundred thousand labels


@dataclass(frozen=True)
class LabelUpload:
    """The result of an upload.

    Attributes:
        sent: Whether the table was sent, which starts a monitoring run.
        message: Message for the user.
    """

    sent: bool
    message: str


def upload_labels(client: Client, bucket: str, path: Path, *, again: bool) -> LabelUpload:
    """Check and send the table.

    Args:
        client: An S3 client.
        bucket: The raw bucket.
        path: The table.
        again: Whether to send a table that was uploaded before, to start another monitoring run.

    Raises:
        UsageError: It is not such a table; the message names the first invalid row.
    """
    content, count = read_label_table(path)
    key = f"{contract.LABELS_PREFIX}{hashlib.sha256(content).hexdigest()}.csv"
    place = f"s3://{bucket}/{key}"
    if not again and _object_exists(client, bucket, key):
        remedy = f"To start another monitoring run: make labels FILE={path} ARGS=--again"
        return LabelUpload(sent=False, message=f"{place}: already uploaded; {count} labels; nothing was sent. {remedy}")
    client.put_object(
        Bucket=bucket, Key=key, Body=content, ContentType="text/csv; charset=utf-8", ChecksumAlgorithm="SHA256"
    )
    return LabelUpload(sent=True, message=f"{place}: {count} labels uploaded.")


def read_label_table(path: Path) -> tuple[bytes, int]:
    """Return the content of a table and its number of labels.

    Raises:
        UsageError: It does not exist, is too large or is not such a table.
    """
    place = f"labels {str(path)!r}"
    if not path.is_file():
        raise UsageError(f"{place}: no such file. Check the path.")
    if path.stat().st_size > _MAX_TABLE_BYTES:
        raise UsageError(f"{place}: {path.stat().st_size:,} bytes; {_MAX_TABLE_BYTES:,} at most. Upload it in parts.")
    content = path.read_bytes()
    try:
        return content, label_table.check_label_table(content, str(path))
    except LabelTableError as error:
        raise UsageError(str(error)) from error


def _object_exists(client: Client, bucket: str, key: str) -> bool:
    try:
        client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return False
        raise
    return True

# SPDX-License-Identifier: MIT-0
"""Checks a table of confirmed labels and uploads it to the raw bucket, under its SHA-256.

The table is CSV in UTF-8 with a column `id` (or `image_id`, `inference_id`, `event_id`), a column `label` and, if
known, `date`. The id is the InferenceId of the request, for example the image's own id, or SageMaker's event id of the
capture. The monitor reads all tables: pipeline_src/drift/ground_truth.py.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors
from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError
from pipeline_src import contract

LABEL_ID_COLUMNS: Final = ("id", "image_id", "inference_id", "event_id")
LABEL_COLUMN: Final = "label"
LABEL_DATE_COLUMN: Final = "date"
_MAX_TABLE_BYTES: Final = 10 << 20  # two hundred thousand labels
_CSV_REMEDY: Final = "Export it as CSV in UTF-8."


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
    content = _read_table_file(path)
    count = check_label_table(content, str(path))
    key = f"{contract.LABELS_PREFIX}{hashlib.sha256(content).hexdigest()}.csv"
    place = f"s3://{bucket}/{key}"
    if not again and _object_exists(client, bucket, key):
        remedy = f"To start another monitoring run: make labels FILE={path} ARGS=--again"
        return LabelUpload(sent=False, message=f"{place}: already uploaded; {count} labels; nothing was sent. {remedy}")
    client.put_object(
        Bucket=bucket, Key=key, Body=content, ContentType="text/csv; charset=utf-8", ChecksumAlgorithm="SHA256"
    )
    return LabelUpload(sent=True, message=f"{place}: {count} labels uploaded.")


def check_label_table(content: bytes, name: str) -> int:
    """Return the number of labels in the table `name`.

    Raises:
        UsageError: It is not such a table.
    """
    place = f"labels {name!r}"
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        known = dict(_checked_labels(rows, place))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{place}: is not CSV in UTF-8: {error}. {_CSV_REMEDY}") from error
    if not known:
        raise UsageError(f"{place}: has no rows. Give one for each confirmed image.")
    return len(known)


def _checked_labels(rows: "csv.DictReader[str]", place: str) -> Iterator[tuple[str, str]]:
    """Yield id and label of each row; raise an error if rows contradict each other."""
    header = rows.fieldnames or ()
    column = next((each for each in LABEL_ID_COLUMNS if each in header), None)
    if column is None or LABEL_COLUMN not in header:
        found = ", ".join(header) or "none"
        raise UsageError(
            f"{place}: expected a column named {' or '.join(LABEL_ID_COLUMNS)} and one named {LABEL_COLUMN} "
            f"(found: {found})."
        )
    seen: dict[str, str] = {}
    for row in rows:
        here = f"{place}, line {rows.line_num}"
        name, label = _check_row(row, column, here)
        if seen.setdefault(name, label) != label:
            raise UsageError(
                f"{here}: {column} {name!r}: {label}, but {seen[name]} in an earlier row. Keep the right one."
            )
        yield name, label


def _check_row(row: Mapping[str | None, str | None], column: str, here: str) -> tuple[str, str]:
    name, label = ((row.get(each) or "").strip() for each in (column, LABEL_COLUMN))
    if None in row:
        raise UsageError(f"{here}: has more fields than columns. Quote text with a comma.")
    if not name:
        raise UsageError(f"{here}: {column}: is empty. Give the id of the image.")
    if label.lower() not in contract.CLASS_LABELS:
        raise UsageError(f"{here}: {LABEL_COLUMN} {label!r}: is not one of {', '.join(contract.CLASS_LABELS)}.")
    day = (row.get(LABEL_DATE_COLUMN) or "").strip()
    try:
        date.fromisoformat(day[:10] or "2026-01-01")
    except ValueError:
        raise UsageError(
            f"{here}: {LABEL_DATE_COLUMN} {day!r}: is not a date such as 2026-11-25. It may be empty."
        ) from None
    return name, label.lower()


def _read_table_file(path: Path) -> bytes:
    place = f"labels {str(path)!r}"
    if not path.is_file():
        raise UsageError(f"{place}: no such file. Check the path.")
    if path.stat().st_size > _MAX_TABLE_BYTES:
        raise UsageError(f"{place}: {path.stat().st_size:,} bytes; {_MAX_TABLE_BYTES:,} at most. Upload it in parts.")
    return path.read_bytes()


def _object_exists(client: Client, bucket: str, key: str) -> bool:
    try:
        client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return False
        raise
    return True

# SPDX-License-Identifier: MIT-0
"""Brings a table of confirmed labels into the raw bucket, under its SHA-256: refused here rather than by the monitor.

The table is CSV in UTF-8 with a column `id` (or `image_id`, `inference_id`, `event_id`), a column `label` and, if
known, `date`. The id is the InferenceId that the caller gave with the request, best the image's own id, or SageMaker's
event id of the capture. The monitor reads all tables together: pipeline_src/drift/ground_truth.py.
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
    """What was done about a table.

    Attributes:
        sent: Whether it was sent, which starts a run of the monitor.
        message: What was done, in a sentence.
    """

    sent: bool
    message: str


def upload_labels(client: Client, bucket: str, path: Path, *, again: bool) -> LabelUpload:
    """Check and send the table.

    Args:
        client: An S3 client.
        bucket: The raw bucket.
        path: The table.
        again: Whether to send one that is there already too: its arrival starts a run of the monitor.

    Raises:
        UsageError: It is no such table; the message names the first row that is wrong.
    """
    content = _read_table_file(path)
    count = check_label_table(content, str(path))
    key = f"{contract.LABELS_PREFIX}{hashlib.sha256(content).hexdigest()}.csv"
    place = f"s3://{bucket}/{key}"
    if not again and _object_exists(client, bucket, key):
        remedy = f"To have the monitor look once more: make labels FILE={path} ARGS=--again"
        return LabelUpload(sent=False, message=f"{place}: already there; {count} labels; nothing was sent. {remedy}")
    client.put_object(
        Bucket=bucket, Key=key, Body=content, ContentType="text/csv; charset=utf-8", ChecksumAlgorithm="SHA256"
    )
    return LabelUpload(sent=True, message=f"{place}: {count} labels uploaded.")


def check_label_table(content: bytes, name: str) -> int:
    """Return how many labels the table `name` has.

    Raises:
        UsageError: It is no such table.
    """
    place = f"labels {name!r}"
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        known = dict(_checked_labels(rows, place))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{place}: is no CSV in UTF-8: {error}. {_CSV_REMEDY}") from error
    if not known:
        raise UsageError(f"{place}: has no rows. Give one for each confirmed picture.")
    return len(known)


def _checked_labels(rows: "csv.DictReader[str]", place: str) -> Iterator[tuple[str, str]]:
    """Yield id and label of each row, none of which contradicts an earlier one."""
    header = rows.fieldnames or ()
    column = next((each for each in LABEL_ID_COLUMNS if each in header), None)
    if column is None or LABEL_COLUMN not in header:
        found = ", ".join(header) or "none"
        raise UsageError(
            f"{place}: columns: needs one of {', '.join(LABEL_ID_COLUMNS)}, and {LABEL_COLUMN} "
            f"(found: {found}). Name them so."
        )
    seen: dict[str, str] = {}
    for row in rows:
        here = f"{place}, line {rows.line_num}"
        name, label = _check_row(row, column, here)
        if seen.setdefault(name, label) != label:
            raise UsageError(
                f"{here}: {column} {name!r}: {label} here, {seen[name]} before. Keep the one that is true."
            )
        yield name, label


def _check_row(row: Mapping[str | None, str | None], column: str, here: str) -> tuple[str, str]:
    name, label = ((row.get(each) or "").strip() for each in (column, LABEL_COLUMN))
    if None in row:
        raise UsageError(f"{here}: has more fields than columns. Put text that holds a comma into quotes.")
    if not name:
        raise UsageError(f"{here}: {column}: is empty. Name the picture.")
    if label.lower() not in contract.CLASS_LABELS:
        raise UsageError(
            f"{here}: {LABEL_COLUMN} {label!r}: is none of {', '.join(contract.CLASS_LABELS)}. Give one of them."
        )
    day = (row.get(LABEL_DATE_COLUMN) or "").strip()
    try:
        date.fromisoformat(day[:10] or "2026-01-01")
    except ValueError:
        raise UsageError(
            f"{here}: {LABEL_DATE_COLUMN} {day!r}: is none. Write it as 2026-11-25, or leave it empty."
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

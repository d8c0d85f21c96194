# SPDX-License-Identifier: MIT-0
"""The metadata table ``HAM10000_metadata``: one row an image.

Source: the dataset's paper (Tschandl et al., Scientific Data 5, 180161), section "Data Records".
"""

import csv
import io
import math
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.lesions.error import BadInputError

COLUMNS: Final = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
_SOURCE: Final = "dataset"  # a later edition's column: which collection an image comes from
UNSTATED: Final = "not stated"
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")  # file names and object keys are made of it
_RESTORE: Final = "Restore the original table."


class Row(NamedTuple):
    """One image: its lesion, diagnosis, the collection it comes from, and whether the patient's age is known."""

    image_id: str
    lesion_id: str
    label: str
    source: str
    aged: bool


def parse(place: str, content: bytes) -> list[Row]:
    """Read the table `content`, comma- or tab-separated.

    Returns:
        The rows, sorted by image id: a row's position is the image's number in everything that follows.

    Raises:
        BadInputError: the table is empty, lacks a column, or a row is wrong; names the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{place}: byte {error.start}: not UTF-8 text. {_RESTORE}") from error
    if not text.strip():
        raise BadInputError(f"{place}: empty. {_RESTORE}")
    rows: dict[str, Row] = {}
    diagnoses: dict[str, str] = {}
    try:
        for line, fields in _fields(text, place):
            here = f"{place}: line {line}"
            row = _row(fields, here)
            if rows.setdefault(row.image_id, row) is not row:
                raise BadInputError(f"{here}: image_id {row.image_id!r}: is there twice. Remove one of the rows.")
            known = diagnoses.setdefault(row.lesion_id, row.label)
            if known != row.label:
                raise BadInputError(
                    f"{here}: lesion {row.lesion_id!r}: is {row.label} here but {known} above. Correct one of them."
                )
    except csv.Error as error:
        raise BadInputError(f"{place}: no readable table: {error}. {_RESTORE}") from error
    if not rows:
        raise BadInputError(f"{place}: holds a header and no image. {_RESTORE}")
    return [rows[image_id] for image_id in sorted(rows)]


def _fields(text: str, place: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line's number and fields by column; blank lines are passed over."""
    first = text.lstrip().partition("\n")[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",", strict=True)
    header: list[str] = []
    for fields in lines:
        values = [field.strip() for field in fields]
        if not any(values):
            continue
        if not header:
            header = values
            _check_header(header, place)
        elif len(values) != len(header):
            raise BadInputError(
                f"{place}: line {lines.line_num}: {len(values)} fields: the header has {len(header)}. {_RESTORE}"
            )
        else:
            yield lines.line_num, dict(zip(header, values, strict=True))


def _check_header(header: list[str], place: str) -> None:
    found = ", ".join(header)[:200]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise BadInputError(f'{place}: has no column {names} (found: {found}). Download the "Original Format Zip".')
    if len(set(header)) < len(header):
        raise BadInputError(f"{place}: header: names a column twice (found: {found}). {_RESTORE}")


def _row(fields: dict[str, str], here: str) -> Row:
    for name in ("image_id", "lesion_id"):
        if not _SAFE.fullmatch(fields[name]):
            raise BadInputError(
                f"{here}: {name} {fields[name][:80]!r}: must be letters, digits, '_' and '-', at most 128. Rename it."
            )
    label = fields["dx"]
    if label not in contract.CLASS_LABELS:
        known = ", ".join(contract.CLASS_LABELS)
        raise BadInputError(f"{here}: dx {label[:80]!r}: none of the seven diagnoses ({known}). Correct or remove it.")
    return Row(fields["image_id"], fields["lesion_id"], label, fields.get(_SOURCE) or UNSTATED, _aged(fields["age"]))


def _aged(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False

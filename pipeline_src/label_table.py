# SPDX-License-Identifier: MIT-0
"""Checks a table of confirmed labels before it is stored or uploaded. Standard library only.

The table is CSV in UTF-8 with a column `id` (or `image_id`, `inference_id`, `event_id`), a column `label` and, if
known, `date`. The id is the InferenceId of the request, for example the image's own id, or SageMaker's event id of the
capture. The monitor reads all tables (drift/ground_truth.py), so one that it refuses would stand in the way of all.
"""

import csv
import difflib
import io
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from pipeline_src import contract

LABEL_ID_COLUMNS: Final = ("id", "image_id", "inference_id", "event_id")
LABEL_COLUMN: Final = "label"
LABEL_DATE_COLUMN: Final = "date"
_CSV_REMEDY: Final = "Export it as CSV in UTF-8."
_UNKNOWN_SHOWN: Final = 5


class LabelTableError(ValueError):
    """A file is not a table of labels; the message has place, cause and remedy."""


def check_label_table(content: bytes, name: str) -> int:
    """Return the number of labels in the table `name`.

    Raises:
        LabelTableError: It is not such a table.
    """
    place = f"labels {name!r}"
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        known = dict(_checked_labels(rows, place))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelTableError(f"{place}: is not CSV in UTF-8: {error}. {_CSV_REMEDY}") from error
    if not known:
        raise LabelTableError(f"{place}: has no rows. Give one for each confirmed image.")
    return len(known)


def _checked_labels(rows: "csv.DictReader[str]", place: str) -> Iterator[tuple[str, str]]:
    """Yield id and label of each row; raise an error if rows contradict each other."""
    header = rows.fieldnames or ()
    column = next((each for each in LABEL_ID_COLUMNS if each in header), None)
    if column is None or LABEL_COLUMN not in header:
        found = ", ".join(header) or "none"
        raise LabelTableError(
            f"{place}: expected a column named {' or '.join(LABEL_ID_COLUMNS)} and one named {LABEL_COLUMN} "
            f"(found: {found})."
        )
    seen: dict[str, str] = {}
    unknown: dict[str, int] = {}
    for row in rows:
        here = f"{place}, line {rows.line_num}"
        name, label = _check_row(row, column, here)
        if label not in contract.CLASS_LABELS:
            unknown.setdefault(label, rows.line_num)
            continue
        if seen.setdefault(name, label) != label:
            raise LabelTableError(
                f"{here}: {column} {name!r}: {label}, but {seen[name]} in an earlier row. Keep the right one."
            )
        yield name, label
    if unknown:
        raise LabelTableError(f"{place}: {_describe_unknown_labels(unknown)}")


def _describe_unknown_labels(unknown: Mapping[str, int]) -> str:
    """Return the first unknown labels with their line and the class that may be meant, and the known ones."""
    names = {**{title.lower(): label for label, title in contract.CLASS_TITLES.items()}}
    names |= {label: label for label in contract.CLASS_LABELS}
    said = []
    for label, line in list(unknown.items())[:_UNKNOWN_SHOWN]:
        close = difflib.get_close_matches(label, names, n=1)
        said.append(f"line {line}: {LABEL_COLUMN} {label!r}{f', did you mean {names[close[0]]!r}?' if close else ''}")
    more = len(unknown) - len(said)
    rest = f"; and {more} more" if more else ""
    return f"{'; '.join(said)}{rest}. Each must be one of {', '.join(contract.CLASS_LABELS)}."


def _check_row(row: Mapping[str | None, str | None], column: str, here: str) -> tuple[str, str]:
    name, label = ((row.get(each) or "").strip() for each in (column, LABEL_COLUMN))
    if None in row:
        raise LabelTableError(f"{here}: has more fields than columns. Quote text with a comma.")
    if not name:
        raise LabelTableError(f"{here}: {column}: is empty. Give the id of the image.")
    day = (row.get(LABEL_DATE_COLUMN) or "").strip()
    try:
        date.fromisoformat(day[:10] or "2026-01-01")
    except ValueError:
        raise LabelTableError(
            f"{here}: {LABEL_DATE_COLUMN} {day!r}: is not a date such as 2026-11-25. It may be empty."
        ) from None
    return name, label.lower()

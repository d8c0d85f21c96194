# SPDX-License-Identifier: MIT-0
"""The metadata table ``HAM10000_metadata``: one row an image.

Source: the dataset's paper (Tschandl et al., Scientific Data 5, 180161), section "Data Records".

The official test set: the test images of ISIC 2018 Task 3, which recent editions of the archive hold too.

Its ground truth has the columns of the archive's own table (Dataverse), or a column a class with 1 for the right one
(https://challenge.isic-archive.com/data/#2018).
"""

import csv
import io
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

HAM10000_COLUMNS: Final = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
_SOURCE: Final = "dataset"  # a later edition's column: which collection an image comes from
UNSTATED_SOURCE: Final = "not stated"
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")  # file names and object keys are made of it
_RESTORE: Final = "Restore the original table."


class ImageMetadata(NamedTuple):
    """One image: its lesion, diagnosis, the collection it comes from, and the rest as the table says it."""

    image_id: str
    lesion_id: str
    label: str
    source: str
    sex: str = ""
    age: str = ""
    localization: str = ""
    dx_type: str = ""

    @property
    def aged(self) -> bool:
        """Whether the patient's age is known."""
        try:
            return math.isfinite(float(self.age))
        except ValueError:
            return False


RowFields = dict[str, str]


def read_metadata(place: str, content: bytes) -> list[ImageMetadata]:
    """Read the table `content`, comma- or tab-separated; see `read`."""
    return read_table(place, content, HAM10000_COLUMNS, parse_row)


def read_table(
    place: str, content: bytes, columns: Sequence[str], make: Callable[[RowFields, str], ImageMetadata]
) -> list[ImageMetadata]:
    """Read a table that has `columns` at least, each line of which `make` turns into a row.

    Returns:
        The rows, sorted by image id: a row's position is the image's number in everything that follows.

    Raises:
        BadInputError: the table is empty, lacks a column, or a row is wrong; names the line.
    """
    rows: dict[str, ImageMetadata] = {}
    diagnoses: dict[str, str] = {}
    for line, fields in _fields(place, content, columns):
        here = f"{place}: line {line}"
        made = make(fields, here)
        if rows.setdefault(made.image_id, made) is not made:
            raise BadInputError(f"{here}: image_id {made.image_id!r}: is there twice. Remove one of the rows.")
        known = diagnoses.setdefault(made.lesion_id, made.label)
        if known != made.label:
            raise BadInputError(
                f"{here}: lesion {made.lesion_id!r}: is {made.label} here but {known} above. Correct one of them."
            )
    if not rows:
        raise BadInputError(f"{place}: holds a header and no image. {_RESTORE}")
    return [rows[image_id] for image_id in sorted(rows)]


def parse_row(fields: RowFields, here: str) -> ImageMetadata:
    """Return the row whose `fields` stand `here`; columns that the table need not have may be missing.

    Raises:
        BadInputError: an id is no file name, or the diagnosis is unknown.
    """
    for name in ("image_id", "lesion_id"):
        if not _SAFE.fullmatch(fields[name]):
            raise BadInputError(
                f"{here}: {name} {fields[name][:80]!r}: must be letters, digits, '_' and '-', at most 128. Rename it."
            )
    label = fields["dx"]
    if label not in contract.CLASS_LABELS:
        known = ", ".join(contract.CLASS_LABELS)
        raise BadInputError(f"{here}: dx {label[:80]!r}: not one of the diagnoses {known}. Correct or remove it.")
    # The same few words come thousands of times over; one of each is enough in memory.
    known_of = {name: sys.intern(fields.get(name, "")) for name in ("sex", "age", "localization", "dx_type")}
    source = sys.intern(fields.get(_SOURCE) or UNSTATED_SOURCE)
    return ImageMetadata(fields["image_id"], fields["lesion_id"], sys.intern(label), source, **known_of)


def table_header(place: str, content: bytes) -> list[str]:
    """Return the column names of the table `content`."""
    return next(_lines(place, content))[1]


def _text(place: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{place}: byte {error.start}: not UTF-8 text. {_RESTORE}") from error
    if not text.strip():
        raise BadInputError(f"{place}: empty. {_RESTORE}")
    return text


def _fields(place: str, content: bytes, columns: Sequence[str]) -> Iterator[tuple[int, RowFields]]:
    """Yield each line's number and fields by column; blank lines are passed over."""
    names: list[str] = []
    for number, values in _lines(place, content):
        if not names:
            names = values
            _check_header(names, columns, place)
        elif len(values) != len(names):
            raise BadInputError(
                f"{place}: line {number}: {len(values)} fields: the header has {len(names)}. {_RESTORE}"
            )
        else:
            yield number, dict(zip(names, values, strict=True))


def _lines(place: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the values of each line that is not blank, comma- or tab-separated as the first is."""
    text = _text(place, content)
    first = text.lstrip().partition("\n")[0]
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",", strict=True)
    try:
        for fields in lines:
            values = [field.strip() for field in fields]
            if any(values):
                yield lines.line_num, values
    except csv.Error as error:
        raise BadInputError(f"{place}: no readable table: {error}. {_RESTORE}") from error


def _check_header(header: list[str], columns: Sequence[str], place: str) -> None:
    found = ", ".join(header)[:200]
    missing = [name for name in columns if name not in header]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise BadInputError(f'{place}: has no column {names} (found: {found}). Download the "Original Format Zip".')
    if len(set(header)) < len(header):
        raise BadInputError(f"{place}: header: names a column twice (found: {found}). {_RESTORE}")


OFFICIAL_IMAGES_FILE: Final = re.compile(r"ISIC2018_Task3_Test_(Images|Input)\.zip")
OFFICIAL_TRUTH_FILE: Final = re.compile(r"ISIC2018_Task3_Test_GroundTruth(\.(csv|tab|tsv|txt))?")
_ONE_HOT: Final = {label.upper(): label for label in contract.CLASS_LABELS}


def read_official_metadata(place: str, content: bytes) -> list[ImageMetadata]:
    """Read the ground truth `content` in either form; an image without a lesion id is a lesion of its own.

    Returns:
        The rows, sorted by image id.

    Raises:
        BadInputError: as `metadata.read`; or a line of the second form does not name one class.
    """
    if "image_id" in table_header(place, content):
        return read_table(place, content, ("image_id", "dx"), _parse_official_row)
    return read_table(place, content, ("image", *_ONE_HOT), _parse_one_hot_row)


def _parse_official_row(fields: RowFields, here: str) -> ImageMetadata:
    return parse_row({**fields, "lesion_id": fields.get("lesion_id") or fields["image_id"]}, here)


def _parse_one_hot_row(fields: RowFields, here: str) -> ImageMetadata:
    marked = [label for name, label in _ONE_HOT.items() if _number_or_none(fields[name]) == 1]
    others = [name for name in _ONE_HOT if _number_or_none(fields[name]) not in {0, 1}]
    if len(marked) != 1 or others:
        values = ", ".join(fields[name][:20] for name in _ONE_HOT)
        raise BadInputError(f"{here}: {values}: must be 1 for one class and 0 for the others. Restore the table.")
    return parse_row({"image_id": fields["image"], "lesion_id": fields["image"], "dx": marked[0]}, here)


def _number_or_none(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

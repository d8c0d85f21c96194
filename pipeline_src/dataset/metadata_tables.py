# SPDX-License-Identifier: MIT-0
"""Reads the metadata table ``HAM10000_metadata``, one row per image, and the ground truth of the official test set.

The official test set is that of ISIC 2018 Task 3, which recent editions of the archive contain. Its ground truth has
either the columns of the metadata table (Dataverse), or one column per class, with 1 in that of the diagnosis
(https://challenge.isic-archive.com/data/#2018). ISIC's training data have the second form too, with a table of lesions
beside it. Tables that a spreadsheet or pandas has saved again are read too.
Source of the table: the dataset's paper (Tschandl et al., Scientific Data 5, 180161), section "Data Records".
"""

import csv
import io
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

HAM10000_COLUMNS: Final = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
REQUIRED_COLUMNS: Final = ("lesion_id", "image_id", "dx")
_SOURCE: Final = "dataset"  # a column of later editions: the collection that an image comes from
UNSTATED_SOURCE: Final = "not stated"
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")  # used in file names and object keys
# What pandas, R, SQL and people write for a value that is missing, also behind the prefix of a collection (BCN_nan).
_MISSING: Final = re.compile(r"([a-z]+[_-])?(nan|na|n/a|none|null|nil|unknown|<na>)|[-?.]*", re.IGNORECASE)
_OLDEST: Final = 120  # years
_SEXES: Final = {"m": "male", "f": "female"}
_SPACE: Final = re.compile(r"[\x00-\x20\x7f\x85\xa0\u2028\u2029]+")
_UNNAMED: Final = re.compile(r"(unnamed: \d+)?", re.IGNORECASE)  # a column of row numbers, as pandas saves it
_SEPARATOR_LINE: Final = re.compile(r"\s*\"?sep=(.)\"?\s*\n", re.IGNORECASE)  # Excel's
_DELIMITERS: Final = ("\t", ";", ",")
# Names of columns in the tables of ISIC, which count as ours if ours is not there.
_COLUMN_NAMES: Final = {
    "age_approx": "age",
    "anatom_site_general": "localization",
    "diagnosis_confirm_type": "dx_type",
    "ak": "akiec",
}
_MANY_IMAGES: Final = 100  # images of one lesion; HAM10000 has 6 at most
_UNGROUPED_LIMIT: Final = 200  # images from which on some lesion is expected to have two
_RESTORE: Final = "Restore the original table."


def _diagnosis_names() -> dict[str, str]:
    """Return the label of each spelling of a diagnosis, in lower case: labels, clinical names and common plurals."""
    plurals = {
        "melanocytic nevi": "nv",
        "actinic keratosis": "akiec",
        "actinic keratoses": "akiec",
        "benign keratosis-like lesions": "bkl",
        "vascular lesions": "vasc",
    }
    titles = {title.lower(): label for label, title in contract.CLASS_TITLES.items()}
    return plurals | titles | {label.lower(): label for label in contract.CLASS_LABELS}


_DIAGNOSES: Final = _diagnosis_names()


class ImageMetadata(NamedTuple):
    """One image: its lesion, diagnosis, source collection, and the other columns, empty if not stated.

    `unread_age` is the text in the column `age` if it is no age from 0 to 120; `age` is then empty.
    """

    image_id: str
    lesion_id: str
    label: str
    source: str
    sex: str = ""
    age: str = ""
    localization: str = ""
    dx_type: str = ""
    unread_age: str = ""

    @property
    def aged(self) -> bool:
        """True if the patient's age is known."""
        return _is_age(self.age)


RowFields = dict[str, str]


def read_metadata(place: str, content: bytes) -> list[ImageMetadata]:
    """Read the metadata table `content`; see `read_table`."""
    return read_table(place, content, REQUIRED_COLUMNS, parse_row)


def read_table(
    place: str, content: bytes, columns: Sequence[str], make: Callable[[RowFields, str], ImageMetadata]
) -> list[ImageMetadata]:
    """Read a table that has at least `columns`; `make` converts each line into a row.

    Its text is UTF-8 or UTF-16, its delimiter a comma, a tab or a semicolon. Names of columns are in any case.

    Returns:
        The rows, sorted by image id: a row's position becomes the image's number.

    Raises:
        BadInputError: the table is empty, lacks a column, or has an invalid row; names the line.
    """
    rows: dict[str, ImageMetadata] = {}
    diagnoses: dict[str, str] = {}
    spellings: dict[str, str] = {}
    for line, fields in _fields(place, content, columns):
        here = f"{place}: line {line}"
        made = make(fields, here)
        if rows.setdefault(made.image_id, made) is not made:
            raise BadInputError(f"{here}: image_id {made.image_id!r}: appears twice. Remove one of the rows.")
        known = diagnoses.setdefault(made.lesion_id, made.label)
        if known != made.label:
            raise BadInputError(
                f"{here}: lesion {made.lesion_id!r}: is {made.label} here but {known} above. Correct one of them."
            )
        for name, value in (("image_id", made.image_id), ("lesion_id", made.lesion_id)):
            other = spellings.setdefault(f"{name} {value.lower()}", value)
            if other != value:
                raise BadInputError(
                    f"{here}: {name} {value!r}: differs from {other!r} above in upper and lower case alone."
                    " Write both the same if they are one, or rename one of them."
                )
    if not rows:
        raise BadInputError(f"{place}: has a header and no image. {_RESTORE}")
    return [rows[image_id] for image_id in sorted(rows)]


def parse_row(fields: RowFields, here: str) -> ImageMetadata:
    """Return the row of `fields` at the place `here`; optional columns may be missing.

    Raises:
        BadInputError: an id is missing or not usable as a file name, or the diagnosis is not one of the classes.
    """
    image_id, lesion_id = image_name(fields["image_id"]) or fields["image_id"], fields["lesion_id"]
    if is_missing(lesion_id):
        raise BadInputError(
            f"{here}: lesion_id {lesion_id[:80]!r}: is missing, so images of one lesion might be in several splits."
            " Write the id of its lesion, or its image_id if no other image shows the lesion."
        )
    for name, value in (("image_id", image_id), ("lesion_id", lesion_id)):
        if not _SAFE.fullmatch(value):
            raise BadInputError(
                f"{here}: {name} {value[:80]!r}: must be letters, digits, '_' and '-', at most 128. Rename it."
            )
    label = _DIAGNOSES.get(fields["dx"].lower())
    if label is None:
        known = ", ".join(contract.CLASS_LABELS)
        raise BadInputError(
            f"{here}: dx {fields['dx'][:80]!r}: not one of the diagnoses {known}. Correct or remove it."
        )
    sex, age = fields.get("sex", ""), fields.get("age", "")
    # The same few words occur thousands of times; interning keeps one of each in memory.
    return ImageMetadata(
        image_id,
        lesion_id,
        sys.intern(label),
        sys.intern(fields.get(_SOURCE) or UNSTATED_SOURCE),
        sex=sys.intern(_SEXES.get(sex.lower(), sex.lower())),
        age=sys.intern(age if _is_age(age) else ""),
        localization=sys.intern(fields.get("localization", "")),
        dx_type=sys.intern(fields.get("dx_type", "")),
        unread_age="" if _is_age(age) or is_missing(age) else age,
    )


def image_name(name: str) -> str | None:
    """Return `name` without the suffix of an image, or None if it has none."""
    stem, dot, suffix = name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in contract.ARCHIVE_IMAGE_SUFFIXES else None


def is_missing(text: str) -> bool:
    """Return whether `text` is empty or marks a missing value."""
    return _MISSING.fullmatch(text) is not None


def _is_age(text: str) -> bool:
    try:
        age = float(text)
    except ValueError:
        return False
    return math.isfinite(age) and 0 <= age <= _OLDEST


def metadata_remarks(rows: Sequence[ImageMetadata]) -> list[str]:
    """Return remarks on ages that cannot be read, and on lesion ids that group nearly everything or nothing."""
    remarks = []
    unread = [row for row in rows if row.unread_age]
    if unread:
        remarks.append(
            f"{len(unread)} ages are no number from 0 to {_OLDEST} and count as not stated (first:"
            f" {unread[0].unread_age[:40]!r} of {unread[0].image_id})."
        )
    lesions = Counter(row.lesion_id for row in rows)
    if not lesions:
        return remarks
    (largest, images) = lesions.most_common(1)[0]
    if images >= _MANY_IMAGES:
        remarks.append(
            f"lesion {largest!r} has {images} of {len(rows)} images, which are all in one split. Is lesion_id the id of"
            " a lesion?"
        )
    if images == 1 and len(rows) >= _UNGROUPED_LIMIT:
        remarks.append(
            f"no two of {len(rows)} images have one lesion_id, so images of one lesion may be in several splits. Is"
            " lesion_id the id of a lesion?"
        )
    return remarks


def table_header(place: str, content: bytes) -> list[str]:
    """Return the column names of the table `content`, in lower case."""
    return next(_lines(place, content))[1]


def _text(place: str, content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if wide else "UTF-8"
        raise BadInputError(f"{place}: byte {error.start}: not {kind} text. {_RESTORE}") from error
    if not text.strip():
        raise BadInputError(f"{place}: empty. {_RESTORE}")
    return text


def _fields(place: str, content: bytes, columns: Sequence[str]) -> Iterator[tuple[int, RowFields]]:
    """Yield each line's number and fields by column; blank lines and columns without a name are left out."""
    names: list[str] = []
    for number, values in _lines(place, content):
        if not names:
            names = [name if _COLUMN_NAMES.get(name, name) in values else _COLUMN_NAMES[name] for name in values]
            _check_header([name for name in names if not _UNNAMED.fullmatch(name)], columns, place)
        elif len(values) < len(names) or any(values[len(names) :]):
            raise BadInputError(
                f"{place}: line {number}: {len(values)} fields: the header has {len(names)}. {_RESTORE}"
            )
        else:
            yield number, {name: value for name, value in zip(names, values, strict=False) if name}


def _lines(place: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the values of each line that is not blank; the first one is the header, in lower case.

    White space and control characters within a value become one blank: a carriage return within a quoted value would
    end a line of the manifest for some readers.
    """
    text = _text(place, content)
    separator = _SEPARATOR_LINE.match(text)
    text, skipped = (text[separator.end() :], 1) if separator else (text, 0)
    first = text.lstrip().partition("\n")[0]
    delimiter = separator[1] if separator else next((each for each in _DELIMITERS if each in first), ",")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    header = True
    try:
        for fields in lines:
            values = [_SPACE.sub(" ", field).strip() for field in fields]
            if any(values):
                yield lines.line_num + skipped, [value.lower() for value in values] if header else values
                header = False
    except csv.Error as error:
        raise BadInputError(f"{place}: not a readable table: {error}. {_RESTORE}") from error


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
_ONE_HOT: Final = {label.lower(): label for label in contract.CLASS_LABELS}


def read_official_metadata(place: str, content: bytes) -> list[ImageMetadata]:
    """Read the ground truth `content` in either form; an image without a lesion id counts as a lesion of its own.

    Returns:
        The rows, sorted by image id.

    Raises:
        BadInputError: as `read_table`, or a line of the second form does not name exactly one class.
    """
    if "image_id" in table_header(place, content):
        return read_table(place, content, ("image_id", "dx"), _parse_official_row)

    def row(fields: RowFields, here: str) -> ImageMetadata:
        return _parse_one_hot_row({**fields, "lesion_id": _own_id(fields)}, here)

    return read_table(place, content, ("image", *_ONE_HOT), row)


def _parse_official_row(fields: RowFields, here: str) -> ImageMetadata:
    lesion_id = fields.get("lesion_id", "")
    own = image_name(fields["image_id"]) or fields["image_id"]
    return parse_row({**fields, "lesion_id": own if is_missing(lesion_id) else lesion_id}, here)


PlacedTable = tuple[str, bytes]


def read_isic_metadata(diagnoses: PlacedTable, lesions: PlacedTable) -> list[ImageMetadata]:
    """Read the two tables of an ISIC challenge: one column per class, and the lesion of each image.

    Raises:
        BadInputError: as `read_table`; a line does not name exactly one class, or the lesion of an image is not stated.
    """
    facts: dict[str, RowFields] = {}
    for line, fields in _fields(*lesions, ("image", "lesion_id")):
        if facts.setdefault(_own_id(fields).lower(), fields) is not fields:
            raise BadInputError(
                f"{lesions[0]}: line {line}: image {fields['image']!r}: appears twice. Remove one of the rows."
            )

    def row(fields: RowFields, here: str) -> ImageMetadata:
        stated = facts.get(_own_id(fields).lower())
        if stated is None:
            raise BadInputError(
                f"{here}: image {fields['image'][:80]!r}: is not in {lesions[0]}, so its lesion is not known. Add its"
                " row there, or remove it here."
            )
        return _parse_one_hot_row({**stated, **fields}, here)

    return read_table(*diagnoses, ("image", *_ONE_HOT), row)


def _own_id(fields: RowFields) -> str:
    return image_name(fields["image"]) or fields["image"]


def _parse_one_hot_row(fields: RowFields, here: str) -> ImageMetadata:
    marked = [label for name, label in _ONE_HOT.items() if _number_or_none(fields[name]) == 1]
    others = [name for name in _ONE_HOT if _number_or_none(fields[name]) not in {0, 1}]
    if len(marked) != 1 or others:
        values = ", ".join(fields[name][:20] for name in _ONE_HOT)
        known = ", ".join(_ONE_HOT).upper()
        raise BadInputError(
            f"{here}: {values} for {known}: must be 1 for one class and 0 for the others. Restore the table, or remove"
            " the row if its class is none of these."
        )
    return parse_row({**fields, "image_id": _own_id(fields), "dx": marked[0]}, here)


def _number_or_none(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

# SPDX-License-Identifier: MIT-0
"""What the champion said of its images: the predictions.csv of its own evaluation, or that there is no champion.

A file that cannot be used stops nothing: the challenger's report must still be written, and then says why the two were
not compared. Content decides, not the file's name.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions import absence
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.scores import SUM_TOLERANCE

SIZE_LIMIT: Final = 64 << 20  # bytes; 4,000 images take 1 MB
REMEDY: Final = "Name the predictions.csv that the champion's own evaluation wrote."
_SHOWN: Final = 60  # characters of a value in a message


@dataclass(frozen=True)
class Answer:
    """What the champion said of one image.

    Attributes:
        label: the true class as the champion's dataset had it.
        probabilities: in the order of `contract.CLASS_LABELS`.
        melanoma: whether it was called melanoma at the champion's own operating point.
    """

    lesion_id: str
    split: str
    label: str
    probabilities: tuple[float, ...]
    melanoma: bool


@dataclass(frozen=True)
class Champion:
    """The champion's answers by image id, or in a sentence why they cannot be used."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    refusal: str = ""


def read(folder: Path) -> Champion | None:
    """Read the one file in `folder`.

    Returns:
        The champion; None if the file is `contract.ABSENT`. Whatever else is wrong is its `refusal`.
    """
    try:
        text = _text(folder)
        return None if absence.said(text) else Champion(_answers(text))
    except BadInputError as error:
        return Champion(refusal=str(error))


def shown(value: str) -> str:
    """Return `value` for a message: quoted, and cut if it is long."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def _text(folder: Path) -> str:
    paths = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if len(paths) != 1:
        raise BadInputError(f"the champion's channel holds {len(paths)} files instead of one. {REMEDY}")
    try:
        if paths[0].stat().st_size > SIZE_LIMIT:
            raise BadInputError(f"the champion's file is larger than {SIZE_LIMIT >> 20} MiB. {REMEDY}")
        return paths[0].read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"the champion's file cannot be read as text: {shown(str(error))}. {REMEDY}") from None


def _answers(text: str) -> dict[str, Answer]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(next(rows, []))
        listed = list(rows)
    except csv.Error as error:
        raise BadInputError(f"the champion's file: line {rows.line_num}: is no CSV: {error}. {REMEDY}") from None
    answers: dict[str, Answer] = {}
    wrong = [problem for row in listed if (problem := _add(answers, row))]
    if wrong:
        raise BadInputError(f"{wrong[0]}, the first of {len(wrong)} wrong rows of {len(listed)}. {REMEDY}")
    return answers


def _check_header(found: list[str]) -> None:
    wanted = contract.PREDICTION_COLUMNS
    if tuple(found) == wanted:
        return
    name = next((name for name in wanted if name not in found), "")
    moved = next((each for each, right in zip_longest(found, wanted, fillvalue="") if each != right), "")
    what = f"no column {name}" if name else f"column {shown(moved)} out of place or too many"
    labels = "other classes, or in another order" if "p_" in (name + moved) else "another format"
    raise BadInputError(f"the champion's file has {what}: {labels}; wanted {','.join(wanted)}. {REMEDY}")


def _add(answers: dict[str, Answer], row: list[str]) -> str:
    """Add `row` to `answers`; return what is wrong with it, or nothing."""
    image_id = row[0] if row else ""
    if image_id in answers:
        return f"champion's image {shown(image_id)}: is listed twice"
    try:
        answers[image_id] = _answer(row)
    except BadInputError as error:
        return f"champion's image {shown(image_id)}: {error}"
    return ""


def _answer(row: list[str]) -> Answer:
    if len(row) != len(contract.PREDICTION_COLUMNS) or not row[0]:
        raise BadInputError(f"has {len(row)} of {len(contract.PREDICTION_COLUMNS)} fields, or no id")
    cells = dict(zip(contract.PREDICTION_COLUMNS, row, strict=True))
    _check_word(cells, "split", contract.PLACES)
    _check_word(cells, "label", contract.CLASS_LABELS)
    _check_word(cells, "melanoma_at_threshold", ("0", "1"))
    probabilities = _probabilities(cells)
    best = contract.CLASS_LABELS[probabilities.index(max(probabilities))]
    if cells["predicted"] != best:
        raise BadInputError(f"predicted {shown(cells['predicted'])}: its highest probability is that of {best}")
    called = cells["melanoma_at_threshold"] == "1"
    return Answer(cells["lesion_id"], cells["split"], cells["label"], probabilities, called)


def _check_word(cells: Mapping[str, str], column: str, known: Iterable[str]) -> None:
    if cells[column] not in known:
        raise BadInputError(f"{column} {shown(cells[column])}: is none of {', '.join(known)}")


def _probabilities(cells: Mapping[str, str]) -> tuple[float, ...]:
    values = tuple(_probability(column, cells[column]) for column in contract.PREDICTION_SCORES)
    if abs(math.fsum(values) - 1) > SUM_TOLERANCE:
        raise BadInputError(f"the probabilities add up to {math.fsum(values):.6g}, not 1")
    return values


def _probability(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise BadInputError(f"{column} {shown(text)}: is no number from 0 to 1")
    return value

# SPDX-License-Identifier: MIT-0
"""Reads the champion's predictions.csv, and refuses predictions that cannot be compared with the challenger's.

A file that cannot be used does not fail the job: the challenger's report is still written, and gives the reason. The
content decides, not the file name. Too small an overlap of the test sets is refused as well: if hard images of the
champion's test set are missing, the comparison favors the challenger.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.class_probabilities import PROBABILITY_SUM_TOLERANCE
from pipeline_src.evaluation.model_predictions import HoldoutImage
from pipeline_src.runtime.errors import BadInputError

CHAMPION_FILE_LIMIT: Final = 64 << 20  # bytes; 4,000 images take 1 MB
CHAMPION_REMEDY: Final = "Name the predictions.csv that the champion's own evaluation wrote."
_SHOWN: Final = 60  # characters of a value in a message


@dataclass(frozen=True)
class ChampionAnswer:
    """The champion's prediction for one image.

    Attributes:
        label: the true class in the champion's dataset.
        probabilities: in the order of `contract.CLASS_LABELS`.
        melanoma: True if it was predicted as melanoma at the champion's own operating point.
    """

    lesion_id: str
    split: str
    label: str
    probabilities: tuple[float, ...]
    melanoma: bool


@dataclass(frozen=True)
class ChampionPredictions:
    """The champion's predictions by image id, or the reason why they cannot be used."""

    answers: Mapping[str, ChampionAnswer] = field(default_factory=dict)
    refusal: str = ""


def read_champion_predictions(folder: Path) -> ChampionPredictions | None:
    """Read the one file in `folder`.

    Returns:
        The champion's predictions, with any problem as their `refusal`; None if the file is `contract.ABSENT_OBJECT`.
    """
    paths = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if len(paths) != 1:
        problem = f"the champion's channel holds {len(paths)} files instead of one. {CHAMPION_REMEDY}"
        return ChampionPredictions(refusal=problem)
    return read_predictions_file(paths[0])


def read_predictions_file(path: Path) -> ChampionPredictions | None:
    """Read the predictions in the file at `path`; the result is that of `read_champion_predictions`."""
    try:
        text = _read_text(path)
        return None if contract.is_absent_object(text) else ChampionPredictions(_parse_answers(text))
    except BadInputError as error:
        return ChampionPredictions(refusal=str(error))


def quote_value(value: str) -> str:
    """Return `value` quoted and truncated, for a message."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > CHAMPION_FILE_LIMIT:
            raise BadInputError(
                f"the champion's file is larger than {CHAMPION_FILE_LIMIT >> 20} MiB. {CHAMPION_REMEDY}"
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"the champion's file cannot be read as text: {quote_value(str(error))}. {CHAMPION_REMEDY}"
        ) from None


def _parse_answers(text: str) -> dict[str, ChampionAnswer]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(next(rows, []))
        listed = list(rows)
    except csv.Error as error:
        raise BadInputError(f"the champion's file: line {rows.line_num}: not CSV: {error}. {CHAMPION_REMEDY}") from None
    answers: dict[str, ChampionAnswer] = {}
    wrong = [problem for row in listed if (problem := _add_answer(answers, row))]
    if wrong:
        raise BadInputError(f"{wrong[0]}, the first of {len(wrong)} wrong rows of {len(listed)}. {CHAMPION_REMEDY}")
    return answers


def _check_header(found: list[str]) -> None:
    wanted = contract.PREDICTION_COLUMNS
    if tuple(found) == wanted:
        return
    name = next((name for name in wanted if name not in found), "")
    moved = next((each for each, right in zip_longest(found, wanted, fillvalue="") if each != right), "")
    what = f"no column {name}" if name else f"column {quote_value(moved)} out of place or too many"
    labels = "other classes, or in another order" if "p_" in (name + moved) else "another format"
    raise BadInputError(f"the champion's file has {what}: {labels}; wanted {','.join(wanted)}. {CHAMPION_REMEDY}")


def _add_answer(answers: dict[str, ChampionAnswer], row: list[str]) -> str:
    """Add `row` to `answers`; return its problem, or an empty string."""
    image_id = row[0] if row else ""
    if image_id in answers:
        return f"champion's image {quote_value(image_id)}: listed twice"
    try:
        answers[image_id] = _parse_answer(row)
    except BadInputError as error:
        return f"champion's image {quote_value(image_id)}: {error}"
    return ""


def _parse_answer(row: list[str]) -> ChampionAnswer:
    if len(row) != len(contract.PREDICTION_COLUMNS) or not row[0]:
        raise BadInputError(f"has {len(row)} of {len(contract.PREDICTION_COLUMNS)} fields, or no id")
    cells = dict(zip(contract.PREDICTION_COLUMNS, row, strict=True))
    _check_word(cells, "split", contract.IMAGE_PLACES)
    _check_word(cells, "label", contract.CLASS_LABELS)
    _check_word(cells, "melanoma_at_threshold", ("0", "1"))
    probabilities = _probabilities(cells)
    best = contract.CLASS_LABELS[probabilities.index(max(probabilities))]
    if cells["predicted"] != best:
        raise BadInputError(f"predicted {quote_value(cells['predicted'])}: its highest probability is that of {best}")
    called = cells["melanoma_at_threshold"] == "1"
    return ChampionAnswer(cells["lesion_id"], cells["split"], cells["label"], probabilities, called)


def _check_word(cells: Mapping[str, str], column: str, known: Iterable[str]) -> None:
    if cells[column] not in known:
        raise BadInputError(f"{column} {quote_value(cells[column])}: not one of {', '.join(known)}")


def _probabilities(cells: Mapping[str, str]) -> tuple[float, ...]:
    values = tuple(_probability(column, cells[column]) for column in contract.PREDICTION_SCORES)
    if abs(math.fsum(values) - 1) > PROBABILITY_SUM_TOLERANCE:
        raise BadInputError(f"the probabilities add up to {math.fsum(values):.6g}, not 1")
    return values


def _probability(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise BadInputError(f"{column} {quote_value(text)}: not a number from 0 to 1")
    return value


MISSING_LIMIT: Final = 0.05  # of the champion's test images; allows for corrections of the archive
CLASS_MISSING_LIMIT: Final = 0.20  # of one class; rare classes have the same weight in balanced accuracy
ONE_IMAGE: Final = 1  # of a class is always allowed, although of four images it is more than a fifth


def missing_test_images(images: Iterable[HoldoutImage], answers: Mapping[str, ChampionAnswer]) -> list[ChampionAnswer]:
    """Return the champion's predictions for its test images that are not among `images`."""
    ours = {image.image_id for image in images}
    return [answer for name, answer in answers.items() if answer.split == contract.TEST and name not in ours]


def refuse_missing_images(gone: list[ChampionAnswer], answers: Mapping[str, ChampionAnswer]) -> None:
    """Refuse a test set without too many of the champion's test images, overall or of one class.

    Raises:
        BadInputError: too many are missing.
    """
    asked = Counter(answer.label for answer in answers.values() if answer.split == contract.TEST)
    lost = Counter(answer.label for answer in gone)
    few = len(gone) <= MISSING_LIMIT * asked.total()
    if few and all(count <= max(ONE_IMAGE, CLASS_MISSING_LIMIT * asked[label]) for label, count in lost.items()):
        return
    # A class that lost a single image is reported only if no class lost more.
    worst = max(lost, key=lambda label: (lost[label] > ONE_IMAGE, lost[label] / asked[label], label))
    raise BadInputError(
        f"{len(gone)} of the champion's {asked.total()} test images are missing from this model's test images, worst "
        f"of {worst}: {lost[worst]} of {asked[worst]}. Leaving out hard images favors the challenger, so at "
        f"most {MISSING_LIMIT:.0%} of all and {CLASS_MISSING_LIMIT:.0%} of a class may be missing. "
        "Train on the same archive, with "
        "the same TestFraction, or without a comparison (--no-champion; in the local run --champion none)."
    )


def refuse_differing_images(images: tuple[HoldoutImage, ...], answers: list[ChampionAnswer]) -> None:
    """Refuse images whose split, label or lesion differs between the two datasets.

    Raises:
        BadInputError: there is such an image.
    """
    remedy = {
        "split": "The champion may have learned from it. Evaluate the champion's model again on this dataset.",
        "label": "Evaluate the champion's model again on this dataset.",
        "lesion_id": "Evaluate the champion's model again on this dataset.",
    }
    for name, way_out in remedy.items():
        pairs = zip(images, answers, strict=True)
        said = [(image.image_id, getattr(image, name), getattr(answer, name)) for image, answer in pairs]
        other = [each for each in said if each[1] != each[2]]
        if other:
            image_id, ours, theirs = other[0]
            raise BadInputError(
                f"test image {quote_value(image_id)}: its {name} is {quote_value(ours)} here and "
                f"{quote_value(theirs)} for the champion; "
                f"{len(other)} of {len(images)} shared images differ so. {way_out}"
            )


def refuse_missing_classes(images: tuple[HoldoutImage, ...]) -> None:
    """Refuse shared images that do not include every class.

    Raises:
        BadInputError: a class is missing, or there are no shared images.
    """
    if not images:
        raise BadInputError(f"no test image is shared with the champion. {CHAMPION_REMEDY}")
    known = {image.label for image in images}
    missing = [label for label in contract.CLASS_LABELS if label not in known]
    if missing:
        raise BadInputError(
            f"none of the {len(images)} shared test images is {missing[0]} ({len(missing)} of "
            f"{len(contract.CLASS_LABELS)} classes are missing), so the balanced accuracy cannot be "
            f"compared. {CHAMPION_REMEDY}"
        )

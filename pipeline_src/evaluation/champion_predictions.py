# SPDX-License-Identifier: MIT-0
"""What the champion said of its images: the predictions.csv of its own evaluation, or that there is no champion.

A file that cannot be used stops nothing: the challenger's report must still be written, and then says why the two were
not compared. Content decides, not the file's name.

What the test images of two models have in common: the same images of the same lesions, and enough of them.

Sharing too little is no small flaw: a test set from which the champion's hard images went flatters the challenger.
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
class ChampionPredictions:
    """The champion's answers by image id, or in a sentence why they cannot be used."""

    answers: Mapping[str, ChampionAnswer] = field(default_factory=dict)
    refusal: str = ""


def read_champion_predictions(folder: Path) -> ChampionPredictions | None:
    """Read the one file in `folder`.

    Returns:
        The champion; None if the file is `contract.ABSENT`. Whatever else is wrong is its `refusal`.
    """
    try:
        text = _read_text(folder)
        return None if contract.is_absent_object(text) else ChampionPredictions(_parse_answers(text))
    except BadInputError as error:
        return ChampionPredictions(refusal=str(error))


def quote_value(value: str) -> str:
    """Return `value` for a message: quoted, and cut if it is long."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def _read_text(folder: Path) -> str:
    paths = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if len(paths) != 1:
        raise BadInputError(f"the champion's channel holds {len(paths)} files instead of one. {CHAMPION_REMEDY}")
    try:
        if paths[0].stat().st_size > CHAMPION_FILE_LIMIT:
            raise BadInputError(
                f"the champion's file is larger than {CHAMPION_FILE_LIMIT >> 20} MiB. {CHAMPION_REMEDY}"
            )
        return paths[0].read_text(encoding="utf-8")
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
        raise BadInputError(
            f"the champion's file: line {rows.line_num}: is no CSV: {error}. {CHAMPION_REMEDY}"
        ) from None
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
    """Add `row` to `answers`; return what is wrong with it, or nothing."""
    image_id = row[0] if row else ""
    if image_id in answers:
        return f"champion's image {quote_value(image_id)}: is listed twice"
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
        raise BadInputError(f"{column} {quote_value(cells[column])}: is none of {', '.join(known)}")


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
        raise BadInputError(f"{column} {quote_value(text)}: is no number from 0 to 1")
    return value


MISSING_LIMIT: Final = 0.05  # of the champion's test images; what a corrected archive may lack without a word
CLASS_MISSING_LIMIT: Final = 0.20  # of those of one class, as a rare one weighs as much as nevi in balanced accuracy
ONE_IMAGE: Final = 1  # of a class; a lone image is more than a fifth where there are four, and says nothing yet


def missing_test_images(images: Iterable[HoldoutImage], answers: Mapping[str, ChampionAnswer]) -> list[ChampionAnswer]:
    """Return the champion's answers to test images of its own that are not among `images`."""
    ours = {image.image_id for image in images}
    return [answer for name, answer in answers.items() if answer.split == contract.TEST and name not in ours]


def refuse_missing_images(gone: list[ChampionAnswer], answers: Mapping[str, ChampionAnswer]) -> None:
    """Refuse a test set that lacks too many of the champion's test images, or too many of one class.

    Raises:
        BadInputError: that is so.
    """
    asked = Counter(answer.label for answer in answers.values() if answer.split == contract.TEST)
    lost = Counter(answer.label for answer in gone)
    few = len(gone) <= MISSING_LIMIT * asked.total()
    if few and all(count <= max(ONE_IMAGE, CLASS_MISSING_LIMIT * asked[label]) for label, count in lost.items()):
        return
    # A class of which a lone image is gone is the worst only where no other lost more.
    worst = max(lost, key=lambda label: (lost[label] > ONE_IMAGE, lost[label] / asked[label], label))
    raise BadInputError(
        f"{len(gone)} of the champion's {asked.total()} test images are missing from this model's test images, worst "
        f"of {worst}: {lost[worst]} of {asked[worst]}. Leaving hard images out flatters the challenger, so that at "
        f"most {MISSING_LIMIT:.0%} of all and {CLASS_MISSING_LIMIT:.0%} of a class may be missing. "
        "Train on the same archive, with "
        "the same TestFraction, or without a comparison (--no-champion; in the local run --champion none)."
    )


def refuse_differing_images(images: tuple[HoldoutImage, ...], answers: list[ChampionAnswer]) -> None:
    """Refuse an image of which the two datasets do not say the same.

    Raises:
        BadInputError: there is one.
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
    """Refuse shared images that lack a class.

    Raises:
        BadInputError: they do, or there are none.
    """
    if not images:
        raise BadInputError(f"not one test image is shared with the champion. {CHAMPION_REMEDY}")
    known = {image.label for image in images}
    missing = [label for label in contract.CLASS_LABELS if label not in known]
    if missing:
        raise BadInputError(
            f"none of the {len(images)} shared test images is {missing[0]} ({len(missing)} of "
            f"{len(contract.CLASS_LABELS)} classes lack one), so that no balanced accuracy can be "
            f"compared. {CHAMPION_REMEDY}"
        )

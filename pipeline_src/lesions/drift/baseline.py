# SPDX-License-Identifier: MIT-0
"""What a window is compared with: the images that the model had not seen, measured like those of production.

They are the validation and test images, in the dataset's own class mix: a practice with another one will differ from
it, and should have a baseline of its own or turn the check of the mix off.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.lesions import estimate, workforce
from pipeline_src.lesions.drift import constraint, feature, statistic
from pipeline_src.lesions.drift.constraint import Constraints
from pipeline_src.lesions.error import BadInputError
from pipeline_src.lesions.prediction import Predictions

STATISTICS: Final = contract.MONITOR_STATISTICS
CONSTRAINTS: Final = contract.MONITOR_CONSTRAINTS
LIMIT: Final = 8192  # images; more would make the file long and hardly any test sharper
_REMEDY: Final = "Give the job the baseline that Evaluate left beside report.html (the model package names it)."

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Baseline:
    """The held-out images in numbers.

    Attributes:
        values: of each of `feature.NUMBERS`, sorted.
        mix: how often each class is the most probable one, (7,).
        images: how many.
        effective: how many lesions with one image each tell as much.
        constraints: what a window may differ by.
    """

    values: Mapping[str, Floats]
    mix: NDArray[np.int64]
    images: int
    effective: float
    constraints: Constraints


def files(predictions: Predictions, pictures: Path, threshold: float | None = None) -> dict[str, bytes]:
    """Return the baseline's two files, content by name; the same images give the same bytes.

    Args:
        predictions: of the held-out images; official test images have no say.
        pictures: the folder of their JPEGs, ``<image_id>.jpg``; one that is missing or damaged is counted as missing.
        threshold: the melanoma operating point.
    """
    chosen = [row for row, image in enumerate(predictions.images) if image.split in _SPLITS][:LIMIT]
    rows = _measured(predictions, pictures, chosen)
    table = np.array([rows[row] for row in sorted(rows)], np.float32).reshape(-1, feature.COLUMNS)
    images = [predictions.images[row] for row in sorted(rows)]
    effective = estimate.effective_lesions(images, np.ones(len(images), bool)) if images else 0.0
    monitor = {"effective_count": effective, "left_out": len(predictions.images) - len(chosen)}
    content = statistic.content(table, len(chosen) - len(rows), monitor, whole=True)
    limits = constraint.content(Constraints(melanoma_threshold=threshold))
    return {STATISTICS: _text(content, None), CONSTRAINTS: _text(limits, 2)}


_SPLITS: Final = (contract.VALIDATION, contract.TEST)


def read(statistics: Path, constraints: Path) -> Baseline:
    """Read the two files.

    Args:
        statistics: the file, or the folder that it lies in.
        constraints: likewise.

    Raises:
        BadInputError: one is missing or is not what Evaluate writes.
    """
    place, measured = _document(statistics, STATISTICS)
    try:
        values, mix = statistic.values(measured), statistic.mix(measured)
        effective = float(measured["monitor"]["effective_count"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(f"{place}: {error!r}: is no baseline of this monitor. {_REMEDY}") from None
    if len({len(each) for each in values.values()} | {int(mix.sum())}) != 1:
        raise BadInputError(f"{place}: its features hold different numbers of images. {_REMEDY}")
    place, limits = _document(constraints, CONSTRAINTS)
    try:
        allowed = constraint.parse(limits)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(f"{place}: {error!r}: is no constraints file of this monitor. {_REMEDY}") from None
    return Baseline(values, mix, int(mix.sum()), effective, allowed)


def _measured(predictions: Predictions, pictures: Path, chosen: Sequence[int]) -> dict[int, feature.Row]:
    rows: dict[int, feature.Row] = {}

    def measure(row: int) -> None:
        path = pictures / f"{predictions.images[row].image_id}.jpg"
        try:
            rows[row] = feature.row(path.read_bytes(), predictions.probabilities[row].tolist(), str(path))
        except (BadInputError, FileNotFoundError):
            return  # it is counted as missing, as one of production would be

    workforce.each(iter(chosen), measure, workforce.cores())
    return rows


def _document(given: Path, name: str) -> tuple[Path, dict[str, object]]:
    path = given / name if given.is_dir() else given
    if not path.is_file():
        raise BadInputError(f"{path}: is not there: without a baseline nothing can be compared. {_REMEDY}")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not JSON: {error}. {_REMEDY}") from None
    if not isinstance(content, dict):
        raise BadInputError(f"{path}: is no JSON object. {_REMEDY}")
    return path, content


def _text(content: dict[str, object], indent: int | None) -> bytes:
    separators = None if indent else (",", ":")
    return (json.dumps(content, indent=indent, separators=separators, allow_nan=False) + "\n").encode()

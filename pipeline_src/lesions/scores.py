# SPDX-License-Identifier: MIT-0
"""The answers of the serving container, one file an image, as a batch transform leaves them."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.lesions.error import BadInputError

# A float32 softmax that was printed as text adds up to 1 within about 1e-6; rounded prints may be this far off.
SUM_TOLERANCE: Final = 1e-3

Scores = dict[str, tuple[float, ...]]


def read(folder: Path, image_ids: Iterable[str], progress: Callable[[int, int], None] | None = None) -> Scores:
    """Read the class probabilities of every image.

    Args:
        folder: holds ``<image_id>.jpg.out`` for each image and nothing else.
        image_ids: the images that must have a score, and the only ones that may: validation, test and official ones.
        progress: is told how many files of how many are read.

    Returns:
        For each image id its probabilities in the order of `contract.CLASS_LABELS`.

    Raises:
        BadInputError: a score is missing, is of no image that was sent, or cannot be read.
    """
    wanted = sorted(image_ids)
    found = _files(folder)
    missing = [image_id for image_id in wanted if image_id not in found]
    if missing:
        raise BadInputError(
            f"{folder}: {missing[0]}.jpg{contract.SCORE_SUFFIX}: is missing, as are the scores of {len(missing)} of "
            f"{len(wanted)} images in all. Run Score again over the whole holdout folder."
        )
    extra = sorted(found.keys() - set(wanted))
    if extra:
        raise BadInputError(
            f"{found[extra[0]]}: is the score of no held-out image of the manifest, as are {len(extra)} in "
            "all. Score and Evaluate must get the outputs of the same Preprocess."
        )
    scores = {}
    for done, image_id in enumerate(wanted, start=1):
        scores[image_id] = parse(found[image_id].read_bytes(), str(found[image_id]))
        if progress is not None:
            progress(done, len(wanted))
    return scores


def _files(folder: Path) -> dict[str, Path]:
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    found: dict[str, Path] = {}
    for path in paths:
        if path.suffix != contract.SCORE_SUFFIX:
            raise BadInputError(f"{path}: is no {contract.SCORE_SUFFIX} file. The folder may hold scores alone.")
        image_id = path.name.removesuffix(contract.SCORE_SUFFIX).removesuffix(".jpg")
        if image_id in found:
            raise BadInputError(f"{path}: is a second score of {image_id} beside {found[image_id].name}. Keep one.")
        found[image_id] = path
    return found


def parse(body: bytes, place: str) -> tuple[float, ...]:
    """Parse one answer: a JSON array of probabilities, or that array under ``"prediction"``.

    Args:
        body: what the container answered.
        place: where it stands, for the error.

    Returns:
        The probabilities, as many as there are classes.

    Raises:
        BadInputError: it is not that, or the numbers are no probabilities that add up to 1.

    Source: SageMaker Developer Guide, image classification, inference; the documentation shows the bare array and
    the endpoint's JSON Lines form the object.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{place}: is not JSON: {error}. Run Score again.") from None
    values = answer.get("prediction") if isinstance(answer, dict) else answer
    classes = len(contract.CLASS_LABELS)
    if not isinstance(values, list) or len(values) != classes or not all(_is_probability(value) for value in values):
        raise BadInputError(f"{place}: {_short(body)}: is no list of {classes} numbers from 0 to 1. Run Score again.")
    if abs(math.fsum(values) - 1) > SUM_TOLERANCE:
        raise BadInputError(f"{place}: the scores add up to {math.fsum(values):.6g}, not 1. Is the model a softmax?")
    return tuple(float(value) for value in values)


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _short(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    return repr(text if len(text) <= 80 else f"{text[:80]}…")

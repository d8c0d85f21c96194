# SPDX-License-Identifier: MIT-0
"""The images that no model trained on, as the manifest of the dataset lists them.

The answers of the serving container, one file an image, as a batch transform leaves them.

Scores joined with the truth: the one table from which every metric and plot is computed.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.class_probabilities import parse_class_probabilities
from pipeline_src.runtime.errors import BadInputError


@dataclass(frozen=True, order=True)
class HoldoutImage:
    """One validation, test or official image; ordered by its id.

    What is known of the patient, and where the image comes from, is text as the table has it; an older manifest does
    not say it.
    """

    image_id: str
    lesion_id: str
    label: str
    split: str
    sex: str = ""
    age: str = ""
    localization: str = ""
    dx_type: str = ""
    source: str = ""


_COLUMNS: Final = tuple(field.name for field in fields(HoldoutImage))
_NEEDED: Final = tuple(field.name for field in fields(HoldoutImage) if field.default is MISSING)


def read_holdout_images(folder: Path) -> list[HoldoutImage]:
    """Read the validation, test and official images out of the manifest in `folder`.

    Args:
        folder: the dataset folder.

    Returns:
        The images, sorted by id.

    Raises:
        BadInputError: there is no manifest, a row is wrong, an image is listed twice, or a lesion lies in two splits,
            in which case the model may have seen what it is tested on.
    """
    path = folder / contract.MANIFEST_FILE
    if not path.is_file():
        raise BadInputError(
            f"{folder}: {contract.MANIFEST_FILE}: is not there. Give the evaluation the dataset output of Preprocess."
        )
    images = list(_manifest_images(path))
    _refuse_duplicates(path, images)
    _refuse_leaks(path, images)
    return sorted(image for image in images if image.split != contract.TRAIN)


def _manifest_images(path: Path) -> Iterable[HoldoutImage]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
        if missing:
            raise BadInputError(f"{path}: header: has no column {', '.join(missing)}. Run Preprocess again.")
        for row in rows:
            yield _parse_image(row, f"{path}: line {rows.line_num}")


def _parse_image(row: dict[str, str], place: str) -> HoldoutImage:
    image = HoldoutImage(**{name: row.get(name) or "" for name in _COLUMNS})
    if not image.image_id or "/" in image.image_id:
        raise BadInputError(f"{place}: image_id {image.image_id!r}: is no file name. Run Preprocess again.")
    if image.label not in contract.CLASS_LABELS:
        raise BadInputError(f"{place}: label {image.label!r}: is none of {', '.join(contract.CLASS_LABELS)}.")
    if image.split not in contract.IMAGE_PLACES:
        raise BadInputError(f"{place}: split {image.split!r}: is none of {', '.join(contract.IMAGE_PLACES)}.")
    return image


def _refuse_duplicates(path: Path, images: list[HoldoutImage]) -> None:
    seen = set()
    for image in images:
        if image.image_id in seen:
            raise BadInputError(f"{path}: {image.image_id}: is listed twice. Run Preprocess into an empty folder.")
        seen.add(image.image_id)


def _refuse_leaks(path: Path, images: list[HoldoutImage]) -> None:
    splits = defaultdict(set)
    for image in images:
        if image.split == contract.OFFICIAL:
            continue  # a lesion of it that the dataset has too is Preprocess's finding, which the card tells
        splits[image.lesion_id].add(image.split)
        if len(splits[image.lesion_id]) > 1:
            raise BadInputError(
                f"{path}: lesion {image.lesion_id}: lies in more than one split "
                f"({', '.join(sorted(splits[image.lesion_id]))}), so that the model may know it. Run Preprocess again."
            )


Scores = dict[str, tuple[float, ...]]


def read_scores(folder: Path, image_ids: Iterable[str], progress: Callable[[int, int], None] | None = None) -> Scores:
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
    found = _score_files(folder)
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
        scores[image_id] = parse_probabilities(found[image_id].read_bytes(), str(found[image_id]))
        if progress is not None:
            progress(done, len(wanted))
    return scores


def _score_files(folder: Path) -> dict[str, Path]:
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


def parse_probabilities(body: bytes, place: str) -> tuple[float, ...]:
    """Parse one answer: a JSON array of probabilities, or that array under ``"prediction"``.

    Args:
        body: what the container answered.
        place: where it stands, for the error.

    Raises:
        BadInputError: it is not that, or the numbers are no probabilities that add up to 1.
    """
    try:
        return parse_class_probabilities(body)
    except ValueError as error:
        raise BadInputError(f"{place}: {error}. Run Score again.") from None


@dataclass(frozen=True)
class Predictions:
    """The held-out images and what the model says of them; row i of each field is image i.

    Attributes:
        images: N images, sorted by id.
        probabilities: (N, 7), columns in the order of `contract.CLASS_LABELS`.
    """

    images: tuple[HoldoutImage, ...]
    probabilities: npt.NDArray[np.float64]

    @property
    def truth(self) -> npt.NDArray[np.int64]:
        """(N,), positions in `contract.CLASS_LABELS`."""
        return np.array([contract.CLASS_LABELS.index(image.label) for image in self.images], dtype=np.int64)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(N,), the most probable class; of equals the first in `contract.CLASS_LABELS`."""
        best: npt.NDArray[np.int64] = np.argmax(self.probabilities, axis=1)
        return best

    @property
    def melanoma(self) -> npt.NDArray[np.float64]:
        """(N,), the probability of melanoma."""
        column: npt.NDArray[np.float64] = self.probabilities[:, contract.CLASS_LABELS.index(contract.MELANOMA)]
        return column

    def of(self, split: str) -> "Predictions":
        """Return the rows of `split` alone."""
        rows = [row for row, image in enumerate(self.images) if image.split == split]
        return Predictions(tuple(self.images[row] for row in rows), self.probabilities[rows])


def join_predictions(images: list[HoldoutImage], scores: Scores) -> Predictions:
    """Return the table of `images`, each of which has its `scores`, sorted by image id."""
    ordered = tuple(sorted(images))
    probabilities = np.array([scores[image.image_id] for image in ordered], dtype=np.float64)
    return Predictions(ordered, probabilities.reshape(-1, len(contract.CLASS_LABELS)))


def predictions_csv(predictions: Predictions, threshold: float | None) -> str:
    """Return predictions.csv.

    Args:
        predictions: validation and test images, and official ones where there are any.
        threshold: the melanoma operating point, or None if there is none.

    Returns:
        CSV text, one row an image in the order of `predictions`; probabilities with every digit, so that reading them
        back gives the same numbers; `melanoma_at_threshold` is 1, 0, or empty without a threshold.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(contract.PREDICTION_COLUMNS)
    rows = zip(predictions.images, predictions.predicted, predictions.probabilities, predictions.melanoma, strict=True)
    for image, predicted, probabilities, melanoma in rows:
        decision = "" if threshold is None else str(int(melanoma >= threshold))
        names = (image.image_id, image.lesion_id, image.split, image.label, contract.CLASS_LABELS[predicted])
        writer.writerow((*names, *(repr(float(value)) for value in probabilities), decision))
    return text.getvalue()

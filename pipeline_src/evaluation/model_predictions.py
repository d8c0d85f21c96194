# SPDX-License-Identifier: MIT-0
"""Reads the held-out images and the model's scores, and joins them into one table.

All metrics and plots are computed from that table, `Predictions`.
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
    """One image of the manifest, held out unless its split is train; ordered by its id.

    The optional fields describe patient and source, as text from the table, and the archive that the image came in, see
    `contract.BASE_ORIGIN`; older manifests lack them.
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
    archive: str = ""


_COLUMNS: Final = tuple(field.name for field in fields(HoldoutImage))
_NEEDED: Final = tuple(field.name for field in fields(HoldoutImage) if field.default is MISSING)


def read_manifest_images(folder: Path) -> list[HoldoutImage]:
    """Read the images of all splits, and the official ones, out of the manifest in `folder`.

    Args:
        folder: the dataset folder.

    Returns:
        The images, sorted by id.

    Raises:
        BadInputError: there is no manifest, a row is invalid, an image is listed twice, or a lesion lies in two splits,
            so that the model may have been trained on a tested lesion.
    """
    path = folder / contract.MANIFEST_FILE
    if not path.is_file():
        raise BadInputError(
            f"{folder}: {contract.MANIFEST_FILE}: not found. Give the evaluation the dataset output of Preprocess."
        )
    images = list(_manifest_images(path))
    _refuse_duplicates(path, images)
    _refuse_leaks(path, images)
    return sorted(images)


def held_out_images(images: Iterable[HoldoutImage]) -> list[HoldoutImage]:
    """Return the validation, test and official images among `images`."""
    return [image for image in images if image.split != contract.TRAIN]


def _manifest_images(path: Path) -> Iterable[HoldoutImage]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = [name for name in _NEEDED if name not in (rows.fieldnames or ())]
        if missing:
            raise BadInputError(f"{path}: header: missing column {', '.join(missing)}. Run Preprocess again.")
        for row in rows:
            yield _parse_image(row, f"{path}: line {rows.line_num}")


def _parse_image(row: dict[str, str], place: str) -> HoldoutImage:
    image = HoldoutImage(**{name: row.get(name) or "" for name in _COLUMNS})
    if not image.image_id or "/" in image.image_id:
        raise BadInputError(f"{place}: image_id {image.image_id!r}: not a file name. Run Preprocess again.")
    if image.label not in contract.CLASS_LABELS:
        raise BadInputError(f"{place}: label {image.label!r}: not one of {', '.join(contract.CLASS_LABELS)}.")
    if image.split not in contract.IMAGE_PLACES:
        raise BadInputError(f"{place}: split {image.split!r}: not one of {', '.join(contract.IMAGE_PLACES)}.")
    return image


def _refuse_duplicates(path: Path, images: list[HoldoutImage]) -> None:
    seen = set()
    for image in images:
        if image.image_id in seen:
            raise BadInputError(f"{path}: {image.image_id}: listed twice. Run Preprocess into an empty folder.")
        seen.add(image.image_id)


def _refuse_leaks(path: Path, images: list[HoldoutImage]) -> None:
    splits = defaultdict(set)
    for image in images:
        if image.split == contract.OFFICIAL:
            continue  # Preprocess reports lesions that are also in the official test set, in the dataset card
        splits[image.lesion_id].add(image.split)
        if len(splits[image.lesion_id]) > 1:
            raise BadInputError(
                f"{path}: lesion {image.lesion_id}: is in more than one split "
                f"({', '.join(sorted(splits[image.lesion_id]))}), so the model may know it. Run Preprocess again."
            )


Scores = dict[str, tuple[float, ...]]


def read_scores(folder: Path, image_ids: Iterable[str], progress: Callable[[int, int], None] | None = None) -> Scores:
    """Read the class probabilities of every image.

    Args:
        folder: holds the file `contract.score_file` of each image and nothing else.
        image_ids: the validation, test and official images; each must have a score, and no other image may.
        progress: called with the number of files read and the total.

    Returns:
        For each image id its probabilities in the order of `contract.CLASS_LABELS`.

    Raises:
        BadInputError: a score is missing, belongs to no listed image, or cannot be read.
    """
    wanted = sorted(image_ids)
    found = _score_files(folder)
    missing = [image_id for image_id in wanted if image_id not in found]
    if missing:
        raise BadInputError(
            f"{folder}: {contract.score_file(missing[0])}: not found; {len(missing)} of {len(wanted)} "
            f"images have no score. Run Score again over the whole holdout folder."
        )
    extra = sorted(found.keys() - set(wanted))
    if extra:
        raise BadInputError(
            f"{found[extra[0]]}: not the score of a held-out image of the manifest ({len(extra)} such "
            "files). Score and Evaluate must get the outputs of the same Preprocess."
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
            raise BadInputError(f"{path}: not a {contract.SCORE_SUFFIX} file. The folder may contain only scores.")
        image_id = path.name.removesuffix(contract.SCORE_SUFFIX).removesuffix(contract.HELD_OUT_SUFFIX)
        if image_id in found:
            raise BadInputError(f"{path}: second score of {image_id}, besides {found[image_id].name}. Keep one.")
        found[image_id] = path
    return found


def parse_probabilities(body: bytes, place: str) -> tuple[float, ...]:
    """Parse one answer: a JSON array of probabilities, or that array under ``"prediction"``.

    Args:
        body: the response of the container.
        place: its location, for the error message.

    Raises:
        BadInputError: it is not that, or the numbers are no probabilities that add up to 1.
    """
    try:
        return parse_class_probabilities(body)
    except ValueError as error:
        raise BadInputError(f"{place}: {error}. Run Score again.") from None


@dataclass(frozen=True)
class Predictions:
    """The held-out images and the model's probabilities; row i of each field is image i.

    Attributes:
        images: N images, sorted by id.
        probabilities: (N, classes), columns in the order of `contract.CLASS_LABELS`.
    """

    images: tuple[HoldoutImage, ...]
    probabilities: npt.NDArray[np.float64]

    @property
    def truth(self) -> npt.NDArray[np.int64]:
        """(N,), positions in `contract.CLASS_LABELS`."""
        return np.array([contract.CLASS_LABELS.index(image.label) for image in self.images], dtype=np.int64)

    @property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(N,), the most probable class; of equally probable ones the first in `contract.CLASS_LABELS`."""
        best: npt.NDArray[np.int64] = np.argmax(self.probabilities, axis=1)
        return best

    @property
    def melanoma(self) -> npt.NDArray[np.float64]:
        """(N,), the probability of melanoma."""
        column: npt.NDArray[np.float64] = self.probabilities[:, contract.CLASS_LABELS.index(contract.MELANOMA)]
        return column

    @property
    def is_melanoma(self) -> npt.NDArray[np.bool_]:
        """(N,), True for images whose true class is melanoma."""
        return np.array([image.label == contract.MELANOMA for image in self.images], dtype=np.bool_)

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
        CSV text, one row for each image in the order of `predictions`. Probabilities have all digits, so that reading
        them back gives the same numbers. `melanoma_at_threshold` is 1, 0, or empty without a threshold.
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

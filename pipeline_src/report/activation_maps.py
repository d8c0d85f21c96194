# SPDX-License-Identifier: MIT-0
"""Draws the class maps of a model over the images that the report shows: the worst errors and the surest melanomas.

A class map says what each place of an image adds to the logit of a class, see `onnx_network.attach_head`. What adds the
same to every class changes no probability, so the mean of all classes is taken away. Orange adds to the class, blue
takes away, each as strong as its share of the strongest place of the image.

Sources: Zhou et al., "Learning Deep Features for Discriminative Localization", 2016, arXiv:1512.04150; for the limits
that the report states, Adebayo et al., "Sanity Checks for Saliency Maps", 2018, arXiv:1810.03292.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.algorithms.serving.image_predictor import ClassMaps, ImagePredictor
from pipeline_src.evaluation.model_predictions import Predictions
from pipeline_src.report import report_pictures
from pipeline_src.report.report_pictures import Pixels
from pipeline_src.runtime.errors import BadInputError

SHOWN_IMAGES: Final = 6  # of each kind
# Largest difference between a probability here and in the scores; another type of processor rounds differently.
SAME_ANSWER: Final = 0.01
_ADDS: Final = (0, 94, 213)  # BGR of the report's vermilion
_TAKES: Final = (178, 114, 0)  # and of its blue
_OPACITY: Final = 0.65  # of the strongest place


@dataclass(frozen=True)
class MappedImage:
    """An image with the map of one class over it.

    Attributes:
        label: the true class.
        shown: the class of the map.
        probability: of that class.
        thumbnail: JPEG bytes of the image.
        overlay: JPEG bytes of the image under the map.
    """

    image_id: str
    label: str
    shown: str
    probability: float
    thumbnail: bytes
    overlay: bytes


@dataclass(frozen=True)
class MappedImages:
    """The images with maps.

    Attributes:
        grid: places of a map, height and width; (0, 0) without any image.
        mistakes: the worst errors, with the map of the predicted class.
        melanomas: melanomas that were found, the surest first, with the map of melanoma.
        refusal: why there are none although the model has maps, or empty.
    """

    grid: tuple[int, int]
    mistakes: tuple[MappedImage, ...]
    melanomas: tuple[MappedImage, ...]
    refusal: str = ""


class _OtherModelError(Exception):
    """The model does not answer what Score wrote."""


def map_images(test: Predictions, pictures: Path, predictor: ImagePredictor | None) -> MappedImages | None:
    """Compute the maps of the images that the report shows, and of no others.

    Args:
        test: predictions for the test images.
        pictures: the folder of the held-out images; see `contract.held_out_file`.
        predictor: the model that was scored.

    Returns:
        The images; None if the model has no class maps.
    """
    if predictor is None or not predictor.has_class_maps:
        return None
    melanoma = contract.CLASS_LABELS.index(contract.MELANOMA)
    found = np.flatnonzero((test.truth == melanoma) & (test.predicted == melanoma)).tolist()
    surest = sorted(found, key=lambda row: (-test.probabilities[row, melanoma], test.images[row].image_id))
    sizes: set[tuple[int, int]] = set()

    def mapped(rows: list[int]) -> Iterator[MappedImage]:
        for row in rows[:SHOWN_IMAGES]:
            path = pictures / contract.held_out_file(test.images[row].image_id)
            made = _map_image(test, row, path.read_bytes() if path.is_file() else b"", predictor)
            if made is not None:
                image, size = made
                sizes.add(size)
                yield image

    try:
        mistakes, melanomas = tuple(mapped(report_pictures.wrong_rows(test))), tuple(mapped(surest))
    except _OtherModelError as error:
        return MappedImages((0, 0), (), (), str(error))
    return MappedImages(max(sizes, default=(0, 0)), mistakes, melanomas)


def _map_image(
    test: Predictions, row: int, data: bytes, predictor: ImagePredictor
) -> tuple[MappedImage, tuple[int, int]] | None:
    """Return the image of `row` with the map of its predicted class, and the grid's size; None if it cannot be shown.

    Raises:
        _OtherModelError: the model answers something else than the scores say.
    """
    image, place = test.images[row], int(test.predicted[row])
    picture = report_pictures.decode_picture(data)
    if picture is None:
        return None
    try:
        probabilities, maps = predictor.explain(data)
    except BadInputError:
        return None
    difference = float(np.abs(np.array(probabilities) - test.probabilities[row]).max())
    if not difference <= SAME_ANSWER:
        raise _OtherModelError(f"For image {image.image_id} it answers probabilities that differ by {difference:.3f}.")
    small = report_pictures.shrink_to_thumbnail(picture)
    overlay = overlay_map(small, contrast_map(maps, place))
    mapped = MappedImage(
        image_id=image.image_id,
        label=image.label,
        shown=contract.CLASS_LABELS[place],
        probability=float(test.probabilities[row, place]),
        thumbnail=report_pictures.encode_thumbnail(small),
        overlay=report_pictures.encode_thumbnail(overlay),
    )
    return mapped, (maps.shape[1], maps.shape[2])


def contrast_map(maps: ClassMaps, place: int) -> ClassMaps:
    """Return the map of the class at `place` of `maps`, (classes, height, width), less the mean of all classes."""
    return np.asarray(maps[place] - maps.mean(axis=0), np.float32)


def overlay_map(picture: Pixels, found: ClassMaps) -> Pixels:
    """Return `picture`, BGR, under the map `found`, which is stretched over the whole picture as the model saw it."""
    height, width = picture.shape[:2]
    values = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    strongest = float(np.abs(found).max())
    share: npt.NDArray[np.float32] = values / strongest if strongest > 0 else values
    opacity = _OPACITY * np.abs(share)[:, :, np.newaxis]
    colour = np.where(share[:, :, np.newaxis] > 0, np.array(_ADDS, np.float32), np.array(_TAKES, np.float32))
    return np.asarray(np.rint(picture * (1 - opacity) + colour * opacity), np.uint8)

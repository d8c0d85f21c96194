# SPDX-License-Identifier: MIT-0
"""The test images that the model got wrong while being most sure of itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipeline_src import contract
from pipeline_src.lesions.prediction import Predictions

THUMBNAIL_WIDTH: Final = 240  # pixels; two of them side by side on a phone
THUMBNAIL_QUALITY: Final = 80


@dataclass(frozen=True)
class Mistake:
    """A wrong prediction.

    Attributes:
        probability: of the predicted, wrong class.
        true_probability: of the true class.
        thumbnail: JPEG bytes, or None if the picture cannot be shown.
    """

    image_id: str
    label: str
    predicted: str
    probability: float
    true_probability: float
    thumbnail: bytes | None


def worst(test: Predictions, pictures: Path, limit: int) -> list[Mistake]:
    """Return the `limit` wrong predictions with the highest probability, of equals the first by image id.

    Args:
        test: the test images.
        pictures: the folder of their JPEGs, ``<image_id>.jpg``.
        limit: how many at most.
    """
    truth, predicted = test.truth, test.predicted
    wrong = np.flatnonzero(truth != predicted)
    order = sorted(wrong, key=lambda row: (-test.probabilities[row, predicted[row]], test.images[row].image_id))
    return [
        Mistake(
            image_id=test.images[row].image_id,
            label=test.images[row].label,
            predicted=contract.CLASS_LABELS[predicted[row]],
            probability=float(test.probabilities[row, predicted[row]]),
            true_probability=float(test.probabilities[row, truth[row]]),
            thumbnail=thumbnail(pictures / f"{test.images[row].image_id}.jpg"),
        )
        for row in order[:limit]
    ]


def thumbnail(path: Path) -> bytes | None:
    """Return the picture at `path` as a small JPEG; None if it is not there or cannot be decoded."""
    data = np.frombuffer(path.read_bytes() if path.is_file() else b"", dtype=np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        return None
    height = max(1, round(picture.shape[0] * THUMBNAIL_WIDTH / picture.shape[1]))
    small = cv2.resize(picture, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY))[1])

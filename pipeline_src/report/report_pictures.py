# SPDX-License-Identifier: MIT-0
"""The pictures of the report: thumbnails of held-out images, and which wrong predictions are shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from pipeline_src import contract
from pipeline_src.evaluation.model_predictions import Predictions

THUMBNAIL_WIDTH: Final = 240  # pixels; two of them side by side on a phone
THUMBNAIL_QUALITY: Final = 80

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class WrongPrediction:
    """A wrong prediction.

    Attributes:
        probability: of the predicted class.
        true_probability: of the true class.
        thumbnail: JPEG bytes, or None if the image cannot be shown.
    """

    image_id: str
    label: str
    predicted: str
    probability: float
    true_probability: float
    thumbnail: bytes | None


def worst_mistakes(test: Predictions, pictures: Path, limit: int) -> list[WrongPrediction]:
    """Return the `limit` wrong predictions with the highest probability; ties are sorted by image id.

    Args:
        test: predictions for the test images.
        pictures: the folder of the held-out images; see `contract.held_out_file`.
        limit: the largest number to return.
    """
    truth, predicted = test.truth, test.predicted
    return [
        WrongPrediction(
            image_id=test.images[row].image_id,
            label=test.images[row].label,
            predicted=contract.CLASS_LABELS[predicted[row]],
            probability=float(test.probabilities[row, predicted[row]]),
            true_probability=float(test.probabilities[row, truth[row]]),
            thumbnail=jpeg_thumbnail(pictures / contract.held_out_file(test.images[row].image_id)),
        )
        for row in wrong_rows(test)[:limit]
    ]


def wrong_rows(test: Predictions) -> list[int]:
    """Return the rows of the wrong predictions, the one with the highest probability first."""
    predicted = test.predicted
    wrong = np.flatnonzero(test.truth != predicted).tolist()
    return sorted(wrong, key=lambda row: (-test.probabilities[row, predicted[row]], test.images[row].image_id))


def decode_picture(data: bytes) -> Pixels | None:
    """Return the image file `data` as BGR pixels; None if it cannot be decoded."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    picture = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if buffer.size else None
    return None if picture is None else np.asarray(picture, np.uint8)


def jpeg_thumbnail(path: Path) -> bytes | None:
    """Return the image at `path` as a small JPEG; None if it is missing or cannot be decoded."""
    picture = decode_picture(path.read_bytes() if path.is_file() else b"")
    return None if picture is None else encode_thumbnail(shrink_to_thumbnail(picture))


def shrink_to_thumbnail(picture: Pixels) -> Pixels:
    """Return `picture`, (height, width, 3), at the width of a thumbnail."""
    height = max(1, round(picture.shape[0] * THUMBNAIL_WIDTH / picture.shape[1]))
    return np.asarray(cv2.resize(picture, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def encode_thumbnail(picture: Pixels) -> bytes:
    """Return BGR `picture` as a JPEG."""
    return bytes(cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY))[1])

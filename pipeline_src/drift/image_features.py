# SPDX-License-Identifier: MIT-0
"""Measures features of an image and of its predicted probabilities, whose distributions the monitor compares.

Images are measured as the model sees them, resized to 224 by 224 pixels. A change that is not visible there cannot
change a prediction.

Sources: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy" (2000), for the variance of the Laplacian;
Crete et al., "The blur effect" (2007), for the blur index, the share of detail left after a second blur. Unlike the
former it does not depend on contrast.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.dataset import image_codec

MEASURED_SIDE: Final = 224  # pixels
_DARK: Final = 40  # L* of 255: vignettes are darker, skin and lesions hardly ever
_TINY: Final = 1e-9
_BLUR: Final = 9  # pixels of the box that Crete et al. blur with

# Features of the image: name and title.
IMAGE_FEATURES: Final = {
    "width": "width in pixels",
    "height": "height in pixels",
    "aspect": "width over height",
    "bytes_per_pixel": "size of the image file over its pixels",
    "brightness": "mean lightness, 0 to 100",
    "contrast": "standard deviation of the lightness",
    "sharpness": "logarithm of the variance of the Laplacian",
    "blur": "blur index: share of detail left after a second blur",
    "redness": "mean a*, green to red",
    "yellowness": "mean b*, blue to yellow",
    "black_border": "share of dark pixels connected to the edge",
}
ANSWER_FEATURES: Final = {
    "confidence": "probability of the most probable class",
    "entropy": "entropy of the answer in bits",
    "melanoma_score": "probability of melanoma",
}
# Features of the file that are not visible in the resized image.
FILE_FEATURES: Final = ("width", "height", "aspect", "bytes_per_pixel")
FEATURE_NAMES: Final = (*IMAGE_FEATURES, *ANSWER_FEATURES)
FEATURE_TITLES: Final = {**IMAGE_FEATURES, **ANSWER_FEATURES}
_PREDICTED: Final = len(FEATURE_NAMES)
FEATURE_COLUMNS: Final = _PREDICTED + 1  # `FEATURE_NAMES` and the position of the most probable class

FeatureRow = NDArray[np.float32]
FeatureTable = NDArray[np.float32]


def measure_features(data: bytes, answer: Sequence[float], place: str) -> FeatureRow:
    """Measure the image `data` and the probabilities `answer`.

    Returns:
        (`FEATURE_COLUMNS`,), `FEATURE_NAMES` and the position of the most probable class.

    Raises:
        BadInputError: the image cannot be decoded; the message contains `place`.
    """
    return np.array([*_features_of_image(data, place), *_features_of_answer(answer)], np.float32)


def count_predicted_classes(table: FeatureTable) -> NDArray[np.int64]:
    """Return how often each class is the most probable one in `table` (n, `FEATURE_COLUMNS`): (classes,)."""
    return np.bincount(predicted_classes(table), minlength=len(contract.CLASS_LABELS))


def predicted_classes(table: FeatureTable) -> NDArray[np.int64]:
    """Return the position of the most probable class of each image (n,)."""
    return table[:, _PREDICTED].astype(np.int64)


def _features_of_answer(answer: Sequence[float]) -> tuple[float, ...]:
    values = np.array(answer)
    shares = values[values > 0]
    melanoma = values[contract.CLASS_LABELS.index(contract.MELANOMA)]
    return float(values.max()), float(-(shares * np.log2(shares)).sum()), float(melanoma), float(values.argmax())


def _features_of_image(data: bytes, place: str) -> tuple[float, ...]:
    frame = image_codec.check_image(data, place)
    pixels = image_codec.decode_square(data, place, MEASURED_SIDE)
    lab = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)
    (light, red, yellow), (spread, _, _) = (each.ravel().tolist() for each in cv2.meanStdDev(lab))
    lightness = np.ascontiguousarray(lab[:, :, 0], np.uint8)
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return (
        *(frame.width, frame.height, frame.width / frame.height),
        len(data) / (frame.width * frame.height),
        *(light / 2.55, spread / 2.55),
        float(np.log10(cv2.Laplacian(grey, cv2.CV_32F).var() + 1)),
        _blur(grey.astype(np.float32)),
        *(red - 128, yellow - 128),  # OpenCV stores a* and b* with an offset of 128
        _border(lightness),
    )


def _blur(grey: NDArray[np.float32]) -> float:
    """Return the blur index of `grey` (height, width): the larger of both directions."""
    return max(_lost(grey, axis, (1, _BLUR) if axis == 0 else (_BLUR, 1)) for axis in (0, 1))


def _lost(grey: NDArray[np.float32], axis: int, box: tuple[int, int]) -> float:
    before = np.abs(np.diff(grey, axis=axis))
    after = np.abs(np.diff(cv2.blur(grey, box), axis=axis))
    total = float(before.sum())
    return 1 - float(np.maximum(before - after, 0).sum()) / total if total > _TINY else 1.0


def _border(lightness: NDArray[np.uint8]) -> float:
    """Return the share of dark pixels of `lightness` (height, width) that are connected to its edge."""
    _, parts = cv2.connectedComponents((lightness < _DARK).astype(np.uint8))
    edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    sizes = np.bincount(parts.ravel())
    return float(sizes[edge[edge > 0]].sum() / parts.size)

# SPDX-License-Identifier: MIT-0
"""Random changes of training images: turn, flip, zoom, shift, and light and color.

A lesion has no upright position, so turns are by any angle; it stays a lesion in other light, so brightness, contrast,
saturation and the color balance of the camera change. Sources: Perez et al., "Data Augmentation for Skin Lesion
Analysis", ISIC Skin Image Analysis Workshop 2018, arXiv:1809.01442 (geometric and color changes together were best);
Gessert et al., "Skin lesion classification using ensembles of multi-resolution EfficientNets with meta data", MethodsX
2020, arXiv:1910.03910.
"""

from typing import Final

import cv2
import numpy as np

from pipeline_src.dataset.image_codec import Pixels

_ZOOM: Final = (0.8, 1.25)
_SHIFT: Final = 0.08  # of the side, in both directions
_BRIGHTNESS: Final = 0.12  # of the range of values
_CONTRAST: Final = 0.2
_SATURATION: Final = 0.2
_BALANCE: Final = 0.06  # of each channel
_GRAY: Final = np.array([0.114, 0.587, 0.299])  # of blue, green and red; ITU-R BT.601


def augment_image(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Return a randomly changed copy of `pixels`, uint8 (side, side, 3), BGR; the same for the same `generator`.

    What lies outside of the image is its mirror image.
    """
    side = pixels.shape[0]
    turned = cv2.warpAffine(
        pixels, _placement(side, generator), (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return cv2.transform(turned, _coloring(generator)).astype(np.uint8, copy=False)


def _placement(side: int, generator: np.random.Generator) -> np.ndarray:
    """Return the affine map, (2, 3), of a random turn, flip, zoom and shift about the center."""
    angle = generator.uniform(0.0, 2.0 * np.pi)
    zoom = np.exp(generator.uniform(*np.log(_ZOOM)))
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if generator.random() < 0.5:
        turn[:, 0] *= -1.0
    center = (side - 1) / 2.0
    shift = generator.uniform(-_SHIFT, _SHIFT, 2) * side
    return np.column_stack([turn, center + shift - turn @ np.array([center, center])])


def _coloring(generator: np.random.Generator) -> np.ndarray:
    """Return the affine map, (3, 4), of a color: saturation, balance and contrast about mid-gray, and brightness."""
    saturation = 1.0 + generator.uniform(-_SATURATION, _SATURATION)
    matrix = saturation * np.eye(3) + (1.0 - saturation) * np.tile(_GRAY, (3, 1))
    gain = (1.0 + generator.uniform(-_CONTRAST, _CONTRAST)) * (1.0 + generator.uniform(-_BALANCE, _BALANCE, 3))
    matrix *= gain[:, np.newaxis]
    middle = 127.5
    offset = middle * (1.0 - gain) + 255.0 * generator.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    return np.column_stack([matrix, offset])

# SPDX-License-Identifier: MIT-0
"""Measures in a training job what it has trained: metrics on validation images, and the answers of the finished model.

In the metrics each class has the same weight, and classes without an image do not count. Evaluate measures the model on
the test images by other code, with intervals over lesions (pipeline_src/evaluation).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.serving import image_predictor, onnx_artifact
from pipeline_src.algorithms.training_channel import Channel

_SMALLEST_PROBABILITY: Final = 1e-12
_DRAWS: Final = 4000
_CHECKED_IMAGES: Final = 8
_TOLERANCE: Final = 1e-4  # between probabilities: float32 rounding

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


def balanced_accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Return the share of each class's images that are recognized, averaged over the classes that have images.

    Args:
        probabilities: (images, classes).
        labels: The true classes' positions, (images,).
    """
    right = probabilities.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def balanced_accuracy_interval(probabilities: Probabilities, labels: Labels, seed: int) -> tuple[float, float]:
    """Return a 95 % interval of the balanced accuracy: each class's share drawn from its Jeffreys posterior.

    Images of one lesion count as independent, so it is somewhat too narrow.
    """
    generator = np.random.default_rng(seed)
    right = probabilities.argmax(axis=1) == labels
    draws = []
    for label in np.unique(labels):
        found = right[labels == label]
        draws.append(generator.beta(found.sum() + 0.5, (~found).sum() + 0.5, _DRAWS))
    low, high = np.quantile(np.mean(draws, axis=0), (0.025, 0.975))
    return float(low), float(high)


def balanced_log_loss(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean log loss of each class's images, averaged over the classes that have images."""
    own = np.maximum(probabilities[np.arange(len(labels)), labels], _SMALLEST_PROBABILITY)
    return float(np.mean([-np.log(own[labels == label]).mean() for label in np.unique(labels)]))


def check_answers(model: bytes, channel: Channel, probabilities: NDArray[np.floating], image_side: int) -> None:
    """Compute a few images of `channel` with the complete model: its answers must be `probabilities`.

    Args:
        model: The serialized ONNX model.
        channel: Where the images are.
        probabilities: (images, classes), in the order of the channel.
        image_side: Side of the model's input in pixels.

    Raises:
        ArithmeticError: They are not, or one is not a number.
    """
    session = image_predictor.single_thread_session(model)
    for image, expected in zip(channel.images[:_CHECKED_IMAGES], probabilities, strict=False):
        pixels = training_channel.read_pixels(channel.path, image, image_side)
        (answer,) = session.run([onnx_artifact.OUTPUT_NAME], {onnx_artifact.INPUT_NAME: pixels[np.newaxis]})
        difference = float(np.abs(answer[0] - expected).max())
        if not difference <= _TOLERANCE:  # True for NaN, too
            raise ArithmeticError(f"image {image.number}: the model's answer is {difference:g} off the training's")

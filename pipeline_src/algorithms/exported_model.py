# SPDX-License-Identifier: MIT-0
"""Computes an ONNX model in a training job, and checks that a finished model answers what the training expects."""

from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline_src.algorithms import training_channel
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.training_channel import Channel

_CHECKED_IMAGES: Final = 8
_TOLERANCE: Final = 1e-4  # between probabilities: float32 rounding


def single_thread_session(model: bytes) -> Any:  # noqa: ANN401  onnxruntime has no type information
    """Return a session of the serialized ONNX `model` that computes a call in the calling thread alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


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
    session = single_thread_session(model)
    for image, expected in zip(channel.images[:_CHECKED_IMAGES], probabilities, strict=False):
        pixels = training_channel.read_pixels(channel.path, image, image_side)
        (answer,) = session.run([onnx_artifact.OUTPUT_NAME], {onnx_artifact.INPUT_NAME: pixels[np.newaxis]})
        difference = float(np.abs(answer[0] - expected).max())
        if not difference <= _TOLERANCE:  # True for NaN, too
            raise ArithmeticError(f"image {image.number}: the model's answer is {difference:g} off the training's")

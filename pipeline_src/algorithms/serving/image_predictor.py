# SPDX-License-Identifier: MIT-0
"""Scores images with an ONNX model, one at a time, for any number of threads at once.

An image is decoded by `image_codec.decode_square`, as Preprocess decodes it: JPEG and PNG, an EXIF orientation is
ignored. Images are never batched, because an image's probabilities must not depend on those that arrive beside it.
"""

import math
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.onnx_artifact import ModelManifest
from pipeline_src.class_probabilities import PROBABILITY_SUM_TOLERANCE
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError

_PLACE: Final = "the image"
_ANY: Final = None  # a size that may be any
_ERRORS_ONLY: Final = 3  # ONNX Runtime's severity; warnings would tell about graphics cards that are not there

ClassMaps = NDArray[np.float32]

onnxruntime.set_default_logger_severity(_ERRORS_ONLY)


def single_thread_session(model: bytes) -> Any:  # noqa: ANN401  untyped library
    """Return a session of the serialized ONNX `model` that computes a call in the calling thread alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class ImagePredictor:
    """A model that is ready to score images.

    Each call computes in the thread that makes it, with one core; as many calls as there are cores keep all busy.

    Args:
        model: The ONNX model, as `onnx_artifact.read_model` returns it.
        manifest: Its manifest.

    Attributes:
        has_class_maps: Whether the model has the output `onnx_artifact.CLASS_MAPS_NAME`, which `explain` needs.

    Raises:
        BadInputError: ONNX Runtime cannot load it, its input or output is not what the manifest says, or it does not
            answer with probabilities.
    """

    def __init__(self, model: bytes, manifest: ModelManifest) -> None:
        self.manifest = manifest
        try:
            self._session = single_thread_session(model)
        except Exception as error:  # its exceptions have no base class of their own
            raise _unusable(f"ONNX Runtime cannot load it ({_first_line(error)})") from error
        self.has_class_maps = any(each.name == onnx_artifact.CLASS_MAPS_NAME for each in self._session.get_outputs())
        self._check_signature()
        side = manifest.image_size
        try:
            self._compute(np.zeros((1, side, side, 3), np.uint8))
        except Exception as error:  # likewise
            raise _unusable(f"it cannot be computed ({_first_line(error)})") from error

    def predict(self, data: bytes) -> list[float]:
        """Return the probability of each class of the image file `data`, in the order of the manifest's labels.

        Raises:
            BadInputError: It is not an image that Preprocess accepts.
        """
        return self._compute(image_codec.decode_square(data, _PLACE, self.manifest.image_size)[None])

    def explain(self, data: bytes) -> tuple[list[float], ClassMaps]:
        """Return the same probabilities and the class maps, (classes, height, width), of a model that has them.

        Raises:
            BadInputError: It is not an image that Preprocess accepts.
        """
        pixels = image_codec.decode_square(data, _PLACE, self.manifest.image_size)[None]
        rows, maps = self._session.run(
            [onnx_artifact.OUTPUT_NAME, onnx_artifact.CLASS_MAPS_NAME], {onnx_artifact.INPUT_NAME: pixels}
        )
        return self._checked(rows), maps[0]

    def explained_answer(self, data: bytes) -> dict[str, Any]:
        """Return the answer with the class maps of the most probable class and of melanoma, as nested lists.

        Raises:
            BadInputError: It is not an image that Preprocess accepts, or the model has no class maps.
        """
        if not self.has_class_maps:
            raise BadInputError("the model has no class maps. Ask without explain=true, or train the model again.")
        probabilities, maps = self.explain(data)
        labels = self.manifest.labels
        predicted = labels[max(range(len(labels)), key=probabilities.__getitem__)]
        shown = dict.fromkeys((predicted, contract.MELANOMA))
        return {
            "prediction": probabilities,
            "predicted": predicted,
            "class_maps": {label: maps[labels.index(label)].tolist() for label in shown},
        }

    def _compute(self, pixels: image_codec.Pixels) -> list[float]:
        (rows,) = self._session.run([onnx_artifact.OUTPUT_NAME], {onnx_artifact.INPUT_NAME: pixels})
        return self._checked(rows)

    def _checked(self, rows: Any) -> list[float]:  # noqa: ANN401  untyped library
        probabilities = [float(value) for value in rows[0]]
        if len(probabilities) != len(self.manifest.labels):
            raise ArithmeticError(f"{len(probabilities)} probabilities, not {len(self.manifest.labels)}")
        if not abs(math.fsum(probabilities) - 1) <= PROBABILITY_SUM_TOLERANCE:  # True for NaN, too
            raise ArithmeticError(f"the probabilities add up to {math.fsum(probabilities)}, not 1")
        return probabilities

    def _check_signature(self) -> None:
        """Check names, types and shapes of input and outputs; a size that the model leaves open fits."""
        side, classes = self.manifest.image_size, len(self.manifest.labels)
        found = (*self._session.get_inputs(), *self._session.get_outputs())
        expected: list[tuple[str, str, list[int | None]]] = [
            (onnx_artifact.INPUT_NAME, "tensor(uint8)", [1, side, side, 3]),
            (onnx_artifact.OUTPUT_NAME, "tensor(float)", [1, classes]),
        ]
        if self.has_class_maps:
            expected.append((onnx_artifact.CLASS_MAPS_NAME, "tensor(float)", [1, classes, _ANY, _ANY]))
        if len(found) != len(expected) or not all(map(_fits, found, *zip(*expected, strict=True))):
            raise _unusable(
                f"input and output are {', '.join(f'{each.name} {each.type} {each.shape}' for each in found)}: must be"
                f" {', '.join(f'{name} {kind} {shape}' for name, kind, shape in expected)}"
            )


def _fits(found: Any, name: str, kind: str, shape: list[int | None]) -> bool:  # noqa: ANN401  untyped library
    return (found.name, found.type, len(found.shape)) == (name, kind, len(shape)) and all(
        size == wanted or wanted is _ANY or not isinstance(size, int)
        for size, wanted in zip(found.shape, shape, strict=True)
    )


def _unusable(cause: str) -> BadInputError:
    return BadInputError(f"{onnx_artifact.MODEL_FILE}: {cause}. Train the model again.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

# SPDX-License-Identifier: MIT-0
"""The training job of `toy`: the mean color of each class, as an ONNX model."""

import json
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from pipeline_src import contract
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.dataset import image_codec, recordio_format
from pipeline_src.runtime import job_exit
from pipeline_src.runtime.errors import BadInputError

_KNOWN = {"num_classes", "num_training_samples", "image_shape", "sharpness"}


def train() -> None:
    """Read ``/opt/ml/input`` and write ``/opt/ml/model``.

    Raises:
        BadInputError: A hyperparameter is unknown.
    """
    root = contract.ml_root()
    given = json.loads((root / "input/config/hyperparameters.json").read_text())
    if unknown := sorted(given.keys() - _KNOWN):
        raise BadInputError(f"hyperparameters.json: {unknown[0]!r}: unknown. Remove it.")
    side, scale = int(given["image_shape"].split(",")[1]), float(given["sharpness"]) / 255**2
    path = root / "input/data/train/train.rec"
    colors, labels = [], []
    for record in recordio_format.read_image_records(path):
        colors.append(image_codec.decode_square(record.image, str(path), side).mean(axis=(0, 1)))
        labels.append(int(record.label))
    classes = range(len(contract.CLASS_LABELS))
    means = np.array(
        [np.mean([c for c, each in zip(colors, labels, strict=True) if each == k], axis=0) for k in classes]
    )
    # The squared distance to a mean, without the part that all classes share.
    weights, bias = 2 * scale * means.T, -scale * (means**2).sum(axis=1)
    right = (np.array(colors) @ weights + bias).argmax(axis=1) == labels
    print(f"train:accuracy={right.mean():.4f};", flush=True)
    manifest = onnx_artifact.ModelManifest(
        algorithm="toy",
        labels=contract.CLASS_LABELS,
        image_size=side,
        decoding=onnx_artifact.DECODING,
        versions={},
        weights={},
    )
    onnx_artifact.write_model(root / "model", _model(side, weights, bias), manifest)


def _model(side: int, weights: np.ndarray, bias: np.ndarray) -> bytes:
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["color"], axes=[1, 2], keepdims=0),
        helper.make_node("Gemm", ["color", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", side, side, 3])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(bias)])
    constants = [
        numpy_helper.from_array(np.float32(weights), "weights"),
        numpy_helper.from_array(np.float32(bias), "bias"),
    ]
    graph = helper.make_graph(nodes, "toy", [pixels], [probabilities], constants)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString(deterministic=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(train))

# SPDX-License-Identifier: MIT-0
"""A small ONNX model with the input and output of a real one: it answers by the mean color of the picture."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pipeline_src import contract
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.onnx_artifact import ModelManifest

SIDE = 32
MANIFEST = ModelManifest(
    algorithm="linear_probe",
    labels=contract.CLASS_LABELS,
    image_size=SIDE,
    decoding=onnx_artifact.DECODING,
    versions={"onnxruntime": "1.32.0", "numpy": "2.4.6"},
    weights={"package": "none"},
)


def onnx_bytes(
    side: int | str = SIDE,
    classes: int = len(contract.CLASS_LABELS),
    *,
    pixels: tuple[str, int] = (onnx_artifact.INPUT_NAME, TensorProto.UINT8),
    last: str = "Softmax",
    scale: float = 0.125,
) -> bytes:
    """Return the model, with `last` as its last operator and weights of the order of `scale`.

    A name instead of a number leaves `side` open. `pixels` are the name and the type of the input.
    """
    weights = np.random.default_rng(5).normal(size=(3, classes)).astype(np.float32) * np.float32(scale)
    nodes = [
        helper.make_node("Cast", [pixels[0]], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        helper.make_node(last, ["logits"], [onnx_artifact.OUTPUT_NAME]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*pixels, ["images", side, side, 3])],
        [helper.make_tensor_value_info(onnx_artifact.OUTPUT_NAME, TensorProto.FLOAT, ["images", classes])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([1, 2], np.int64), "axes")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def with_class_maps(places: str = "places") -> bytes:
    """Return the same model with class maps, one place a pixel; `places` is what they are taken from."""
    model = onnx.load_from_string(onnx_bytes())
    nodes = (
        helper.make_node("MatMul", ["floats", "weights"], ["places"]),
        helper.make_node("Transpose", [places], [onnx_artifact.CLASS_MAPS_NAME], perm=[0, 3, 1, 2]),
    )
    model.graph.node.extend(nodes)
    shape = ["images", "maps", SIDE, SIDE]
    model.graph.output.append(helper.make_tensor_value_info(onnx_artifact.CLASS_MAPS_NAME, TensorProto.FLOAT, shape))
    return bytes(model.SerializeToString(deterministic=True))

# SPDX-License-Identifier: MIT-0
"""The PyTorch network and the ONNX graph of the same weights answer alike."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from pipeline_src.algorithms.efficientnet_lite import onnx_network, pretrained_weights
from pipeline_src.algorithms.fine_tuning import torch_network
from pipeline_src.algorithms.fine_tuning.torch_network import EfficientNetLite
from pipeline_src.runtime.errors import BadInputError

CLASSES = 7


def classifier(name: str, state: dict[str, NDArray[np.float32]]) -> onnx.ModelProto:
    return onnx_network.attach_head(onnx_network.build_network(name, state), state["_fc.weight"].T, state["_fc.bias"])


def network(name: str) -> EfficientNetLite:
    torch.manual_seed(5)
    made = EfficientNetLite(name, CLASSES)
    torch_network.load_weights(made, pretrained_weights.read_pretrained_weights(name), name, head=False)
    return made.eval()


@pytest.mark.parametrize(
    ("name", "side"), [("efficientnet_lite0", 64), ("efficientnet_lite0", 75), ("efficientnet_lite2", 52)]
)
def test_the_onnx_graph_answers_as_the_network(name: str, side: int) -> None:
    made = network(name)
    pixels = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    state = torch_network.weights_of(made.state_dict())
    (found,) = onnxruntime.InferenceSession(classifier(name, state).SerializeToString()).run(
        ["probabilities"], {"pixels": pixels}
    )
    with torch.no_grad():
        expected = torch.softmax(made(torch.from_numpy(pixels)), 1).numpy()
    assert np.abs(found - expected).max() < 1e-4
    assert np.ptp(found, axis=0).max() > 1e-3  # the two images differ


def test_the_weights_come_back_from_the_graph_bit_by_bit() -> None:
    """With the head, and without what the graph has besides: class maps, pixel constants, weights in other files."""
    state = torch_network.weights_of(network("efficientnet_lite0").state_dict())
    graph = classifier("efficientnet_lite0", state)
    elsewhere = graph.graph.initializer.add()
    elsewhere.CopyFrom(graph.graph.initializer[2])
    elsewhere.name, elsewhere.data_location = "_elsewhere", onnx.TensorProto.EXTERNAL
    found = onnx_network.trained_weights(graph)
    assert found.keys() == state.keys()
    assert all(np.array_equal(found[name], values) for name, values in state.items())
    other = EfficientNetLite("efficientnet_lite0", CLASSES)
    torch_network.load_weights(other, found, "it", head=True)
    assert all(np.array_equal(each, state[name]) for name, each in torch_network.weights_of(other.state_dict()).items())


def test_a_head_for_other_classes_is_refused_where_the_head_is_taken() -> None:
    weights = torch_network.weights_of(network("efficientnet_lite0").state_dict())
    weights["_fc.bias"] = weights["_fc.bias"][:5]
    with pytest.raises(BadInputError, match=r"1 of another shape \(first: _fc\.bias\)"):
        torch_network.load_weights(EfficientNetLite("efficientnet_lite0", CLASSES), weights, "it", head=True)


def test_weights_of_another_network_are_refused_with_a_tensor() -> None:
    weights = pretrained_weights.read_pretrained_weights("efficientnet_lite2")
    with pytest.raises(
        BadInputError, match=r"^it: weights of another architecture: 0 tensors are missing, \d+ unknown"
    ):
        torch_network.load_weights(EfficientNetLite("efficientnet_lite0", CLASSES), weights, "it", head=False)


def test_a_missing_tensor_and_another_shape_are_refused() -> None:
    weights = pretrained_weights.read_pretrained_weights("efficientnet_lite0")
    stem = weights.pop("_conv_stem.weight")
    made = EfficientNetLite("efficientnet_lite0", CLASSES)
    with pytest.raises(BadInputError, match=r"1 tensors are missing, 0 unknown .*first: _conv_stem\.weight"):
        torch_network.load_weights(made, weights, "it", head=False)
    with pytest.raises(BadInputError, match="0 tensors are missing, 0 unknown and 1 of another shape"):
        torch_network.load_weights(made, weights | {"_conv_stem.weight": stem[:16]}, "it", head=False)

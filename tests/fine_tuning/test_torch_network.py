# SPDX-License-Identifier: MIT-0
"""The PyTorch network and the ONNX graph of the same weights answer alike."""

import numpy as np
import onnxruntime
import pytest
import torch

from pipeline_src.algorithms.efficientnet_lite import onnx_network, pretrained_weights
from pipeline_src.algorithms.fine_tuning import torch_network
from pipeline_src.algorithms.fine_tuning.torch_network import EfficientNetLite
from pipeline_src.runtime.errors import BadInputError

CLASSES = 7


def network(name: str) -> EfficientNetLite:
    torch.manual_seed(5)
    made = EfficientNetLite(name, CLASSES)
    torch_network.load_pretrained(made, pretrained_weights.read_pretrained_weights(name), name)
    return made.eval()


@pytest.mark.parametrize(
    ("name", "side"), [("efficientnet_lite0", 64), ("efficientnet_lite0", 75), ("efficientnet_lite2", 52)]
)
def test_the_onnx_graph_answers_as_the_network(name: str, side: int) -> None:
    made = network(name)
    pixels = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    state = torch_network.weights_of(made.state_dict())
    graph = onnx_network.attach_head(onnx_network.build_network(name, state), state["_fc.weight"].T, state["_fc.bias"])
    (found,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(["probabilities"], {"pixels": pixels})
    with torch.no_grad():
        expected = torch.softmax(made(torch.from_numpy(pixels)), 1).numpy()
    assert np.abs(found - expected).max() < 1e-4
    assert np.ptp(found, axis=0).max() > 1e-3  # the two images differ


def test_weights_of_another_network_are_refused_with_a_tensor() -> None:
    weights = pretrained_weights.read_pretrained_weights("efficientnet_lite2")
    with pytest.raises(
        BadInputError, match=r"^it: weights of another architecture: 0 tensors are missing, \d+ unknown"
    ):
        torch_network.load_pretrained(EfficientNetLite("efficientnet_lite0", CLASSES), weights, "it")


def test_a_missing_tensor_and_another_shape_are_refused() -> None:
    weights = pretrained_weights.read_pretrained_weights("efficientnet_lite0")
    stem = weights.pop("_conv_stem.weight")
    made = EfficientNetLite("efficientnet_lite0", CLASSES)
    with pytest.raises(BadInputError, match=r"1 tensors are missing, 0 unknown .*first: _conv_stem\.weight"):
        torch_network.load_pretrained(made, weights, "it")
    with pytest.raises(BadInputError, match="0 tensors are missing, 0 unknown and 1 of another shape"):
        torch_network.load_pretrained(made, weights | {"_conv_stem.weight": stem[:16]}, "it")

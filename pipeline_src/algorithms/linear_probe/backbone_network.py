# SPDX-License-Identifier: MIT-0
"""Builds the backbone, and a complete classifier on it, as ONNX graphs from pretrained weights.

``python -m pipeline_src.algorithms.linear_probe.backbone_network`` verifies a backbone: digest of the weights, digest
of the graph, and the class of a known picture. Image build and set-up run it.

The network is EfficientNet-Lite0. Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional
Neural Networks", 2019, arXiv:1905.11946, table 1; for the Lite variant ``efficientnet_lite_builder.py`` of the
TensorFlow TPU models: ReLU6 instead of swish, no squeeze-and-excitation, stem and head not scaled, pixels
(x - 127) / 128, batch-norm epsilon 0.001, padding SAME. For features of all layers: Evci et al., "Head2Toe: Utilizing
Intermediate Representations for Better Transfer Learning", 2022, arXiv:2201.03529.
"""

import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pipeline_src.algorithms.linear_probe.pretrained_weights import read_pretrained_weights
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError

FEATURES: Final = 1024  # of the backbone: channels of all residual blocks
IMAGENET_FEATURES: Final = 1280  # of the whole network
INPUT: Final = "pixels"
FEATURES_OUTPUT: Final = "features"
PROBABILITIES_OUTPUT: Final = "probabilities"
# SHA-256 of each backbone's bytes. It changes with the weights and with this module, and features that were computed
# with another backbone must not be used.
BACKBONE_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {"efficientnet_lite0": "2af679f341504030104ff8e6a04090ca0923b4eaa1e04c8698301216ec7496a0"}
)

_DEFAULT: Final = "efficientnet_lite0"
_OPSET: Final = 17
_IR_VERSION: Final = 8  # that of opset 17
_EPSILON: Final = 1e-3
_PIXEL_MEAN, _PIXEL_SCALE = 127.0, 128.0
_PICTURE: Final = "sklearn/datasets/images/flower.jpg"  # a daisy
_PICTURE_CLASS: Final = 985  # daisy, among the 1,000 classes of ImageNet
_PICTURE_SIDE: Final = 224  # pixels, the side that the network was trained on


class _Stage(NamedTuple):
    """Blocks of one kind: their number, kernel side, stride of the first, expansion factor, output channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STEM_CHANNELS: Final = 32
_STAGES: Final = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def build_backbone(name: str = _DEFAULT) -> onnx.ModelProto:
    """Build the backbone `name` from its pretrained weights.

    Its features are the means over the image of the outputs of all residual blocks, from edges and colors to parts of
    objects. The network's own last layer is left out: it is made for the classes of ImageNet, and a linear head on the
    blocks was better on both kinds of images that this project could try (decision 0020).

    Returns:
        A model with the input "pixels", uint8 (N, side, side, 3) BGR as `image_codec.decode_square` returns them, and
        the output "features", float32 (N, `FEATURES`). N and side are symbolic.

    Raises:
        BadInputError: the backbone is unknown, or its weights are missing or not the expected ones.
    """
    graph = _GraphBuilder(read_pretrained_weights(name))
    blocks = graph.add_stages(_STAGES[:-1])
    graph.add_means(blocks)
    return _model(graph, name, FEATURES)


def build_network(name: str = _DEFAULT) -> onnx.ModelProto:
    """Build the whole network up to its head for ImageNet, as `build_backbone` but for the `IMAGENET_FEATURES`."""
    graph = _GraphBuilder(read_pretrained_weights(name))
    graph.add_stages(_STAGES)
    graph.add_convolution("_conv_head", "_bn1")
    graph.add_node("GlobalAveragePool", "pool")
    graph.add_node("Flatten", FEATURES_OUTPUT, axis=1)
    return _model(graph, name, IMAGENET_FEATURES)


def _model(graph: "_GraphBuilder", name: str, count: int) -> onnx.ModelProto:
    pixels = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", "side", "side", 3])
    features = helper.make_tensor_value_info(FEATURES_OUTPUT, TensorProto.FLOAT, ["N", count])
    return helper.make_model(
        helper.make_graph(graph.nodes, name, [pixels], [features], graph.weights),
        producer_name="pipeline_src.algorithms.linear_probe",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )


def attach_head(
    backbone: onnx.ModelProto, weights: NDArray[np.floating], bias: NDArray[np.floating]
) -> onnx.ModelProto:
    """Return a classifier: `backbone`, then a linear layer and softmax. `backbone` itself stays unchanged.

    Args:
        backbone: a model with the output "features", (N, features).
        weights: (features, classes).
        bias: (classes,).

    Returns:
        A model whose only output is "probabilities", float32 (N, classes), in the order of the columns of `weights`.

    Raises:
        ValueError: the shapes do not fit.
    """
    count = backbone.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    if weights.ndim != 2 or weights.shape[0] != count or bias.shape != weights.shape[1:]:
        raise ValueError(f"head of shapes {weights.shape} and {bias.shape}: must be ({count}, classes) and (classes,)")
    model = onnx.ModelProto()
    model.CopyFrom(backbone)
    head = {"head.weight": weights, "head.bias": bias}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(values, "<f4"), name) for name, values in head.items()
    )
    model.graph.node.append(helper.make_node("Gemm", [FEATURES_OUTPUT, *head], ["logits"], name="logits"))
    model.graph.node.append(
        helper.make_node("Softmax", ["logits"], [PROBABILITIES_OUTPUT], PROBABILITIES_OUTPUT, axis=1)
    )
    del model.graph.output[:]
    output = helper.make_tensor_value_info(PROBABILITIES_OUTPUT, TensorProto.FLOAT, ["N", len(bias)])
    model.graph.output.append(output)
    return model


def backbone_digest(model: onnx.ModelProto) -> str:
    """Return the SHA-256 digest of the bytes of `model`, hexadecimal. It identifies features in caches."""
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()


def read_imagenet_head(name: str = _DEFAULT) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weights (`IMAGENET_FEATURES`, 1000) and the bias (1000,) of the network's own head.

    Raises:
        BadInputError: as `build_backbone`.
    """
    weights = read_pretrained_weights(name)
    return weights["_fc.weight"].T, weights["_fc.bias"]


def verify_backbone(name: str = _DEFAULT) -> float:
    """Check the digest of the backbone `name`, and that it recognises a known picture.

    Returns:
        The probability of the picture's class; see `check_known_picture`.

    Raises:
        BadInputError: as `build_backbone`, or a check failed.
    """
    check_digest(build_backbone(name), name)
    return check_known_picture(attach_head(build_network(name), *read_imagenet_head(name)))


def check_digest(backbone: onnx.ModelProto, name: str = _DEFAULT) -> None:
    """Check that the digest of `backbone` is that in `BACKBONE_DIGESTS`.

    Raises:
        BadInputError: it is another one.
    """
    digest = backbone_digest(backbone)
    if digest != BACKBONE_DIGESTS[name]:
        raise BadInputError(
            f"backbone '{name}': SHA-256 of its graph is {digest}: must be {BACKBONE_DIGESTS[name]}. If the graph was"
            " changed on purpose, correct BACKBONE_DIGESTS; otherwise install the locked packages again."
        )


def check_known_picture(classifier: onnx.ModelProto) -> float:
    """Check that a classifier of ImageNet's 1,000 classes calls ``flower.jpg`` of scikit-learn a daisy.

    Returns:
        The probability of that class.

    Raises:
        BadInputError: another class is more probable.
    """
    path = Path(str(importlib.metadata.distribution("scikit-learn").locate_file(_PICTURE)))
    pixels = image_codec.decode_square(path.read_bytes(), str(path), _PICTURE_SIDE)
    data = classifier.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    probabilities = np.asarray(session.run([PROBABILITIES_OUTPUT], {INPUT: pixels[np.newaxis]})[0])[0]
    found = int(probabilities.argmax())
    if found != _PICTURE_CLASS:
        raise BadInputError(
            f"{path}: the backbone takes it for class {found} of ImageNet: must be {_PICTURE_CLASS} (daisy)."
            " Install the locked packages again."
        )
    return float(probabilities[found])


class _GraphBuilder:
    """Collects nodes and weights of a graph in which each node takes the output of the one before it.

    Attributes:
        nodes: nodes in order of execution.
        weights: constants of the graph.
    """

    def __init__(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._state = state
        self._last = INPUT
        self._relu6_bounds = (self.add_weights("zero", np.array(0.0)), self.add_weights("six", np.array(6.0)))

    def add_node(self, operator: str, output: str, *inputs: str, **attributes: Any) -> None:  # noqa: ANN401  ONNX's attributes are of many types
        """Add a node that takes the last output, and `inputs` besides."""
        self.nodes.append(helper.make_node(operator, [self._last, *inputs], [output], output, **attributes))
        self._last = output

    def add_weights(self, name: str, values: NDArray[np.floating]) -> str:
        """Add a constant, and return its name."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values, "<f4"), name))
        return name

    def add_pixels(self) -> None:
        """Add what turns pixels, uint8 (N, side, side, 3), into the stem's input, float32 (N, 3, side, side)."""
        self.add_node("Transpose", "planes", perm=[0, 3, 1, 2])
        self.add_node("Cast", "planes.float", to=TensorProto.FLOAT)
        self.add_node("Sub", "planes.centred", self.add_weights("pixel_mean", np.array(_PIXEL_MEAN)))
        self.add_node("Div", "planes.scaled", self.add_weights("pixel_scale", np.array(_PIXEL_SCALE)))

    def add_convolution(
        self, name: str, norm: str, *, stride: int = 1, activation: bool = True, reverse_input: bool = False
    ) -> None:
        """Add a convolution, the batch norm after it folded in, and ReLU6 unless `activation` is false.

        `reverse_input` reverses the order of the input channels: pixels are BGR, and the weights are for RGB.
        """
        kernel = self._state[f"{name}.weight"].astype(np.float64)
        scale, shift, mean, variance = (
            self._state[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        factor = scale / np.sqrt(variance + _EPSILON)
        if reverse_input:
            kernel = kernel[:, ::-1]
        depthwise = kernel.shape[1] == 1
        self.add_node(
            "Conv",
            name,
            self.add_weights(f"{name}.weight", kernel * factor[:, np.newaxis, np.newaxis, np.newaxis]),
            self.add_weights(f"{name}.bias", shift - mean * factor),
            kernel_shape=kernel.shape[2:],
            strides=[stride, stride],
            group=len(kernel) if depthwise else 1,
            auto_pad="SAME_UPPER",
        )
        if activation:
            self.add_node("Clip", f"{name}.relu6", *self._relu6_bounds)

    def add_stages(self, stages: Sequence[_Stage]) -> list[str]:
        """Add pixels, stem and `stages`; return the outputs of the residual blocks."""
        self.add_pixels()
        self.add_convolution("_conv_stem", "_bn0", stride=2, reverse_input=True)
        channels, block, residual = _STEM_CHANNELS, 0, []
        for stage in stages:
            for repeat in range(stage.repeats):
                stride, name = stage.stride if repeat == 0 else 1, f"_blocks.{block}"
                skip = stride == 1 and channels == stage.channels
                self.add_block(name, stage, stride, skip=skip)
                residual += [name] if skip else []
                channels, block = stage.channels, block + 1
        return residual

    def add_means(self, outputs: Sequence[str]) -> None:
        """Add the means of `outputs` over the image, one after the other, as the features."""
        means = [f"{output}.mean" for output in outputs]
        for output, mean in zip(outputs, means, strict=True):
            self.nodes.append(helper.make_node("GlobalAveragePool", [output], [mean], mean))
        self.nodes.append(helper.make_node("Concat", means, ["means"], "means", axis=1))
        self._last = "means"
        self.add_node("Flatten", FEATURES_OUTPUT, axis=1)

    def add_block(self, name: str, stage: _Stage, stride: int, *, skip: bool) -> None:
        """Add an inverted residual block; with `skip` its input is added to its output."""
        start = self._last
        if stage.expansion > 1:
            self.add_convolution(f"{name}._expand_conv", f"{name}._bn0")
        self.add_convolution(f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
        self.add_convolution(f"{name}._project_conv", f"{name}._bn2", activation=False)
        if skip:
            self.add_node("Add", name, start)


def main() -> None:
    """Verify the default backbone; print its name, digest and the probability of the known picture's class."""
    try:
        probability = verify_backbone()
    except BadInputError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{_DEFAULT} {BACKBONE_DIGESTS[_DEFAULT]}: daisy {probability:.3f}\n")


if __name__ == "__main__":
    main()

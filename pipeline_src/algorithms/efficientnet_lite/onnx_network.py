# SPDX-License-Identifier: MIT-0
"""Builds the ONNX graph of an EfficientNet-Lite network from its weights, and a classifier on a network's features.

The whole network keeps its batch norms as nodes, which ONNX Runtime folds into the convolutions when it loads the
graph. So `trained_weights` gets from a classifier what it was built from, and a later training can start there.

Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019,
arXiv:1905.11946, table 1 and its rules for width and depth; for the Lite variants ``efficientnet_lite_builder.py`` of
the TensorFlow TPU models: ReLU6 instead of swish, no squeeze-and-excitation, stem and head not scaled, first and last
stage not deepened, pixels (x - 127) / 128, batch-norm epsilon 0.001, padding SAME. For the class maps: Zhou et al.,
"Learning Deep Features for Discriminative Localization", 2016, arXiv:1512.04150.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from pipeline_src.algorithms.serving.onnx_artifact import CLASS_MAPS_NAME, INPUT_NAME, OUTPUT_NAME

FEATURES_OUTPUT: Final = "features"
IMAGENET_FEATURES: Final = 1280  # of the whole network
STEM_CHANNELS: Final = 32
NORM_EPSILON: Final = 1e-3
PIXEL_MEAN: Final = 127.0
PIXEL_SCALE: Final = 128.0

_HEAD_WEIGHT: Final = "head.weight"
_HEAD_BIAS: Final = "head.bias"
_STEM: Final = "_conv_stem"
_STEM_WEIGHT: Final = f"{_STEM}.weight"  # for BGR in a graph, and for RGB among PyTorch's weights
_NORM_PARTS: Final = ("weight", "bias", "running_mean", "running_var")
_OPSET: Final = 17
_IR_VERSION: Final = 8  # that of opset 17


class Stage(NamedTuple):
    """Blocks of one kind: their number, kernel side, stride of the first, expansion factor, output channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


class Block(NamedTuple):
    """One inverted residual block: kernel side, stride, expansion factor, channels in and out."""

    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int

    @property
    def is_residual(self) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs


# Lite2 is 1.1 times as wide and 1.2 times as deep as Lite0.
STAGES: Final[Mapping[str, tuple[Stage, ...]]] = MappingProxyType(
    {
        "efficientnet_lite0": (
            Stage(1, 3, 1, 1, 16),
            Stage(2, 3, 2, 6, 24),
            Stage(2, 5, 2, 6, 40),
            Stage(3, 3, 2, 6, 80),
            Stage(3, 5, 1, 6, 112),
            Stage(4, 5, 2, 6, 192),
            Stage(1, 3, 1, 6, 320),
        ),
        "efficientnet_lite2": (
            Stage(1, 3, 1, 1, 16),
            Stage(3, 3, 2, 6, 24),
            Stage(3, 5, 2, 6, 48),
            Stage(4, 3, 2, 6, 88),
            Stage(4, 5, 1, 6, 120),
            Stage(5, 5, 2, 6, 208),
            Stage(1, 3, 1, 6, 352),
        ),
    }
)


def blocks_of_stages(stages: Sequence[Stage]) -> list[Block]:
    """Return the blocks of `stages` one after the other, from the stem's output on."""
    blocks, channels = [], STEM_CHANNELS
    for stage in stages:
        for repeat in range(stage.repeats):
            blocks.append(Block(stage.kernel, 1 if repeat else stage.stride, stage.expansion, channels, stage.channels))
            channels = stage.channels
    return blocks


def build_network(name: str, state: Mapping[str, NDArray[np.float32]]) -> onnx.ModelProto:
    """Build the network `name` up to the features of its last layer, from the weights `state` under PyTorch's names.

    Returns:
        A model with the input "pixels", uint8 (N, side, side, 3) BGR as `image_codec.decode_square` returns them, and
        the output "features", float32 (N, `IMAGENET_FEATURES`). N and side are symbolic.
    """
    graph = GraphBuilder(state, fold_norms=False)
    graph.add_blocks(blocks_of_stages(STAGES[name]))
    graph.add_convolution("_conv_head", "_bn1")
    graph.add_node("GlobalAveragePool", "pool")
    graph.add_node("Flatten", FEATURES_OUTPUT, axis=1)
    return feature_model(graph, name, IMAGENET_FEATURES)


def trained_weights(classifier: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a `classifier` on a network of `build_network`, head included, under PyTorch's names.

    Weights that are in another file than the classifier, or no float32, are left out.
    """
    found = {
        each.name: numpy_helper.to_array(each).copy()
        for each in classifier.graph.initializer
        if each.data_type == TensorProto.FLOAT and each.data_location == TensorProto.DEFAULT
    }
    names = [name for name in found if name.startswith("_") and f".{CLASS_MAPS_NAME}" not in name]
    state = {name: found[name] for name in names}
    if _STEM_WEIGHT in state:
        state[_STEM_WEIGHT] = np.ascontiguousarray(state[_STEM_WEIGHT][:, ::-1])
    if found.keys() >= {_HEAD_WEIGHT, _HEAD_BIAS}:
        state["_fc.weight"], state["_fc.bias"] = np.ascontiguousarray(found[_HEAD_WEIGHT].T), found[_HEAD_BIAS]
    return state


def feature_model(graph: "GraphBuilder", name: str, count: int) -> onnx.ModelProto:
    """Return the model of `graph`, whose last node gives `count` features an image."""
    pixels = helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, ["N", "side", "side", 3])
    features = helper.make_tensor_value_info(FEATURES_OUTPUT, TensorProto.FLOAT, ["N", count])
    return helper.make_model(
        helper.make_graph(graph.nodes, name, [pixels], [features], graph.weights),
        producer_name="pipeline_src.algorithms.efficientnet_lite",
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )


def fix_image_side(model: onnx.ModelProto, side: int) -> None:
    """Write `side` into the shape of the model's input, which the server compares with its manifest."""
    for dimension in model.graph.input[0].type.tensor_type.shape.dim[1:3]:
        dimension.dim_value = side


def attach_head(
    backbone: onnx.ModelProto, weights: NDArray[np.floating], bias: NDArray[np.floating]
) -> onnx.ModelProto:
    """Return a classifier: `backbone`, then a linear layer and softmax. `backbone` itself stays unchanged.

    Args:
        backbone: a model with the output "features", (N, features).
        weights: (features, classes).
        bias: (classes,).

    Returns:
        A model with the output "probabilities", float32 (N, classes), in the order of the columns of `weights`. Where
        the features are means over the image, as those of this module are, it has the output "class_maps" too,
        float32 (N, classes, height, width): what each place adds to the logit of each class. The mean of a map over all
        places, plus the bias, is the logit. Means of activations of several sides have maps only once the side of the
        image is fixed (`fix_image_side`); these maps have the smallest of the sides.

    Raises:
        ValueError: the shapes do not fit.
    """
    count = backbone.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    if weights.ndim != 2 or weights.shape[0] != count or bias.shape != weights.shape[1:]:
        raise ValueError(f"head of shapes {weights.shape} and {bias.shape}: must be ({count}, classes) and (classes,)")
    model = onnx.ModelProto()
    model.CopyFrom(backbone)
    head = {_HEAD_WEIGHT: weights, _HEAD_BIAS: bias}
    model.graph.initializer.extend(_constant(name, values) for name, values in head.items())
    model.graph.node.append(helper.make_node("Gemm", [FEATURES_OUTPUT, *head], ["logits"], name="logits"))
    model.graph.node.append(helper.make_node("Softmax", ["logits"], [OUTPUT_NAME], OUTPUT_NAME, axis=1))
    del model.graph.output[:]
    output = helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["N", len(bias)])
    model.graph.output.append(output)
    _add_class_maps(model, backbone, weights)
    return model


def _add_class_maps(model: onnx.ModelProto, backbone: onnx.ModelProto, weights: NDArray[np.floating]) -> None:
    """Add the output "class_maps" to `model` if the features of `backbone` allow it; see `attach_head`.

    The linear layer and the mean over the image change places: the map of a class is a 1x1 convolution of the
    activations with the weights of the class.
    """
    averaged = _averaged_activations(backbone)
    shapes = _activation_shapes(backbone, averaged)
    sides = [shape[2] for shape in shapes]
    if not averaged or (len(averaged) > 1 and 0 in sides):
        return
    coarse = min(sides)
    maps: list[str] = []
    first = 0
    for activation, (_, channels, *_) in zip(averaged, shapes, strict=True):
        kernel = weights[first : first + channels].T[:, :, np.newaxis, np.newaxis]
        first += channels
        name = f"{activation}.class_maps"
        model.graph.initializer.append(_constant(f"{name}.weight", kernel))
        model.graph.node.append(helper.make_node("Conv", [activation, f"{name}.weight"], [name], name))
        maps.append(name)
    if len(maps) > 1:
        maps = [_add_area_mean(model, each, side, coarse) for each, side in zip(maps, sides, strict=True)]
    model.graph.node.append(helper.make_node("Sum", maps, [CLASS_MAPS_NAME], CLASS_MAPS_NAME))
    side = [coarse or "map_side"] * 2
    shape = ["N", weights.shape[1], *side]
    model.graph.output.append(helper.make_tensor_value_info(CLASS_MAPS_NAME, TensorProto.FLOAT, shape))


def _averaged_activations(backbone: onnx.ModelProto) -> list[str]:
    """Return the activations whose means over the image are the features, in their order; none if they are not."""
    by_output = {node.output[0]: node for node in backbone.graph.node}

    def averaged(output: str) -> list[str]:
        node = by_output.get(output)
        if node is None or node.op_type not in {"Flatten", "Concat", "GlobalAveragePool"}:
            return [""]
        if node.op_type == "GlobalAveragePool":
            return [node.input[0]]
        return [name for each in node.input for name in averaged(each)]

    found = averaged(FEATURES_OUTPUT)
    return [] if "" in found else found


def _activation_shapes(backbone: onnx.ModelProto, names: Sequence[str]) -> list[tuple[int, ...]]:
    """Return the shape of each activation of `names`; a symbolic size is 0."""
    known = {each.name: each for each in onnx.shape_inference.infer_shapes(backbone).graph.value_info}
    return [tuple(each.dim_value for each in known[name].type.tensor_type.shape.dim) for name in names]


def _add_area_mean(model: onnx.ModelProto, maps: str, side: int, coarse: int) -> str:
    """Add what averages `maps`, of `side` by `side` places, to `coarse` by `coarse`; return its output.

    Each coarse place is the mean of the area that it covers, and a fine place on a border is shared by area, so that
    the mean of the whole map stays the same for any two sides.
    """
    edges, fine_edges = np.arange(coarse + 1) / coarse, np.arange(side + 1) / side
    overlap = np.minimum(edges[1:, None], fine_edges[1:]) - np.maximum(edges[:-1, None], fine_edges[:-1])
    shares = np.maximum(overlap, 0) * coarse  # (coarse, side)
    constants = {f"{maps}.rows": shares, f"{maps}.columns": shares.T}
    model.graph.initializer.extend(_constant(name, values) for name, values in constants.items())
    rows, columns = constants
    tall, small = f"{maps}.tall", f"{maps}.small"
    model.graph.node.append(helper.make_node("MatMul", [rows, maps], [tall], tall))
    model.graph.node.append(helper.make_node("MatMul", [tall, columns], [small], small))
    return small


def _constant(name: str, values: NDArray[np.floating]) -> TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values, "<f4"), name)


class GraphBuilder:
    """Collects nodes and weights of a graph in which each node takes the output of the one before it.

    Args:
        state: weights under PyTorch's names.
        fold_norms: whether batch norms are folded into the convolutions before them, instead of nodes of their own.

    Attributes:
        nodes: nodes in order of execution.
        weights: constants of the graph.
    """

    def __init__(self, state: Mapping[str, NDArray[np.float32]], *, fold_norms: bool = True) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._state, self._fold_norms = state, fold_norms
        self._last = INPUT_NAME
        self._relu6_bounds = (self.add_weights("zero", np.array(0.0)), self.add_weights("six", np.array(6.0)))

    def add_node(self, operator: str, output: str, *inputs: str, **attributes: Any) -> None:  # noqa: ANN401  ONNX's attributes are of many types
        """Add a node that takes the last output, and `inputs` besides."""
        self.nodes.append(helper.make_node(operator, [self._last, *inputs], [output], output, **attributes))
        self._last = output

    def add_weights(self, name: str, values: NDArray[np.floating]) -> str:
        """Add a constant, and return its name."""
        self.weights.append(_constant(name, values))
        return name

    def add_pixels(self) -> None:
        """Add what turns pixels, uint8 (N, side, side, 3), into the stem's input, float32 (N, 3, side, side)."""
        self.add_node("Transpose", "planes", perm=[0, 3, 1, 2])
        self.add_node("Cast", "planes.float", to=TensorProto.FLOAT)
        self.add_node("Sub", "planes.centred", self.add_weights("pixel_mean", np.array(PIXEL_MEAN)))
        self.add_node("Div", "planes.scaled", self.add_weights("pixel_scale", np.array(PIXEL_SCALE)))

    def add_convolution(
        self, name: str, norm: str, *, stride: int = 1, activation: bool = True, reverse_input: bool = False
    ) -> None:
        """Add a convolution with the batch norm after it, and ReLU6 unless `activation` is false.

        `reverse_input` reverses the order of the input channels: pixels are BGR, and the weights are for RGB.
        """
        kernel = self._state[f"{name}.weight"]
        if reverse_input:
            kernel = kernel[:, ::-1]
        shape: dict[str, Any] = {
            "kernel_shape": kernel.shape[2:],
            "strides": [stride, stride],
            "group": len(kernel) if kernel.shape[1] == 1 else 1,
            "auto_pad": "SAME_UPPER",
        }
        parts = {f"{norm}.{part}": self._state[f"{norm}.{part}"] for part in _NORM_PARTS}
        if self._fold_norms:
            scale, shift, mean, variance = (values.astype(np.float64) for values in parts.values())
            factor = scale / np.sqrt(variance + NORM_EPSILON)
            folded = kernel.astype(np.float64) * factor[:, np.newaxis, np.newaxis, np.newaxis]
            given = [
                self.add_weights(f"{name}.weight", folded),
                self.add_weights(f"{name}.bias", shift - mean * factor),
            ]
            self.add_node("Conv", name, *given, **shape)
        else:
            self.add_node("Conv", name, self.add_weights(f"{name}.weight", kernel), **shape)
            given = [self.add_weights(each, values) for each, values in parts.items()]
            self.add_node("BatchNormalization", norm, *given, epsilon=NORM_EPSILON)
        if activation:
            self.add_node("Clip", f"{name}.relu6", *self._relu6_bounds)

    def add_blocks(self, blocks: Sequence[Block]) -> list[str]:
        """Add pixels, stem and `blocks`; return the outputs of the residual blocks."""
        self.add_pixels()
        self.add_convolution(_STEM, "_bn0", stride=2, reverse_input=True)
        names = [f"_blocks.{number}" for number in range(len(blocks))]
        for name, block in zip(names, blocks, strict=True):
            self.add_block(name, block)
        return [name for name, block in zip(names, blocks, strict=True) if block.is_residual]

    def add_means(self, outputs: Sequence[str]) -> None:
        """Add the means of `outputs` over the image, one after the other, as the features."""
        means = [f"{output}.mean" for output in outputs]
        for output, mean in zip(outputs, means, strict=True):
            self.nodes.append(helper.make_node("GlobalAveragePool", [output], [mean], mean))
        self.nodes.append(helper.make_node("Concat", means, ["means"], "means", axis=1))
        self._last = "means"
        self.add_node("Flatten", FEATURES_OUTPUT, axis=1)

    def add_block(self, name: str, block: Block) -> None:
        """Add an inverted residual block."""
        start = self._last
        if block.expansion > 1:
            self.add_convolution(f"{name}._expand_conv", f"{name}._bn0")
        self.add_convolution(f"{name}._depthwise_conv", f"{name}._bn1", stride=block.stride)
        self.add_convolution(f"{name}._project_conv", f"{name}._bn2", activation=False)
        if block.is_residual:
            self.add_node("Add", name, start)

# SPDX-License-Identifier: MIT-0
"""EfficientNet-Lite as a PyTorch module, with the parameter names of the pretrained weights.

The architecture is that of efficientnet_lite/onnx_network.py, which also turns the trained weights into an ONNX graph.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.efficientnet_lite.onnx_network import Block
from pipeline_src.runtime.errors import BadInputError

DROPOUT: Final = 0.2  # before the head, as in the network's own training
_HEAD: Final = ("_fc.weight", "_fc.bias")


class EfficientNetLite(nn.Module):
    """The network: pixels to logits.

    Args:
        name: A key of `onnx_network.STAGES`.
        classes: Number of classes.
    """

    def __init__(self, name: str, classes: int) -> None:
        super().__init__()
        blocks = onnx_network.blocks_of_stages(onnx_network.STAGES[name])
        self._conv_stem = _SameConvolution(3, onnx_network.STEM_CHANNELS, 3, stride=2)
        self._bn0 = _norm(onnx_network.STEM_CHANNELS)
        self._blocks = nn.ModuleList(map(_InvertedResidual, blocks))
        self._conv_head = _SameConvolution(blocks[-1].outputs, onnx_network.IMAGENET_FEATURES, 1)
        self._bn1 = _norm(onnx_network.IMAGENET_FEATURES)
        self._dropout = nn.Dropout(DROPOUT)
        self._fc = nn.Linear(onnx_network.IMAGENET_FEATURES, classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the logits, float32 (N, classes), of `pixels`, uint8 (N, side, side, 3) in the order BGR."""
        # Channels stay last in memory, which PyTorch's convolutions on a CPU prefer.
        planes = pixels.flip(3).permute(0, 3, 1, 2).float()
        values = (planes - onnx_network.PIXEL_MEAN) / onnx_network.PIXEL_SCALE
        values = F.relu6(self._bn0(self._conv_stem(values)), inplace=True)
        for block in self._blocks:
            values = block(values)
        values = F.relu6(self._bn1(self._conv_head(values)), inplace=True)
        logits: Tensor = self._fc(self._dropout(values.mean((2, 3))))
        return logits


class _SameConvolution(nn.Conv2d):
    """A convolution without bias and with TensorFlow's padding SAME: the larger half is below and to the right."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  nn.Conv2d's name
        """Return the convolution of `input`, (N, channels, height, width)."""
        above, below = self._padding(input.shape[2])
        left, right = self._padding(input.shape[3])
        if (above, left) == (below, right):
            return F.conv2d(input, self.weight, None, self.stride, (above, left), 1, self.groups)
        padded = F.pad(input, (left, right, above, below))
        return F.conv2d(padded, self.weight, None, self.stride, 0, 1, self.groups)

    def _padding(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class _InvertedResidual(nn.Module):
    def __init__(self, block: Block) -> None:
        super().__init__()
        inner = block.inputs * block.expansion
        self._residual = block.is_residual
        self._expanded = block.expansion > 1
        if self._expanded:
            self._expand_conv = _SameConvolution(block.inputs, inner, 1)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _SameConvolution(inner, inner, block.kernel, stride=block.stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = _SameConvolution(inner, block.outputs, 1)
        self._bn2 = _norm(block.outputs)

    def forward(self, given: Tensor) -> Tensor:
        values = given
        if self._expanded:
            values = F.relu6(self._bn0(self._expand_conv(values)), inplace=True)
        values = F.relu6(self._bn1(self._depthwise_conv(values)), inplace=True)
        values = self._bn2(self._project_conv(values))
        return values + given if self._residual else values


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, onnx_network.NORM_EPSILON)


def load_weights(
    network: EfficientNetLite, weights: Mapping[str, NDArray[np.float32]], place: str, *, head: bool
) -> None:
    """Put `weights` into `network`.

    Args:
        network: Changed in place.
        weights: Tensors by PyTorch's names.
        place: What to call them in a message.
        head: Whether the head is taken, too; otherwise it keeps its initial values, and `weights` may have one for
            other classes.

    Raises:
        BadInputError: They are of another architecture.
    """
    own = network.state_dict()
    left_out = {name for name in own if name.endswith(".num_batches_tracked")} | (set() if head else set(_HEAD))
    expected = own.keys() - left_out
    missing, unknown = sorted(expected - weights.keys()), sorted(weights.keys() - expected - left_out)
    other = [name for name in sorted(expected & weights.keys()) if own[name].shape != weights[name].shape]
    if wrong := missing or unknown or other:
        raise BadInputError(
            f"{place}: weights of another architecture: {len(missing)} tensors are missing, {len(unknown)} unknown and"
            f" {len(other)} of another shape (first: {wrong[0]}). Name the backbone that they belong to."
        )
    network.load_state_dict({name: torch.from_numpy(weights[name]) for name in expected}, strict=False)


def weights_of(state: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """Return the floating-point tensors of a state dict as arrays, by name."""
    return {name: tensor.cpu().numpy() for name, tensor in state.items() if tensor.is_floating_point()}

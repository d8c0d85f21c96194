# SPDX-License-Identifier: MIT-0
"""Builds the network: a residual network with pre-activation, as MXNet symbols.

He et al., "Identity Mappings in Deep Residual Networks" (2016), in the two families that the algorithm's
documentation names: three stages of 3x3 filters for small images (CIFAR), four stages for large ones (ImageNet). The
graph normalises pixels, so its input is plain pixels from 0 to 255.
"""

from typing import Any, Final, NamedTuple

import mxnet as mx

from local.builtin_stand_in.algorithm_hyperparameters import LARGE_IMAGE_LAYERS, SMALL_IMAGE_LAYERS

_LARGE_IMAGE_UNITS: Final = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
_PIXEL_MEAN: Final = 127.5
_PIXEL_DEVIATION: Final = 64.0  # about that of natural images, so that the first layer sees unit variance
_SMALL_STEM: Final = 32  # pixels: up to here the stem does not shrink an image
_STEM_POOLING: Final = 64  # pixels: from here on it shrinks it twice


class NetworkPlan(NamedTuple):
    """Stages of a network of one depth."""

    units: tuple[int, ...]
    """Residual units in each stage."""
    filters: tuple[int, ...]
    """Output channels of the stem and then of each stage."""
    bottleneck: bool
    """If true, a unit narrows to a quarter of its channels in between."""


def network_plan(num_layers: int) -> NetworkPlan:
    """Return the stages of the network with `num_layers` weighted layers.

    Raises:
        KeyError: `num_layers` is in neither family.
    """
    if num_layers in SMALL_IMAGE_LAYERS:
        return NetworkPlan(units=((num_layers - 2) // 6,) * 3, filters=(16, 16, 32, 64), bottleneck=False)
    units = _LARGE_IMAGE_UNITS[num_layers]
    if num_layers < 50:
        return NetworkPlan(units=units, filters=(64, 64, 128, 256, 512), bottleneck=False)
    return NetworkPlan(units=units, filters=(64, 256, 512, 1024, 2048), bottleneck=True)


def batch_norm_momentum(epoch_batches: int) -> float:
    """Return the momentum of running statistics for epochs of `epoch_batches` batches.

    With the usual 0.9, the statistics of the random initial weights fade only after dozens of batches, so that a
    network trained on few records gives wrong answers outside of training. With this one, nine tenths fade within an
    epoch.
    """
    return float(min(0.9, 0.1 ** (1 / epoch_batches)))


def build_network_symbol(
    *, num_layers: int, num_classes: int, image_shape: tuple[int, int, int], momentum: float
) -> Any:  # noqa: ANN401  mxnet is untyped
    """Return the graph from ``data`` to ``softmax``: the same JSON for the same arguments.

    Args:
        num_layers: A member of one of the two families above.
        num_classes: Columns of the output.
        image_shape: Channels, height and width of an image; the stem does not shrink small ones.
        momentum: Momentum of the running statistics.

    Returns:
        A symbol with the inputs ``data``, float32 pixels from 0 to 255 in red, green, blue order with the shape
        (batch, 3, height, width), and ``softmax_label``; its output is (batch, num_classes) probabilities.
    """
    with mx.name.NameManager():  # numbers unnamed operators from zero
        layers = _Layers(momentum)
        net = (mx.sym.Variable("data") - _PIXEL_MEAN) / _PIXEL_DEVIATION
        net = layers.stem(net, network_plan(num_layers), num_layers in LARGE_IMAGE_LAYERS, min(image_shape[1:]))
        net = layers.stages(net, network_plan(num_layers))
        net = mx.sym.Pooling(layers.active(net, "bn1"), global_pool=True, kernel=(1, 1), pool_type="avg", name="pool1")
        net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=num_classes, name="fc1")
        return mx.sym.SoftmaxOutput(net, name="softmax")


def he_initializer() -> Any:  # noqa: ANN401
    """Return He initialisation, which keeps the variance constant through layers of rectifiers."""
    return mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2)


class _Layers:
    """Parts of the network, with one momentum of the running statistics."""

    def __init__(self, momentum: float) -> None:
        self._momentum = momentum

    def stem(self, net: Any, stages: NetworkPlan, large: bool, side: int) -> Any:  # noqa: ANN401, FBT001
        if not large or side <= _SMALL_STEM:
            return _convolution(net, stages.filters[0], kernel=3, stride=1, name="conv0")
        net = self.active(_convolution(net, stages.filters[0], kernel=7, stride=2, name="conv0"), "bn0")
        if side < _STEM_POOLING:
            return net
        return mx.sym.Pooling(net, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max", name="pool0")

    def stages(self, net: Any, stages: NetworkPlan) -> Any:  # noqa: ANN401
        body = self._bottleneck if stages.bottleneck else self._plain
        for stage, (units, filters) in enumerate(zip(stages.units, stages.filters[1:], strict=True), start=1):
            for unit in range(1, units + 1):
                name = f"stage{stage}_unit{unit}"
                stride = 2 if unit == 1 and stage > 1 else 1
                active, way = self.active(net, f"{name}_bn1"), net
                if unit == 1:
                    way = _convolution(active, filters, kernel=1, stride=stride, name=f"{name}_sc")
                net = body(active, filters, stride, name) + way
        return net

    def active(self, net: Any, name: str) -> Any:  # noqa: ANN401
        net = mx.sym.BatchNorm(net, fix_gamma=False, eps=2e-5, momentum=self._momentum, name=name)
        return mx.sym.Activation(net, act_type="relu", name=f"{name}_relu")

    def _plain(self, net: Any, filters: int, stride: int, name: str) -> Any:  # noqa: ANN401
        net = _convolution(net, filters, kernel=3, stride=stride, name=f"{name}_conv1")
        return _convolution(self.active(net, f"{name}_bn2"), filters, kernel=3, stride=1, name=f"{name}_conv2")

    def _bottleneck(self, net: Any, filters: int, stride: int, name: str) -> Any:  # noqa: ANN401
        narrow = filters // 4
        net = _convolution(net, narrow, kernel=1, stride=1, name=f"{name}_conv1")
        net = _convolution(self.active(net, f"{name}_bn2"), narrow, kernel=3, stride=stride, name=f"{name}_conv2")
        return _convolution(self.active(net, f"{name}_bn3"), filters, kernel=1, stride=1, name=f"{name}_conv3")


def _convolution(net: Any, filters: int, *, kernel: int, stride: int, name: str) -> Any:  # noqa: ANN401
    return mx.sym.Convolution(
        net,
        num_filter=filters,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(kernel // 2, kernel // 2),
        no_bias=True,
        name=name,
    )

# SPDX-License-Identifier: MIT-0
"""The backbone computes what its weights say, in the same bytes everywhere, whatever the batch and the threads."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.efficientnet_lite.pretrained_weights import BACKBONES, read_pretrained_weights
from pipeline_src.algorithms.linear_probe import backbone_network
from pipeline_src.algorithms.linear_probe.backbone_network import BACKBONE_DIGESTS, FEATURES
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.algorithms import probe_case

ROOT = Path(__file__).parents[3]
MODULE = "pipeline_src.algorithms.linear_probe.backbone_network"
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def backbone() -> onnx.ModelProto:
    return backbone_network.build_backbone()


@pytest.fixture(scope="module")
def network() -> onnx.ModelProto:
    return onnx_network.build_network("efficientnet_lite0", read_pretrained_weights("efficientnet_lite0"))


def _pictures(count: int, side: int) -> NDArray[np.uint8]:
    """Return smooth random pictures; noise alone activates few features."""
    coarse = np.random.default_rng(5).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_CUBIC) for each in coarse])


def _run(model: onnx.ModelProto, pixels: NDArray[np.uint8], *, batch: int = 8, threads: int = 1) -> NDArray[np.float32]:
    session = _session(model, threads)
    parts = (pixels[at : at + batch] for at in range(0, len(pixels), batch))
    return np.concatenate([session.run(None, {"pixels": part})[0] for part in parts])


def _session(model: onnx.ModelProto, threads: int = 1) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # it warns of the constants of an output that a test took out
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Reference:
    """The network from its definition, in NumPy and float64: separate batch norm, explicit padding, one image."""

    # Kernel side, stride, channels of each block's output; source: arXiv:1905.11946, table 1.
    BLOCKS = (
        *[(3, 1, 16)],
        *[(3, 2, 24), (3, 1, 24)],
        *[(5, 2, 40), (5, 1, 40)],
        *[(3, 2, 80), (3, 1, 80), (3, 1, 80)],
        *[(5, 1, 112), (5, 1, 112), (5, 1, 112)],
        *[(5, 2, 192), (5, 1, 192), (5, 1, 192), (5, 1, 192)],
        *[(3, 1, 320)],
    )

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self.weights = {name: tensor.astype(np.float64) for name, tensor in weights.items()}

    def normalize(self, image: Array, name: str) -> Array:
        scale, shift, mean, variance = (
            self.weights[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        result: Array = (image - mean) / np.sqrt(variance + 0.001) * scale + shift
        return result

    def convolve(self, image: Array, name: str, stride: int) -> Array:
        """Convolve `image`, (channels, height, width); of the padding that is needed, the larger half goes last."""
        kernel = self.weights[f"{name}.weight"]
        side = kernel.shape[2]
        needed = [max((-(-size // stride) - 1) * stride + side - size, 0) for size in image.shape[1:]]
        padded = np.pad(image, [(0, 0), *((total // 2, total - total // 2) for total in needed)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))[:, ::stride, ::stride]
        if kernel.shape[1] == 1:
            depthwise: Array = np.einsum("chwij,cij->chw", windows, kernel[:, 0])
            return depthwise
        result: Array = np.tensordot(kernel, windows, axes=([1, 2, 3], [0, 3, 4]))
        return result

    def features(self, pixels: NDArray[np.uint8]) -> tuple[Array, Array]:
        """Return the means of the residual blocks' outputs, and the features of the last layer."""
        blocks: list[Array] = []
        rgb = pixels[:, :, ::-1].astype(np.float64).transpose(2, 0, 1)
        image = np.clip(self.normalize(self.convolve((rgb - 127) / 128, "_conv_stem", 2), "_bn0"), 0, 6)
        for number, (side, stride, channels) in enumerate(self.BLOCKS):
            name, start = f"_blocks.{number}", image
            if number > 0:
                assert self.weights[f"{name}._expand_conv.weight"].shape[0] == 6 * len(image)
                image = np.clip(self.normalize(self.convolve(image, f"{name}._expand_conv", 1), f"{name}._bn0"), 0, 6)
            assert self.weights[f"{name}._depthwise_conv.weight"].shape[2] == side
            image = np.clip(
                self.normalize(self.convolve(image, f"{name}._depthwise_conv", stride), f"{name}._bn1"), 0, 6
            )
            image = self.normalize(self.convolve(image, f"{name}._project_conv", 1), f"{name}._bn2")
            assert len(image) == channels
            if image.shape == start.shape and stride == 1:
                image = image + start
                blocks.append(image.mean(axis=(1, 2)))
        image = np.clip(self.normalize(self.convolve(image, "_conv_head", 1), "_bn1"), 0, 6)
        return np.concatenate(blocks), image.mean(axis=(1, 2))


@pytest.mark.parametrize("side", [45, 64, 97])
def test_features_equal_those_of_the_network_written_out_in_numpy(
    backbone: onnx.ModelProto, network: onnx.ModelProto, side: int
) -> None:
    """Odd sides pad differently from even ones."""
    pixels = _pictures(2, side)
    reference = Reference(read_pretrained_weights("efficientnet_lite0"))
    blocks, last = (np.stack(each) for each in zip(*(reference.features(image) for image in pixels), strict=True))
    assert (last > 0.01).mean() > 0.1
    np.testing.assert_allclose(_run(network, pixels), last, atol=2e-5)
    np.testing.assert_allclose(_run(backbone, pixels), blocks, atol=1e-4)


def test_the_backbone_takes_bgr_pixels_of_any_side_and_gives_the_means_of_all_blocks(backbone: onnx.ModelProto) -> None:
    onnx.checker.check_model(backbone, full_check=True)
    session = onnxruntime.InferenceSession(backbone.SerializeToString(), providers=["CPUExecutionProvider"])
    (pixels,), (features,) = session.get_inputs(), session.get_outputs()
    assert (pixels.name, pixels.type, pixels.shape) == ("pixels", "tensor(uint8)", ["N", "side", "side", 3])
    assert (features.name, features.type, features.shape) == ("features", "tensor(float)", ["N", FEATURES])


def test_every_weight_but_the_head_is_in_the_graph(network: onnx.ModelProto) -> None:
    weights = read_pretrained_weights("efficientnet_lite0")
    kernels = sum(tensor.size for tensor in weights.values() if tensor.ndim == 4)
    norms = 4 * sum(tensor.size for name, tensor in weights.items() if name.endswith(".running_var"))
    constants = {tensor.name: int(np.prod(tensor.dims)) for tensor in network.graph.initializer}
    assert sum(constants.values()) == kernels + norms + sum(
        constants[name] for name in ("zero", "six", "pixel_mean", "pixel_scale")
    )


def test_no_batch_norm_is_left_in_the_frozen_backbone(backbone: onnx.ModelProto) -> None:
    """Of its four numbers a channel one is left after folding: the bias."""
    names = {tensor.name for tensor in backbone.graph.initializer}
    assert not [name for name in names if "_bn" in name]
    assert {"_conv_stem.weight", "_conv_stem.bias"} <= names


@pytest.mark.parametrize(("batch", "threads"), [(1, 2), (3, 1), (8, 1), (8, 2)])
@pytest.mark.parametrize("head", [False, True])
def test_results_are_the_same_bits_for_every_batch_and_number_of_threads(
    backbone: onnx.ModelProto, batch: int, threads: int, *, head: bool
) -> None:
    model = onnx_network.attach_head(backbone, *_head(7)) if head else backbone
    pixels = _pictures(8, 96)
    one = _run(model, pixels, batch=1, threads=1)
    assert _run(model, pixels, batch=batch, threads=threads).tobytes() == one.tobytes()


def _head(classes: int) -> tuple[Array, Array]:
    chance = np.random.default_rng(3)
    return chance.normal(0, 0.2, (FEATURES, classes)), chance.normal(size=classes)


def test_the_head_turns_features_into_probabilities_in_the_order_of_its_columns(backbone: onnx.ModelProto) -> None:
    weights, bias = _head(7)
    before = backbone.SerializeToString(deterministic=True)
    model = onnx_network.attach_head(backbone, weights, bias)
    onnx.checker.check_model(model, full_check=True)
    pixels = _pictures(4, 64)
    logits = _run(backbone, pixels) @ weights + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert [output.name for output in model.graph.output] == ["probabilities"]
    np.testing.assert_allclose(_run(model, pixels), expected, atol=1e-5)
    assert backbone.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(("name", "side"), [("backbone", 64), ("backbone", 100), ("network", 64), ("network", 45)])
def test_the_mean_of_a_class_map_plus_the_bias_is_the_logit_and_the_probabilities_keep_their_bytes(
    request: pytest.FixtureRequest, name: str, side: int
) -> None:
    """A side of 100 pixels has activations of 25, 13, 7 and 4 places, none of them a multiple of the next."""
    features = _with_side(request.getfixturevalue(name), side)
    count = features.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    chance = np.random.default_rng(3)
    weights, bias = chance.normal(0, 0.2, (count, 7)), chance.normal(size=7)
    model = onnx_network.attach_head(features, weights, bias)
    onnx.checker.check_model(model, full_check=True)
    pixels = _pictures(4, side)
    found = _session(model).run(["probabilities", "class_maps"], {"pixels": pixels})
    maps = found[1].astype(np.float64)
    logits = _run(features, pixels).astype(np.float64) @ weights + bias
    assert maps.shape == (4, 7, *[-(-side // 32)] * 2)
    assert maps.std(axis=(2, 3)).min() > 0.01
    np.testing.assert_allclose(maps.mean(axis=(2, 3)) + bias, logits, atol=1e-6 * np.abs(maps).max())
    assert found[0].tobytes() == _session(_without_maps(model)).run(None, {"pixels": pixels})[0].tobytes()
    assert found[0].tobytes() == _session(model).run(["probabilities"], {"pixels": pixels})[0].tobytes()


def _with_side(backbone: onnx.ModelProto, side: int) -> onnx.ModelProto:
    fixed = onnx.ModelProto()
    fixed.CopyFrom(backbone)
    onnx_network.fix_image_side(fixed, side)
    return fixed


def _without_maps(model: onnx.ModelProto) -> onnx.ModelProto:
    kept = [node for node in model.graph.node if "class_maps" not in node.name]
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    del plain.graph.node[:], plain.graph.output[1]
    plain.graph.node.extend(kept)
    return plain


def test_features_that_are_no_means_over_the_image_have_no_class_maps() -> None:
    weights = np.zeros((FEATURES, 7))
    model = onnx_network.attach_head(_with_side(probe_case.small_backbone(), 16), weights, np.zeros(7))
    assert [output.name for output in model.graph.output] == ["probabilities"]


@pytest.mark.parametrize(("rows", "columns", "biases"), [(FEATURES + 1, 7, 7), (FEATURES, 7, 6)])
def test_a_head_of_another_shape_is_refused(backbone: onnx.ModelProto, rows: int, columns: int, biases: int) -> None:
    with pytest.raises(ValueError, match=rf"head of shapes \({rows}, {columns}\) and \({biases},\)"):
        onnx_network.attach_head(backbone, np.zeros((rows, columns)), np.zeros(biases))


def _verify(**environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", MODULE]
    surroundings = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_another_process_builds_the_same_bytes_and_sees_the_daisy(seed: str) -> None:
    done = _verify(PYTHONHASHSEED=seed)
    digest = BACKBONE_DIGESTS["efficientnet_lite0"]
    assert (done.returncode, done.stdout, done.stderr) == (0, f"efficientnet_lite0 {digest}: daisy 0.144\n", "")


def test_image_build_and_setup_stop_with_the_reason_if_the_weights_are_damaged(tmp_path: Path) -> None:
    weights = BACKBONES["efficientnet_lite0"]
    info = tmp_path / f"{weights.package.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {weights.package}\n")
    (tmp_path / weights.file).parent.mkdir(parents=True)
    (tmp_path / weights.file).write_bytes(b"\x80\x02")
    done = _verify(PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{tmp_path / weights.file}: SHA-256 is ")


def test_every_backbone_has_the_digest_of_its_graph(backbone: onnx.ModelProto) -> None:
    assert BACKBONE_DIGESTS.keys() <= BACKBONES.keys()
    backbone_network.check_digest(backbone)


def test_a_changed_graph_is_refused_with_both_digests(backbone: onnx.ModelProto) -> None:
    changed = onnx.ModelProto()
    changed.CopyFrom(backbone)
    changed.graph.node[0].name = "other"
    with pytest.raises(BadInputError) as caught:
        backbone_network.check_digest(changed)
    assert f"is {backbone_network.backbone_digest(changed)}: must be {BACKBONE_DIGESTS['efficientnet_lite0']}" in (
        str(caught.value)
    )


def test_a_classifier_that_takes_the_daisy_for_something_else_is_refused(network: onnx.ModelProto) -> None:
    weights, bias = backbone_network.read_imagenet_head()
    swapped: Any = np.arange(1000)
    swapped[[984, 985]] = [985, 984]
    classifier = onnx_network.attach_head(network, weights[:, swapped], bias[swapped])
    with pytest.raises(
        BadInputError, match=r"flower\.jpg: the backbone takes it for class 984 .* must be 985 \(daisy\)"
    ):
        backbone_network.check_known_picture(classifier)


def test_an_unknown_backbone_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match=r"^backbone 'x': unknown\. Choose one of: efficientnet_lite0\.$"):
        backbone_network.build_backbone("x")

# SPDX-License-Identifier: MIT-0
"""Builds the backbone of `linear_probe` as an ONNX graph from pretrained weights, and verifies it.

``python -m pipeline_src.algorithms.linear_probe.backbone_network`` verifies a backbone: digest of the weights, digest
of the graph, and the class of a known picture. Image build and set-up run it.

Source for features of all layers: Evci et al., "Head2Toe: Utilizing Intermediate Representations for Better Transfer
Learning", 2022, arXiv:2201.03529. The network itself: efficientnet_lite/onnx_network.py.
"""

import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.efficientnet_lite.onnx_network import GraphBuilder
from pipeline_src.algorithms.efficientnet_lite.pretrained_weights import read_pretrained_weights
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.dataset import image_codec
from pipeline_src.runtime.errors import BadInputError

FEATURES: Final = 1024  # of the backbone: channels of all residual blocks
# SHA-256 of each backbone's bytes. It changes with the weights and with onnx_network.py, and features that were
# computed with another backbone must not be used.
BACKBONE_DIGESTS: Final[Mapping[str, str]] = MappingProxyType(
    {"efficientnet_lite0": "03cdbacb1dbbe85e9cd0620c4928be2082b32300f81f1faaf99f0cab4bbca04d"}
)

_DEFAULT: Final = "efficientnet_lite0"
_PICTURE: Final = "sklearn/datasets/images/flower.jpg"  # a daisy
_PICTURE_CLASS: Final = 985  # daisy, among the 1,000 classes of ImageNet
_PICTURE_SIDE: Final = 224  # pixels, the side that the network was trained on


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
    if name not in BACKBONE_DIGESTS:
        raise BadInputError(f"backbone '{name}': unknown. Choose one of: {', '.join(BACKBONE_DIGESTS)}.")
    graph = GraphBuilder(read_pretrained_weights(name))
    graph.add_means(graph.add_blocks(onnx_network.blocks_of_stages(onnx_network.STAGES[name][:-1])))
    return onnx_network.feature_model(graph, name, FEATURES)


def backbone_digest(model: onnx.ModelProto) -> str:
    """Return the SHA-256 digest of the bytes of `model`, hexadecimal. It identifies features in caches."""
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()


def read_imagenet_head(name: str = _DEFAULT) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weights (`onnx_network.IMAGENET_FEATURES`, 1000) and the bias (1000,) of the network's own head.

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
    network = onnx_network.build_network(name, read_pretrained_weights(name))
    return check_known_picture(onnx_network.attach_head(network, *read_imagenet_head(name)))


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
    probabilities = np.asarray(
        session.run([onnx_artifact.OUTPUT_NAME], {onnx_artifact.INPUT_NAME: pixels[np.newaxis]})[0]
    )[0]
    found = int(probabilities.argmax())
    if found != _PICTURE_CLASS:
        raise BadInputError(
            f"{path}: the backbone takes it for class {found} of ImageNet: must be {_PICTURE_CLASS} (daisy)."
            " Install the locked packages again."
        )
    return float(probabilities[found])


def main() -> None:
    """Verify the default backbone; print its name, digest and the probability of the known picture's class."""
    try:
        probability = verify_backbone()
    except BadInputError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{_DEFAULT} {BACKBONE_DIGESTS[_DEFAULT]}: daisy {probability:.3f}\n")


if __name__ == "__main__":
    main()

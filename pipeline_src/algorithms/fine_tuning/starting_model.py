# SPDX-License-Identifier: MIT-0
"""Reads the model of `fine_tuning` that a training starts from: the one file of the channel `contract.MODEL_CHANNEL`.

That no held-out image was among those that it learned from, Preprocess has checked
(pipeline_src/preprocessing/starting_manifest.py): a training job sees no test image and cannot.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

from pipeline_src import contract
from pipeline_src.algorithms import model_archive
from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.runtime.errors import BadInputError

_REMEDY: Final = "Start from another model, or train without warm start (docs/algorithms.md)."


class StartingModel(NamedTuple):
    """A model that a training starts from.

    Attributes:
        sha256: SHA-256 digest of its ONNX file, hexadecimal.
        weights: Its tensors by PyTorch's names, head included.
        origin: The field `weights` of its manifest: where its own first weights come from.
    """

    sha256: str
    weights: Mapping[str, NDArray[np.float32]]
    origin: Mapping[str, str]


def read_starting_model(algorithm: str, backbone: str) -> StartingModel | None:
    """Return the model in the channel, or None where there is no channel or `contract.ABSENT_OBJECT` in it.

    Args:
        algorithm: Name of the algorithm that trains; the model must be of the same.
        backbone: Likewise.

    Raises:
        BadInputError: The channel holds something else, or a model that the training cannot start from.
    """
    folder = contract.ml_root() / "input" / "data" / contract.MODEL_CHANNEL
    if not folder.is_dir():
        return None
    try:
        path = _only_file(folder)
        return None if contract.is_absent_file(path) else _read_model(path, algorithm, backbone)
    except BadInputError as error:
        raise BadInputError(f"channel {contract.MODEL_CHANNEL!r}: {error} {_REMEDY}") from error


def _only_file(folder: Path) -> Path:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if len(files) != 1:
        raise BadInputError(f"{folder}: {len(files)} files: must hold one {contract.MODEL_ARTIFACT_FILE}.")
    return files[0]


def _read_model(path: Path, algorithm: str, backbone: str) -> StartingModel:
    model = model_archive.read_model_archive(path).model
    if model is None:
        raise BadInputError(f"{path}: no model of {algorithm}: it lacks model.onnx or model.json.")
    data, manifest = model
    if manifest.algorithm != algorithm:
        raise BadInputError(
            f"{path}: a model of {manifest.algorithm}: {algorithm} can start from a model of {algorithm} alone."
        )
    found = manifest.weights.get("backbone", "")
    if found != backbone:
        raise BadInputError(f"{path}: its backbone is {found!r}, and the hyperparameter says {backbone!r}.")
    try:
        weights = onnx_network.trained_weights(onnx.load_model_from_string(data))
    except DecodeError as error:
        raise BadInputError(f"{path}: model.onnx is no ONNX model ({error}).") from error
    return StartingModel(hashlib.sha256(data).hexdigest(), weights, manifest.weights)

# SPDX-License-Identifier: MIT-0
"""Reads and writes the model artifact: the three files that the built-in algorithm leaves in its model folder.

``image-classification-symbol.json`` holds the graph, ``image-classification-NNNN.params`` the weights after epoch NNNN
(counted from one), ``model-shapes.json`` the name and shape of the input.
"""

import json
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import mxnet as mx

from local.builtin_stand_in.errors import ModelError

MODEL_PREFIX: Final = "image-classification"
SYMBOL_FILE: Final = f"{MODEL_PREFIX}-symbol.json"
SHAPES_FILE: Final = "model-shapes.json"
_PARAMS_PATTERN: Final = f"{MODEL_PREFIX}-[0-9][0-9][0-9][0-9].params"
_PARTIAL_SUFFIX: Final = ".partial"


class NetworkWeights(NamedTuple):
    """Weights of a network by name, as MXNet arrays."""

    arguments: Mapping[str, Any]
    auxiliary: Mapping[str, Any]
    """Running statistics of the batch normalisations."""


class ModelArtifact(NamedTuple):
    """A model artifact in memory."""

    symbol: Any
    weights: NetworkWeights
    image_shape: tuple[int, int, int]
    """Channels, height and width of the input."""
    name: str
    """Name of the file of weights, without its suffix."""


def save_weights(path: Path, weights: NetworkWeights) -> None:
    """Write `weights` to `path` in MXNet's format; an interrupted write leaves no file at `path`."""
    named = {f"arg:{name}": array for name, array in weights.arguments.items()}
    named |= {f"aux:{name}": array for name, array in weights.auxiliary.items()}
    aside = path.with_name(path.name + _PARTIAL_SUFFIX)
    mx.nd.save(str(aside), named)
    aside.replace(path)


def load_weights(path: Path) -> NetworkWeights:
    """Return the weights in `path`."""
    arguments: dict[str, Any] = {}
    auxiliary: dict[str, Any] = {}
    for key, array in mx.nd.load(str(path)).items():
        kind, _, name = key.partition(":")
        (arguments if kind == "arg" else auxiliary)[name] = array
    return NetworkWeights(arguments, auxiliary)


def save_model_artifact(
    folder: Path,
    symbol: Any,  # noqa: ANN401  an mxnet.symbol.Symbol; the library is untyped
    weights: NetworkWeights,
    *,
    epoch: int,
    data_shape: tuple[int, ...],
) -> Path:
    """Write the artifact to `folder`, the weights last, and remove an earlier artifact's weights.

    Args:
        folder: The model folder.
        symbol: The graph.
        weights: Its weights.
        epoch: Epoch of the weights, counted from one.
        data_shape: Shape of a training batch: (batch, 3, height, width).

    Returns:
        Path of the file of weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(_PARAMS_PATTERN):
        old.unlink()
    _write_text(folder / SYMBOL_FILE, symbol.tojson())
    _write_text(folder / SHAPES_FILE, json.dumps([{"name": "data", "shape": list(data_shape)}]))
    path = folder / f"{MODEL_PREFIX}-{epoch:04d}.params"
    save_weights(path, weights)
    return path


def load_model_artifact(folder: Path) -> ModelArtifact:
    """Return the artifact in `folder`, with the weights of its latest epoch.

    Raises:
        ModelError: A file is missing or damaged.
    """
    candidates = sorted(folder.glob(_PARAMS_PATTERN))
    missing = [name for name in (SYMBOL_FILE, SHAPES_FILE) if not (folder / name).is_file()]
    if missing or not candidates:
        names = ", ".join(missing or [f"{MODEL_PREFIX}-NNNN.params"])
        raise ModelError(f"{folder}: no {names}. Unpack a trained model.tar.gz there.")
    try:
        shape = json.loads((folder / SHAPES_FILE).read_text(encoding="utf-8"))[0]["shape"]
        _, channels, height, width = (int(side) for side in shape)
        symbol = mx.sym.load(str(folder / SYMBOL_FILE))
        weights = load_weights(candidates[-1])
    except (ValueError, LookupError, TypeError, mx.MXNetError) as error:
        cause = str(error).strip().splitlines()[-1]
        raise ModelError(f"{folder}: the model is damaged ({cause}). Unpack its model.tar.gz again.") from error
    return ModelArtifact(symbol, weights, (channels, height, width), candidates[-1].stem)


def load_packed_artifact(folder: Path) -> ModelArtifact:
    """Return the artifact in the one ``.tar.gz`` of `folder`, the channel of an earlier model.

    Raises:
        ModelError: There is another number of files, or it is damaged or no such artifact.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if len(files) != 1:
        raise ModelError(f"{folder}: {len(files)} files. Give the channel one model.tar.gz.")
    with tempfile.TemporaryDirectory() as unpacked:
        try:
            with tarfile.open(files[0], "r:gz") as archive:
                archive.extractall(unpacked, filter="data")
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise ModelError(
                f"{files[0]}: no readable model archive ({error}). Give the one that Train wrote."
            ) from error
        try:
            return load_model_artifact(Path(unpacked))
        except ModelError as error:
            raise ModelError(str(error).replace(unpacked, str(files[0]))) from error


def _write_text(path: Path, text: str) -> None:
    aside = path.with_name(path.name + _PARTIAL_SUFFIX)
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)

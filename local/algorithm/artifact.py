# SPDX-License-Identifier: MIT-0
"""The model artifact: the three files that the built-in algorithm leaves in its model folder.

``image-classification-symbol.json`` is the graph, ``image-classification-NNNN.params`` the weights after epoch
number NNNN counted from one, ``model-shapes.json`` the name and shape of the input.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import mxnet as mx

from local.algorithm.error import ModelError

PREFIX: Final = "image-classification"
SYMBOL: Final = f"{PREFIX}-symbol.json"
SHAPES: Final = "model-shapes.json"
_PARAMS: Final = f"{PREFIX}-[0-9][0-9][0-9][0-9].params"
_ASIDE: Final = ".partial"


class Weights(NamedTuple):
    """What a network has learned, by name, as MXNet arrays."""

    arguments: Mapping[str, Any]
    auxiliary: Mapping[str, Any]
    """Running statistics of the normalisations."""


class Model(NamedTuple):
    """A model artifact in memory."""

    symbol: Any
    weights: Weights
    image_shape: tuple[int, int, int]
    """Channels, height and width of the input."""
    name: str
    """The name of the file of weights, without its suffix."""


def save_weights(path: Path, weights: Weights) -> None:
    """Write `weights` to `path` as MXNet does, aside first, so that the file is whole or not there."""
    named = {f"arg:{name}": array for name, array in weights.arguments.items()}
    named |= {f"aux:{name}": array for name, array in weights.auxiliary.items()}
    aside = path.with_name(path.name + _ASIDE)
    mx.nd.save(str(aside), named)
    aside.replace(path)


def load_weights(path: Path) -> Weights:
    """Return the weights in `path`."""
    arguments: dict[str, Any] = {}
    auxiliary: dict[str, Any] = {}
    for key, array in mx.nd.load(str(path)).items():
        kind, _, name = key.partition(":")
        (arguments if kind == "arg" else auxiliary)[name] = array
    return Weights(arguments, auxiliary)


def save(folder: Path, symbol: Any, weights: Weights, *, epoch: int, data_shape: tuple[int, ...]) -> Path:  # noqa: ANN401
    """Write the artifact to `folder`, the weights last, and remove an earlier artifact's weights.

    Args:
        folder: The model folder.
        symbol: The graph.
        weights: What it has learned.
        epoch: The epoch whose weights these are, counted from one.
        data_shape: Shape of a training batch: (batch, 3, height, width).

    Returns:
        The path of the file of weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(_PARAMS):
        old.unlink()
    _write(folder / SYMBOL, symbol.tojson())
    _write(folder / SHAPES, json.dumps([{"name": "data", "shape": list(data_shape)}]))
    path = folder / f"{PREFIX}-{epoch:04d}.params"
    save_weights(path, weights)
    return path


def load(folder: Path) -> Model:
    """Return the artifact in `folder`, with the weights of the latest epoch there.

    Raises:
        ModelError: A file is missing or damaged.
    """
    candidates = sorted(folder.glob(_PARAMS))
    missing = [name for name in (SYMBOL, SHAPES) if not (folder / name).is_file()]
    if missing or not candidates:
        names = ", ".join(missing or [f"{PREFIX}-NNNN.params"])
        raise ModelError(f"{folder}: no {names}. Unpack a trained model.tar.gz there.")
    try:
        shape = json.loads((folder / SHAPES).read_text(encoding="utf-8"))[0]["shape"]
        _, channels, height, width = (int(side) for side in shape)
        symbol = mx.sym.load(str(folder / SYMBOL))
        weights = load_weights(candidates[-1])
    except (ValueError, LookupError, TypeError, mx.MXNetError) as error:
        cause = str(error).strip().splitlines()[-1]
        raise ModelError(f"{folder}: the model is damaged ({cause}). Unpack its model.tar.gz again.") from error
    return Model(symbol, weights, (channels, height, width), candidates[-1].stem)


def _write(path: Path, text: str) -> None:
    aside = path.with_name(path.name + _ASIDE)
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)

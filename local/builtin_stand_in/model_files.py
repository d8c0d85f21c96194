# SPDX-License-Identifier: MIT-0
"""The model artifact: the three files that the built-in algorithm leaves in its model folder.

``image-classification-symbol.json`` is the graph, ``image-classification-NNNN.params`` the weights after epoch
number NNNN counted from one, ``model-shapes.json`` the name and shape of the input.

Checkpoints: what an interrupted training job resumes from.

SageMaker copies the checkpoint folder to S3 while a job on spot capacity runs, and back when it starts again. Each
checkpoint is a folder of its own, renamed into place when it is whole, so that no half of one is ever resumed.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    """What a network has learned, by name, as MXNet arrays."""

    arguments: Mapping[str, Any]
    auxiliary: Mapping[str, Any]
    """Running statistics of the normalisations."""


class ModelArtifact(NamedTuple):
    """A model artifact in memory."""

    symbol: Any
    weights: NetworkWeights
    image_shape: tuple[int, int, int]
    """Channels, height and width of the input."""
    name: str
    """The name of the file of weights, without its suffix."""


def save_weights(path: Path, weights: NetworkWeights) -> None:
    """Write `weights` to `path` as MXNet does, aside first, so that the file is whole or not there."""
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
        weights: What it has learned.
        epoch: The epoch whose weights these are, counted from one.
        data_shape: Shape of a training batch: (batch, 3, height, width).

    Returns:
        The path of the file of weights.
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
    """Return the artifact in `folder`, with the weights of the latest epoch there.

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


def _write_text(path: Path, text: str) -> None:
    aside = path.with_name(path.name + _PARTIAL_SUFFIX)
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


CHECKPOINT_FOLDER: Final = "checkpoints"
_CHECKPOINT_NAME: Final = "epoch-{:04d}"
_CHECKPOINT_PATTERN: Final = "epoch-[0-9][0-9][0-9][0-9]"
_STATE_FILE, _LATEST_FILE, _KEPT_FILE, _OPTIMIZER_FILE = (
    "state.json",
    "latest.params",
    "kept.params",
    "optimizer.states",
)


@dataclass(frozen=True)
class TrainingState:
    """How far training is, by validation accuracies; epochs count from one, 0 is before the first."""

    epoch: int = 0
    best_accuracy: float = 0.0
    kept_epoch: int = 0
    """The epoch whose weights are kept for the model."""
    kept_accuracy: float = 0.0
    stop_epoch: int = 0
    """The latest epoch that was an improvement in the sense of early stopping."""
    stop_accuracy: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds."""

    state: TrainingState
    latest: NetworkWeights
    kept: NetworkWeights
    optimizer: bytes


def save_checkpoint(folder: Path, checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
    """Write `checkpoint` and remove those before it.

    Args:
        folder: The checkpoint folder.
        checkpoint: What to write.
        settings: What the training was started with; only the same settings resume it.
    """
    aside = folder / ".partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    save_weights(aside / _LATEST_FILE, checkpoint.latest)
    save_weights(aside / _KEPT_FILE, checkpoint.kept)
    (aside / _OPTIMIZER_FILE).write_bytes(checkpoint.optimizer)
    state = {"state": asdict(checkpoint.state), "settings": settings}
    (aside / _STATE_FILE).write_text(json.dumps(state), encoding="utf-8")
    target = folder / _CHECKPOINT_NAME.format(checkpoint.state.epoch)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    for old in _checkpoint_folders(folder)[:-1]:
        shutil.rmtree(old)


def load_checkpoint(folder: Path, settings: dict[str, Any]) -> Checkpoint | None:
    """Return the latest checkpoint that training with `settings` can resume, or None."""
    for path in reversed(_checkpoint_folders(folder)):
        document = json.loads((path / _STATE_FILE).read_text(encoding="utf-8"))
        if document["settings"] != settings:
            print(f"{path} was left by a training job with other settings or records; it is not resumed.", flush=True)
            continue
        return Checkpoint(
            TrainingState(**document["state"]),
            load_weights(path / _LATEST_FILE),
            load_weights(path / _KEPT_FILE),
            (path / _OPTIMIZER_FILE).read_bytes(),
        )
    return None


def _checkpoint_folders(folder: Path) -> list[Path]:
    return sorted(folder.glob(_CHECKPOINT_PATTERN))

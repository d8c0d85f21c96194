# SPDX-License-Identifier: MIT-0
"""Checkpoints: what an interrupted training job resumes from.

SageMaker copies the checkpoint folder to S3 while a job on spot capacity runs, and back when it starts again. Each
checkpoint is a folder of its own, renamed into place when it is whole, so that no half of one is ever resumed.
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from local.algorithm.artifact import Weights, load_weights, save_weights

FOLDER: Final = "checkpoints"
_NAME: Final = "epoch-{:04d}"
_PATTERN: Final = "epoch-[0-9][0-9][0-9][0-9]"
_STATE, _LATEST, _KEPT, _OPTIMIZER = "state.json", "latest.params", "kept.params", "optimizer.states"


@dataclass(frozen=True)
class State:
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

    state: State
    latest: Weights
    kept: Weights
    optimizer: bytes


def save(folder: Path, checkpoint: Checkpoint, settings: dict[str, Any]) -> None:
    """Write `checkpoint` and remove those before it.

    Args:
        folder: The checkpoint folder.
        checkpoint: What to write.
        settings: What the training was started with; only the same settings resume it.
    """
    aside = folder / ".partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    save_weights(aside / _LATEST, checkpoint.latest)
    save_weights(aside / _KEPT, checkpoint.kept)
    (aside / _OPTIMIZER).write_bytes(checkpoint.optimizer)
    state = {"state": asdict(checkpoint.state), "settings": settings}
    (aside / _STATE).write_text(json.dumps(state), encoding="utf-8")
    target = folder / _NAME.format(checkpoint.state.epoch)
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    for old in _found(folder)[:-1]:
        shutil.rmtree(old)


def load(folder: Path, settings: dict[str, Any]) -> Checkpoint | None:
    """Return the latest checkpoint that training with `settings` can resume, or None."""
    for path in reversed(_found(folder)):
        document = json.loads((path / _STATE).read_text(encoding="utf-8"))
        if document["settings"] != settings:
            print(f"{path} was left by a training job with other settings or records; it is not resumed.", flush=True)
            continue
        return Checkpoint(
            State(**document["state"]),
            load_weights(path / _LATEST),
            load_weights(path / _KEPT),
            (path / _OPTIMIZER).read_bytes(),
        )
    return None


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob(_PATTERN))

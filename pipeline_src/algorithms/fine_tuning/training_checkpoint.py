# SPDX-License-Identifier: MIT-0
"""Keeps the state of a training after each epoch, so that an interrupted one continues and ends with the same bytes.

The file holds tensors, numbers and texts only, and PyTorch reads it without executing anything (``weights_only``).
It is complete or absent: it is written under another name and then renamed.
"""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

CHECKPOINT_FILE: Final = "fine_tuning.pt"
_PARTIAL_FILE: Final = "fine_tuning.partial"  # one name: what a killed job left there is overwritten


def write_checkpoint(folder: Path, training: str, state: dict[str, Any]) -> None:
    """Write `state` of the training that `training` identifies, in place of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / _PARTIAL_FILE
    with partial.open("wb") as file:
        torch.save({"training": training, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / CHECKPOINT_FILE)


def read_checkpoint(folder: Path, training: str, notice: Callable[[str], None]) -> dict[str, Any] | None:
    """Return the state in `folder`, or None if there is none of this training.

    Args:
        folder: Where checkpoints are.
        training: What identifies the training: its data, initial weights, hyperparameters and versions.
        notice: Called with a sentence if a file is there that cannot be used.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["training"]
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        notice(f"{path}: cannot be read ({type(error).__name__}), so that the training starts from its first epoch")
        return None
    if found != training:
        notice(f"{path}: of a training with other data, weights, hyperparameters or versions, so that it is not used")
        return None
    return dict(state)

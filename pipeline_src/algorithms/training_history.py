# SPDX-License-Identifier: MIT-0
"""Reads and writes training_history.json, which a training of several epochs writes beside its model.

``{"format": 1, "selected_epoch": 7, "epochs": [{"epoch": 1, "learning_rate": 0.001, "training_loss": 1.2,
"validation_loss": 1.1, "validation_balanced_accuracy": 0.61, "validation_balanced_accuracy_low": 0.5,
"validation_balanced_accuracy_high": 0.7}, ...]}``; the ends of the interval may be null, other fields are ignored.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from pipeline_src import contract
from pipeline_src.runtime.errors import BadInputError

_FORMAT: Final = 1
_EPOCHS_LIMIT: Final = 10_000
_REMEDY: Final = "Train the model again."


@dataclass(frozen=True, kw_only=True)
class TrainingEpoch:
    """The measurements at the end of one epoch; the interval of the balanced accuracy is None where there is none."""

    epoch: int
    learning_rate: float
    training_loss: float
    validation_loss: float
    validation_balanced_accuracy: float
    validation_balanced_accuracy_low: float | None
    validation_balanced_accuracy_high: float | None


@dataclass(frozen=True)
class TrainingHistory:
    """The epochs of a training in ascending order, and the number of the one whose weights the model has."""

    selected_epoch: int
    epochs: tuple[TrainingEpoch, ...]

    @property
    def selected(self) -> TrainingEpoch:
        """The epoch whose weights the model has."""
        return next(each for each in self.epochs if each.epoch == self.selected_epoch)


def training_history_json(history: TrainingHistory) -> str:
    """Return the content of the file that holds `history`."""
    return json.dumps({"format": _FORMAT, **asdict(history)}, indent=2) + "\n"


def parse_training_history(data: bytes) -> TrainingHistory:
    """Return the history in the content of the file.

    Raises:
        BadInputError: it is not such a history; the message says why.
    """
    try:
        return _checked_history(json.loads(data))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        cause = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise BadInputError(f"{contract.TRAINING_HISTORY_FILE}: {cause}. {_REMEDY}") from error


def _checked_history(content: dict[str, Any]) -> TrainingHistory:
    if content["format"] != _FORMAT:
        raise ValueError(f"format {content['format']!r}: this version reads format {_FORMAT}")
    if not 0 < len(content["epochs"]) <= _EPOCHS_LIMIT:
        raise ValueError(f"{len(content['epochs'])} epochs: must be 1 to {_EPOCHS_LIMIT}")
    epochs = tuple(map(_parse_epoch, content["epochs"]))
    numbers = [each.epoch for each in epochs]
    if numbers != sorted(set(numbers)):
        raise ValueError("the numbers of the epochs do not ascend")
    if content["selected_epoch"] not in numbers:
        raise ValueError(f"selected_epoch {content['selected_epoch']!r}: there is no such epoch")
    return TrainingHistory(content["selected_epoch"], epochs)


def _parse_epoch(entry: dict[str, Any]) -> TrainingEpoch:
    values: dict[str, Any] = {field.name: entry[field.name] for field in fields(TrainingEpoch)}
    for name, value in values.items():
        if value is None and name.endswith(("_low", "_high")):
            continue
        kind_fits = type(value) is int or (type(value) is float and name != "epoch")
        if not kind_fits or not math.isfinite(value):
            raise ValueError(f"epoch {entry['epoch']!r}: {name} {value!r}: must be a finite number")
    return TrainingEpoch(**values)

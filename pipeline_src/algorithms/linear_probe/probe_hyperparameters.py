# SPDX-License-Identifier: MIT-0
"""Reads the hyperparameters of `linear_probe` from hyperparameters.json, where every value is a text."""

import difflib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline_src import contract
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.runtime.errors import BadInputError

AUTOMATIC: Final = "auto"
IMAGE_VIEWS: Final = range(1, 9)
SEEDS: Final = range(2**32)
REGULARIZATION_LIMITS: Final = (1e-6, 1e6)
_CLASSES: Final = len(contract.CLASS_LABELS)


@dataclass(frozen=True, kw_only=True)
class ProbeHyperparameters:
    """The hyperparameters of a training job.

    Attributes:
        num_classes: number of classes.
        num_training_samples: number of records in the channel `train`.
        image_side: side of the recorded images in pixels.
        backbone: name of the pretrained network.
        image_views: views of each training image, of its eight flips and quarter turns; the first is the image itself.
        regularization: inverse strength C of the head's L2 penalty; None to choose it by cross-validation.
        seed: seed of the cross-validation's folds.
    """

    num_classes: int
    num_training_samples: int
    image_side: int
    backbone: str
    image_views: int
    regularization: float | None
    seed: int


class _Rule(NamedTuple):
    """Reader and default of one hyperparameter; the reader raises ValueError for a value that is not allowed."""

    read: Callable[[str], Any]
    allowed: str
    default: str | None = None  # None: required


def parse_probe_hyperparameters(
    given: Mapping[str, object], place: str, backbones: tuple[str, ...]
) -> ProbeHyperparameters:
    """Return the hyperparameters in `given`, with the defaults of the others.

    Args:
        given: values by name, as in hyperparameters.json.
        place: where they stand, for messages.
        backbones: names of the backbones; the first is the default.

    Raises:
        BadInputError: a name is unknown or missing, or a value is not allowed.
    """
    rules = _rules(backbones)
    for name in given:
        if name not in rules:
            near = difflib.get_close_matches(name, rules, n=1, cutoff=0.0)[0]
            raise BadInputError(
                f"{place}: {name!r}: linear_probe has no such hyperparameter; the nearest is {near!r}. It has"
                f" {', '.join(rules)}. Correct or remove it."
            )
    values = {name: _read_value(name, rule, given, place) for name, rule in rules.items()}
    values["image_side"] = values.pop("image_shape")
    return ProbeHyperparameters(**values)


def read_probe_hyperparameters(path: Path, backbones: tuple[str, ...]) -> ProbeHyperparameters:
    """Return the hyperparameters in the file at `path`.

    Raises:
        BadInputError: the file is missing or no JSON object, or as `parse_probe_hyperparameters`.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: cannot be read as JSON ({error}). Give the hyperparameters as texts.") from error
    if not isinstance(given, dict):
        raise BadInputError(f"{path}: {type(given).__name__}: must be an object of texts. Correct it.")
    return parse_probe_hyperparameters(given, str(path), backbones)


def _rules(backbones: tuple[str, ...]) -> dict[str, _Rule]:
    return {
        "num_classes": _Rule(_classes, f"{_CLASSES}, the number of classes in class_labels.py"),
        "num_training_samples": _Rule(_whole_number(range(1, 2**63)), "a whole number from 1"),
        "image_shape": _Rule(
            _image_side,
            f"3,SIDE,SIDE with a side from {onnx_artifact.IMAGE_SIZES[0]} to {onnx_artifact.IMAGE_SIZES[-1]}",
            "3,224,224",
        ),
        "backbone": _Rule(_choice(backbones), f"one of {', '.join(backbones)}", backbones[0]),
        "image_views": _Rule(
            _whole_number(IMAGE_VIEWS), f"a whole number from {IMAGE_VIEWS[0]} to {IMAGE_VIEWS[-1]}", "2"
        ),
        "regularization": _Rule(
            _regularization,
            f"{AUTOMATIC}, or a number from {REGULARIZATION_LIMITS[0]:g} to {REGULARIZATION_LIMITS[1]:g}",
            AUTOMATIC,
        ),
        "seed": _Rule(_whole_number(SEEDS), f"a whole number from 0 to {SEEDS[-1]}", "0"),
    }


def _read_value(name: str, rule: _Rule, given: Mapping[str, object], place: str) -> Any:  # noqa: ANN401  differs by name
    text = given.get(name, rule.default)
    if text is None:
        raise BadInputError(f"{place}: {name!r} is missing. Give it as {rule.allowed}.")
    if not isinstance(text, str):
        raise BadInputError(f"{place}: {name!r}: {text!r} is not a text. Write it in quotes.")
    try:
        return rule.read(text.strip())
    except ValueError:
        raise BadInputError(f"{place}: {name!r}: {text!r}: must be {rule.allowed}. Correct it.") from None


def _whole_number(allowed: range) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if value not in allowed:
            raise ValueError(text)
        return value

    return read


def _classes(text: str) -> int:
    return _whole_number(range(_CLASSES, _CLASSES + 1))(text)


def _choice(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return read


def _image_side(text: str) -> int:
    channels, height, width = (int(part) for part in text.split(","))
    if channels != 3 or height != width or height not in onnx_artifact.IMAGE_SIZES:
        raise ValueError(text)
    return height


def _regularization(text: str) -> float | None:
    if text == AUTOMATIC:
        return None
    value = float(text)
    lowest, highest = REGULARIZATION_LIMITS
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise ValueError(text)
    return value

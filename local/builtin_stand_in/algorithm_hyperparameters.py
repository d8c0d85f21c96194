# SPDX-License-Identifier: MIT-0
"""Reads hyperparameters with the names, values and defaults of the built-in algorithm.

Source: SageMaker Developer Guide, "Image Classification Hyperparameters". Hyperparameters that would have no effect
here (checkpoints, several hosts, several labels, other precisions) are refused.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from local.builtin_stand_in.errors import HyperparameterError

SMALL_IMAGE_LAYERS: Final = (20, 32, 44, 56, 110)
LARGE_IMAGE_LAYERS: Final = (18, 34, 50, 101, 152, 200)
SMALLEST_SIDE: Final = 8  # pixels: the network for small images halves a side twice


def integer_reader(least: int) -> Callable[[str], int]:
    """Return a reader of integers from `least`."""

    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    return read


def read_fraction(text: str) -> float:
    """Read a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def choice_reader(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of `choices`."""

    def read(text: str) -> str:
        return choices[choices.index(text)]

    return read


def read_layers(text: str) -> int:
    """Read a depth of one of the two families of networks."""
    value = int(text)
    if value not in SMALL_IMAGE_LAYERS + LARGE_IMAGE_LAYERS:
        raise ValueError(text)
    return value


def read_image_shape(text: str) -> tuple[int, int, int]:
    """Read channels, height and width, such as ``3,224,224``; the number of channels is 3."""
    channels, height, width = (int(part) for part in text.split(","))
    if channels != 3 or min(height, width) < SMALLEST_SIDE:
        raise ValueError(text)
    return channels, height, width


def read_epochs(text: str) -> tuple[int, ...]:
    """Read ascending epochs, such as ``10,20``; an empty text is no epoch."""
    steps = tuple(int(part) for part in text.split(",")) if text else ()
    if any(step < 1 for step in steps) or list(steps) != sorted(set(steps)):
        raise ValueError(text)
    return steps


def read_boolean(text: str) -> bool:
    """Read True or False, in any case."""
    choices = {"true": True, "false": False}
    if text.lower() not in choices:
        raise ValueError(text)
    return choices[text.lower()]


AUGMENTATION_TYPES: Final = ("crop", "crop_color", "crop_color_transform")
OPTIMIZERS: Final = ("sgd", "adam", "rmsprop", "nag")


class HyperparameterRule(NamedTuple):
    """Reader and default of one hyperparameter."""

    read: Callable[[str], Any]
    """Converts the text; raises ValueError for a value that is not allowed."""
    wanted: str
    """The allowed values, for the message."""
    default: str | None = None
    """The built-in algorithm's default; None if it has none."""
    required: bool = False


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a training job; names and meanings are the built-in algorithm's."""

    num_classes: int
    num_training_samples: int
    num_layers: int
    image_shape: tuple[int, int, int]
    """Channels, height and width, in pixels."""
    epochs: int
    mini_batch_size: int
    optimizer: str
    learning_rate: float
    lr_scheduler_factor: float
    lr_scheduler_step: tuple[int, ...]
    """Epochs after which the learning rate is multiplied by the factor."""
    momentum: float
    weight_decay: float
    beta_1: float
    beta_2: float
    eps: float
    gamma: float
    augmentation_type: str | None
    top_k: int | None
    early_stopping: bool
    early_stopping_min_epochs: int
    early_stopping_patience: int
    early_stopping_tolerance: float
    use_pretrained_model: str
    """``1`` has no effect here: the pretrained weights are AWS's. The training says so."""


_POSITIVE: Final = "a positive integer"
_FRACTION: Final = "a number from 0 to 1"
_FLAG: Final = "True or False"

RULES: Final[Mapping[str, HyperparameterRule]] = {
    "num_classes": HyperparameterRule(integer_reader(2), "an integer from 2", required=True),
    "num_training_samples": HyperparameterRule(integer_reader(1), _POSITIVE, required=True),
    "num_layers": HyperparameterRule(
        read_layers,
        f"one of {', '.join(map(str, SMALL_IMAGE_LAYERS))} (small images) or "
        f"{', '.join(map(str, LARGE_IMAGE_LAYERS))} (large images)",
        "152",
    ),
    "image_shape": HyperparameterRule(
        read_image_shape, f"3,HEIGHT,WIDTH with at least {SMALLEST_SIDE} pixels a side", "3,224,224"
    ),
    "epochs": HyperparameterRule(integer_reader(1), _POSITIVE, "30"),
    "mini_batch_size": HyperparameterRule(integer_reader(1), _POSITIVE, "32"),
    "optimizer": HyperparameterRule(choice_reader(*OPTIMIZERS), f"one of {', '.join(OPTIMIZERS)}", "sgd"),
    "learning_rate": HyperparameterRule(read_fraction, _FRACTION, "0.1"),
    "lr_scheduler_factor": HyperparameterRule(read_fraction, _FRACTION, "0.1"),
    "lr_scheduler_step": HyperparameterRule(read_epochs, "ascending epochs, such as 10,20"),
    "momentum": HyperparameterRule(read_fraction, _FRACTION, "0.9"),
    "weight_decay": HyperparameterRule(read_fraction, _FRACTION, "0.0001"),
    "beta_1": HyperparameterRule(read_fraction, _FRACTION, "0.9"),
    "beta_2": HyperparameterRule(read_fraction, _FRACTION, "0.999"),
    "eps": HyperparameterRule(read_fraction, _FRACTION, "1e-8"),
    "gamma": HyperparameterRule(read_fraction, _FRACTION, "0.9"),
    "augmentation_type": HyperparameterRule(
        choice_reader(*AUGMENTATION_TYPES), f"one of {', '.join(AUGMENTATION_TYPES)}"
    ),
    "top_k": HyperparameterRule(integer_reader(2), "an integer from 2"),
    "early_stopping": HyperparameterRule(read_boolean, _FLAG, "False"),
    "early_stopping_min_epochs": HyperparameterRule(integer_reader(1), _POSITIVE, "10"),
    "early_stopping_patience": HyperparameterRule(integer_reader(1), _POSITIVE, "5"),
    "early_stopping_tolerance": HyperparameterRule(read_fraction, _FRACTION, "0.0"),
    "use_pretrained_model": HyperparameterRule(choice_reader("0", "1"), "0 or 1", "0"),
}


def parse_hyperparameters(given: Mapping[str, object], place: str) -> Hyperparameters:
    """Return the hyperparameters in `given`, with the defaults of the others.

    Args:
        given: Name to text, as in hyperparameters.json.
        place: Their source, for messages.

    Raises:
        HyperparameterError: A name is unknown or missing, or a value is not allowed.
    """
    for name in given:
        if name not in RULES:
            near = difflib.get_close_matches(name, RULES, n=1)
            remedy = f"Did you mean '{near[0]}'?" if near else "Remove it."
            raise HyperparameterError(
                f"{place}: '{name}' is no hyperparameter of the stand-in for image-classification. {remedy}"
            )
    values = {name: _read_value(name, rule, given, place) for name, rule in RULES.items()}
    result = Hyperparameters(**{**values, "lr_scheduler_step": values["lr_scheduler_step"] or ()})
    if result.top_k is not None and result.top_k >= result.num_classes:
        raise HyperparameterError(
            f"{place}: top_k is {result.top_k} of {result.num_classes} classes, which is always reached. Make it less."
        )
    return result


def _read_value(name: str, rule: HyperparameterRule, given: Mapping[str, object], place: str) -> Any:  # noqa: ANN401  differs by name
    text = given.get(name, rule.default)
    if text is None:
        if rule.required:
            raise HyperparameterError(f"{place}: '{name}' is missing and required. Give it as {rule.wanted}.")
        return None
    if not isinstance(text, str):
        raise HyperparameterError(f"{place}: '{name}' is {text!r}, not text. Write {str(text)!r} in quotes.")
    try:
        return rule.read(text.strip())
    except ValueError:
        raise HyperparameterError(f"{place}: '{name}' is {text!r}. Make it {rule.wanted}.") from None

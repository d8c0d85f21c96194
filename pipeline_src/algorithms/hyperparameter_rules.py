# SPDX-License-Identifier: MIT-0
"""Reads hyperparameters, of which every value is a text, by the rules of an algorithm.

Unknown and missing names and forbidden values are refused by name, with what is allowed.
"""

import difflib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipeline_src import contract
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.runtime.errors import BadInputError

SEEDS: Final = range(2**32)


class Rule(NamedTuple):
    """Reader and default of one hyperparameter; the reader raises ValueError for a value that is not allowed.

    Attributes:
        read: Returns the value of a text.
        allowed: What is allowed, for messages.
        default: Text that counts where none is given; None: the hyperparameter is required.
    """

    read: Callable[[str], Any]
    allowed: str
    default: str | None = None


def parse_hyperparameters(
    given: Mapping[str, object], rules: Mapping[str, Rule], *, algorithm: str, place: str
) -> dict[str, Any]:
    """Return the value of each hyperparameter that `rules` name: that in `given`, or the default.

    Args:
        given: Texts by name, as in hyperparameters.json.
        rules: Of the algorithm, by name.
        algorithm: Its name, for messages.
        place: Where `given` stands, for messages.

    Raises:
        BadInputError: A name is unknown or missing, or a value is not allowed.
    """
    for name in given:
        if name not in rules:
            near = difflib.get_close_matches(name, rules, n=1, cutoff=0.0)[0]
            raise BadInputError(
                f"{place}: {name!r}: {algorithm} has no such hyperparameter; the nearest is {near!r}. It has"
                f" {', '.join(rules)}. Correct or remove it."
            )
    return {name: _read_value(name, rule, given, place) for name, rule in rules.items()}


def read_hyperparameters_file(path: Path) -> dict[str, object]:
    """Return the content of hyperparameters.json at `path`.

    Raises:
        BadInputError: The file is missing or no JSON object.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: cannot be read as JSON ({error}). Give the hyperparameters as texts.") from error
    if not isinstance(given, dict):
        raise BadInputError(f"{path}: {type(given).__name__}: must be an object of texts. Correct it.")
    return given


def _read_value(name: str, rule: Rule, given: Mapping[str, object], place: str) -> Any:  # noqa: ANN401  differs by name
    text = given.get(name, rule.default)
    if text is None:
        raise BadInputError(f"{place}: {name!r} is missing. Give it as {rule.allowed}.")
    if not isinstance(text, str):
        raise BadInputError(f"{place}: {name!r}: {text!r} is not a text. Write it in quotes.")
    try:
        return rule.read(text.strip())
    except ValueError:
        raise BadInputError(f"{place}: {name!r}: {text!r}: must be {rule.allowed}. Correct it.") from None


def whole_number(allowed: range, default: str | None = None) -> Rule:
    """Return the rule of a whole number in `allowed`."""

    def read(text: str) -> int:
        value = int(text)
        if value not in allowed:
            raise ValueError(text)
        return value

    most = f" to {allowed[-1]}" if allowed.stop < 2**63 else ""
    return Rule(read, f"a whole number from {allowed[0]}{most}", default)


def number(lowest: float, highest: float, default: str | None = None) -> Rule:
    """Return the rule of a number from `lowest` to `highest`."""

    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and lowest <= value <= highest):
            raise ValueError(text)
        return value

    return Rule(read, f"a number from {lowest:g} to {highest:g}", default)


def choice(allowed: tuple[str, ...]) -> Rule:
    """Return the rule of a text that is one of `allowed`, of which the first is the default."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Rule(read, f"one of {', '.join(allowed)}", allowed[0])


def common_rules() -> dict[str, Rule]:
    """Return the rules of the hyperparameters that every algorithm gets: the side of the images is `image_shape`."""
    classes = len(contract.CLASS_LABELS)
    sides = onnx_artifact.IMAGE_SIZES
    return {
        "num_classes": whole_number(range(classes, classes + 1))._replace(
            allowed=f"{classes}, the number of classes in class_labels.py"
        ),
        "num_training_samples": whole_number(range(1, 2**63)),
        "image_shape": Rule(_image_side, f"3,SIDE,SIDE with a side from {sides[0]} to {sides[-1]}", "3,224,224"),
        "seed": whole_number(SEEDS, "0"),
    }


def _image_side(text: str) -> int:
    channels, height, width = (int(part) for part in text.split(","))
    if channels != 3 or height != width or height not in onnx_artifact.IMAGE_SIZES:
        raise ValueError(text)
    return height

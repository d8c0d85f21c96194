# SPDX-License-Identifier: MIT-0
"""The shapes of JSON values, by which a definition and the arguments of its steps are checked.

A shape is one of

- `ANY`: any value; `MEANINGLESS`: any value, without effect on this machine;
- `TEXT`, `FLAG`, `NUMBER`: a string, true or false, a number;
- `WholeNumber`, `TextRule`, `OneOf`: a whole number within limits, a string under a rule, one of some values;
- `TextMap`: strings by name;
- a dict: an object with at most these keys, of which those whose shape is `Needed` must be there;
- a list of one shape: a list of such elements; within `Filled`, of at least one.

In the arguments of a step, a function of the definition may stand in place of a single value. It is not checked here:
the check runs again on the evaluated value. Objects and lists are never functions, as in the published schema.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from local.engine.pipeline_expressions import pipeline_function_of
from local.errors import DefinitionError, suggest_known_names
from local.json_files import Json, JsonObject

_MAXIMUM_INTEGER: Final = 2**31 - 1  # of the API's Integer
_MAXIMUM_DEPTH: Final = 60  # levels of a definition; that of the project has 14
_SHOWN: Final = 80  # characters of a value in a message


@dataclass(frozen=True)
class OneOf:
    """One of `values`; `reason` says why any other is rejected."""

    values: tuple[Json, ...]
    reason: str


@dataclass(frozen=True)
class WholeNumber:
    """A whole number from `low` to `high`."""

    low: int
    high: int = _MAXIMUM_INTEGER


@dataclass(frozen=True)
class TextRule:
    """A string under a rule.

    Attributes:
        problem_of: Returns the cause and the remedy for a string that breaks the rule, else an empty text.
        literal: Whether no function may stand in its place, because the engine must know it before the steps run.
    """

    problem_of: Callable[[str], str]
    literal: bool = False


@dataclass(frozen=True)
class TextMap:
    """Strings by name; the names are under `names`, if given."""

    names: TextRule | None = None


@dataclass(frozen=True)
class Needed:
    """The shape of a key that must be there."""

    shape: "JsonShape"


@dataclass(frozen=True)
class Filled:
    """A list of at least one element of this shape."""

    element: "JsonShape"


JsonShape: TypeAlias = (
    "str | OneOf | WholeNumber | TextRule | TextMap | Needed | Filled | dict[str, JsonShape] | list[JsonShape]"
)

ANY: Final = "any value"
MEANINGLESS: Final = "anything; no meaning on this machine"
TEXT: Final = "a string"
FLAG: Final = "true or false"
NUMBER: Final = "a number"
TEXTS: Final[list[JsonShape]] = [TEXT]
TEXT_MAP: Final = TextMap()
COUNT: Final = WholeNumber(1)


def one_of_values(*values: Json, reason: str = "not supported by the local engine") -> OneOf:
    """Return the shape of a value that must be one of `values`."""
    return OneOf(values, reason)


def check_shape(value: Json, shape: JsonShape, place: str, *, functions: bool = True) -> None:
    """Check that `value` has the shape `shape`.

    Args:
        value: The value.
        shape: Its shape.
        place: Where it stands, for the message.
        functions: Whether functions may stand in place of single values, as in the arguments of steps.

    Raises:
        DefinitionError: A key is unknown or missing, or a value is of another kind; the message begins with the place.
    """
    if isinstance(shape, Needed):
        shape = shape.shape
    if isinstance(shape, dict | list | Filled | TextMap):
        for child, inner, where in _children(value, shape, place):
            check_shape(child, inner, where, functions=functions)
    elif shape not in (ANY, MEANINGLESS):
        may_be_function = functions and not (isinstance(shape, TextRule) and shape.literal)
        if may_be_function and pipeline_function_of(value) is not None:
            return
        if problem := _single_value_problem(value, shape):
            raise DefinitionError(f"{place}: {show_value(value)}{problem}")


def _children(
    value: Json, shape: "dict[str, JsonShape] | list[JsonShape] | Filled | TextMap", place: str
) -> Iterator[tuple[Json, JsonShape, str]]:
    """Check that `value` is an object or a list, and yield its parts with their shapes and places."""
    if isinstance(shape, list | Filled):
        element = shape.element if isinstance(shape, Filled) else shape[0]
        for index, child in enumerate(_require_list(value, shape, place)):
            yield child, element, f"{place}[{index}]"
        return
    _require_object(value, place)
    if isinstance(shape, dict):
        _check_keys(value, shape, place)
    for key, child in value.items():
        if isinstance(shape, TextMap) and shape.names and (problem := shape.names.problem_of(key)):
            raise DefinitionError(f"{place}: name {key!r}: {problem}")
        yield child, shape[key] if isinstance(shape, dict) else TEXT, f"{place}.{key}"


def check_whole_document(document: Json, place: str) -> None:
    """Check that the walks over `document` end, and that its strings can be names, arguments and output.

    Raises:
        DefinitionError: It is nested too deeply, or holds a number that is not finite or a string that is not text.
    """
    level = [document]
    for _ in range(_MAXIMUM_DEPTH):
        following: list[Json] = []
        for value in level:
            if isinstance(value, dict):
                following += [*value, *value.values()]
            elif isinstance(value, list):
                following += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise DefinitionError(f"{place}: {value}: not a number of JSON. Write a finite one.")
            elif isinstance(value, str) and not _is_plain_text(value):
                raise DefinitionError(f"{place}: {show_value(value)}: not a text that can be passed on. Correct it.")
        level = following
        if not level:
            return
    raise DefinitionError(f"{place}: nested in more than {_MAXIMUM_DEPTH} levels. Flatten it.")


def show_value(value: Json) -> str:
    """Return `value` for a message, shortened."""
    text = ascii(value) if isinstance(value, str) and not _is_plain_text(value) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_plain_text(text: str) -> bool:
    """Return whether a file system and a process take `text`: valid Unicode without the character 0."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _require_object(value: Json, place: str) -> None:
    if not isinstance(value, dict):
        raise DefinitionError(f"{place}: {show_value(value)} is not an object. Write {{...}}.")
    kind = pipeline_function_of(value)
    if kind is not None:
        raise DefinitionError(f"{place}: {kind} cannot stand for an object. Write the object, and {kind} within it.")


def _check_keys(value: JsonObject, shapes: dict[str, JsonShape], place: str) -> None:
    for key in value:
        if key not in shapes:
            known = suggest_known_names(key, shapes)
            raise DefinitionError(f"{place}.{key}: not supported by the local engine. {known}")
    for key, shape in shapes.items():
        if isinstance(shape, Needed) and key not in value:
            raise DefinitionError(f"{place}: no {key}. Add it.")


def _require_list(value: Json, shape: list[JsonShape] | Filled, place: str) -> list[Json]:
    if not isinstance(value, list):
        raise DefinitionError(f"{place}: {show_value(value)} is not a list. Write [...].")
    if isinstance(shape, Filled) and not value:
        raise DefinitionError(f"{place}: an empty list. It needs at least one element.")
    return value


def _single_value_problem(value: Json, shape: JsonShape) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(shape, OneOf):
        # Compared with the type: True equals 1 in Python.
        fits = any(type(value) is type(each) and value == each for each in shape.values)
        return "" if fits else f": {shape.reason}. {suggest_known_names(str(value), map(str, shape.values))}"
    if isinstance(shape, WholeNumber):
        fits = is_number and isinstance(value, int) and shape.low <= value <= shape.high
        return "" if fits else f" is not a whole number from {shape.low} to {shape.high}."
    if shape in (NUMBER, FLAG):
        fits = is_number if shape == NUMBER else isinstance(value, bool)
        return "" if fits else f" is not {shape}."
    if not isinstance(value, str):
        return " is not a string. The service takes strings here; use to_string()."
    problem = shape.problem_of(value) if isinstance(shape, TextRule) else ""
    return f": {problem}" if problem else ""

# SPDX-License-Identifier: MIT-0
"""A small language for what a step's arguments may hold, and the check against it.

A shape is one of

- `ANY`: any value; the engine uses it;
- `TEXT`, `COUNT`, `TEXTS`, `TEXT_MAP`: a string, a whole number above zero, strings, strings by name;
- `MEANINGLESS`: accepted, for it has no meaning on this machine (keys, roles, instance types, tags, networks);
- ``only(...)``: one of these values, because the engine does nothing else;
- a dict: an object of at most these keys; a list of one shape: a list of such elements.

Values that are still expressions are left alone: the check runs again on the evaluated arguments.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from local.document import Json
from local.error import DefinitionError, allowed
from local.expression import function_of


@dataclass(frozen=True)
class Only:
    """One of `values`; anything else is refused because `why`."""

    values: tuple[Json, ...]
    why: str = "the local engine does nothing else"


Shape: TypeAlias = "str | Only | dict[str, Shape] | list[Shape]"

ANY: Final = "any value"
MEANINGLESS: Final = "anything; no meaning on this machine"
TEXT: Final = "a string"
TEXTS: Final = "a list of strings"
TEXT_MAP: Final = "strings by name"
COUNT: Final = "a whole number above zero"


def only(*values: Json, why: str = "the local engine does nothing else") -> Only:
    """Return the shape of a value that must be one of `values`."""
    return Only(values, why)


def check(value: Json, shape: Shape, place: str) -> None:
    """Refuse what in `value` does not fit `shape`, naming the place.

    Raises:
        DefinitionError: A key is unknown or a value is of another kind.
    """
    if shape in (ANY, MEANINGLESS) or function_of(value) is not None:
        return
    if isinstance(shape, dict):
        _check_object(value, shape, place)
    elif isinstance(shape, list):
        _check_list(value, shape[0], place)
    elif isinstance(shape, Only):
        if value not in shape.values:
            choices = allowed(str(value), map(str, shape.values))
            raise DefinitionError(f"{place}: {value!r}: {shape.why}. {choices}")
    else:
        _check_value(value, shape, place)


def _check_object(value: Json, shape: dict[str, Shape], place: str) -> None:
    if not isinstance(value, dict):
        raise DefinitionError(f"{place}: {value!r} is no object. {allowed('', shape)}")
    for key, child in value.items():
        if key not in shape:
            raise DefinitionError(f"{place}.{key}: the local engine does not know this argument. {allowed(key, shape)}")
        check(child, shape[key], f"{place}.{key}")


def _check_list(value: Json, shape: Shape, place: str) -> None:
    if not isinstance(value, list):
        raise DefinitionError(f"{place}: {value!r} is no list. Write a list.")
    for index, child in enumerate(value):
        check(child, shape, f"{place}[{index}]")


def _check_value(value: Json, shape: str, place: str) -> None:
    if shape == TEXTS:
        _check_list(value, TEXT, place)
    elif shape == TEXT_MAP:
        if not isinstance(value, dict):
            raise DefinitionError(f"{place}: {value!r} is no object. Write strings by name.")
        for key, child in value.items():
            check(child, TEXT, f"{place}.{key}")
    elif shape == TEXT:
        if not isinstance(value, str):
            raise DefinitionError(f"{place}: {value!r} is no string. The service takes strings here; use to_string().")
    elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DefinitionError(f"{place}: {value!r} is not {shape}. Give one.")

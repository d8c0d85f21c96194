# SPDX-License-Identifier: MIT-0
"""Pipeline parameters: their declarations in the definition, and the values a user types."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from local.document import Json, Object
from local.error import DefinitionError, UsageError, allowed

_TYPES: Final = {"String": "text", "Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}
_FIELDS: Final = {"Name", "Type", "DefaultValue", "EnumValues", "Description"}


def check(declaration: Object) -> None:
    """Refuse a declaration that this engine does not know.

    Raises:
        DefinitionError: Its type, a field or its default is wrong.
    """
    name = declaration.get("Name")
    unknown = sorted(set(declaration) - _FIELDS)
    if unknown:
        raise DefinitionError(f"parameter {name!r}: unknown field {unknown[0]!r}. {allowed(unknown[0], _FIELDS)}")
    kind = declaration.get("Type", "String")
    if kind not in _TYPES:
        raise DefinitionError(f"parameter {name!r}: unknown type {kind!r}. {allowed(str(kind), _TYPES)}")
    default = declaration.get("DefaultValue")
    if default is not None and not _is(kind, default):
        raise DefinitionError(f"parameter {name!r}: its default {default!r} is not {_TYPES[kind]}. Correct it.")


def parse_assignments(texts: Iterable[str]) -> dict[str, str]:
    """Return names and texts of ``NAME=VALUE`` arguments.

    Raises:
        UsageError: One has no ``=``, or a name stands twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--parameter {text!r}: no name and value. Write --parameter NAME=VALUE.")
        if name in values:
            raise UsageError(f"--parameter {name}: given twice ({values[name]!r} and {value!r}). Give it once.")
        values[name] = value
    return values


def resolve(declarations: Iterable[Object], given: Mapping[str, Json]) -> dict[str, Json]:
    """Return a value for each declared parameter: the given one, else its default.

    Args:
        declarations: ``Parameters`` of the definition.
        given: Values by name; texts are read as the declared type, as the service does.

    Raises:
        UsageError: A name is unknown, a value is of another type or not allowed, or one without default is missing.
    """
    by_name = {str(declaration["Name"]): declaration for declaration in declarations}
    for name in given:
        if name not in by_name:
            raise UsageError(f"parameter {name!r}: the pipeline has none of that name. {allowed(name, by_name)}")
    return {name: _value(name, declaration, given) for name, declaration in by_name.items()}


def _value(name: str, declaration: Object, given: Mapping[str, Json]) -> Json:
    kind = declaration.get("Type", "String")
    if name not in given:
        if "DefaultValue" not in declaration:
            raise UsageError(f"parameter {name!r}: it has no default and no value. Give --parameter {name}=VALUE.")
        return declaration["DefaultValue"]
    value = _read(kind, given[name])
    choices = declaration.get("EnumValues")
    if value is None:
        raise UsageError(f"parameter {name!r}: {given[name]!r} is not {_TYPES[kind]}. Give {_TYPES[kind]}.")
    if choices and value not in choices:
        raise UsageError(f"parameter {name!r}: {value!r} is not allowed. {allowed(str(value), choices)}")
    return value


def _read(kind: str, value: Json) -> Json:
    """Return `value` as the type `kind`, or None where it is no such thing."""
    if not isinstance(value, str):
        return value if _is(kind, value) else None
    if kind == "String":
        return value
    if kind == "Boolean":
        return {"true": True, "false": False}.get(value.lower())
    try:
        number = int(value) if kind == "Integer" else float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is(kind: str, value: Json) -> bool:
    if kind == "String":
        return isinstance(value, str)
    if kind == "Boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    return isinstance(value, int) if kind == "Integer" else isinstance(value, int | float)

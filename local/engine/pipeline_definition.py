# SPDX-License-Identifier: MIT-0
"""The steps and the parameters of a pipeline definition; `definition_validation.parse_definition` creates them."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from local.engine.json_shapes import (
    ANY,
    TEXT,
    Filled,
    JsonShape,
    Needed,
    check_shape,
    one_of_values,
    show_value,
)
from local.engine.name_rules import NAME
from local.engine.pipeline_expressions import get_targets
from local.errors import DefinitionError, UsageError, suggest_known_names
from local.json_files import Json, JsonObject

_DURATION: Final = re.compile(
    r"P?(?:(?P<year>[0-9]{1,9})Y)?(?:(?P<month>[0-9]{1,9})M)?(?:(?P<week>[0-9]{1,9})W)?(?:(?P<day>[0-9]{1,9})D)?"
    r"(?:T(?:(?P<hour>[0-9]{1,9})H)?(?:(?P<minute>[0-9]{1,9})M)?(?:(?P<second>[0-9]{1,9})S)?)?",
    re.IGNORECASE,
)
_DAY: Final = 86_400
_SECONDS: Final = {
    "year": 365 * _DAY,
    "month": 30 * _DAY,
    "week": 7 * _DAY,
    "day": _DAY,
    "hour": 3600,
    "minute": 60,
    "second": 1,
}


@dataclass(frozen=True)
class PipelineStep:
    """One step.

    Attributes:
        kind: The step's type.
        body: The step's JSON.
        parent: The Condition step that has this step in a branch, if any.
        branch: ``IfSteps`` or ``ElseSteps`` of the parent.
    """

    name: str
    kind: str
    body: JsonObject = field(repr=False)
    parent: str | None = None
    branch: str | None = None

    @property
    def arguments(self) -> JsonObject:
        """The step's own arguments, without the steps of a condition's branches."""
        arguments: JsonObject = self.body["Arguments"]
        if self.kind == "Condition":
            return {"Conditions": arguments.get("Conditions", [])}
        return arguments

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names of the steps that must have succeeded: from references, DependsOn, and the condition around it."""
        data = {target.split(".")[1] for target in get_targets(self.arguments) if target.startswith("Steps.")}
        around = {self.parent} if self.parent else set()
        return frozenset(data | around | set(self.body.get("DependsOn", [])))

    @property
    def cache_seconds(self) -> float | None:
        """Maximum age of a reused result in seconds; None where caching is off."""
        config = self.body.get("CacheConfig", {})
        if not config.get("Enabled"):
            return None
        return parse_iso_duration(config["ExpireAfter"]) if "ExpireAfter" in config else float("inf")


@dataclass(frozen=True)
class PipelineDefinition:
    """A checked definition: its parameter declarations, and its steps in order, nested ones included."""

    parameters: tuple[JsonObject, ...]
    steps: Mapping[str, PipelineStep]

    def selection(self, until: str | None) -> frozenset[str]:
        """Return the names of the steps to run: all, or `until` and the steps it needs.

        Raises:
            DefinitionError: There is no step `until`.
        """
        if until is None:
            return frozenset(self.steps)
        if until not in self.steps:
            raise DefinitionError(
                f"--until {until!r}: the pipeline has no such step. {suggest_known_names(until, self.steps)}"
            )
        found: set[str] = set()
        waiting = {until}
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= self.steps[name].needs - found
        return frozenset(found)

    def steps_from(self, first: str) -> frozenset[str]:
        """Return the names of the step `first` and of all that need it, directly or not."""
        found = {first}
        while more := {name for name, step in self.steps.items() if name not in found and step.needs & found}:
            found |= more
        return frozenset(found)


def parse_iso_duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration such as ``P30D``; a year counts 365 days, a month 30.

    Raises:
        DefinitionError: `text` is not a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise DefinitionError(f"CacheConfig.ExpireAfter: {text!r} is not an ISO 8601 duration. Write for example P30D.")
    return float(sum(_SECONDS[unit] * int(number) for unit, number in match.groupdict().items() if number))


_TYPES: Final = {"String": "a string", "Integer": "a whole number", "Float": "a number", "Boolean": "true or false"}
PARAMETER_SHAPE: Final[dict[str, JsonShape]] = {
    "Name": Needed(NAME),
    "Type": one_of_values(*_TYPES),
    "DefaultValue": ANY,
    "EnumValues": Filled(ANY),
    "Description": TEXT,
}
_MAXIMUM_NUMBER: Final = 2**63
_MAXIMUM_LENGTH: Final = 1024  # characters of a value; source: SageMaker API, Parameter


def check_parameter_declaration(declaration: Json, place: str = "parameter") -> None:
    """Check the declaration of a parameter.

    Raises:
        DefinitionError: The name, the type, a field, the default or an allowed value is not valid.
    """
    check_shape(declaration, PARAMETER_SHAPE, place, functions=False)
    name, kind = declaration["Name"], declaration.get("Type", "String")
    choices = declaration.get("EnumValues")
    for choice in choices or []:
        if problem := _value_problem(kind, choice):
            raise DefinitionError(f"parameter {name!r}: EnumValues: {problem}")
    if "DefaultValue" not in declaration:
        return
    default = declaration["DefaultValue"]
    if problem := _value_problem(kind, default):
        raise DefinitionError(f"parameter {name!r}: its default {problem}")
    if choices and default not in choices:
        known = suggest_known_names(str(default), map(str, choices))
        raise DefinitionError(f"parameter {name!r}: its default {default!r} is not among its EnumValues. {known}")


def _value_problem(kind: str, value: Json) -> str:
    """Return why the service would reject a value of the type `kind`; empty if it would not."""
    if not _is_of_type(kind, value):
        return f"{show_value(value)} is not {_TYPES[kind]}."
    if value == "":
        return "is empty, which the service rejects. Give a value that stands for none."
    if isinstance(value, str) and len(value) > _MAXIMUM_LENGTH:
        return f"{show_value(value)} has {len(value)} characters; the service takes {_MAXIMUM_LENGTH}."
    return ""


def parse_parameter_assignments(texts: Iterable[str]) -> dict[str, str]:
    """Return names and texts of ``NAME=VALUE`` arguments.

    Raises:
        UsageError: An argument has no ``=``, or a name is given twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--parameter {text!r}: expected NAME=VALUE.")
        if name in values:
            raise UsageError(f"--parameter {name}: given twice ({values[name]!r} and {value!r}). Give it once.")
        values[name] = value
    return values


def resolve_parameters(declarations: Iterable[JsonObject], given: Mapping[str, Json]) -> dict[str, Json]:
    """Return a value for each declared parameter: the given one, else its default.

    Args:
        declarations: ``Parameters`` of the definition.
        given: Values by name; strings are parsed as the declared type, as the service does.

    Raises:
        UsageError: A name is unknown, a value is of the wrong type or not allowed, or a required one is missing.
    """
    by_name = {str(declaration["Name"]): declaration for declaration in declarations}
    for name in given:
        if name not in by_name:
            raise UsageError(f"parameter {name!r}: no such pipeline parameter. {suggest_known_names(name, by_name)}")
    return {name: _parameter_value(name, declaration, given) for name, declaration in by_name.items()}


def _parameter_value(name: str, declaration: JsonObject, given: Mapping[str, Json]) -> Json:
    kind = declaration.get("Type", "String")
    if name not in given:
        if "DefaultValue" not in declaration:
            raise UsageError(f"parameter {name!r}: it has no default. Give --parameter {name}=VALUE.")
        return declaration["DefaultValue"]
    value = _parse_value(kind, given[name])
    choices = declaration.get("EnumValues")
    if value is None:
        raise UsageError(f"parameter {name!r}: {given[name]!r} is not {_TYPES[kind]}.")
    if problem := _value_problem(kind, value):
        raise UsageError(f"parameter {name!r}: {problem}")
    if choices and value not in choices:
        known = suggest_known_names(str(value), map(str, choices))
        raise UsageError(f"parameter {name!r}: {value!r} is not allowed. {known}")
    return value


def _parse_value(kind: str, value: Json) -> Json:
    """Return `value` as the type `kind`, or None where it is not of that type."""
    if not isinstance(value, str):
        return value if _is_of_type(kind, value) else None
    if kind == "String":
        return value
    if kind == "Boolean":
        return {"true": True, "false": False}.get(value.lower())
    try:
        number = int(value) if kind == "Integer" else float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_of_type(kind: str, value: Json) -> bool:
    if kind == "String":
        return isinstance(value, str)
    if kind == "Boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    # Larger whole numbers are not those of the API, nor can all of them become a float.
    if isinstance(value, int):
        return abs(value) < _MAXIMUM_NUMBER
    return kind == "Float" and isinstance(value, float)

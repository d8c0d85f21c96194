# SPDX-License-Identifier: MIT-0
"""Reads a pipeline definition and refuses, by name and before anything runs, what the engine does not know.

Step types, functions, conditions, fields and arguments are checked here, references in `local.reference`.
"""

from collections.abc import Iterator
from typing import Final

from local import condition, parameter, reference, shape, step_retries
from local.argument import SHAPES
from local.definition import Definition, Step
from local.document import Json, Object
from local.error import DefinitionError, allowed
from local.expression import FUNCTIONS, GET, function_of

_VERSION: Final = "2020-12-01"
_TOP: Final = {"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"}
_STEP: Final = {
    "Name",
    "Type",
    "Arguments",
    "DependsOn",
    "DisplayName",
    "Description",
    "CacheConfig",
    "PropertyFiles",
    "RetryPolicies",
}
_CACHED: Final = {"Processing", "Training", "Tuning", "Transform"}


def parse(document: Json) -> Definition:
    """Return the checked definition.

    Raises:
        DefinitionError: It holds something that the engine does not know, or is inconsistent.
    """
    if not isinstance(document, dict) or not document.get("Steps"):
        raise DefinitionError("pipeline definition: it has no Steps. Render it with pipeline_src.pipeline.")
    _known("pipeline definition", document, _TOP)
    if document.get("Version", _VERSION) != _VERSION:
        raise DefinitionError(f"pipeline definition: Version {document['Version']!r} is unknown. Known: {_VERSION}.")
    parameters = document.get("Parameters", [])
    for declaration in parameters:
        parameter.check(declaration)
    steps: dict[str, Step] = {}
    for step in _walk(document["Steps"], None, None):
        if step.name in steps:
            raise DefinitionError(f"step {step.name!r}: two steps have this name. Rename one.")
        steps[step.name] = step
    reference.check(steps, {str(declaration["Name"]) for declaration in parameters})
    return Definition(tuple(parameters), steps)


def _walk(bodies: Json, parent: str | None, branch: str | None) -> Iterator[Step]:
    for body in bodies:
        step = Step(str(body.get("Name")), str(body.get("Type")), body, parent, branch)
        _check_step(step)
        yield step
        if step.kind == "Condition":
            for name in ("IfSteps", "ElseSteps"):
                yield from _walk(body["Arguments"].get(name, []), step.name, name)


def _known(place: str, value: Object, names: set[str]) -> None:
    for key in value:
        if key not in names:
            raise DefinitionError(f"{place}: the local engine knows no field {key!r}. {allowed(key, names)}")


def _check_step(step: Step) -> None:
    place = f"step {step.name!r}"
    if step.kind not in SHAPES:
        raise DefinitionError(f"{place}: the local engine knows no type {step.kind!r}. {allowed(step.kind, SHAPES)}")
    _known(place, step.body, _STEP)
    if not isinstance(step.body.get("Arguments"), dict):
        raise DefinitionError(f"{place}: it has no Arguments. Give it some.")
    _check_functions(step.arguments, place)
    shape.check(step.body["Arguments"], SHAPES[step.kind], step.name)
    for test in step.arguments["Conditions"] if step.kind == "Condition" else []:
        condition.check(test, place)
    step_retries.check(step)
    if step.cache_seconds is not None and step.kind not in _CACHED:
        raise DefinitionError(f"{place}: a {step.kind} step is never cached. Drop its CacheConfig.")


def _check_functions(value: Json, place: str) -> None:
    """Refuse functions that are unknown, or that lack or add fields."""
    if isinstance(value, list):
        for child in value:
            _check_functions(child, place)
    if not isinstance(value, dict):
        return
    kind = function_of(value)
    if kind == GET and not isinstance(value[GET], str):
        raise DefinitionError(f"{place}: Get {value[GET]!r} is no text. Write for example Parameters.Name.")
    if kind and kind != GET:
        if not isinstance(value[kind], dict):
            raise DefinitionError(f"{place}: {kind} {value[kind]!r} is no object. Give it its fields.")
        _known(f"{place}: {kind}", value[kind], set(FUNCTIONS[kind]))
    for child in value.values():
        _check_functions(child, place)

# SPDX-License-Identifier: MIT-0
"""Parses a pipeline definition, and rejects what the engine does not support before anything runs.

Checked are step types, functions, conditions, fields and arguments, and that every reference names something that
exists and can have run before.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

from local.engine import pipeline_definition, pipeline_expressions, step_arguments, step_retries
from local.engine.pipeline_definition import PipelineDefinition, PipelineStep
from local.engine.pipeline_expressions import (
    EXECUTION_VARIABLES,
    FUNCTIONS,
    GET,
    JSON_GET,
    get_targets,
    json_get_arguments,
    parse_property_file,
    pipeline_function_of,
)
from local.engine.step_arguments import ARGUMENTS_BY_STEP_TYPE, generated_step_properties
from local.errors import DefinitionError, suggest_known_names
from local.json_files import Json, JsonObject, look_up_json_path

StepsByName = Mapping[str, PipelineStep]

_VERSION: Final = "2020-12-01"
_DEFINITION_FIELDS: Final = {"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"}
_STEP_FIELDS: Final = {
    *("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description"),
    *("CacheConfig", "PropertyFiles", "RetryPolicies"),
}
_CACHEABLE_STEPS: Final = {"Processing", "Training", "Tuning", "Transform"}


def parse_definition(document: Json) -> PipelineDefinition:
    """Return the checked definition.

    Raises:
        DefinitionError: It is inconsistent, or holds something that the engine does not know.
    """
    if not isinstance(document, dict) or not document.get("Steps"):
        raise DefinitionError("pipeline definition: no Steps. Render it with pipeline_src.definition.pipeline.")
    _require_known_fields("pipeline definition", document, _DEFINITION_FIELDS)
    if document.get("Version", _VERSION) != _VERSION:
        raise DefinitionError(f"pipeline definition: Version {document['Version']!r} is unknown. Known: {_VERSION}.")
    parameters = document.get("Parameters", [])
    for declaration in parameters:
        pipeline_definition.check_parameter_declaration(declaration)
    steps: dict[str, PipelineStep] = {}
    for step in _walk_steps(document["Steps"], None, None):
        if step.name in steps:
            raise DefinitionError(f"step {step.name!r}: two steps have this name. Rename one.")
        steps[step.name] = step
    _check_references(steps, {str(declaration["Name"]) for declaration in parameters})
    return PipelineDefinition(tuple(parameters), steps)


def _walk_steps(bodies: Json, parent: str | None, branch: str | None) -> Iterator[PipelineStep]:
    for body in bodies:
        step = PipelineStep(str(body.get("Name")), str(body.get("Type")), body, parent, branch)
        _check_step(step)
        yield step
        if step.kind == "Condition":
            for name in ("IfSteps", "ElseSteps"):
                yield from _walk_steps(body["Arguments"].get(name, []), step.name, name)


def _check_step(step: PipelineStep) -> None:
    place = f"step {step.name!r}"
    if step.kind not in ARGUMENTS_BY_STEP_TYPE:
        known = suggest_known_names(step.kind, ARGUMENTS_BY_STEP_TYPE)
        raise DefinitionError(f"{place}: type {step.kind!r} is not supported by the local engine. {known}")
    _require_known_fields(place, step.body, _STEP_FIELDS)
    if not isinstance(step.body.get("Arguments"), dict):
        raise DefinitionError(f"{place}: no Arguments. Add them.")
    _check_functions(step.arguments, place)
    step_arguments.check_argument_shape(step.body["Arguments"], ARGUMENTS_BY_STEP_TYPE[step.kind], step.name)
    for test in step.arguments["Conditions"] if step.kind == "Condition" else []:
        pipeline_expressions.check_condition(test, place)
    step_retries.check_retry_policies(step)
    if step.cache_seconds is not None and step.kind not in _CACHEABLE_STEPS:
        raise DefinitionError(f"{place}: a {step.kind} step is never cached. Remove its CacheConfig.")


def _check_functions(value: Json, place: str) -> None:
    """Reject unknown functions and unknown fields of functions."""
    if isinstance(value, list):
        for child in value:
            _check_functions(child, place)
    if not isinstance(value, dict):
        return
    kind = pipeline_function_of(value)
    if kind == GET and not isinstance(value[GET], str):
        raise DefinitionError(f"{place}: Get {value[GET]!r} is not a string. Write for example Parameters.Name.")
    if kind and kind != GET:
        if not isinstance(value[kind], dict):
            raise DefinitionError(f"{place}: {kind} {value[kind]!r} is not an object.")
        _require_known_fields(f"{place}: {kind}", value[kind], set(FUNCTIONS[kind]))
    for child in value.values():
        _check_functions(child, place)


def _require_known_fields(place: str, value: JsonObject, names: set[str]) -> None:
    for key in value:
        if key not in names:
            known = suggest_known_names(key, names)
            raise DefinitionError(f"{place}: field {key!r} is not supported by the local engine. {known}")


def _require_known(place: str, name: str, names: set[str], kind: str) -> None:
    if name not in names:
        raise DefinitionError(f"{place}: no {kind} {name!r}. {suggest_known_names(name, names)}")


def _check_references(steps: StepsByName, parameters: set[str]) -> None:
    """Reject a reference to nothing, to a branch that may not run, or in a circle."""
    for step in steps.values():
        place = f"step {step.name!r}"
        for needed in sorted(step.needs):
            _check_needed(place, step, needed, steps)
        for target in get_targets(step.arguments):
            _check_target(place, target, steps, parameters)
        for arguments in json_get_arguments(step.arguments):
            _check_json_get(place, arguments, steps)
    try:
        TopologicalSorter({name: step.needs for name, step in steps.items()}).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise DefinitionError(f"steps {circle}: they wait for each other. Remove one of these references.") from error


def _check_needed(place: str, step: PipelineStep, needed: str, steps: StepsByName) -> None:
    _require_known(place, needed, set(steps), "step")
    other = steps[needed]
    if needed in step.body.get("DependsOn", []) and other.kind == "Condition":
        raise DefinitionError(f"{place}: it depends on condition {needed!r}. Move it into a branch of the condition.")
    if other.parent and (other.parent, other.branch) not in _surrounding_branches(step, steps):
        raise DefinitionError(
            f"{place}: it needs {needed!r}, which runs only in a branch of {other.parent!r}. Move it."
        )


def _surrounding_branches(step: PipelineStep, steps: StepsByName) -> Iterator[tuple[str | None, str | None]]:
    """Yield each condition around `step` with its branch, innermost first."""
    while step.parent:
        yield step.parent, step.branch
        step = steps[step.parent]


def _check_target(place: str, target: str, steps: StepsByName, parameters: set[str]) -> None:
    kind, _, rest = target.partition(".")
    if kind == "Parameters":
        _require_known(place, rest, parameters, "parameter")
    elif kind == "Execution":
        _require_known(place, rest, set(EXECUTION_VARIABLES), "execution variable")
    elif kind == "Steps":
        name, _, path = rest.partition(".")
        if not path.startswith("PropertyFiles."):
            _check_property(place, path, steps[name])
    else:
        raise DefinitionError(f"{place}: Get {target!r}: unknown source. Known: Execution, Parameters, Steps.")


def _check_property(place: str, path: str, step: PipelineStep) -> None:
    try:
        look_up_json_path(step.arguments | generated_step_properties(step.kind, step.arguments), path)
    except (KeyError, ValueError) as error:
        raise DefinitionError(f"{place}: Get Steps.{step.name}.{path}: {error.args[0]}. Correct the path.") from error


def _check_json_get(place: str, arguments: JsonObject, steps: StepsByName) -> None:
    if "Path" not in arguments or ("PropertyFile" in arguments) == ("S3Uri" in arguments):
        raise DefinitionError(f"{place}: {JSON_GET} takes Path and one of PropertyFile and S3Uri.")
    if "S3Uri" in arguments:
        return
    owner, name = parse_property_file(arguments["PropertyFile"])
    files = {item["PropertyFileName"]: item for item in steps[owner].body.get("PropertyFiles", [])}
    _require_known(place, name, set(files), f"property file of step {owner!r}")
    outputs = steps[owner].arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _require_known(
        f"property file {name!r}", files[name]["OutputName"], {item["OutputName"] for item in outputs}, "output"
    )

# SPDX-License-Identifier: MIT-0
"""Parses a pipeline definition, and rejects what the engine does not support before anything runs.

First the structure is checked, by shape and without walking: objects, lists, names. Then step types, functions,
conditions and arguments, and that every reference names something that exists and can have run before.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Final

from local.engine import pipeline_definition, pipeline_expressions, step_retries
from local.engine.json_shapes import (
    ANY,
    FLAG,
    TEXT,
    Filled,
    JsonShape,
    Needed,
    check_shape,
    check_whole_document,
    one_of_values,
    show_value,
)
from local.engine.name_rules import FILE_PATH, LABEL, NAME
from local.engine.pipeline_definition import PARAMETER_SHAPE, PipelineDefinition, PipelineStep
from local.engine.pipeline_expressions import (
    EXECUTION_VARIABLES,
    FUNCTIONS,
    GET,
    JOIN,
    JSON_GET,
    json_get_arguments,
    parse_property_file,
    pipeline_function_of,
    property_get_targets,
    without_functions,
)
from local.engine.step_arguments import ARGUMENTS_BY_STEP_TYPE, generated_step_properties
from local.errors import DefinitionError, suggest_known_names
from local.json_files import Json, JsonObject, look_up_json_path, parse_json_path

StepsByName = Mapping[str, PipelineStep]

_PLACE: Final = "pipeline definition"
_BRANCHES: Final = ("IfSteps", "ElseSteps")
_STEP_SHAPE: Final[dict[str, JsonShape]] = {
    "Name": Needed(NAME),
    "Type": Needed(TEXT),
    "Arguments": Needed(ANY),
    "DependsOn": [NAME],
    "DisplayName": TEXT,
    "Description": TEXT,
    "CacheConfig": {"Enabled": FLAG, "ExpireAfter": TEXT},
    "PropertyFiles": [{"PropertyFileName": Needed(NAME), "OutputName": Needed(LABEL), "FilePath": Needed(FILE_PATH)}],
    "RetryPolicies": [step_retries.RETRY_POLICY_SHAPE],
}
_DEFINITION_SHAPE: Final[dict[str, JsonShape]] = {
    "Version": one_of_values("2020-12-01"),
    "Metadata": ANY,
    "Parameters": [PARAMETER_SHAPE],
    "PipelineExperimentConfig": ANY,
    "Steps": Needed(Filled(_STEP_SHAPE)),
}
_CACHEABLE_STEPS: Final = {"Processing", "Training", "Tuning", "Transform"}


def parse_definition(document: Json) -> PipelineDefinition:
    """Return the checked definition.

    Raises:
        DefinitionError: It is inconsistent, or holds something that the engine does not know.
    """
    check_whole_document(document, _PLACE)
    check_shape(document, _DEFINITION_SHAPE, _PLACE, functions=False)
    _check_branches(document["Steps"], f"{_PLACE}.Steps")
    parameters = document.get("Parameters", [])
    names: set[str] = set()
    for index, declaration in enumerate(parameters):
        pipeline_definition.check_parameter_declaration(declaration, f"{_PLACE}.Parameters[{index}]")
        if declaration["Name"] in names:
            raise DefinitionError(f"parameter {declaration['Name']!r}: two parameters have this name. Rename one.")
        names.add(declaration["Name"])
    steps: dict[str, PipelineStep] = {}
    for step in _walk_steps(document["Steps"], None, None):
        if step.name in steps:
            raise DefinitionError(f"step {step.name!r}: two steps have this name. Rename one.")
        steps[step.name] = step
    _check_references(steps, names)
    return PipelineDefinition(tuple(parameters), steps)


def _check_branches(bodies: list[JsonObject], place: str) -> None:
    """Check the structure of the steps within conditions, which are arguments of other steps."""
    for index, body in enumerate(bodies):
        arguments = body["Arguments"]
        if not isinstance(arguments, dict):
            raise DefinitionError(f"{place}[{index}].Arguments: {show_value(arguments)} is not an object. Add them.")
        for branch in _BRANCHES if body["Type"] == "Condition" else ():
            inner = f"{place}[{index}].Arguments.{branch}"
            check_shape(arguments.get(branch, []), [_STEP_SHAPE], inner, functions=False)
            _check_branches(arguments.get(branch, []), inner)


def _walk_steps(bodies: list[JsonObject], parent: str | None, branch: str | None) -> Iterator[PipelineStep]:
    for body in bodies:
        step = PipelineStep(body["Name"], body["Type"], body, parent, branch)
        _check_step(step)
        yield step
        if step.kind == "Condition":
            for name in _BRANCHES:
                yield from _walk_steps(body["Arguments"].get(name, []), step.name, name)


def _check_step(step: PipelineStep) -> None:
    place = f"step {step.name!r}"
    if step.kind not in ARGUMENTS_BY_STEP_TYPE:
        known = suggest_known_names(step.kind, ARGUMENTS_BY_STEP_TYPE)
        raise DefinitionError(f"{place}: type {step.kind!r} is not supported by the local engine. {known}")
    _check_functions(step.arguments, place)
    check_shape(step.body["Arguments"], ARGUMENTS_BY_STEP_TYPE[step.kind], step.name)
    for test in step.arguments["Conditions"] if step.kind == "Condition" else []:
        pipeline_expressions.check_condition(test, place)
    step_retries.check_retry_policies(step)
    if step.cache_seconds is not None and step.kind not in _CACHEABLE_STEPS:
        raise DefinitionError(f"{place}: a {step.kind} step is never cached. Remove its CacheConfig.")
    if step.body.get("PropertyFiles") and step.kind != "Processing":
        raise DefinitionError(f"{place}: a {step.kind} step has no property files. Remove its PropertyFiles.")


def _check_functions(value: Json, place: str) -> None:
    """Reject unknown functions, and functions with unknown, missing or malformed fields."""
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
        _require_known_fields(f"{place}: {kind}", value[kind], FUNCTIONS[kind])
    if kind == JOIN:
        _check_join(value[JOIN], place)
    for child in value.values():
        _check_functions(child, place)
    if kind == JSON_GET:
        _check_json_get_fields(value[JSON_GET], place)


def _check_join(arguments: JsonObject, place: str) -> None:
    if not isinstance(arguments.get("Values"), list):
        raise DefinitionError(f"{place}: {JOIN}: Values {arguments.get('Values')!r} is not a list. Write [...].")
    if not isinstance(arguments.get("On", ""), str):
        raise DefinitionError(f"{place}: {JOIN}: On {arguments['On']!r} is not a string.")
    for each in arguments["Values"]:
        if each is None or (isinstance(each, dict | list) and pipeline_function_of(each) is None):
            raise DefinitionError(
                f"{place}: {JOIN}: {each!r} is neither a string nor a number. Join only plain values."
            )


def _check_json_get_fields(arguments: JsonObject, place: str) -> None:
    if "Path" not in arguments or ("PropertyFile" in arguments) == ("S3Uri" in arguments):
        raise DefinitionError(f"{place}: {JSON_GET} takes Path and one of PropertyFile and S3Uri.")
    for name in ("Path", "S3Uri"):
        if not isinstance(arguments.get(name, ""), str) and pipeline_function_of(arguments[name]) is None:
            raise DefinitionError(f"{place}: {JSON_GET}: {name} {arguments[name]!r} is not a string.")
    if isinstance(arguments["Path"], str):
        try:
            parse_json_path(arguments["Path"])
        except ValueError as error:
            raise DefinitionError(f"{place}: {JSON_GET}: Path {error}. Write for example metrics.accuracy.") from error


def _require_known_fields(place: str, value: JsonObject, names: frozenset[str]) -> None:
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
        for target in property_get_targets(step.arguments):
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
        _require_known(place, name, set(steps), "step")
        _check_property(place, path, steps[name])
    else:
        raise DefinitionError(f"{place}: Get {target!r}: unknown source. Known: Execution, Parameters, Steps.")


def _check_property(place: str, path: str, step: PipelineStep) -> None:
    # A condition has its outcome alone; the arguments of the others are among their properties.
    own = {} if step.kind == "Condition" else without_functions(step.arguments)
    try:
        look_up_json_path(own | generated_step_properties(step.kind, step.arguments), path)
    except (KeyError, ValueError) as error:
        raise DefinitionError(f"{place}: Get Steps.{step.name}.{path}: {error.args[0]}. Correct the path.") from error


def _check_json_get(place: str, arguments: JsonObject, steps: StepsByName) -> None:
    if "S3Uri" in arguments:
        return
    owner, name = parse_property_file(arguments["PropertyFile"])
    files = {item["PropertyFileName"]: item for item in steps[owner].body.get("PropertyFiles", [])}
    _require_known(place, name, set(files), f"property file of step {owner!r}")
    outputs = steps[owner].arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _require_known(
        f"property file {name!r}", files[name]["OutputName"], {item["OutputName"] for item in outputs}, "output"
    )

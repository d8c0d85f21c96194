# SPDX-License-Identifier: MIT-0
"""The functions of a pipeline definition: Get, Std:Join and Std:JsonGet.

A function stands in the JSON as an object with that one key. Everything else is a plain value.
Sources: the published JSON schema of pipeline definitions (Get, Std:Join); the SageMaker Python SDK's
`sagemaker.core.workflow.functions` (Std:JsonGet, which the schema does not know yet).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from local.document import Json, Object, look_up
from local.error import DefinitionError, StepError, allowed

GET: Final = "Get"
JOIN: Final = "Std:Join"
JSON_GET: Final = "Std:JsonGet"
FUNCTIONS: Final[Mapping[str, frozenset[str]]] = {
    GET: frozenset(),
    JOIN: frozenset({"On", "Values"}),
    JSON_GET: frozenset({"PropertyFile", "S3Uri", "Path"}),
}
EXECUTION_VARIABLES: Final = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)


@dataclass(frozen=True)
class Scope:
    """What expressions are evaluated against.

    Attributes:
        parameters: Values by parameter name.
        execution: Values by execution variable, for example PipelineExecutionId.
        steps: Properties by step name, in the shape of the service's Describe answers; finished steps only.
        read_property_file: Returns the JSON document of a (step, property file).
        read_object: Returns the JSON document at an S3 URI.
    """

    parameters: Mapping[str, Json]
    execution: Mapping[str, str]
    steps: Mapping[str, Object] = field(default_factory=dict)
    read_property_file: Callable[[str, str], Json] | None = None
    read_object: Callable[[str], Json] | None = None


def function_of(value: Json) -> str | None:
    """Return which function `value` is, or None for a plain value.

    Raises:
        DefinitionError: `value` looks like a function that this engine does not know.
    """
    if not isinstance(value, dict) or len(value) != 1:
        return None
    (key,) = value
    if key in FUNCTIONS:
        return str(key)
    if key.startswith(("Std:", "Fn::")):
        raise DefinitionError(f"function {key!r}: the local engine does not know it. {allowed(key, FUNCTIONS)}")
    return None


def gets(value: Json) -> Iterator[str]:
    """Yield the target of every Get within `value`, for example ``Steps.Train.ModelArtifacts.S3ModelArtifacts``."""
    if isinstance(value, dict):
        kind = function_of(value)
        if kind == GET:
            yield str(value[GET])
        else:
            for child in value.values():
                yield from gets(child)
    elif isinstance(value, list):
        for child in value:
            yield from gets(child)


def json_gets(value: Json) -> Iterator[Object]:
    """Yield the arguments of every Std:JsonGet within `value`."""
    if isinstance(value, dict):
        if function_of(value) == JSON_GET:
            yield value[JSON_GET]
        for child in value.values():
            yield from json_gets(child)
    elif isinstance(value, list):
        for child in value:
            yield from json_gets(child)


def evaluate(value: Json, scope: Scope) -> Json:
    """Return `value` with every function in it replaced by its result.

    Raises:
        DefinitionError: A function is unknown or points nowhere.
        StepError: A property file lacks the value that Std:JsonGet asks for.
    """
    kind = function_of(value)
    if kind == GET:
        return _get(str(value[GET]), scope)
    if kind == JOIN:
        return _join(value[JOIN], scope)
    if kind == JSON_GET:
        return _json_get(value[JSON_GET], scope)
    if isinstance(value, dict):
        return {key: evaluate(child, scope) for key, child in value.items()}
    if isinstance(value, list):
        return [evaluate(child, scope) for child in value]
    return value


def partial(value: Json, scope: Scope) -> Json:
    """Return `value` with those functions replaced that do not wait for a step."""
    if function_of(value) is not None:
        waits = any(target.startswith("Steps.") for target in gets(value))
        return value if waits else evaluate(value, scope)
    if isinstance(value, dict):
        return {key: partial(child, scope) for key, child in value.items()}
    if isinstance(value, list):
        return [partial(child, scope) for child in value]
    return value


def text(value: Json) -> str:
    """Return how a value reads within a joined string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _get(target: str, scope: Scope) -> Json:
    kind, _, rest = target.partition(".")
    if kind == "Parameters":
        if rest in scope.parameters:
            return scope.parameters[rest]
        raise DefinitionError(f"Get {target!r}: no such parameter. {allowed(rest, scope.parameters)}")
    if kind == "Execution":
        if rest in scope.execution:
            return scope.execution[rest]
        raise DefinitionError(f"Get {target!r}: no such variable here. {allowed(rest, scope.execution)}")
    if kind == "Steps":
        return _property(target, rest, scope)
    raise DefinitionError(f"Get {target!r}: unknown source. {allowed(kind, ['Parameters', 'Execution', 'Steps'])}")


def _property(target: str, rest: str, scope: Scope) -> Json:
    step, _, path = rest.partition(".")
    if step not in scope.steps:
        raise DefinitionError(f"Get {target!r}: step {step!r} has no result here. {allowed(step, scope.steps)}")
    try:
        return look_up(scope.steps[step], path)
    except (KeyError, ValueError) as error:
        raise DefinitionError(f"Get {target!r}: {error.args[0]}. Correct the property path.") from error


def _join(arguments: Object, scope: Scope) -> str:
    values = evaluate(arguments["Values"], scope)
    for value in values:
        if isinstance(value, dict | list) or value is None:
            raise DefinitionError(f"{JOIN}: {value!r} is no text or number. Join plain values only.")
    return str(arguments.get("On", "")).join(text(value) for value in values)


def _json_get(arguments: Object, scope: Scope) -> Json:
    path = str(evaluate(arguments["Path"], scope))
    if "PropertyFile" in arguments:
        step, name = property_file(arguments["PropertyFile"])
        place = f"property file {name} of step {step}"
        document = scope.read_property_file(step, name) if scope.read_property_file else None
    else:
        place = str(evaluate(arguments["S3Uri"], scope))
        document = scope.read_object(place) if scope.read_object else None
    try:
        return look_up(document, path)
    except (KeyError, ValueError) as error:
        raise StepError(
            f"{place}: {path!r}: {error.args[0]}. Write this value in the job, or correct the path."
        ) from error


def property_file(value: Json) -> tuple[str, str]:
    """Return (step, property file) of a Std:JsonGet's PropertyFile.

    Raises:
        DefinitionError: It is not a Get of ``Steps.<step>.PropertyFiles.<name>``.
    """
    target = str(value[GET]) if isinstance(value, dict) and GET in value else ""
    parts = target.split(".")
    if len(parts) != 4 or parts[0] != "Steps" or parts[2] != "PropertyFiles":
        form = "{'Get': 'Steps.<step>.PropertyFiles.<name>'}"
        raise DefinitionError(f"{JSON_GET}: PropertyFile {value!r} is not understood. Write {form}.")
    return parts[1], parts[3]

# SPDX-License-Identifier: MIT-0
"""Evaluates the functions (Get, Std:Join, Std:JsonGet) and the conditions of a pipeline definition.

A function is a JSON object with the function's name as its only key. Everything else is a plain value.
Sources: the published JSON schema of pipeline definitions (Get, Std:Join); the SageMaker Python SDK's
`sagemaker.core.workflow.functions` (Std:JsonGet, which the schema does not have yet).

Conditions are those of the schema (Equals, NotEquals, GreaterThan, GreaterThanOrEqualTo, LessThan, LessThanOrEqualTo,
In, NotIn, Or) and those that the SDK emits in addition (Not; In with QueryValue and Values). There is no And type:
the conditions of a Condition step must all be true.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from local.errors import DefinitionError, StepError, suggest_known_names
from local.json_files import Json, JsonObject, look_up_json_path

GET: Final = "Get"
JOIN: Final = "Std:Join"
JSON_GET: Final = "Std:JsonGet"
FUNCTIONS: Final[Mapping[str, frozenset[str]]] = {
    GET: frozenset(),
    JOIN: frozenset({"On", "Values"}),
    JSON_GET: frozenset({"PropertyFile", "S3Uri", "Path"}),
}
EXECUTION_VARIABLES: Final = (
    *("StartDateTime", "CurrentDateTime", "PipelineName", "PipelineArn", "PipelineExecutionId"),
    *("PipelineExecutionArn", "TrainingJobName", "ProcessingJobName"),
)


@dataclass(frozen=True)
class EvaluationScope:
    """The values that expressions refer to.

    Attributes:
        parameters: Values by parameter name.
        execution: Values by execution variable, for example PipelineExecutionId.
        steps: Properties of finished steps by step name, in the shape of the service's Describe answers.
        read_property_file: Returns the JSON document of a step's property file.
        read_object: Returns the JSON document at an S3 URI.
    """

    parameters: Mapping[str, Json]
    execution: Mapping[str, str]
    steps: Mapping[str, JsonObject] = field(default_factory=dict)
    read_property_file: Callable[[str, str], Json] | None = None
    read_object: Callable[[str], Json] | None = None


def pipeline_function_of(value: Json) -> str | None:
    """Return the name of the function that `value` is, or None for a plain value.

    Raises:
        DefinitionError: `value` has the form of a function that this engine does not support.
    """
    if not isinstance(value, dict):
        return None
    for key in value:
        if key.startswith(("Std:", "Fn::")) and key not in FUNCTIONS:
            known = suggest_known_names(key, FUNCTIONS)
            raise DefinitionError(f"function {key!r} is not supported by the local engine. {known}")
        if len(value) == 1 and key in FUNCTIONS:
            return str(key)
        if key.startswith("Std:"):
            others = ", ".join(repr(other) for other in value if other != key)
            raise DefinitionError(f"function {key!r} stands in one object with {others}. Remove them.")
    return None


def get_targets(value: Json) -> Iterator[str]:
    """Yield the target of every Get within `value`, for example ``Steps.Train.ModelArtifacts.S3ModelArtifacts``."""
    return (str(each[GET]) for each in _objects(value) if pipeline_function_of(each) == GET)


def json_get_arguments(value: Json) -> Iterator[JsonObject]:
    """Yield the arguments of every Std:JsonGet within `value`."""
    return (each[JSON_GET] for each in _objects(value) if pipeline_function_of(each) == JSON_GET)


def property_get_targets(value: Json) -> Iterator[str]:
    """Yield the target of every Get within `value` that reads a value, not of those that name a property file."""
    if isinstance(value, dict):
        kind = pipeline_function_of(value)
        if kind == GET:
            yield str(value[GET])
            return
        if kind == JSON_GET:
            value = {key: child for key, child in value[JSON_GET].items() if key != "PropertyFile"}
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from property_get_targets(child)


def without_functions(value: Json) -> Json:
    """Return `value` with an empty string in place of every function, whose result has no parts to refer to."""
    if isinstance(value, dict):
        if pipeline_function_of(value) is not None:
            return ""
        return {key: without_functions(child) for key, child in value.items()}
    if isinstance(value, list):
        return [without_functions(child) for child in value]
    return value


def _objects(value: Json) -> Iterator[JsonObject]:
    """Yield every JSON object within `value`, outer ones first."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _objects(child)


def evaluate_expression(value: Json, scope: EvaluationScope) -> Json:
    """Return `value` with every function in it replaced by its result.

    Raises:
        DefinitionError: A function is unknown or points nowhere.
        StepError: A property file lacks the value that Std:JsonGet reads.
    """
    kind = pipeline_function_of(value)
    if kind == GET:
        return _evaluate_get(str(value[GET]), scope)
    if kind == JOIN:
        return _evaluate_join(value[JOIN], scope)
    if kind == JSON_GET:
        return _evaluate_json_get(value[JSON_GET], scope)
    if isinstance(value, dict):
        return {key: evaluate_expression(child, scope) for key, child in value.items()}
    if isinstance(value, list):
        return [evaluate_expression(child, scope) for child in value]
    return value


def evaluate_partially(value: Json, scope: EvaluationScope) -> Json:
    """Return `value` with every function in it replaced by its result, except those that wait for a step."""
    if pipeline_function_of(value) is not None:
        waits = any(json_get_arguments(value)) or any(target.startswith("Steps.") for target in get_targets(value))
        return value if waits else evaluate_expression(value, scope)
    if isinstance(value, dict):
        return {key: evaluate_partially(child, scope) for key, child in value.items()}
    if isinstance(value, list):
        return [evaluate_partially(child, scope) for child in value]
    return value


def _evaluate_get(target: str, scope: EvaluationScope) -> Json:
    kind, _, rest = target.partition(".")
    if kind == "Parameters":
        if rest in scope.parameters:
            return scope.parameters[rest]
        raise DefinitionError(f"Get {target!r}: no such parameter. {suggest_known_names(rest, scope.parameters)}")
    if kind == "Execution":
        if rest in scope.execution:
            return scope.execution[rest]
        raise DefinitionError(f"Get {target!r}: no such variable here. {suggest_known_names(rest, scope.execution)}")
    if kind == "Steps":
        return _evaluate_property(target, rest, scope)
    raise DefinitionError(
        f"Get {target!r}: unknown source. {suggest_known_names(kind, ['Parameters', 'Execution', 'Steps'])}"
    )


def _evaluate_property(target: str, rest: str, scope: EvaluationScope) -> Json:
    step, _, path = rest.partition(".")
    if step not in scope.steps:
        raise DefinitionError(
            f"Get {target!r}: step {step!r} has no result here. {suggest_known_names(step, scope.steps)}"
        )
    try:
        return look_up_json_path(scope.steps[step], path)
    except (KeyError, ValueError) as error:
        raise DefinitionError(f"Get {target!r}: {error.args[0]}. Correct the property path.") from error


def _evaluate_join(arguments: JsonObject, scope: EvaluationScope) -> str:
    values = evaluate_expression(arguments["Values"], scope)
    for value in values:
        if isinstance(value, dict | list) or value is None:
            raise DefinitionError(f"{JOIN}: {value!r} is neither a string nor a number. Join only plain values.")
    return str(arguments.get("On", "")).join(
        str(each).lower() if isinstance(each, bool) else str(each) for each in values
    )


def _evaluate_json_get(arguments: JsonObject, scope: EvaluationScope) -> Json:
    path = str(evaluate_expression(arguments["Path"], scope))
    if "PropertyFile" in arguments:
        step, name = parse_property_file(arguments["PropertyFile"])
        place = f"property file {name} of step {step}"
        document = scope.read_property_file(step, name) if scope.read_property_file else None
    else:
        place = str(evaluate_expression(arguments["S3Uri"], scope))
        document = scope.read_object(place) if scope.read_object else None
    try:
        return look_up_json_path(document, path)
    except (KeyError, ValueError) as error:
        raise StepError(
            f"{place}: {path!r}: {error.args[0]}. Correct the path, or the job that writes the file."
        ) from error


def parse_property_file(value: Json) -> tuple[str, str]:
    """Return (step, property file) of a Std:JsonGet's PropertyFile.

    Raises:
        DefinitionError: It is not a Get of ``Steps.<step>.PropertyFiles.<name>``.
    """
    target = str(value[GET]) if isinstance(value, dict) and GET in value else ""
    parts = target.split(".")
    if len(parts) != 4 or parts[0] != "Steps" or parts[2] != "PropertyFiles":
        form = "{'Get': 'Steps.<step>.PropertyFiles.<name>'}"
        raise DefinitionError(f"{JSON_GET}: PropertyFile {value!r} is not valid. Write {form}.")
    return parts[1], parts[3]


_ORDER_OPERATORS: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_BINARY_TYPES: Final = ("Equals", "NotEquals", *_ORDER_OPERATORS)
_MEMBER_TYPES: Final = ("In", "NotIn")
CONDITION_TYPES: Final = (*_BINARY_TYPES, *_MEMBER_TYPES, "Not", "Or")


def check_condition(condition: Json, place: str) -> None:
    """Check the type, the fields and the literal values of a condition.

    Raises:
        DefinitionError: The type or a field is unknown, a field is missing, or a value cannot be compared.
    """
    kind = condition.get("Type") if isinstance(condition, dict) else None
    if kind not in CONDITION_TYPES:
        raise DefinitionError(
            f"{place}: condition type {kind!r} is unknown. {suggest_known_names(str(kind), CONDITION_TYPES)}"
        )
    forms = _field_sets(kind)
    fields = set(condition) - {"Type"}
    if fields not in forms:
        wanted = " or ".join(", ".join(sorted(form)) for form in forms)
        raise DefinitionError(f"{place}: condition {kind} has the fields {sorted(fields)}. It takes {wanted}.")
    for name in sorted(fields & {"Conditions", "Values", "In"}):
        if not isinstance(condition[name], list):
            raise DefinitionError(f"{place}: condition {kind}: {name} {condition[name]!r} is not a list.")
    for child in [condition["Condition"]] if kind == "Not" else condition.get("Conditions", []):
        check_condition(child, place)
    compared = [condition[name] for name in ("LeftValue", "RightValue", "QueryValue", "Value") if name in condition]
    for value in [*compared, *condition.get("Values", []), *condition.get("In", [])]:
        _check_compared(value, kind, place)


def _check_compared(value: Json, kind: str, place: str) -> None:
    if pipeline_function_of(value) is not None:
        return
    if isinstance(value, dict | list) or value is None:
        raise DefinitionError(f"{place}: condition {kind}: {value!r} is neither a single value nor a function.")
    if kind in _ORDER_OPERATORS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise DefinitionError(f"{place}: condition {kind}: {value!r} is not a number. Compare numbers, or use Equals.")


def evaluate_condition(condition: JsonObject, scope: EvaluationScope) -> bool:
    """Return whether `condition`, which passed `check_condition`, is true.

    Raises:
        StepError: Values that are not numbers are compared by order.
    """
    kind: str = condition["Type"]
    if kind == "Not":
        return not evaluate_condition(condition["Condition"], scope)
    if kind == "Or":
        return any(evaluate_condition(child, scope) for child in condition["Conditions"])
    if kind in _MEMBER_TYPES:
        return _is_member(condition, scope) == (kind == "In")
    left, right = (
        evaluate_expression(condition["LeftValue"], scope),
        evaluate_expression(condition["RightValue"], scope),
    )
    if kind not in _ORDER_OPERATORS:
        return _equal(left, right) == (kind == "Equals")
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise StepError(f"condition {kind}: {value!r} is not a number. Compare numbers, or use Equals.")
    return bool(_ORDER_OPERATORS[kind](left, right))


def _field_sets(kind: str) -> list[set[str]]:
    if kind in _BINARY_TYPES:
        return [{"LeftValue", "RightValue"}]
    if kind == "Not":
        return [{"Condition"}]
    if kind == "Or":
        return [{"Conditions"}]
    return [{"QueryValue", "Values"}, {"Value", "In"}]


def _is_member(condition: JsonObject, scope: EvaluationScope) -> bool:
    query = evaluate_expression(condition["QueryValue"] if "QueryValue" in condition else condition["Value"], scope)
    values = evaluate_expression(condition["Values"] if "Values" in condition else condition["In"], scope)
    return any(_equal(query, value) for value in values)


def _equal(left: Json, right: Json) -> bool:
    # True == 1 in Python, but booleans and numbers differ in JSON and on the service.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)

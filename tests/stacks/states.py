# SPDX-License-Identifier: MIT-0
"""A small interpreter of the Amazon States Language, for state machines that use JSONPath.

It knows what our machine uses and refuses anything else, so that no test passes over what it does not understand; and
as on the service, a path that leads nowhere is an error. Source: Amazon States Language specification.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_STEP: Final = re.compile(r"\.(?P<key>\w+)|\[(?P<index>\d+)\]|\[\?\(@\.(?P<where>\w+) == '(?P<value>\w+)'\)\]")
_CALL: Final = re.compile(r"States\.(?P<name>\w+)\((?P<arguments>.*)\)", re.DOTALL)
_ARGUMENT: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|(\$[^,]*)|(true|false)")


class TaskError(Exception):
    """What a task ends with: its arguments are the error's name and its cause."""


@dataclass
class Run:
    """How an execution ended.

    Attributes:
        status: SUCCEEDED or FAILED.
        output: Of a success.
        error: Name of the error of a failure.
        cause: Its cause.
        path: Names of the states that it went through.
    """

    status: str
    output: Any = None
    error: str = ""
    cause: str = ""
    path: list[str] = field(default_factory=list)


def run(definition: Mapping[str, Any], given: Any, tasks: Mapping[str, Callable[[Any], Any]]) -> Run:
    """Execute `definition` with the input `given`.

    Args:
        definition: The parsed JSON.
        given: The input.
        tasks: What stands in for each task, by the end of its resource; it is given the task's parameters.
    """
    name, data, path = definition["StartAt"], given, []
    while True:
        state = definition["States"][name]
        path.append(name)
        assert len(path) < 100, f"no end: {path[-6:]}"
        if state["Type"] == "Succeed":
            return Run("SUCCEEDED", output=data, path=path)
        if state["Type"] == "Fail":
            return Run("FAILED", error=state["Error"], cause=_cause(state, data), path=path)
        name, data = _STATES[state["Type"]](state, data, tasks)


def _cause(state: Mapping[str, Any], data: Any) -> str:
    cause = evaluated(state["CausePath"], data)
    assert isinstance(cause, str), f"a cause has to be text: {cause!r}"
    return cause


def _pass(state: Mapping[str, Any], data: Any, _tasks: Any) -> tuple[str, Any]:
    assert set(state) == {"Type", "Parameters", "Next"}, state
    return state["Next"], filled(state["Parameters"], data)


def _wait(state: Mapping[str, Any], data: Any, _tasks: Any) -> tuple[str, Any]:
    assert set(state) == {"Type", "Seconds", "Next"}, state
    return state["Next"], data


def _choice(state: Mapping[str, Any], data: Any, _tasks: Any) -> tuple[str, Any]:
    return next((each["Next"] for each in state["Choices"] if _holds(each, data)), state["Default"]), data


def _holds(rule: Mapping[str, Any], data: Any) -> bool:
    if "Or" in rule:
        return any(_holds(each, data) for each in rule["Or"])
    if "IsPresent" in rule:
        return _present(rule["Variable"], data) is rule["IsPresent"]
    assert set(rule) <= {"Variable", "StringEquals", "Next"}, rule
    return evaluated(rule["Variable"], data) == rule["StringEquals"]


def _task(state: Mapping[str, Any], data: Any, tasks: Mapping[str, Callable[[Any], Any]]) -> tuple[str, Any]:
    known = {"Type", "Resource", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Retry", "Catch", "Next"}
    assert set(state) <= known, state
    try:
        result = tasks[state["Resource"].rpartition(":::")[2]](filled(state["Parameters"], data))
    except TaskError as failure:
        error, cause = failure.args
        for each in state.get("Catch", []):
            if {error, "States.ALL"} & set(each["ErrorEquals"]):
                return each["Next"], _put(each["ResultPath"], {"Error": error, "Cause": cause}, data)
        raise
    selected = filled(state["ResultSelector"], result) if "ResultSelector" in state else result
    output = _put(state["ResultPath"], selected, data) if "ResultPath" in state else selected
    return state["Next"], evaluated(state.get("OutputPath", "$"), output)


_STATES: Final = {"Pass": _pass, "Wait": _wait, "Choice": _choice, "Task": _task}


def _put(path: str, value: Any, data: Any) -> Any:
    assert re.fullmatch(r"\$\.\w+", path), path
    return {**data, path[2:]: value}


def filled(template: Any, data: Any) -> Any:
    """Return `template` with the value of each key that ends in ``.$`` evaluated over `data`."""
    if not isinstance(template, Mapping):
        return template
    return {
        key.removesuffix(".$"): evaluated(value, data) if key.endswith(".$") else filled(value, data)
        for key, value in template.items()
    }


def evaluated(expression: str, data: Any) -> Any:
    """Return what a path or an intrinsic function gives over `data`."""
    call = _CALL.fullmatch(expression)
    if not call:
        return _found(expression, data)
    arguments = [_argument(each, data) for each in _ARGUMENT.finditer(call["arguments"])]
    if call["name"] == "JsonMerge":
        assert arguments[2] is False, "a deep merge is not supported by the service"
        return {**arguments[0], **arguments[1]}
    if call["name"] == "StringToJson":
        return json.loads(arguments[0])
    assert call["name"] == "Format", expression
    assert arguments[0].count("{}") == len(arguments) - 1, expression
    return arguments[0].replace("{}", "%s") % tuple(arguments[1:])


def _argument(given: re.Match[str], data: Any) -> Any:
    text, path, boolean = given.groups()
    if path:
        return _found(path.strip(), data)
    return boolean == "true" if boolean else text


def _present(path: str, data: Any) -> bool:
    try:
        _found(path, data)
    except LookupError:
        return False
    return True


def _found(path: str, data: Any) -> Any:
    assert path.startswith("$"), path
    rest, many = path[1:], False
    while rest:
        step = _STEP.match(rest)
        assert step, f"path not understood: {path}"
        rest = rest[step.end() :]
        if step["where"]:
            data, many = [each for each in data if each.get(step["where"]) == step["value"]], True
        elif many:
            data = [each[step["key"]] for each in data if step["key"] in each]
        else:
            data = data[step["key"]] if step["key"] else data[int(step["index"])]
    return data

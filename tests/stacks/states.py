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
        branches: The branches that it took, as `branches` names them.
        seconds: How long it waited, between attempts too.
    """

    status: str
    output: Any = None
    error: str = ""
    cause: str = ""
    path: list[str] = field(default_factory=list)
    branches: set[tuple[str, str]] = field(default_factory=set)
    seconds: float = 0


def run(definition: Mapping[str, Any], given: Any, tasks: Mapping[str, Callable[[Any], Any]]) -> Run:
    """Execute `definition` with the input `given`.

    Args:
        definition: The parsed JSON.
        given: The input.
        tasks: What stands in for each task, by the end of its resource; it is given the task's parameters.
    """
    name, data, now = definition["StartAt"], given, Run("RUNNING")
    while True:
        state = definition["States"][name]
        now.path.append(name)
        assert len(now.path) < 10_000, f"no end: {now.path[-6:]}"
        if now.seconds > definition["TimeoutSeconds"]:
            now.status, now.error = "TIMED_OUT", "States.Timeout"
            return now
        if state["Type"] in ("Succeed", "Fail"):
            now.branches.add((name, "end"))
            now.status, now.output = "SUCCEEDED", data
            if state["Type"] == "Fail":
                now.status, now.output = "FAILED", None
                now.error = state["Error"] if "Error" in state else _text(state["ErrorPath"], data)
                now.cause = _text(state["CausePath"], data)
            return now
        try:
            name, data = _STATES[state["Type"]](name, state, data, tasks, now)
        except TaskError as failure:
            now.status, (now.error, now.cause) = "FAILED", failure.args
            now.branches.add((name, "uncaught"))
            return now


def branches(definition: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return each branch of a state machine: the state's name, and which way it is left."""
    found = set()
    for name, state in definition["States"].items():
        ways = {
            "Choice": [*(f"choice {number}" for number, _ in enumerate(state.get("Choices", ()))), "default"],
            "Succeed": ["end"],
            "Fail": ["end"],
        }.get(state["Type"], ["next"])
        ways += [f"retry {number}" for number, _ in enumerate(state.get("Retry", ()))]
        ways += [f"catch {number}" for number, _ in enumerate(state.get("Catch", ()))]
        if state["Type"] == "Task" and not _catches_all(state):
            ways.append("uncaught")
        found |= {(name, way) for way in ways}
    return found


def _catches_all(state: Mapping[str, Any]) -> bool:
    return any("States.ALL" in each["ErrorEquals"] for each in state.get("Catch", ()))


def _text(path: str, data: Any) -> str:
    found = evaluated(path, data)
    assert isinstance(found, str), f"{path}: has to be text: {found!r}"
    return found


def _pass(name: str, state: Mapping[str, Any], data: Any, _tasks: Any, now: Run) -> tuple[str, Any]:
    assert set(state) == {"Type", "Parameters", "Next"}, state
    now.branches.add((name, "next"))
    return state["Next"], filled(state["Parameters"], data)


def _wait(name: str, state: Mapping[str, Any], data: Any, _tasks: Any, now: Run) -> tuple[str, Any]:
    assert set(state) == {"Type", "Seconds", "Next"}, state
    now.branches.add((name, "next"))
    now.seconds += state["Seconds"]
    return state["Next"], data


def _choice(name: str, state: Mapping[str, Any], data: Any, _tasks: Any, now: Run) -> tuple[str, Any]:
    for number, each in enumerate(state["Choices"]):
        if _holds(each, data):
            now.branches.add((name, f"choice {number}"))
            return each["Next"], data
    now.branches.add((name, "default"))
    return state["Default"], data


def _holds(rule: Mapping[str, Any], data: Any) -> bool:
    if "Or" in rule:
        return any(_holds(each, data) for each in rule["Or"])
    if "IsPresent" in rule:
        return _present(rule["Variable"], data) is rule["IsPresent"]
    assert set(rule) <= {"Variable", "StringEquals", "Next"}, rule
    return evaluated(rule["Variable"], data) == rule["StringEquals"]


def _task(name: str, state: Mapping[str, Any], data: Any, tasks: Any, now: Run) -> tuple[str, Any]:
    known = {"Type", "Resource", "Parameters", "ResultSelector", "ResultPath", "OutputPath", "Retry", "Catch", "Next"}
    assert set(state) <= known, state
    try:
        result = _attempted(name, state, data, tasks, now)
    except TaskError as failure:
        error, cause = failure.args
        for number, each in enumerate(state.get("Catch", [])):
            if _equals(error, each["ErrorEquals"]):
                now.branches.add((name, f"catch {number}"))
                return each["Next"], _put(each["ResultPath"], {"Error": error, "Cause": cause}, data)
        raise
    now.branches.add((name, "next"))
    selected = filled(state["ResultSelector"], result) if "ResultSelector" in state else result
    output = _put(state["ResultPath"], selected, data) if "ResultPath" in state else selected
    return state["Next"], evaluated(state.get("OutputPath", "$"), output)


def _attempted(name: str, state: Mapping[str, Any], data: Any, tasks: Any, now: Run) -> Any:
    """Return the result of a task, tried again as its retriers say; each has a count and an interval of its own."""
    counts: dict[int, int] = {}
    while True:
        try:
            return tasks[state["Resource"].rpartition(":::")[2]](filled(state["Parameters"], data))
        except TaskError as failure:
            retriers = enumerate(state.get("Retry", []))
            number, retrier = next(
                ((at, each) for at, each in retriers if _equals(failure.args[0], each["ErrorEquals"])), (0, {})
            )
            if counts.get(number, 0) >= retrier.get("MaxAttempts", 0):
                raise
            wait = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** counts.get(number, 0)
            now.seconds += min(wait, retrier.get("MaxDelaySeconds", wait))
            counts[number] = counts.get(number, 0) + 1
            now.branches.add((name, f"retry {number}"))


def _equals(error: str, names: list[str]) -> bool:
    """Return whether a name of an error stands for `error`; States.TaskFailed is any but a time-out."""
    return error in names or "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


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

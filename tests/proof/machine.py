# SPDX-License-Identifier: MIT-0
"""State machines: the definition is JSON, its states lead somewhere, and its role may do what the states do.

Source: Amazon States Language specification.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.proof.intrinsic import Documents, Resource, resources

_KINDS: Final = {"Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait"}
_LAST: Final = {"Fail", "Succeed"}


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is wrong with the state machines of `documents`."""
    for resource in resources(documents):
        if resource.kind == "AWS::StepFunctions::StateMachine":
            yield from (f"{resource.place}: {problem}" for problem in _machine(resource))


def _machine(resource: Resource) -> Iterator[str]:
    try:
        definition = json.loads(resource.properties.get("DefinitionString", ""))
    except ValueError as error:
        yield f"DefinitionString is no JSON: {error}"
        return
    states = definition.get("States", {})
    if definition.get("StartAt") not in states:
        yield f"StartAt: no state {definition.get('StartAt')!r}"
    reached = {definition.get("StartAt")}
    for name, state in states.items():
        reached |= set(_ways(state))
        yield from (f"state {name!r}: {problem}" for problem in _state(state, states))
    yield from (f"state {name!r}: nothing leads to it" for name in sorted(states.keys() - reached))


def _state(state: dict[str, Any], states: dict[str, Any]) -> Iterator[str]:
    kind = state.get("Type")
    if kind not in _KINDS:
        yield f"unknown type {kind}"
    ways = list(_ways(state))
    yield from (f"no state {way!r} to go to" for way in ways if way not in states)
    if not ways and kind not in _LAST and not state.get("End"):
        yield "it neither ends nor goes on"
    if kind == "Choice" and "Default" not in state:
        yield "no Default, so that an unforeseen value ends as a runtime error"
    if kind == "Task" and not str(state.get("Resource", "")).startswith("arn:"):
        yield f"Resource {state.get('Resource')!r} is no ARN"
    if kind == "Wait" and not {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} & state.keys():
        yield "waits for nothing"


def _ways(state: dict[str, Any]) -> Iterator[str]:
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (choice["Next"] for choice in state.get("Choices", []))
    yield from (catch["Next"] for catch in state.get("Catch", []))

# SPDX-License-Identifier: MIT-0
"""What EventBridge does with an event: matches it with a rule's pattern, and makes a target's input of it.

Only what our rules use; anything else is refused. Sources: EventBridge User Guide, "Creating event patterns",
"Comparison operators for use in event patterns" and "Input transformation".
"""

import fnmatch
import json
import re
from collections.abc import Mapping
from typing import Any, Final

_ABSENT: Final = object()


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether `event` matches the pattern."""
    return all(
        any(matches(each, event) for each in wanted) if key == "$or" else _matches(wanted, event.get(key, _ABSENT))
        for key, wanted in pattern.items()
    )


def _matches(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and matches(wanted, found)
    # A list without anything in it is like a field that is not there.
    values = found if isinstance(found, list) and found else [_ABSENT if found == [] else found]
    return any(_is(rule, value) for rule in wanted for value in values)


def _is(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return bool(rule == value)
    ((kind, text),) = rule.items()
    if kind == "exists":
        return (value is not _ABSENT) is text
    if kind == "prefix":
        return isinstance(value, str) and value.startswith(text)
    assert kind == "wildcard", f"not understood: {rule}"
    assert not set(text) & set("?["), f"fnmatch would read more into {text!r} than EventBridge does"
    return isinstance(value, str) and fnmatch.fnmatchcase(value, text)


def transformed(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the input that the target gets for `event`."""
    if "Input" in target:
        return str(target["Input"])
    given = target["InputTransformer"]
    values = {name: _at(path, event) for name, path in given["InputPathsMap"].items()}
    text = given["InputTemplate"].startswith('"')

    def put(match: re.Match[str]) -> str:
        value = values[match[1]]
        assert not text or isinstance(value, str | int), f"EventBridge takes the quotes out of {match[1]} in a text"
        return str(value) if text else json.dumps(value)

    return re.sub(r"<([\w-]+)>", put, given["InputTemplate"])


def _at(path: str, event: Mapping[str, Any]) -> Any:
    found: Any = event
    for key in path.removeprefix("$.").split("."):
        found = found[key]
    return found

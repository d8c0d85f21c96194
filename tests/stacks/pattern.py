# SPDX-License-Identifier: MIT-0
"""What EventBridge does with an event: matches it with a rule's pattern, and makes a target's input of it.

Only what our rules use; anything else is refused. Sources: EventBridge User Guide, "Creating event patterns" and
"Input transformation".
"""

import fnmatch
import re
from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether `event` matches the pattern."""
    return all(_matches(wanted, event.get(key)) for key, wanted in pattern.items())


def _matches(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and matches(wanted, found)
    values = found if isinstance(found, list) else [found]
    return any(_is(rule, value) for rule in wanted for value in values)


def _is(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return bool(rule == value)
    ((kind, text),) = rule.items()
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
        return str(value) if text or not isinstance(value, str) else f'"{value}"'

    return re.sub(r"<([\w-]+)>", put, given["InputTemplate"])


def _at(path: str, event: Mapping[str, Any]) -> Any:
    found: Any = event
    for key in path.removeprefix("$.").split("."):
        found = found[key]
    return found

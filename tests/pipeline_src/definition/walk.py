# SPDX-License-Identifier: MIT-0
"""Ways through a definition: its steps, its references, and every place in it."""

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
_FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")


def steps(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every step, those inside a condition after it."""
    yield from _steps(document["Steps"])


def _steps(listed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in listed:
        yield step
        if step.get("Type") == "Condition":
            yield from _steps(step["Arguments"].get("IfSteps", []))
            yield from _steps(step["Arguments"].get("ElseSteps", []))


def own_arguments(step: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `step` without the steps that a condition holds."""
    return {key: value for key, value in step.get("Arguments", {}).items() if key not in ("IfSteps", "ElseSteps")}


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value inside `value` with the way to it, outer ones first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key), each
        yield from places(each, (*path, key))


def references(value: Any) -> Iterator[str]:
    """Yield what each `Get` inside `value` names."""
    for path, each in places(value):
        if path[-1] == "Get":
            yield each


def is_function(value: Any) -> bool:
    """Tell whether `value` is computed when the pipeline runs."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _FUNCTIONS

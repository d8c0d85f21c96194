# SPDX-License-Identifier: MIT-0
"""The steps of a pipeline definition, as `local.validation.parse` reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from local.document import Object
from local.error import DefinitionError, allowed
from local.expression import gets

_DURATION: Final = re.compile(
    r"P?(?:(?P<year>\d+)Y)?(?:(?P<month>\d+)M)?(?:(?P<week>\d+)W)?(?:(?P<day>\d+)D)?"
    r"(?:T(?:(?P<hour>\d+)H)?(?:(?P<minute>\d+)M)?(?:(?P<second>\d+)S)?)?",
    re.IGNORECASE,
)
_DAY: Final = 86_400
_SECONDS: Final = {
    "year": 365 * _DAY,
    "month": 30 * _DAY,
    "week": 7 * _DAY,
    "day": _DAY,
    "hour": 3600,
    "minute": 60,
    "second": 1,
}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        body: The step's JSON.
        parent: The Condition step in whose branch it stands, if any.
        branch: ``IfSteps`` or ``ElseSteps`` of the parent.
    """

    name: str
    kind: str
    body: Object = field(repr=False)
    parent: str | None = None
    branch: str | None = None

    @property
    def arguments(self) -> Object:
        """The step's own arguments, without the steps of a condition's branches."""
        arguments: Object = self.body["Arguments"]
        if self.kind == "Condition":
            return {"Conditions": arguments.get("Conditions", [])}
        return arguments

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names of the steps that must have succeeded: data, DependsOn, and the condition around it."""
        data = {target.split(".")[1] for target in gets(self.arguments) if target.startswith("Steps.")}
        around = {self.parent} if self.parent else set()
        return frozenset(data | around | set(self.body.get("DependsOn", [])))

    @property
    def cache_seconds(self) -> float | None:
        """How old a reused result may be, in seconds; None where caching is off."""
        config = self.body.get("CacheConfig", {})
        if not config.get("Enabled"):
            return None
        return duration(config["ExpireAfter"]) if "ExpireAfter" in config else float("inf")


@dataclass(frozen=True)
class Definition:
    """A checked definition: its parameters' declarations and its steps, nested ones included, in its order."""

    parameters: tuple[Object, ...]
    steps: Mapping[str, Step]

    def selection(self, until: str | None) -> frozenset[str]:
        """Return the names of the steps to run: all, or `until` and what it needs.

        Raises:
            DefinitionError: There is no step `until`.
        """
        if until is None:
            return frozenset(self.steps)
        if until not in self.steps:
            raise DefinitionError(f"--until {until!r}: the pipeline has no such step. {allowed(until, self.steps)}")
        found: set[str] = set()
        waiting = {until}
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= self.steps[name].needs - found
        return frozenset(found)


def duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration such as ``P30D``; a year counts 365 days, a month 30.

    Raises:
        DefinitionError: It is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise DefinitionError(f"CacheConfig.ExpireAfter: {text!r} is no ISO 8601 duration. Write for example P30D.")
    return float(sum(_SECONDS[unit] * int(number) for unit, number in match.groupdict().items() if number))

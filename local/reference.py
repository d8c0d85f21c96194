# SPDX-License-Identifier: MIT-0
"""Checks that everything a step refers to exists, is of the right step, and can have run before it."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from local.argument import generated
from local.definition import Step
from local.document import Object, look_up
from local.error import DefinitionError, allowed
from local.expression import EXECUTION_VARIABLES, JSON_GET, gets, json_gets, property_file

Steps = Mapping[str, Step]


def check(steps: Steps, parameters: set[str]) -> None:
    """Check all references between `steps` and to `parameters`.

    Raises:
        DefinitionError: One leads nowhere, to a branch that may not run, or in a circle.
    """
    for step in steps.values():
        place = f"step {step.name!r}"
        for needed in sorted(step.needs):
            _check_needed(place, step, needed, steps)
        for target in gets(step.arguments):
            _check_target(place, target, steps, parameters)
        for arguments in json_gets(step.arguments):
            _check_json_get(place, arguments, steps)
    _check_order(steps)


def _expect(place: str, name: str, names: set[str], what: str) -> None:
    if name not in names:
        raise DefinitionError(f"{place}: no {what} {name!r}. {allowed(name, names)}")


def _check_needed(place: str, step: Step, needed: str, steps: Steps) -> None:
    _expect(place, needed, set(steps), "step")
    other = steps[needed]
    if needed in step.body.get("DependsOn", []) and other.kind == "Condition":
        raise DefinitionError(f"{place}: DependsOn the condition {needed!r}. Put the step into one of its branches.")
    if other.parent and (other.parent, other.branch) not in _around(step, steps):
        raise DefinitionError(
            f"{place}: it needs {needed!r}, which runs in a branch of {other.parent!r} only. Move it."
        )


def _around(step: Step, steps: Steps) -> Iterator[tuple[str | None, str | None]]:
    """Yield each condition, with its branch, that `step` stands in, from the inside out."""
    while step.parent:
        yield step.parent, step.branch
        step = steps[step.parent]


def _check_target(place: str, target: str, steps: Steps, parameters: set[str]) -> None:
    kind, _, rest = target.partition(".")
    if kind == "Parameters":
        _expect(place, rest, parameters, "parameter")
    elif kind == "Execution":
        _expect(place, rest, set(EXECUTION_VARIABLES), "execution variable")
    elif kind == "Steps":
        name, _, path = rest.partition(".")
        if not path.startswith("PropertyFiles."):
            _check_property(place, path, steps[name])
    else:
        raise DefinitionError(f"{place}: Get {target!r}: unknown source. Known: Execution, Parameters, Steps.")


def _check_property(place: str, path: str, step: Step) -> None:
    try:
        look_up(step.arguments | generated(step.kind, step.arguments), path)
    except (KeyError, ValueError) as error:
        raise DefinitionError(f"{place}: Get Steps.{step.name}.{path}: {error.args[0]}. Correct the path.") from error


def _check_json_get(place: str, arguments: Object, steps: Steps) -> None:
    if "Path" not in arguments or ("PropertyFile" in arguments) == ("S3Uri" in arguments):
        raise DefinitionError(f"{place}: {JSON_GET} takes Path and one of PropertyFile and S3Uri. Give those.")
    if "S3Uri" in arguments:
        return
    owner, name = property_file(arguments["PropertyFile"])
    files = {item["PropertyFileName"]: item for item in steps[owner].body.get("PropertyFiles", [])}
    _expect(place, name, set(files), f"property file of step {owner!r}")
    outputs = steps[owner].arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _expect(f"property file {name!r}", files[name]["OutputName"], {item["OutputName"] for item in outputs}, "output")


def _check_order(steps: Steps) -> None:
    try:
        TopologicalSorter({name: step.needs for name, step in steps.items()}).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise DefinitionError(f"steps {circle}: they wait for each other. Cut the circle.") from error

# SPDX-License-Identifier: MIT-0
"""What refers to what: parameters, steps, their outputs and property files, and the order that follows."""

import re
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from tests.pipeline_src.definition import service, walk

_EXECUTION = {"PipelineExecutionId", "PipelineExecutionArn", "PipelineName", "PipelineArn", "StartDateTime"}
_STEP = re.compile(r"Steps\.(?P<step>[^.]+)\.(?P<rest>.+)")
_OUTPUT = re.compile(r"ProcessingOutputConfig\.Outputs\['(?P<name>[^']+)'\]")


def problems(document: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the graph of `document`."""
    steps = {step["Name"]: step for step in walk.steps(document)}
    parameters = {parameter["Name"] for parameter in document["Parameters"]}
    yield from _duplicates("step", (step["Name"] for step in walk.steps(document)))
    yield from _duplicates("parameter", (parameter["Name"] for parameter in document["Parameters"]))
    for step in steps.values():
        yield from (f"{step['Name']}: {problem}" for problem in _step(step, steps, parameters))
    used = {name.removeprefix("Parameters.") for name in _used(document["Steps"])}
    yield from (f"parameter {name}: nothing uses it" for name in sorted(parameters - used))
    try:
        TopologicalSorter({name: _needs(step) for name, step in steps.items()}).prepare()
    except CycleError as error:
        yield f"steps: a cycle: {' <- '.join(error.args[1])}"


def _used(value: Any) -> Iterator[str]:
    """Yield what the references inside `value` name, but for what a job is told only to note it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from [each] if key == "Get" else _used(each)
    if isinstance(value, list):
        for before, each in zip([None, *value], value, strict=False):
            yield from () if before == "--noted" else _used(each)


def _duplicates(kind: str, names: Iterator[str]) -> Iterator[str]:
    yield from (f"{kind} {name}: {count} times" for name, count in Counter(names).items() if count > 1)


def _step(step: dict[str, Any], steps: dict[str, Any], parameters: set[str]) -> Iterator[str]:
    arguments = walk.own_arguments(step)
    for reference in walk.references(arguments):
        yield from _reference(reference, steps, parameters)
    yield from (f"depends on unknown step {name}" for name in step.get("DependsOn", []) if name not in steps)
    outputs = _outputs(step)
    yield from _duplicates("output", iter(outputs))
    yield from _duplicates("property file", (file["PropertyFileName"] for file in step.get("PropertyFiles", [])))
    for file in step.get("PropertyFiles", []):
        if file["OutputName"] not in outputs:
            yield f"property file {file['PropertyFileName']}: no output {file['OutputName']}"


def _reference(reference: str, steps: dict[str, Any], parameters: set[str]) -> Iterator[str]:
    kind, _, name = reference.partition(".")
    if kind == "Parameters" and name not in parameters:
        yield f"unknown parameter {name}"
    elif kind == "Execution" and name not in _EXECUTION:
        yield f"unknown execution variable {name}"
    elif kind == "Steps":
        yield from _property(reference, steps)
    elif kind not in ("Parameters", "Execution"):
        yield f"{reference} refers to nothing"


def _property(reference: str, steps: dict[str, Any]) -> Iterator[str]:
    match = _STEP.fullmatch(reference)
    if match is None or match["step"] not in steps:
        yield f"{reference}: unknown step"
        return
    step, rest = steps[match["step"]], match["rest"]
    if rest.startswith("PropertyFiles."):
        names = {file["PropertyFileName"] for file in step.get("PropertyFiles", [])}
        if rest.removeprefix("PropertyFiles.") not in names:
            yield f"{reference}: unknown property file"
        return
    output = _OUTPUT.match(rest)
    if output and output["name"] not in _outputs(step):
        yield f"{reference}: unknown output"
    if service.property_shape(step["Type"], rest) is None:
        yield f"{reference}: a {step['Type']} step has no such property"


def _outputs(step: dict[str, Any]) -> list[str]:
    return [each["OutputName"] for each in step["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs", [])]


def _needs(step: dict[str, Any]) -> set[str]:
    matches = (_STEP.fullmatch(reference) for reference in walk.references(walk.own_arguments(step)))
    return {match["step"] for match in matches if match} | set(step.get("DependsOn", []))

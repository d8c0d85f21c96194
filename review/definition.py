# SPDX-License-Identifier: MIT-0
"""Finds the SageMaker pipelines in a template, and takes their definitions apart into parameters and steps."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from review.error import ComparisonError
from review.expression import readable, reads_parameter, steps_read
from review.intrinsic import plain
from review.resource import PIPELINE

_BRANCHES: Final = {"IfSteps": "if", "ElseSteps": "else"}
_ELSEWHERE: Final = ("Parameters", "Steps", "Version")


@dataclasses.dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: Its name.
        branch: Where it stands, such as ``Gate (if)``; empty at the top.
        body: All of it but its name, its branches and its dependencies, readable.
        waits_for: The steps whose results it reads, and those that it names in DependsOn.
    """

    name: str
    branch: str
    body: Mapping[str, Any]
    waits_for: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Definition:
    """A pipeline's definition.

    Attributes:
        parameters: By name, each with its Type, DefaultValue and so on.
        steps: By name, the branches' steps included, in the order of the definition.
        others: What else it holds.
        text: The whole as it stands in the template, where it is no JSON; the other attributes are then empty.
    """

    parameters: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, Step]
    others: Mapping[str, Any]
    text: str = ""

    def readers(self, parameter: str) -> list[str]:
        """Return the names of the steps that read a parameter."""
        return [name for name, step in self.steps.items() if reads_parameter(step.body, parameter)]


def load(path: Path) -> dict[str, Any]:
    """Return a template.

    Raises:
        ComparisonError: It cannot be read.
    """
    try:
        template: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ComparisonError(f"{path.name}: {type(error).__name__}. Let app.py end with app.synth().") from error
    return template


def definitions(template: Mapping[str, Any]) -> dict[str, Definition]:
    """Return the definitions in a template by the logical ids of their pipelines."""
    resources = template.get("Resources", {})
    return {id_: _definition(each) for id_, each in sorted(resources.items()) if each.get("Type") == PIPELINE}


def _definition(resource: Mapping[str, Any]) -> Definition:
    whole = plain(resource.get("Properties", {}).get("PipelineDefinition", {}))
    document = whole.get("PipelineDefinitionBody") if isinstance(whole, dict) else whole
    if not isinstance(document, dict) or "Steps" not in document:
        return Definition({}, {}, {}, text=json.dumps(whole, sort_keys=True))
    document = readable(document)
    return Definition(
        {each["Name"]: each for each in document.get("Parameters", [])},
        {step.name: step for step in _steps(document["Steps"], "")},
        {key: each for key, each in document.items() if key not in _ELSEWHERE},
    )


def _steps(elements: list[dict[str, Any]], branch: str) -> Iterator[Step]:
    for element in elements:
        name, arguments = element["Name"], element.get("Arguments", {})
        own = {key: each for key, each in arguments.items() if key not in _BRANCHES}
        body = {key: each for key, each in element.items() if key not in {"Name", "Arguments", "DependsOn"}} | own
        yield Step(name, branch, body, frozenset({*steps_read(body), *element.get("DependsOn", [])}))
        for key, word in _BRANCHES.items():
            yield from _steps(arguments.get(key, []), f"{name} ({word})")

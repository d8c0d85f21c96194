# SPDX-License-Identifier: MIT-0
"""What is in a CodePipeline that only a run of it would find out: actions, artifacts and variables."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proof import provider
from tests.proof.intrinsic import Documents, Resource, resources

_USE: Final = re.compile(r"#\{([^}]*)\}")
_NAME: Final = re.compile(r"[A-Za-z0-9@\-_]{1,128}")
_OPEN: Final = re.compile(r"#\{[^}]*$")


@dataclass
class Known:
    """What an action can refer to.

    Attributes:
        artifacts: Names of the artifacts that earlier actions leave.
        variables: Namespace -> names, or None where the action says at run time.
        functions: Lambda function name -> last name of its handler.
        templates: Template file -> its parameters: those that have a default, those that have none.
    """

    artifacts: set[str]
    variables: dict[str, frozenset[str] | None]
    functions: dict[str, str]
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is wrong with the CodePipelines of `documents`."""
    deployed = resources(documents)
    for resource in deployed:
        if resource.kind == "AWS::CodePipeline::Pipeline":
            yield from (f"{resource.place}: {problem}" for problem in _pipeline(resource, deployed, documents))


def _pipeline(resource: Resource, deployed: list[Resource], documents: Documents) -> Iterator[str]:
    stages = resource.properties["Stages"]
    declared = [each["Name"] for each in resource.properties.get("Variables", [])]
    yield from (
        f"variable {name!r}: not a name that CodePipeline takes" for name in declared if not _NAME.fullmatch(name)
    )
    if declared and resource.properties.get("PipelineType") != "V2":
        yield "variables need PipelineType V2"
    yield from _repeated("stage", [stage["Name"] for stage in stages])
    known = Known(set(), {"variables": frozenset(declared)}, _functions(deployed), _parameters(documents))
    for number, stage in enumerate(stages):
        yield from _repeated(f"stage {stage['Name']}: action", [action["Name"] for action in stage["Actions"]])
        for order in sorted({action.get("RunOrder", 1) for action in stage["Actions"]}):
            actions = [action for action in stage["Actions"] if action.get("RunOrder", 1) == order]
            for action in actions:
                place = f"{stage['Name']}/{action['Name']}"
                yield from (f"{place}: {problem}" for problem in _action(action, known, first=number == 0))
            for action in actions:
                _learn(action, known)


def _action(action: dict[str, Any], known: Known, *, first: bool) -> Iterator[str]:
    kind = action["ActionTypeId"]
    if (kind["Category"] == "Source") is not first:
        yield "source actions stand in the first stage, and nothing else does"
    given = provider.PROVIDERS.get(kind["Provider"])
    if given is None:
        yield f"unknown provider {kind['Provider']}; name it in tests/proof/provider.py"
        return
    configuration = action.get("Configuration", {})
    yield from _keys(configuration, given)
    if kind["Provider"] == "Commands" and not action.get("Commands"):
        yield "no Commands"
    for artifact in action.get("InputArtifacts", []):
        if artifact["Name"] not in known.artifacts:
            yield f"no earlier action leaves artifact {artifact['Name']}"
    if kind["Provider"] == "CloudFormation":
        yield from _stack(action, known)
    yield from _references(action, known)


def _keys(configuration: dict[str, Any], given: provider.Provider) -> Iterator[str]:
    yield from (f"no {key}" for key in sorted(given.needs - configuration.keys()))
    yield from (f"unknown key {key}" for key in sorted(configuration.keys() - given.takes))
    for key, value in configuration.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if key in given.values and text not in given.values[key]:
            yield f"{key}: {value!r} is none of {sorted(given.values[key])}"
        if len(text) > provider.LONGEST:
            yield f"{key}: {len(text)} characters, {provider.LONGEST} at most"


def _references(action: dict[str, Any], known: Known) -> Iterator[str]:
    texts = [*map(str, action.get("Configuration", {}).values()), *action.get("Commands", [])]
    texts += [str(each.get("Value", "")) for each in action.get("EnvironmentVariables", [])]
    for text in texts:
        if _OPEN.search(text):
            yield f"{text!r}: a variable that does not end"
        for use in _USE.findall(text):
            namespace, _, name = use.partition(".")
            names = known.variables.get(namespace, frozenset())
            if use not in provider.BUILT_IN and names is not None and name not in names:
                yield f"#{{{use}}}: no such variable"


def _stack(action: dict[str, Any], known: Known) -> Iterator[str]:
    configuration = action.get("Configuration", {})
    for capability in configuration.get("Capabilities", "").split(","):
        if capability and capability not in provider.CAPABILITIES:
            yield f"unknown capability {capability}"
    if not configuration.get("RoleArn", "").startswith("arn:"):
        yield "no RoleArn, so CloudFormation has no role to deploy as"
    artifact, _, file = configuration.get("TemplatePath", "").partition("::")
    if artifact not in {each["Name"] for each in action.get("InputArtifacts", [])}:
        yield f"TemplatePath: artifact {artifact!r} is no input of the action"
    elif file not in known.templates:
        yield f"TemplatePath: no template {file!r} is synthesized"
    else:
        yield from _overrides(configuration.get("ParameterOverrides", "{}"), known.templates[file])


def _overrides(text: str, declared: dict[str, Any]) -> Iterator[str]:
    try:
        given = json.loads(text)
    except ValueError:
        yield f"ParameterOverrides is no JSON: {text[:80]}"
        return
    yield from (f"ParameterOverrides: the template has no {name}" for name in sorted(given.keys() - declared.keys()))
    needed = {name for name, each in declared.items() if "Default" not in each}
    yield from (f"ParameterOverrides: the template needs {name}" for name in sorted(needed - given.keys()))


def _learn(action: dict[str, Any], known: Known) -> None:
    known.artifacts |= {each["Name"] for each in action.get("OutputArtifacts", [])}
    if "Namespace" not in action:
        return
    kind = action["ActionTypeId"]["Provider"]
    gives = provider.PROVIDERS[kind].gives if kind in provider.PROVIDERS else None
    if kind == "Lambda":
        handler = known.functions.get(action.get("Configuration", {}).get("FunctionName", ""), "")
        gives = provider.LAMBDA_GIVES.get(handler)
    if kind == "Commands":
        gives = frozenset(action.get("OutputVariables", []))
    known.variables[action["Namespace"]] = gives


def _functions(deployed: list[Resource]) -> dict[str, str]:
    found = (each for each in deployed if each.kind == "AWS::Lambda::Function")
    return {str(each.arn).rpartition(":")[2]: each.properties.get("Handler", "").rpartition(".")[2] for each in found}


def _parameters(documents: Documents) -> dict[str, dict[str, Any]]:
    return {f"{name}.template.json": document.get("Parameters", {}) for name, document in documents.items()}


def _repeated(kind: str, names: list[str]) -> Iterator[str]:
    yield from (f"{kind} {name}: {count} times" for name, count in Counter(names).items() if count > 1)

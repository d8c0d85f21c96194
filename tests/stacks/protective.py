# SPDX-License-Identifier: MIT-0
"""The protective properties of templates, one a line: everything but what NEUTRAL names.

References and functions that make a text are written into it as ``${Raw72517081.Arn}``, texts that are JSON are read,
elements of lists are called by their names, and hashes of assets are left out. So a change of one property changes one
line, and a change of code none.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

# Path of a property -> text, number, flag, null, or a list of these.
Lines = dict[str, Any]
Reviewed = dict[str, dict[str, Lines]]
TEMPLATE: Final = "(template)"
HASH: Final = re.compile(r"\b[0-9a-f]{64}\b")
# Keys that name the elements of a list, if each has another value there.
_NAMES: Final = ("Name", "Id", "Sid")


@dataclass(frozen=True)
class Neutral:
    """Properties whose change takes no protection away, each pattern being one of the whole text.

    Attributes:
        kind: Pattern of the resource's type.
        path: Pattern of the property's path.
        reason: Why, and what looks after them instead.
        value: Pattern of the value as JSON.
    """

    kind: str
    path: str
    reason: str
    value: str = ".*"

    def matches(self, kind: str, path: str, value: Any) -> bool:
        """Tell whether the property is one of these."""
        pairs = ((self.kind, kind), (self.path, path), (self.value, json.dumps(value)))
        return all(re.fullmatch(pattern, text, re.DOTALL) for pattern, text in pairs)


NEUTRAL: Final = (
    Neutral(".*", r"(.*/)?(Description|AlarmDescription|ConstraintDescription)", "prose; tests/test_docs.py has links"),
    Neutral(".*", "Metadata/.*", "notes of the CDK and of tests/assembly.py"),
    Neutral("AWS::CloudWatch::Dashboard", "Properties/DashboardBody.*", "shows and does nothing; test_monitoring.py"),
    Neutral(
        "AWS::SageMaker::Pipeline",
        r"Properties/PipelineDefinition/PipelineDefinitionBody/(?!Parameters/.*/DefaultValue$).*",
        "what neither the settings nor the account put in is in tests/pipeline_src/golden/, see test_training.py",
        value=r"(?!.*\$\{).*",
    ),
    Neutral(re.escape(TEMPLATE), "Mappings/.*", "accounts of AWS's registries, from the CDK; test_region_support.py"),
    Neutral(re.escape(TEMPLATE), "(Outputs|Rules)/.*", "names for people and stacks; the CDK's check of its bootstrap"),
)


def parts(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return type and declaration of each resource of a template by its id, and what the template has beside them."""
    rest = {key: each for key, each in document.items() if key != "Resources"}
    return {TEMPLATE: (TEMPLATE, rest), **{id_: (each["Type"], each) for id_, each in document["Resources"].items()}}


def reviewed(documents: dict[str, dict[str, Any]]) -> Reviewed:
    """Return the protective properties of templates by template and resource."""
    return {
        name: {id_: protective(kind, declared) for id_, (kind, declared) in parts(document).items()}
        for name, document in documents.items()
    }


def protective(kind: str, declared: dict[str, Any]) -> Lines:
    """Return the protective properties of a resource of type `kind`, its type and policies of deletion among them."""
    return {path: value for path, value in lines(resolved(declared)) if not is_neutral(kind, path, value)}


def is_neutral(kind: str, path: str, value: Any) -> bool:
    """Tell whether a property of a resource of type `kind` protects nothing."""
    return any(each.matches(kind, path, value) for each in NEUTRAL)


def resolved(value: Any) -> Any:
    """Return `value` with each reference and each function that makes a text written as that text."""
    if isinstance(value, str):
        return value.replace("${", "${!")
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and "Fn::Sub" in value and isinstance(value["Fn::Sub"], str):
        return value["Fn::Sub"]
    inner = {key: resolved(each) for key, each in value.items()}
    text = _written(*next(iter(inner.items()))) if len(inner) == 1 else None
    return inner if text is None else text


def _written(function: str, given: Any) -> str | None:
    """Return what a function with resolved arguments makes as text; None for those that do something else."""
    if function == "Fn::Join" and all(isinstance(each, str) for each in given[1]):
        return str(given[0]).join(given[1])
    if function == "Fn::GetAtt":
        return f"${{{'.'.join(given)}}}"
    return {"Ref": f"${{{given}}}", "Fn::ImportValue": f"${{import {given}}}"}.get(function)


def lines(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of each text, number, flag and plain list inside `value`."""
    if isinstance(value, str):
        value = _read(value)
    if isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        value = _named(value)
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from lines(each, f"{path}/{key}" if path else key)
    else:
        yield path, value


def _read(text: str) -> Any:
    """Return what JSON in a text says, or the text without hashes."""
    try:
        return json.loads(text) if text.startswith(("{", "[")) else HASH.sub("(hash)", text)
    except ValueError:
        return HASH.sub("(hash)", text)


def _named(elements: list[Any]) -> dict[str, Any]:
    """Return the elements of a list by their names and, where order may mean something, the names in order."""
    if all(isinstance(each, dict) for each in elements):
        if all(each.keys() == {"Key", "Value"} for each in elements):
            return {str(each["Key"]): each["Value"] for each in elements}
        if all({"Effect", "Action"} <= each.keys() for each in elements):
            return _statements(elements)
        for key in _NAMES:
            names = [each.get(key) for each in elements]
            if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
                return {"order": names, **dict(zip(names, elements, strict=True))}
    return {str(number): each for number, each in enumerate(elements)}


def _statements(elements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the statements of a policy by effect and first action; their order means nothing."""
    found: dict[str, Any] = {}
    for each in elements:
        actions = each["Action"]
        name = f"{each['Effect']} {actions if isinstance(actions, str) else actions[0]}"
        number = 1 + sum(key.partition(" #")[0] == name for key in found)
        found[name if number == 1 else f"{name} #{number}"] = each
    return found

# SPDX-License-Identifier: MIT-0
"""The part of a synthesized assembly that the emulator can deploy.

Taken out are the resources of the types below, which it does not know, and the image, which would be built with
Docker. What refers to a resource that is taken out gets a sample of what it would have been, so that all the rest is
deployed as it is: policies, rules, functions, alarms, state machines.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.proof import sample

LEFT_OUT: Final = (
    "AWS::ApplicationAutoScaling::",
    "AWS::Budgets::",
    "AWS::CodeConnections::",
    "AWS::CodePipeline::",
    "AWS::SageMaker::",
)
_ROLE: Final = re.compile(r":iam::(\d{12}):role/([\w-]+)")
_REFERENCES: Final = ("Ref", "Fn::GetAtt")


def supported(assembly: Path, folder: Path) -> tuple[Path, list[str]]:
    """Copy the supported part of `assembly` into `folder`.

    Returns:
        The folder, and what was left out, as "stack/id type".
    """
    shutil.copytree(assembly, folder)
    left_out: list[str] = []
    for path in sorted(folder.glob("*.template.json")):
        template, gone = stripped(json.loads(path.read_text()))
        path.write_text(json.dumps(template))
        left_out += [f"{path.name.partition('.')[0]}/{id_} {kind}" for id_, kind in gone.items()]
    for path in folder.glob("*.assets.json"):
        # A changed template has another hash; the emulator takes it under the old one.
        path.write_text(json.dumps({**_as_root(json.loads(path.read_text())), "dockerImages": {}}))
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(_as_root(json.loads(manifest.read_text()))))
    return folder, left_out


def _as_root(value: Any) -> Any:
    """Return a manifest without the bootstrap's roles: the emulator does not know the condition that they stand on."""
    if isinstance(value, list):
        return [_as_root(each) for each in value]
    if not isinstance(value, dict):
        return value
    roles = ("assumeRoleArn", "assumeRoleExternalId", "cloudFormationExecutionRoleArn", "lookupRole")
    return {key: _as_root(each) for key, each in value.items() if key not in roles}


def stripped(template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return `template` without the resources that the emulator does not know, and those with their types."""
    resources = template["Resources"]
    gone = {id_: each["Type"] for id_, each in resources.items() if each["Type"].startswith(LEFT_OUT)}
    taken = {id_: resources[id_] for id_ in gone}
    rest = {id_: _as_told(_without(each, taken)) for id_, each in resources.items() if id_ not in gone}
    for each in rest.values():
        if "DependsOn" in each:
            wanted = [each["DependsOn"]] if isinstance(each["DependsOn"], str) else each["DependsOn"]
            each["DependsOn"] = [id_ for id_ in wanted if id_ not in gone]
    return {**template, "Resources": rest, "Outputs": _without(template.get("Outputs", {}), taken)}, gone


def _as_told(declared: dict[str, Any]) -> dict[str, Any]:
    """Return a resource whose conditions on a role are in the emulator's words.

    For `aws:PrincipalArn` AWS gives the ARN of the role, the emulator that of its session; and where a bucket of
    another account is asked for an object, that account's root.
    """
    session = "root" if declared["Type"] == "AWS::S3::BucketPolicy" else "assumed-role"
    service = "iam" if session == "root" else "sts"

    def told(match: re.Match[str]) -> str:
        rest = "root" if session == "root" else f"{session}/{match[2]}/*"
        return f":{service}::{match[1]}:{rest}"

    return dict(_conditions(declared, lambda text: _ROLE.sub(told, text)))


def _conditions(value: Any, change: Callable[[str], str], *, within: bool = False) -> Any:
    """Return `value` with every text that a condition compares with `aws:PrincipalArn` changed."""
    if isinstance(value, str):
        return change(value) if within else value
    if isinstance(value, list):
        return [_conditions(each, change, within=within) for each in value]
    if isinstance(value, dict):
        return {
            key: _conditions(each, change, within=within or key == "aws:PrincipalArn") for key, each in value.items()
        }
    return value


def _without(value: Any, taken: dict[str, Any]) -> Any:
    """Return `value` with a sample in place of every reference to a resource in `taken`."""
    if isinstance(value, list):
        return [_without(each, taken) for each in value]
    if not isinstance(value, dict):
        return value
    function = next(iter(value), "")
    if len(value) == 1 and function in _REFERENCES:
        name = value[function] if function == "Ref" else value[function][0]
        if name in taken:
            return _sample(name, taken[name], None if function == "Ref" else value[function][1])
    return {key: _without(each, taken) for key, each in value.items()}


def _sample(id_: str, declared: dict[str, Any], attribute: str | None) -> str:
    kind, properties = declared["Type"], declared.get("Properties", {})
    named = sample.name(id_, properties)
    found = sample.reference(kind, named) if attribute is None else sample.attribute(kind, named, attribute)
    return found or "sample"

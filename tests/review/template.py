# SPDX-License-Identifier: MIT-0
"""Builds templates and cloud assemblies in the format of the CDK."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Template = dict[str, Any]


def resource(kind: str, name: str, **given: Any) -> dict[str, Any]:
    """A resource; what is given in capitals beside `Properties` is an attribute, such as DeletionPolicy."""
    attributes: Template = {key: given.pop(key) for key in ("DeletionPolicy", "UpdateReplacePolicy") if key in given}
    path = {"aws:cdk:path": f"Stack/{name}/Resource"}
    return {"Type": kind, "Properties": given, "Metadata": path, **attributes}


def bucket(**given: Any) -> dict[str, Any]:
    return resource("AWS::S3::Bucket", "Raw", **given)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """The policy of a role called Job."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    given = {"PolicyDocument": document, "PolicyName": "Policy", "Roles": [{"Ref": "Job"}]}
    return resource("AWS::IAM::Policy", "Policy", **given)


def allow(actions: Any, resources: Any, **given: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **given}


def pipeline(definition: Mapping[str, Any], image: str = "Image") -> dict[str, Any]:
    """A pipeline whose body is cut up by a function, as the CDK writes one that holds a token."""
    before, mark, after = json.dumps(definition).partition("IMAGE")
    body = {"Fn::Join": ["", [before, {"Ref": image}, after]]} if mark else before
    return resource("AWS::SageMaker::Pipeline", "Pipeline", PipelineDefinition={"PipelineDefinitionBody": body})


def assembly(folder: Path, stacks: Mapping[str, Mapping[str, Any]], **properties: Mapping[str, Any]) -> Path:
    """Write a cloud assembly of resources, or of whole templates, by stack.

    A stack's name may have the folder of a nested assembly before it.
    """
    folder.mkdir(parents=True)
    inside = {name.partition("/")[0] for name in stacks if "/" in name}
    artifacts: dict[str, Any] = {}
    for name, resources in stacks.items():
        if "/" not in name:
            whole = resources if "Resources" in resources else {"Resources": resources}
            (folder / f"{name}.template.json").write_text(json.dumps(whole))
            given = {"templateFile": f"{name}.template.json", "stackName": name, **properties.get(name, {})}
            artifacts[name] = {"type": "aws:cloudformation:stack", "properties": given, "environment": "aws://1/here"}
    for outer in inside:
        nested = {name.removeprefix(f"{outer}/"): each for name, each in stacks.items() if name.startswith(f"{outer}/")}
        assembly(folder / f"assembly-{outer}", nested)
        directory = {"directoryName": f"assembly-{outer}"}
        artifacts[f"assembly-{outer}"] = {"type": "cdk:cloud-assembly", "properties": directory}
    (folder / "manifest.json").write_text(json.dumps({"version": "55.0.0", "artifacts": artifacts}))
    return folder

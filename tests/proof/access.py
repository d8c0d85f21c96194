# SPDX-License-Identifier: MIT-0
"""Whether roles can do what they are for: a role that may too little shows only when it runs, hours after a deployment.

For each function, what its handler asks the services for (operations/handler.py); for the SageMaker pipeline, that its
jobs can read the objects which its definition names by itself; for a stage that is elsewhere, what its roles do there.
The tables stand in need.py.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.pipeline_src.definition import walk
from tests.proof.grant import Need, missing
from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.need import JOBS, NEEDS, SITE, SITE_NOTED, Requests

_SITE: Final = "Site"


def problems(documents: Documents) -> Iterator[str]:
    """Yield what roles in `documents` would need and are not allowed."""
    deployed = resources(documents)
    (group,) = (each for each in deployed if each.kind == "AWS::SageMaker::ModelPackageGroup")
    name = str(group.properties["ModelPackageGroupName"])
    for resource in deployed:
        if resource.kind == "AWS::SageMaker::Pipeline":
            yield from (f"{resource.place}: {problem}" for problem in _pipeline(resource, documents))
        for who, role, wanted in _wanted(resource, name, deployed):
            needs = [Need(action, _arn(on, name, role, deployed), *prefix) for action, on, *prefix in wanted]
            lacking = missing(documents, str(role.arn).rpartition("/")[2], needs)
            yield from (f"{resource.place}: {who} needs {need}, which its role is not allowed" for need in lacking)
        if resource.kind == "AWS::Lambda::Function" and _handler(resource) not in (None, *NEEDS):
            yield f"{resource.place}: its handler {_handler(resource)} is not in tests/proof/need.py"


def _wanted(resource: Resource, name: str, deployed: list[Resource]) -> Iterator[tuple[str, Resource, Requests]]:
    """Yield who needs something as a role, the role, and what; `resource` is what it shows from."""
    if resource.kind == "AWS::Lambda::Function":
        handler = _handler(resource)
        role = next(each for each in deployed if each.arn == resource.properties["Role"])
        yield str(handler), role, _at_home(NEEDS.get(handler or "", ()), deployed)
    if resource.kind == "AWS::IAM::Role":
        yield from (("its job", resource, needs) for begins, needs in JOBS.items() if resource.id.startswith(begins))
    if resource.kind == "AWS::IAM::Role" and resource.stack.endswith(_SITE):
        purpose = str(resource.arn).rpartition(f"{name}-{_stage(resource)}-")[2]
        noted = SITE_NOTED.get(purpose, ()) if _stage(resource) == "production" else ()
        yield purpose, resource, (*SITE.get(purpose, ()), *noted)


def _handler(function: Resource) -> str | None:
    """Return the last name of a function's handler if it is one of operations/."""
    room, _, name = str(function.properties["Handler"]).rpartition(".")
    return name if room.startswith("operations") else None


def _at_home(wanted: Requests, deployed: list[Resource]) -> Requests:
    """Return `wanted` without what is for an endpoint elsewhere: that is asked as a role of there, see crossing.py."""
    elsewhere = {_stage(each) for each in deployed if each.stack.endswith(_SITE)}
    endpoints = {f"sagemaker endpoint/{{name}}-{stage}" for stage in elsewhere}
    return tuple(each for each in wanted if each[1] not in endpoints)


def _stage(resource: Resource) -> str:
    return resource.stack.removesuffix(_SITE).lower()


def _arn(on: str, name: str, role: Resource, deployed: list[Resource]) -> str:
    """Return the ARN that `on` stands for where the role is."""
    text = on.format(name=name, compact=name.replace("-", ""), stage=_stage(role))
    service, space, rest = text.partition(" ")
    if on == "*":
        return on
    if space:
        return f"arn:aws:{service}:{role.where.region}:{role.where.account}:{rest}"
    construct, slash, key = text.partition("/")
    return f"{_found(construct, role, deployed)}{slash}{key}"


def _found(construct: str, role: Resource, deployed: list[Resource]) -> str:
    """Return the ARN of what is called so in the role's stack, or else in its account and region."""
    kinds = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::IAM::Role")
    place = (role.where.account, role.where.region)
    here = [each for each in deployed if each.kind in kinds and (each.where.account, each.where.region) == place]
    named = [each for each in here if each.id.startswith(construct)]
    if not named and construct == "Captures":
        return _found("Runs", role, deployed)  # With both stages at home captured requests lie among the runs.
    (found,) = [each for each in named if each.stack == role.stack] or named
    return str(found.arn)


def _pipeline(pipeline: Resource, documents: Documents) -> Iterator[str]:
    try:
        document = json.loads(pipeline.properties["PipelineDefinition"]["PipelineDefinitionBody"])
    except (ValueError, TypeError, KeyError):
        return  # It is for definition.py to say so.
    defaults = {each["Name"]: each["DefaultValue"] for each in document["Parameters"]}
    for step in walk.steps(document):
        for each in step["Arguments"].get("ProcessingInputs", []):
            uri = _uri(each["S3Input"]["S3Uri"], defaults)
            role = str(step["Arguments"]["RoleArn"]).rpartition("/")[2]
            needs = missing(documents, role, _reading(uri)) if uri else []
            yield from (f"{step['Name']}: input {each['InputName']}: its role is not allowed {need}" for need in needs)


def _uri(given: Any, defaults: dict[str, Any]) -> str:
    """Return the URI that an input names without asking another step; else empty."""
    reference = given.get("Get", "") if isinstance(given, dict) else ""
    return str(given) if isinstance(given, str) else str(defaults.get(reference.removeprefix("Parameters."), ""))


def _reading(uri: str) -> list[Need]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    arn = f"arn:aws:s3:::{bucket}"
    return [Need("s3:GetObject", f"{arn}/{key}"), Need("s3:ListBucket", arn, key)]

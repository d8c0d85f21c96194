# SPDX-License-Identifier: MIT-0
"""Whether roles can do what they are for: a role that may too little shows only when it runs, hours after a deployment.

For each function, what its handler asks the services for (operations/functions/lambda_handlers.py); for a stage that
is elsewhere, what
its roles do there. The tables stand in need.py. What AWS does for the pipeline's steps stands in performed_access.py.
"""

from collections.abc import Iterator
from typing import Final

from pipeline_src import contract
from tests.proof.grant import Need, missing
from tests.proof.intrinsic import Documents, Resource, resources
from tests.proof.need import JOBS, NEEDS, SITE, SITE_NOTED, STARTING, Requests

_SITE: Final = "Site"


def problems(documents: Documents) -> Iterator[str]:
    """Yield what roles in `documents` would need and are not allowed."""
    deployed = resources(documents)
    (group,) = (each for each in deployed if each.kind == "AWS::SageMaker::ModelPackageGroup")
    name = str(group.properties["ModelPackageGroupName"])
    for resource in deployed:
        for who, role, wanted in _wanted(resource, name, deployed):
            needs = [Need(action, _arn(on, name, role, deployed), *prefix) for action, on, *prefix in wanted]
            # Whoever lists below a prefix may ask where the bucket is, as clients do.
            needs += [Need("s3:GetBucketLocation", each.resource) for each in needs if each.prefix]
            lacking = missing(documents, str(role.arn).rpartition("/")[2], needs)
            yield from (f"{resource.place}: {who} needs {need}, which its role is not allowed" for need in lacking)
        if resource.kind == "AWS::Lambda::Function" and _handler(resource) not in (None, *NEEDS):
            yield f"{resource.place}: its handler {_handler(resource)} is not in tests/proof/need.py"


def _wanted(resource: Resource, name: str, deployed: list[Resource]) -> Iterator[tuple[str, Resource, Requests]]:
    """Yield who needs something as a role, the role, and what; `resource` is what it shows from."""
    if resource.kind == "AWS::Lambda::Function":
        handler = _handler(resource)
        role = next(each for each in deployed if each.arn == resource.properties["Role"])
        more = STARTING if handler == "retrain" and _starts_warm(deployed) else ()
        yield str(handler), role, _at_home((*NEEDS.get(handler or "", ()), *more), deployed)
    if resource.kind == "AWS::IAM::Role":
        yield from (("its job", resource, needs) for begins, needs in JOBS.items() if resource.id.startswith(begins))
    if resource.kind == "AWS::IAM::Role" and resource.stack.endswith(_SITE):
        purpose = str(resource.arn).rpartition(f"{name}-{_stage(resource)}-")[2]
        noted = SITE_NOTED.get(purpose, ()) if _stage(resource) == "production" else ()
        yield purpose, resource, (*SITE.get(purpose, ()), *noted)


def _starts_warm(deployed: list[Resource]) -> bool:
    """Return whether the pipeline's executions take a model to start from."""
    pipelines = [each for each in deployed if each.kind == "AWS::SageMaker::Pipeline"]
    return any(contract.STARTING_MODEL_PARAMETER in str(each.properties) for each in pipelines)


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
    where = {"account": role.where.account, "region": role.where.region}
    text = on.format(name=name, compact=name.replace("-", ""), stage=_stage(role), **where)
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

# SPDX-License-Identifier: MIT-0
"""What a deployment consists of, as the services say it now: what `destroy` will delete and what it keeps."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

from botocore.exceptions import ClientError

from operations.command import image, refusal, stack, stage, survivor
from operations.command.account import Account
from operations.command.image import Image
from operations.command.stack import Resource, Stack
from operations.command.stage import Stage

# In the order in which they can go: each uses only those after it.
PARTS: Final = ("monitoring", "deployment", "retraining", "training", "storage")
STORAGE: Final = "storage"
_SCHEDULING: Final = ("monitoring", "retraining")


@dataclass(frozen=True)
class Inventory:
    """What is there.

    Attributes:
        stacks: The application's own stacks by part, in the order in which they can go.
        stages: Where the endpoints live.
        endpoint_stacks: Those that the delivery pipeline made.
        endpoints: Names of endpoints.
        targets: Resource ids of scaling targets.
        schedules: Names of scheduled rules.
        models: Names of models that executions of the pipeline, and deliveries, made.
        configurations: Names of endpoint configurations that deliveries made.
        images: Preprocessing images.
        packages: ARNs of model packages.
        buckets: Names of buckets.
        survivors: What a storage stack that is gone left behind.
    """

    stacks: dict[str, Stack]
    stages: tuple[Stage, ...]
    endpoint_stacks: tuple[Stack, ...]
    endpoints: tuple[str, ...]
    targets: tuple[str, ...]
    schedules: tuple[str, ...]
    models: tuple[str, ...]
    configurations: tuple[str, ...]
    images: tuple[Image, ...]
    packages: tuple[str, ...]
    buckets: tuple[str, ...]
    survivors: tuple[Resource, ...]

    def is_empty(self, *, data: bool) -> bool:
        """Return whether there is nothing to delete, with or without the data."""
        parts = self.stacks.keys() - (set() if data else {STORAGE})
        return not (parts or self.endpoint_stacks or self.endpoints or (data and self.survivors))


def taken(account: Account) -> Inventory:
    """Return what is there, asking each service anew."""
    cloudformation = account.client("cloudformation")
    named = ((part, stack.described(cloudformation, account.stack_name(part))) for part in PARTS)
    stacks = {part: found for part, found in named if found}
    outputs = {key: value for found in stacks.values() for key, value in found.outputs.items()}
    stages = tuple(stage.stages(outputs))
    pipeline = outputs.get("Pipeline", "")
    return Inventory(
        stacks=stacks,
        stages=stages,
        endpoint_stacks=tuple(found for one in stages if (found := endpoint_stack(account, one))),
        endpoints=tuple(one.endpoint for one in stages if is_endpoint(account, one)),
        targets=tuple(target for one in stages for target in targets(account, one)),
        schedules=tuple(name for part in _SCHEDULING if part in stacks for name in _schedules(account, part)),
        models=tuple(tagged(account, "model")),
        configurations=tuple(tagged(account, "endpoint-config")),
        images=tuple(image.found(account.client("sagemaker"), pipeline)) if pipeline else (),
        packages=tuple(packages(account, outputs["ModelPackageGroup"])) if "ModelPackageGroup" in outputs else (),
        buckets=tuple(buckets(account)) if STORAGE in stacks else (),
        survivors=() if STORAGE in stacks else tuple(survivor.remaining(account, account.stack_name(STORAGE))),
    )


def endpoint_stack(account: Account, one: Stage) -> Stack | None:
    """Return the stage's stack, or None where there is none."""
    return stack.described(account.client("cloudformation"), one.stack)


def is_endpoint(account: Account, one: Stage) -> bool:
    """Return whether the stage has an endpoint that is not on its way out."""
    try:
        found = account.client("sagemaker").describe_endpoint(EndpointName=one.endpoint)
    except ClientError as error:
        if refusal.is_missing(error):
            return False
        raise
    return bool(found["EndpointStatus"] != "Deleting")


def targets(account: Account, one: Stage) -> Iterator[str]:
    """Yield the scaling targets of the stage's endpoint: they can outlive one that was deleted by hand."""
    pages = account.client("application-autoscaling").get_paginator("describe_scalable_targets")
    for page in pages.paginate(ServiceNamespace="sagemaker"):
        for target in page["ScalableTargets"]:
            if target["ResourceId"].startswith(f"endpoint/{one.endpoint}/"):
                yield target["ResourceId"]


def tagged(account: Account, kind: str) -> Iterator[str]:
    """Yield the resources of SageMaker's `kind`, such as model, that carry the deployment's name in the tag `project`.

    The pipeline tags what its executions make, and CloudFormation what a delivery makes.
    """
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    ours = [{"Key": "project", "Values": [account.name]}]
    for page in pages.paginate(TagFilters=ours, ResourceTypeFilters=[f"sagemaker:{kind}"]):
        for found in page["ResourceTagMappingList"]:
            yield found["ResourceARN"].partition(f":{kind}/")[2]


def packages(account: Account, group: str) -> Iterator[str]:
    """Yield the model packages of the group."""
    pages = account.client("sagemaker").get_paginator("list_model_packages")
    for page in pages.paginate(ModelPackageGroupName=group):
        for package in page["ModelPackageSummaryList"]:
            yield package["ModelPackageArn"]


def buckets(account: Account) -> list[str]:
    """Return the buckets of the storage stack, that of the access logs last: it is written to until the others go."""
    kinds = stack.resources(account.client("cloudformation"), account.stack_name(STORAGE))
    names = [found.name for found in kinds if found.kind == "AWS::S3::Bucket" and found.name]
    known = account.outputs(STORAGE)
    ours = (known.get("RawBucket"), known.get("RunsBucket"))
    return sorted(names, key=lambda name: (name not in ours, name))


def _schedules(account: Account, part: str) -> Iterator[str]:
    events = account.client("events")
    for found in stack.resources(account.client("cloudformation"), account.stack_name(part)):
        if found.kind == "AWS::Events::Rule" and events.describe_rule(Name=found.name).get("ScheduleExpression"):
            yield found.name


def listed(found: Inventory, *, data: bool) -> Iterator[str]:
    """Yield a line for each thing that will be deleted."""
    kinds = {
        "endpoints": "endpoint",
        "endpoint_stacks": "endpoint stack",
        "targets": "scaling target",
        "schedules": "schedule",
        "models": "model",
        "configurations": "endpoint configuration",
        "images": "image",
    } | ({"packages": "model package", "buckets": "bucket", "survivors": ""} if data else {})
    for field in fields(found):
        for one in getattr(found, field.name) if field.name in kinds else ():
            yield f"{kinds[field.name] or one.kind:15} {_shown(one)}"
    for part, one in found.stacks.items():
        if data or part != STORAGE:
            yield f"{'stack':15} {_shown(one)}"


def _shown(one: str | Stack | Image | Resource) -> str:
    if isinstance(one, Stack):
        return f"{one.name} ({one.status})"
    if isinstance(one, Resource):
        return one.name
    return f"{one.repository}:{one.tag[:12]}" if isinstance(one, Image) else one

# SPDX-License-Identifier: MIT-0
"""What a deployment consists of, as the services say it now: what `destroy` will delete and what it keeps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.command import image, outpost, place, refusal, stack, stage, survivor
from operations.command.account import Account
from operations.command.image import Image
from operations.command.outpost import Outpost
from operations.command.place import Located
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
        endpoint_stacks: Names and states of those that the delivery pipeline made.
        endpoints: Names of endpoints; what is elsewhere is named with its place, here and below.
        targets: Resource ids of scaling targets.
        schedules: Names of scheduled rules.
        models: Names of models that executions of the pipeline, and deliveries, made.
        configurations: Names of endpoint configurations that deliveries made.
        images: Preprocessing images.
        packages: ARNs of model packages.
        buckets: Names of buckets.
        survivors: What a storage stack that is gone left behind.
        outposts: The application's stacks in other accounts and regions.
    """

    stacks: dict[str, Stack]
    stages: tuple[Located, ...]
    endpoint_stacks: tuple[str, ...]
    endpoints: tuple[str, ...]
    targets: tuple[str, ...]
    schedules: tuple[str, ...]
    models: tuple[str, ...]
    configurations: tuple[str, ...]
    images: tuple[Image, ...]
    packages: tuple[str, ...]
    buckets: tuple[str, ...]
    survivors: tuple[Resource, ...]
    outposts: tuple[Outpost, ...]

    def is_empty(self, *, data: bool) -> bool:
        """Return whether there is nothing to delete, with or without the data."""
        parts = self.stacks.keys() - (set() if data else {STORAGE})
        outposts = self.going(data=data)
        return not (parts or self.endpoint_stacks or self.endpoints or outposts or (data and self.survivors))

    def going(self, *, data: bool) -> list[Outpost]:
        """Return the outposts that go, with or without the data."""
        return [one for one in self.outposts if data or not one.lasting]


def taken(account: Account, planned: Callable[[], Sequence[Stage]] = tuple) -> Inventory:
    """Return what is there, asking each service anew.

    Args:
        account: That of the build.
        planned: Returns the stages that the settings put elsewhere: asked once the deployment stack is gone, which
            would name them.

    Raises:
        AccountError: A stage is in an account to which no credentials lead.
    """
    cloudformation = account.client("cloudformation")
    named = ((part, stack.described(cloudformation, account.stack_name(part))) for part in PARTS)
    stacks = {part: found for part, found in named if found}
    outputs = {key: value for found in stacks.values() for key, value in found.outputs.items()}
    stages = tuple(place.located(account, tuple(stage.stages(outputs)) or planned()))
    pipeline = outputs.get("Pipeline", "")
    return Inventory(
        stacks=stacks,
        stages=stages,
        endpoint_stacks=tuple(one.named(shown(found)) for one in stages if (found := endpoint_stack(one))),
        endpoints=tuple(one.named(one.stage.endpoint) for one in stages if is_endpoint(one)),
        targets=tuple(one.named(target) for one in stages for target in targets(one)),
        schedules=tuple(name for part in _SCHEDULING if part in stacks for name in _schedules(account, part)),
        models=tuple(_everywhere(account, stages, "model")),
        configurations=tuple(_everywhere(account, stages, "endpoint-config")),
        images=tuple(image.found(account.client("sagemaker"), pipeline)) if pipeline else (),
        packages=tuple(packages(account, outputs["ModelPackageGroup"])) if "ModelPackageGroup" in outputs else (),
        buckets=tuple(buckets(account)) if STORAGE in stacks else (),
        survivors=() if STORAGE in stacks else tuple(survivor.remaining(account, account.stack_name(STORAGE))),
        outposts=tuple(outpost.found(account, stages)),
    )


def shown(found: Stack) -> str:
    """Return a stack in words."""
    return f"{found.name} ({found.status})"


def endpoint_stack(one: Located) -> Stack | None:
    """Return the stage's stack, or None where there is none."""
    return stack.described(one.account.client("cloudformation"), one.stage.stack)


def _everywhere(account: Account, stages: Sequence[Located], kind: str) -> Iterator[str]:
    yield from tagged(account, kind)
    for one in place.distinct(stages):
        yield from (one.named(name) for name in tagged(one.account, kind))


def is_endpoint(one: Located) -> bool:
    """Return whether the stage has an endpoint that is not on its way out."""
    try:
        found = one.account.client("sagemaker").describe_endpoint(EndpointName=one.stage.endpoint)
    except ClientError as error:
        if refusal.is_missing(error):
            return False
        raise
    return bool(found["EndpointStatus"] != "Deleting")


def targets(one: Located) -> Iterator[str]:
    """Yield the scaling targets of the stage's endpoint: they can outlive one that was deleted by hand."""
    pages = one.account.client("application-autoscaling").get_paginator("describe_scalable_targets")
    for page in pages.paginate(ServiceNamespace="sagemaker"):
        for target in page["ScalableTargets"]:
            if target["ResourceId"].startswith(f"endpoint/{one.stage.endpoint}/"):
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

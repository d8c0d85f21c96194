# SPDX-License-Identifier: MIT-0
"""What a deployment consists of, as the services say it now: what `destroy` will delete and what it keeps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors, cloudformation_stacks, deployment_account
from operations.account.cloudformation_stacks import StackDescription, StackResource
from operations.account.deployment_account import Account, DeliveryStage, LocatedStage
from operations.destroy import leftover_resources, remote_stacks
from operations.destroy.leftover_resources import ImageAsset
from operations.destroy.remote_stacks import RemoteStack

# In the order in which they can go: each uses only those after it.
STACK_PARTS: Final = ("monitoring", "deployment", "retraining", "training", "storage")
STORAGE_PART: Final = "storage"
_SCHEDULING_PARTS: Final = ("monitoring", "retraining")


@dataclass(frozen=True)
class DeploymentInventory:
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

    stacks: dict[str, StackDescription]
    stages: tuple[LocatedStage, ...]
    endpoint_stacks: tuple[str, ...]
    endpoints: tuple[str, ...]
    targets: tuple[str, ...]
    schedules: tuple[str, ...]
    models: tuple[str, ...]
    configurations: tuple[str, ...]
    images: tuple[ImageAsset, ...]
    packages: tuple[str, ...]
    buckets: tuple[str, ...]
    survivors: tuple[StackResource, ...]
    outposts: tuple[RemoteStack, ...]

    def is_empty(self, *, data: bool) -> bool:
        """Return whether there is nothing to delete, with or without the data."""
        parts = self.stacks.keys() - (set() if data else {STORAGE_PART})
        outposts = self.going(data=data)
        return not (parts or self.endpoint_stacks or self.endpoints or outposts or (data and self.survivors))

    def going(self, *, data: bool) -> list[RemoteStack]:
        """Return the outposts that go, with or without the data."""
        return [one for one in self.outposts if data or not one.lasting]


def take_inventory(account: Account, planned: Callable[[], Sequence[DeliveryStage]] = tuple) -> DeploymentInventory:
    """Return what is there, asking each service anew.

    Args:
        account: That of the build.
        planned: Returns the stages that the settings put elsewhere: asked once the deployment stack is gone, which
            would name them.

    Raises:
        AccountError: A stage is in an account to which no credentials lead.
    """
    cloudformation = account.client("cloudformation")
    named = (
        (part, cloudformation_stacks.describe_stack(cloudformation, account.stack_name(part))) for part in STACK_PARTS
    )
    stacks = {part: found for part, found in named if found}
    outputs = {key: value for found in stacks.values() for key, value in found.outputs.items()}
    stages = tuple(
        deployment_account.locate_stages(account, tuple(deployment_account.stages_of_outputs(outputs)) or planned())
    )
    pipeline = outputs.get("Pipeline", "")
    return DeploymentInventory(
        stacks=stacks,
        stages=stages,
        endpoint_stacks=tuple(one.named(stack_text(found)) for one in stages if (found := find_endpoint_stack(one))),
        endpoints=tuple(one.named(one.stage.endpoint) for one in stages if has_endpoint(one)),
        targets=tuple(one.named(target) for one in stages for target in scaling_targets(one)),
        schedules=tuple(
            name for part in _SCHEDULING_PARTS if part in stacks for name in _scheduled_rules(account, part)
        ),
        models=tuple(_tagged_everywhere(account, stages, "model")),
        configurations=tuple(_tagged_everywhere(account, stages, "endpoint-config")),
        images=tuple(leftover_resources.find_unshared_images(account.client("sagemaker"), pipeline))
        if pipeline
        else (),
        packages=tuple(model_packages_of_group(account, outputs["ModelPackageGroup"]))
        if "ModelPackageGroup" in outputs
        else (),
        buckets=tuple(storage_buckets(account)) if STORAGE_PART in stacks else (),
        survivors=()
        if STORAGE_PART in stacks
        else tuple(leftover_resources.remaining_resources(account, account.stack_name(STORAGE_PART))),
        outposts=tuple(remote_stacks.find_remote_stacks(account, stages)),
    )


def stack_text(found: StackDescription) -> str:
    """Return a stack in words."""
    return f"{found.name} ({found.status})"


def find_endpoint_stack(one: LocatedStage) -> StackDescription | None:
    """Return the stage's stack, or None where there is none."""
    return cloudformation_stacks.describe_stack(one.account.client("cloudformation"), one.stage.stack)


def _tagged_everywhere(account: Account, stages: Sequence[LocatedStage], kind: str) -> Iterator[str]:
    yield from tagged_resources(account, kind)
    for one in deployment_account.distinct_remote_stages(stages):
        yield from (one.named(name) for name in tagged_resources(one.account, kind))


def has_endpoint(one: LocatedStage) -> bool:
    """Return whether the stage has an endpoint that is not on its way out."""
    try:
        found = one.account.client("sagemaker").describe_endpoint(EndpointName=one.stage.endpoint)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return False
        raise
    return bool(found["EndpointStatus"] != "Deleting")


def scaling_targets(one: LocatedStage) -> Iterator[str]:
    """Yield the scaling targets of the stage's endpoint: they can outlive one that was deleted by hand."""
    pages = one.account.client("application-autoscaling").get_paginator("describe_scalable_targets")
    for page in pages.paginate(ServiceNamespace="sagemaker"):
        for target in page["ScalableTargets"]:
            if target["ResourceId"].startswith(f"endpoint/{one.stage.endpoint}/"):
                yield target["ResourceId"]


def tagged_resources(account: Account, kind: str) -> Iterator[str]:
    """Yield the resources of SageMaker's `kind`, such as model, that carry the deployment's name in the tag `project`.

    The pipeline tags what its executions make, and CloudFormation what a delivery makes.
    """
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    ours = [{"Key": "project", "Values": [account.name]}]
    for page in pages.paginate(TagFilters=ours, ResourceTypeFilters=[f"sagemaker:{kind}"]):
        for found in page["ResourceTagMappingList"]:
            yield found["ResourceARN"].partition(f":{kind}/")[2]


def model_packages_of_group(account: Account, group: str) -> Iterator[str]:
    """Yield the model packages of the group."""
    pages = account.client("sagemaker").get_paginator("list_model_packages")
    for page in pages.paginate(ModelPackageGroupName=group):
        for package in page["ModelPackageSummaryList"]:
            yield package["ModelPackageArn"]


def storage_buckets(account: Account) -> list[str]:
    """Return the buckets of the storage stack, that of the access logs last: it is written to until the others go."""
    kinds = cloudformation_stacks.list_resources(account.client("cloudformation"), account.stack_name(STORAGE_PART))
    names = [found.name for found in kinds if found.kind == "AWS::S3::Bucket" and found.name]
    known = account.outputs(STORAGE_PART)
    ours = (known.get("RawBucket"), known.get("RunsBucket"))
    return sorted(names, key=lambda name: (name not in ours, name))


def _scheduled_rules(account: Account, part: str) -> Iterator[str]:
    events = account.client("events")
    for found in cloudformation_stacks.list_resources(account.client("cloudformation"), account.stack_name(part)):
        if found.kind == "AWS::Events::Rule" and events.describe_rule(Name=found.name).get("ScheduleExpression"):
            yield found.name

# SPDX-License-Identifier: MIT-0
"""Lists what `make destroy` leaves, with the command that deletes each."""

from collections.abc import Iterator, Sequence

from botocore.exceptions import ClientError

from operations.account import aws_errors, deployment_account
from operations.account.deployment_account import Account, LocatedStage


def list_leftovers(account: Account, stages: Sequence[LocatedStage]) -> Iterator[str]:
    """Yield a command for each resource that belongs to the deployment and to none of its stacks any more.

    Endpoints come first: they cost as long as they exist. The others cost nothing, but for the image assets.
    """
    for one in stages:
        yield from _endpoint_commands(one)
    yield from _tagged_commands(account, "")
    for one in deployment_account.distinct_remote_stages(stages):
        yield from _tagged_commands(one.account, _profile_option(one))


def list_shared_leftovers(account: Account) -> Iterator[str]:
    """Yield what other applications of the account may use, with the command that deletes each."""
    environment = f"aws://{account.caller()['Account']}/{account.region}"
    # An asset is named by the hash of its content, so deployments with the same sources share it.
    yield f"images and files that the CDK has uploaded and no stack uses: npx cdk gc --unstable=gc {environment}"
    yield (
        "the bootstrap stack of the CDK (CDKToolkit, unless cdk.json gives another name): "
        f"aws cloudformation delete-stack --stack-name CDKToolkit --region {account.region}"
    )
    yield (
        "the log groups that SageMaker made, such as /aws/sagemaker/ProcessingJobs: "
        f"aws logs delete-log-group --log-group-name NAME --region {account.region}"
    )


def _endpoint_commands(one: LocatedStage) -> Iterator[str]:
    """Yield the commands for an endpoint and its scaling targets that outlived their stack: one was made by hand."""
    options = f"--region {one.account.region}{_profile_option(one)}"
    if _has_endpoint(one):
        yield f"aws sagemaker delete-endpoint --endpoint-name {one.stage.endpoint} {options}"
    pages = one.account.client("application-autoscaling").get_paginator("describe_scalable_targets")
    for page in pages.paginate(ServiceNamespace="sagemaker"):
        for target in page["ScalableTargets"]:
            if target["ResourceId"].startswith(f"endpoint/{one.stage.endpoint}/"):
                yield (
                    "aws application-autoscaling deregister-scalable-target --service-namespace sagemaker "
                    "--scalable-dimension sagemaker:variant:DesiredInstanceCount "
                    f"--resource-id {target['ResourceId']} {options}"
                )


def _has_endpoint(one: LocatedStage) -> bool:
    try:
        found = one.account.client("sagemaker").describe_endpoint(EndpointName=one.stage.endpoint)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return False
        raise
    return bool(found["EndpointStatus"] != "Deleting")


def _tagged_commands(account: Account, profile: str) -> Iterator[str]:
    """Yield the commands for models and endpoint configurations with the deployment's name in the tag `project`.

    The pipeline tags what its executions make, and CloudFormation what a delivery makes. The tagging service lists
    deleted resources for some hours more.
    """
    tag = [{"Key": "project", "Values": [account.name]}]
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    for kind in ("endpoint-config", "model"):
        for page in pages.paginate(TagFilters=tag, ResourceTypeFilters=[f"sagemaker:{kind}"]):
            for found in page["ResourceTagMappingList"]:
                name = found["ResourceARN"].partition(f":{kind}/")[2]
                yield f"aws sagemaker delete-{kind} --{kind}-name {name} --region {account.region}{profile}"


def _profile_option(one: LocatedStage) -> str:
    profile = one.account.profiles.get(one.stage.title.lower(), "")
    return f" --profile {profile}" if one.stage.is_remote and profile else ""

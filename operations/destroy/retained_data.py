# SPDX-License-Identifier: MIT-0
"""Lists and deletes the data that CloudFormation retains, and lists what `make destroy` leaves.

The data of a stack are buckets, keys and model registries. What is left is listed with the command that deletes each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors, cloudformation_stacks, deployment_account
from operations.account.cloudformation_stacks import StackResource
from operations.account.deployment_account import Account, LocatedStage
from operations.functions.aws_clients import Client
from operations.functions.errors import OperationError

KEY_DELETION_DAYS: Final = 30  # the longest that KMS offers: until then the deletion can be cancelled
_KEY_KIND: Final = "AWS::KMS::Key"
_DELETE_TRIES: Final = 3


def list_stack_data(account: Account, name: str) -> list[StackResource]:
    """Return the data in the stack `name`."""
    resources = cloudformation_stacks.list_resources(account.client("cloudformation"), name)
    return [one for one in resources if one.name and one.kind in _DATA_KINDS]


def list_retained_data(account: Account, name: str, arn: str = "") -> list[StackResource]:
    """Return what the newest deleted stack `name`, or that of the id `arn`, has retained and what exists, keys last.

    Resources of kinds that this module cannot delete are included: the caller names them to the user.
    """
    retained = cloudformation_stacks.retained_resources(account.client("cloudformation"), name, arn)
    return sorted((one for one in retained if _data_exists(account, one)), key=lambda one: one.kind == _KEY_KIND)


def empty_stack_data(account: Account, one: StackResource) -> None:
    """Delete the objects of a bucket or the packages of a registry that `list_stack_data` has returned."""
    kind = _DATA_KINDS[one.kind]
    kind.empty(account.client(kind.service), one.name)


def delete_retained_data(account: Account, one: StackResource) -> bool:
    """Delete a bucket, key or registry; return False for a resource of another kind."""
    kind = _DATA_KINDS.get(one.kind)
    if kind is None:
        return False
    kind.delete(account.client(kind.service), one.name)
    return True


def delete_bucket(s3: Client, name: str) -> None:
    """Empty and delete a bucket.

    Raises:
        OperationError: Objects are still being written to it.
    """
    for _ in range(_DELETE_TRIES):
        empty_bucket(s3, name)
        try:
            with aws_errors.ignoring_gone():
                s3.delete_bucket(Bucket=name)
        except ClientError as error:
            if not aws_errors.has_error_code(error, "BucketNotEmpty"):
                raise
        else:
            return
    raise OperationError(
        f"bucket {name!r}: not empty: something still writes to it (access logs arrive up to hours late). "
        "Run the command again later: it continues from here."
    )


def empty_bucket(s3: Client, name: str) -> None:
    """Delete all versions of all objects, and the parts of unfinished uploads.

    Raises:
        OperationError: S3 refused to delete an object.
    """
    while versions := _list_versions(s3, name):
        objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
        answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        for failed in answer.get("Errors", [])[:1]:
            raise OperationError(
                f"s3://{name}/{failed['Key']}: not deleted: {failed['Code']}: {failed.get('Message', '')}. Fix that "
                "(a retention lock? a policy?) and run the command again."
            )
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            with aws_errors.ignoring_gone("NoSuchUpload"):
                s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])


def _list_versions(s3: Client, name: str) -> list[dict[str, str]]:
    """Return up to a thousand versions and delete markers, as many as one deletion may name."""
    page = s3.list_object_versions(Bucket=name)
    return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]


def _delete_packages(sagemaker: Client, registry: str) -> None:
    """Delete the model packages of a group: SageMaker deletes only an empty one."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=_name_in_arn(registry))
    for package in [package for page in pages for package in page["ModelPackageSummaryList"]]:
        with aws_errors.ignoring_gone():
            sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])


def _delete_registry(sagemaker: Client, registry: str) -> None:
    with aws_errors.ignoring_gone():
        sagemaker.delete_model_package_group(ModelPackageGroupName=_name_in_arn(registry))


def _schedule_key_deletion(kms: Client, key: str) -> None:
    with aws_errors.ignoring_gone("KMSInvalidStateException"):  # its deletion is pending
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DELETION_DAYS)


def _name_in_arn(arn: str) -> str:
    return arn.rpartition("/")[2]


@dataclass(frozen=True)
class _DataKind:
    """How a kind of resource that holds data is deleted, by its physical id.

    Attributes:
        service: Name of the boto3 client.
        describe: Describes the resource; the service refuses if it does not exist.
        empty: Deletes its content, without which neither CloudFormation nor the service deletes it.
        delete: Deletes the resource.
    """

    service: str
    describe: Callable[[Client, str], object]
    empty: Callable[[Client, str], object]
    delete: Callable[[Client, str], object]


_DATA_KINDS: Final[Mapping[str, _DataKind]] = {
    "AWS::S3::Bucket": _DataKind("s3", lambda s3, name: s3.head_bucket(Bucket=name), empty_bucket, delete_bucket),
    _KEY_KIND: _DataKind(
        "kms",
        lambda kms, key: kms.describe_key(KeyId=key),
        lambda _kms, _key: None,
        _schedule_key_deletion,
    ),
    "AWS::SageMaker::ModelPackageGroup": _DataKind(
        "sagemaker",
        lambda sagemaker, arn: sagemaker.describe_model_package_group(ModelPackageGroupName=_name_in_arn(arn)),
        _delete_packages,
        _delete_registry,
    ),
}


def _data_exists(account: Account, one: StackResource) -> bool:
    kind = _DATA_KINDS.get(one.kind)
    if kind is None:
        return True
    try:
        described = kind.describe(account.client(kind.service), one.name)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return False
        raise
    # A key whose deletion is scheduled exists for weeks; it counts as deleted.
    return not (isinstance(described, dict) and described.get("KeyMetadata", {}).get("KeyState") == "PendingDeletion")


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

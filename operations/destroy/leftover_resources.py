# SPDX-License-Identifier: MIT-0
"""Empties and deletes a versioned bucket, which S3 deletes only when no version of any object is left.

The preprocessing images that a deployment pushed into the CDK's assets repository.

The CDK never deletes an asset. An image's tag is the hash of its content, so two deployments with the same sources
share it; those that another pipeline of the account still names are left alone.

What the storage stack leaves behind on purpose when it is deleted, and how each kind of it goes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors, cloudformation_stacks
from operations.account.cloudformation_stacks import StackResource
from operations.account.deployment_account import Account
from operations.functions.aws_clients import Client
from operations.functions.errors import OperationError

_DELETE_TRIES: Final = 3


def delete_bucket(s3: Client, name: str) -> None:
    """Empty and delete a bucket.

    Raises:
        OperationError: Something writes to it all the while.
    """
    for _ in range(_DELETE_TRIES):
        empty_bucket(s3, name)
        try:
            s3.delete_bucket(Bucket=name)
        except ClientError as error:
            if not aws_errors.has_error_code(error, "BucketNotEmpty"):
                raise
        else:
            return
    raise OperationError(
        f"bucket {name!r}: not empty: something still writes to it (access logs arrive up to hours late). "
        "Run the command again later: it goes on from here."
    )


def empty_bucket(s3: Client, name: str) -> None:
    """Delete all versions of all objects, and the parts of uploads that were broken off.

    Raises:
        OperationError: S3 refused to delete one.
    """
    while versions := _first_versions(s3, name):
        _delete_versions(s3, name, versions)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])


def _first_versions(s3: Client, name: str) -> list[dict[str, str]]:
    """Return up to a thousand versions and delete markers: a page, and the most that one deletion may name."""
    page = s3.list_object_versions(Bucket=name)
    return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]


def _delete_versions(s3: Client, name: str, versions: list[dict[str, str]]) -> None:
    objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
    for failed in answer.get("Errors", [])[:1]:
        raise OperationError(
            f"s3://{name}/{failed['Key']}: not deleted: {failed['Code']}: {failed.get('Message', '')}. Mend that "
            "(a retention lock? a policy?) and run the command again."
        )


# Source of the form: CDK Developer Guide, "Customize AWS CDK bootstrapping" (the repository of image assets).
_IMAGE_ASSET_PATTERN: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>cdk-[a-z0-9]{1,10}-container-assets-\d{12}-[a-z0-9-]+):(?P<tag>[A-Za-z0-9_.-]+)"
)


@dataclass(frozen=True, order=True)
class ImageAsset:
    """One image asset.

    Attributes:
        repository: Name of the CDK's assets repository.
        tag: Hash of the image's content.
    """

    repository: str
    tag: str


def find_unshared_images(sagemaker: Client, pipeline: str) -> list[ImageAsset]:
    """Return the images that `pipeline` names, or named in any of its executions, and no other pipeline names."""
    own = set(_images_in_definition(_pipeline_definition(sagemaker, pipeline)))
    for execution in _execution_arns(sagemaker, pipeline):
        own |= set(_images_in_definition(_executed_definition(sagemaker, execution)))
    return sorted(own - _images_of_other_pipelines(sagemaker, pipeline)) if own else []


def delete_images(ecr: Client, images: list[ImageAsset]) -> None:
    """Delete the images; those that are not there any more count as deleted."""
    for image in images:
        try:
            ecr.batch_delete_image(repositoryName=image.repository, imageIds=[{"imageTag": image.tag}])
        except ClientError as error:
            if not aws_errors.is_not_found(error):
                raise


def _images_in_definition(definition: str) -> Iterator[ImageAsset]:
    for match in _IMAGE_ASSET_PATTERN.finditer(definition):
        yield ImageAsset(match["repository"], match["tag"])


def _images_of_other_pipelines(sagemaker: Client, pipeline: str) -> set[ImageAsset]:
    pages = sagemaker.get_paginator("list_pipelines").paginate()
    others = [listed["PipelineName"] for page in pages for listed in page["PipelineSummaries"]]
    return {
        image
        for name in others
        if name != pipeline
        for image in _images_in_definition(_pipeline_definition(sagemaker, name))
    }


def _execution_arns(sagemaker: Client, pipeline: str) -> Iterator[str]:
    try:
        for page in sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline):
            for execution in page["PipelineExecutionSummaries"]:
                yield execution["PipelineExecutionArn"]
    except ClientError as error:
        if not aws_errors.is_not_found(error):
            raise


def _pipeline_definition(sagemaker: Client, pipeline: str) -> str:
    try:
        return str(sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"])
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return ""
        raise


def _executed_definition(sagemaker: Client, execution: str) -> str:
    try:
        described = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
        return str(described["PipelineDefinition"])
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return ""
        raise


KEY_DELETION_DAYS: Final = 30  # the longest that KMS offers: until then the deletion can be cancelled


@dataclass(frozen=True)
class _ResourceKind:
    """How one kind of resource is asked for and deleted.

    Attributes:
        service: Whose client does it.
        look: Asks for it by its physical id; the service refuses where there is none.
        delete: Deletes it.
    """

    service: str
    look: Callable[[Client, str], object]
    delete: Callable[[Client, str], object]


_RESOURCE_KINDS: Final[Mapping[str, _ResourceKind]] = {
    "AWS::S3::Bucket": _ResourceKind("s3", lambda s3, name: s3.head_bucket(Bucket=name), delete_bucket),
    "AWS::KMS::Key": _ResourceKind(
        "kms",
        lambda kms, key: kms.describe_key(KeyId=key),
        lambda kms, key: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=KEY_DELETION_DAYS),
    ),
    "AWS::SageMaker::ModelPackageGroup": _ResourceKind(
        "sagemaker",
        lambda sagemaker, arn: sagemaker.describe_model_package_group(ModelPackageGroupName=_name_in_arn(arn)),
        lambda sagemaker, arn: sagemaker.delete_model_package_group(ModelPackageGroupName=_name_in_arn(arn)),
    ),
}


def remaining_resources(account: Account, name: str) -> list[StackResource]:
    """Return what the newest deleted stack of this name left behind and what is still there, the key last.

    What it holds of a kind that this module does not know is returned too: somebody has to look.
    """
    left = cloudformation_stacks.retained_resources(account.client("cloudformation"), name)
    there = [found for found in left if _resource_exists(account, found)]
    return sorted(there, key=lambda found: found.kind == "AWS::KMS::Key")


def delete_resource(account: Account, found: StackResource) -> bool:
    """Delete one of them, and return whether this module knows how."""
    kind = _RESOURCE_KINDS.get(found.kind)
    if kind is None:
        return False
    kind.delete(account.client(kind.service), found.name)
    return True


def _resource_exists(account: Account, found: StackResource) -> bool:
    kind = _RESOURCE_KINDS.get(found.kind)
    if kind is None:
        return True
    try:
        seen = kind.look(account.client(kind.service), found.name)
    except ClientError as error:
        if aws_errors.is_not_found(error):
            return False
        raise
    # A key is not gone for weeks, but its end is settled.
    return not (isinstance(seen, dict) and seen.get("KeyMetadata", {}).get("KeyState") == "PendingDeletion")


def _name_in_arn(arn: str) -> str:
    return arn.rpartition("/")[2]

# SPDX-License-Identifier: MIT-0
"""Accesses endpoints in other accounts and regions, and copies models to them.

A function assumes the access role beside the endpoint, which trusts only that function's role. Both sides have a
policy; AWS answers the same whichever of them denies access, so the error message names both.

An endpoint reads its model from its own region, and other accounts cannot read the buckets of the build, so S3 copies
the model. The endpoint serves it with the image of the built-in algorithm of its region and no environment. A package
that needs anything else is refused, because it would not be served as it was evaluated. The AWS account of the image
differs by region and is not checked.

Sources: AWS STS API Reference, AssumeRole; IAM User Guide, "Cross-account policy evaluation logic"; Amazon S3 API
Reference, CopyObject; SageMaker API Reference, ModelPackageContainerDefinition.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import boto3
from botocore.exceptions import ClientError

from operations.functions import aws_clients, model_package
from operations.functions.aws_clients import S3_URI_PATTERN, Client, ClientFactory, split_s3_uri
from operations.functions.endpoint_answers import EndpointAnswer, InferenceTarget
from operations.functions.errors import OperationError, RemoteAccessError, UsageError
from operations.functions.function_payloads import PublishRequest
from pipeline_src import contract

RoleCredentials: TypeAlias = Mapping[str, str]
RoleConnector: TypeAlias = Callable[[RoleCredentials, str], ClientFactory]

# The shortest session of STS; a function ends within five minutes.
_SESSION_SECONDS: Final = 900
_DENIED_CODES: Final = ("AccessDenied", "AccessDeniedException", "403")
ContainerDefinition: TypeAlias = Mapping[str, Any]
# Fields of a container with data that the service would download besides the model.
_ADDITIONAL_SOURCES: Final = ("AdditionalModelDataSources", "AdditionalS3DataSource")
_CHANGED_CODES: Final = ("PreconditionFailed", "412")


def connect_with_role(credentials: RoleCredentials, region: str) -> ClientFactory:
    """Return a factory of clients in `region` with these credentials."""
    session = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )
    return functools.partial(session.client, config=aws_clients.CLIENT_CONFIG)


def remote_stage_clients(
    role: str, region: str, name: str, own: ClientFactory, connect: RoleConnector = connect_with_role
) -> ClientFactory:
    """Return a factory of clients for the account and region of the endpoint: `own` without a role.

    Args:
        role: ARN of the access role, or empty.
        region: Region of the endpoint; empty only without a role.
        name: Name of the session in the log of the other account.
        own: Makes clients with the function's role.
        connect: Makes the factory with the credentials of the access role.

    Raises:
        UsageError: There is a role without a region.
        RemoteAccessError: The role cannot be assumed.
    """
    if not role:
        return own
    if not region:
        raise UsageError(f"access {role}: has no region. Deploy again: make deploy.")
    with explain_denied_access(role):
        answer = own("sts").assume_role(RoleArn=role, RoleSessionName=name, DurationSeconds=_SESSION_SECONDS)
    return connect(answer["Credentials"], region)


@contextmanager
def explain_denied_access(other: str) -> Iterator[None]:
    """Replace an error about denied access in the `with` block by one that names both sides.

    Args:
        other: The role or bucket of the other side; empty if there is none, and errors are not replaced.

    Raises:
        RemoteAccessError: Access was denied.
    """
    try:
        yield
    except ClientError as error:
        if not other or error.response["Error"]["Code"] not in _DENIED_CODES:
            raise
        raise RemoteAccessError(_denied_access_message(other, error)) from error


def _denied_access_message(other: str, error: ClientError) -> str:
    answer = error.response["Error"]
    reason = f"{answer['Code']}: {answer.get('Message', '')}".rstrip(". ")
    return (
        f"{other}: {error.operation_name}: {reason}. It is in the account and region of the stage. There: is the "
        "stack that ends in -site deployed, and does its policy name this function's role? In the build account: does "
        "the deployment stack allow that role to use it? Run make deploy with credentials for both, then retry."
    )


@dataclass(frozen=True)
class RemoteTarget:
    """A target that is invoked with an access role.

    Attributes:
        target: The endpoint.
        role: ARN of the access role; empty for an endpoint beside the build.
    """

    target: InferenceTarget
    role: str

    @property
    def place(self) -> str:
        """The endpoint, for messages."""
        return self.target.place

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return its answer.

        Raises:
            RemoteAccessError: The access role may not invoke it.
        """
        with explain_denied_access(self.role):
            return self.target.answer(image)


def published_model_uri(bucket: str, arn: str) -> str:
    """Return the S3 URI of a package's model in the bucket of an endpoint."""
    return f"s3://{bucket}/{_published_model_key(arn)}"


def publish_model(request: PublishRequest, *, sagemaker: Client, s3: Client, there: Client) -> str:
    """Copy the package's model into the bucket and return its URI there.

    Args:
        request: The package and the bucket.
        sagemaker: Client that describes the package.
        s3: Client that describes the model in the runs bucket.
        there: Client of the function's role in the region of the other bucket, where S3 accepts the copy request.

    Raises:
        UsageError: There is no such package, or it needs more than the built-in algorithm and its model.
        RemoteAccessError: The other bucket denies access.
        OperationError: The model has changed since it was registered.
        ClientError: A service refused.
    """
    container = _built_in_container(sagemaker, request.package)
    bucket, key = split_s3_uri(container["ModelDataUrl"])
    source = {"Bucket": bucket, "Key": key}
    _copy_model(there, request, source, container.get("ModelDataETag") or s3.head_object(**source)["ETag"])
    return published_model_uri(request.bucket, request.package)


def _published_model_key(arn: str) -> str:
    return f"{contract.MODELS_PREFIX}{model_package.package_version(arn)}/{contract.MODEL_ARTIFACT_FILE}"


def _built_in_container(sagemaker: Client, arn: str) -> ContainerDefinition:
    """Return the container of the package; raise an error unless it is the built-in algorithm with only a model."""
    containers = model_package.describe_model_package(sagemaker, arn).containers
    region = model_package.match_package_arn(arn)["region"]
    algorithm = re.compile(rf"[0-9]{{12}}\.dkr\.ecr\.{region}\.[a-z0-9.-]+/image-classification:1")
    if len(containers) != 1:
        raise _refused_package_error(arn, f"has {len(containers)} containers, not one")
    container = containers[0]
    if not algorithm.fullmatch(container.get("Image", "")):
        raise _refused_package_error(
            arn, f"image {container.get('Image', '')!r}: is not that of the built-in algorithm in {region}"
        )
    if container.get("Environment"):
        raise _refused_package_error(arn, f"environment: sets {', '.join(sorted(container['Environment']))}")
    more = [each for each in _ADDITIONAL_SOURCES if container.get(each)]
    if more:
        raise _refused_package_error(arn, f"has {', '.join(more)}, which would not be copied")
    if not S3_URI_PATTERN.fullmatch(container.get("ModelDataUrl", "")):
        raise _refused_package_error(arn, f"model {container.get('ModelDataUrl', '')!r}: is not an S3 URI")
    return container


def _refused_package_error(arn: str, what: str) -> UsageError:
    return UsageError(
        f"model package {arn}: {what}. An endpoint in another account or region serves the built-in algorithm of its "
        "region, its model and no environment. Deliver a package that the pipeline registered: make retrain."
    )


def _copy_model(there: Client, request: PublishRequest, source: Mapping[str, str], etag: str) -> None:
    try:
        with explain_denied_access(f"s3://{request.bucket}/{_published_model_key(request.package)}"):
            there.copy_object(
                Bucket=request.bucket,
                Key=_published_model_key(request.package),
                CopySource=dict(source),
                CopySourceIfMatch=etag,
                # Copying tags would need two more permissions on each side.
                TaggingDirective="REPLACE",
            )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _CHANGED_CODES:
            raise
        raise OperationError(
            f"s3://{source['Bucket']}/{source['Key']}: differs from what was registered (ETag {etag}). Restore "
            "that version, which the bucket keeps for retention.noncurrent_days, or deliver another package."
        ) from error

# SPDX-License-Identifier: MIT-0
"""How a function reaches an endpoint that is elsewhere: in another account, another region or both.

It takes on the access role that stands beside the endpoint and trusts that function's role alone. A crossing has two
sides, each with a policy of its own, and whichever refuses, AWS says the same: so the sentence names both.

Sources: AWS STS API Reference, AssumeRole; IAM User Guide, "Cross-account policy evaluation logic".

Brings a package's model to where an endpoint that is elsewhere may read it: S3 copies it, no byte comes by here.

An endpoint reads its model from its own region, and nothing of another account reads our buckets. There it is served
with the image of the built-in algorithm of that region, its model and no environment; so a package that wants anything
else is refused, because what would be served is not what was evaluated. Which account of AWS the image comes from
differs from region to region and is not looked at.

Sources: Amazon S3 API Reference, CopyObject; SageMaker API Reference, ModelPackageContainerDefinition.
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
from operations.functions.aws_clients import Client, ClientFactory
from operations.functions.endpoint_answers import EndpointAnswer, InferenceTarget
from operations.functions.errors import OperationError, RemoteAccessError, UsageError
from operations.functions.function_payloads import PublishRequest
from pipeline_src import contract

RoleCredentials: TypeAlias = Mapping[str, str]
RoleConnector: TypeAlias = Callable[[RoleCredentials, str], ClientFactory]

# The shortest that STS gives; a function ends within five minutes.
_SESSION_SECONDS: Final = 900
_DENIED_CODES: Final = ("AccessDenied", "AccessDeniedException", "403")


def connect_with_role(credentials: RoleCredentials, region: str) -> ClientFactory:
    """Return what makes the clients of a service in `region` with those credentials, as patient as our own."""
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
    """Return what makes clients where the endpoint is: our own where no role is given.

    Args:
        role: ARN of the access role, or empty.
        region: Of the endpoint; empty only where no role is given.
        name: Of the session, as the other account's log shows it.
        own: Makes our own clients.
        connect: Makes those with the role's credentials.

    Raises:
        UsageError: There is a role without a region.
        CrossingError: The role cannot be taken on.
    """
    if not role:
        return own
    if not region:
        raise UsageError(f"access {role}: comes without a region. Name where the endpoint is: make deploy.")
    with explain_denied_access(role):
        answer = own("sts").assume_role(RoleArn=role, RoleSessionName=name, DurationSeconds=_SESSION_SECONDS)
    return connect(answer["Credentials"], region)


@contextmanager
def explain_denied_access(other: str) -> Iterator[None]:
    """Say of a denied access within the `with` block which two sides to look at.

    Args:
        other: What of the other side is used: a role or a bucket; empty where nothing is, and so nothing is said.

    Raises:
        CrossingError: It was denied.
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
        f"{other}: {error.operation_name}: {reason}. It stands in the stage's own account and region. There: is the "
        "stack that ends in -site deployed, and does its policy name this function's role? Here: does the deployment "
        "stack allow that role to use it? One make deploy, with credentials for both, brings both to the same state; "
        "then retry the stage."
    )


@dataclass(frozen=True)
class RemoteTarget:
    """A target that is elsewhere.

    Attributes:
        target: What is asked.
        role: ARN of the access role with which it is asked; empty: our own.
    """

    target: InferenceTarget
    role: str

    @property
    def place(self) -> str:
        """Which one it is."""
        return self.target.place

    def answer(self, image: bytes) -> EndpointAnswer:
        """Return its answer.

        Raises:
            CrossingError: The access role may not ask it.
        """
        with explain_denied_access(self.role):
            return self.target.answer(image)


ContainerDefinition: TypeAlias = Mapping[str, Any]

_S3_URI_PATTERN: Final = re.compile(r"s3://[^/]+/.+")
# Of a container: what else the service would fetch for it, beside its model.
_ADDITIONAL_SOURCES: Final = ("AdditionalModelDataSources", "AdditionalS3DataSource")
_CHANGED_CODES: Final = ("PreconditionFailed", "412")


def published_model_uri(bucket: str, arn: str) -> str:
    """Return the S3 URI that the model of a package has in an endpoint's own bucket."""
    return f"s3://{bucket}/{_published_model_key(arn)}"


def publish_model(request: PublishRequest, *, sagemaker: Client, s3: Client, there: Client) -> str:
    """Copy the package's model into the bucket and return its URI there.

    Args:
        request: Which package, and the bucket.
        sagemaker: Client that describes the package.
        s3: Client that looks at the model in our own bucket.
        there: Client, by our own credentials, of the other bucket's region, where S3 takes the request to copy.

    Raises:
        UsageError: There is no such package, or it wants more than the built-in algorithm and its model.
        CrossingError: The other bucket does not take it.
        OperationError: The model is not what was registered.
        ClientError: A service refused.
    """
    container = _built_in_container(sagemaker, request.package)
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    source = {"Bucket": bucket, "Key": key}
    _copy_model(there, request, source, container.get("ModelDataETag") or s3.head_object(**source)["ETag"])
    return published_model_uri(request.bucket, request.package)


def _published_model_key(arn: str) -> str:
    return f"{contract.MODELS_PREFIX}{model_package.package_version(arn)}/{contract.MODEL_ARTIFACT_FILE}"


def _built_in_container(sagemaker: Client, arn: str) -> ContainerDefinition:
    """Return the one container of the package, which is the built-in algorithm with a model and nothing else."""
    containers = model_package.describe_model_package(sagemaker, arn).containers
    region = model_package.match_package_arn(arn)["region"]
    algorithm = re.compile(rf"[0-9]{{12}}\.dkr\.ecr\.{region}\.[a-z0-9.-]+/image-classification:1")
    if len(containers) != 1:
        raise _refused_package_error(arn, f"has {len(containers)} containers, not one")
    container = containers[0]
    if not algorithm.fullmatch(container.get("Image", "")):
        raise _refused_package_error(
            arn, f"image {container.get('Image', '')!r}: is not the built-in algorithm's in {region}"
        )
    if container.get("Environment"):
        raise _refused_package_error(arn, f"environment: sets {', '.join(sorted(container['Environment']))}")
    more = [each for each in _ADDITIONAL_SOURCES if container.get(each)]
    if more:
        raise _refused_package_error(arn, f"brings more than its model, {', '.join(more)}, which would not be copied")
    if not _S3_URI_PATTERN.fullmatch(container.get("ModelDataUrl", "")):
        raise _refused_package_error(arn, f"model {container.get('ModelDataUrl', '')!r}: is no S3 URI")
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
                # Tags would have to be read and written, which takes two permissions more on either side.
                TaggingDirective="REPLACE",
            )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _CHANGED_CODES:
            raise
        raise OperationError(
            f"s3://{source['Bucket']}/{source['Key']}: is not what was registered (ETag {etag}). Bring that version "
            "back, which the bucket keeps for retention.noncurrent_days, or deliver another package."
        ) from error

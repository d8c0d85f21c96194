# SPDX-License-Identifier: MIT-0
"""Accesses endpoints in other accounts and regions, and publishes models to them.

A function assumes a role beside the endpoint, which trusts only that function's role. Both sides have a policy; AWS
answers the same whichever of them denies access, so the error message names both.

An endpoint reads its model from its own region, and other accounts cannot read the buckets of the build, so S3 copies
the model. Its image is in the registry of its own account and region: `cdk deploy` pushes an image that we build to
both, under the same tag, which is a hash of its sources; AWS keeps its own images in a registry account per region. The
endpoint gets no environment. A package that needs anything else is refused, because it would not be served as it was
evaluated.

Sources: AWS STS API Reference, AssumeRole; IAM User Guide, "Cross-account policy evaluation logic"; Amazon S3 API
Reference, CopyObject; Amazon ECR API Reference, DescribeImages; SageMaker API Reference,
ModelPackageContainerDefinition.
"""

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
_ABSENT_IMAGE_CODES: Final = ("ImageNotFoundException", "RepositoryNotFoundException")
# Source of the form: Amazon ECR User Guide, "Amazon ECR private registry".
_IMAGE_PATTERN: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)"
    r"/(?P<repository>[a-z0-9._/-]+):(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})"
)


def connect_with_role(credentials: RoleCredentials, region: str) -> ClientFactory:
    """Return a factory of clients in `region` with these credentials."""
    session = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )

    def client(service: str) -> Client:
        return aws_clients.name_unanswered_calls(session.client(service, config=aws_clients.CLIENT_CONFIG))

    return client


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


@dataclass(frozen=True)
class PublishedModel:
    """A model in the account and region of its endpoint.

    Attributes:
        model: Its S3 URI there.
        image: The URI of its image there.
    """

    model: str
    image: str


def publish_model(
    request: PublishRequest, *, sagemaker: Client, s3: Client, there: Client, registry: Callable[[], Client]
) -> PublishedModel:
    """Copy the package's model into the bucket, find its image in that account and region, and return both.

    Args:
        request: The package, the bucket and the registries.
        sagemaker: Client that describes the package.
        s3: Client that describes the model in the runs bucket.
        there: Client of the function's role in the region of the other bucket, where S3 accepts the copy request.
        registry: Makes the ECR client of the access role in that account and region.

    Raises:
        UsageError: There is no such package, or it needs more than an image of `request.images` and its model.
        RemoteAccessError: The access role, its registry or the other bucket denies access.
        OperationError: The image is not there, or the model has changed since it was registered.
        ClientError: A service refused.
    """
    package = model_package.describe_model_package(sagemaker, request.package)
    container = _servable_container(package)
    image = _find_image(request, container.get("Image", ""), registry, package.metadata.get(contract.METADATA_COMMIT))
    bucket, key = split_s3_uri(container["ModelDataUrl"])
    source = {"Bucket": bucket, "Key": key}
    _copy_model(there, request, source, container.get("ModelDataETag") or s3.head_object(**source)["ETag"])
    return PublishedModel(published_model_uri(request.bucket, request.package), image)


def _published_model_key(arn: str) -> str:
    return f"{contract.MODELS_PREFIX}{model_package.package_version(arn)}/{contract.MODEL_ARTIFACT_FILE}"


def _servable_container(package: model_package.ModelPackage) -> ContainerDefinition:
    """Return the container of the package; raise an error unless it is an image with a model and nothing else."""
    arn, containers = package.arn, package.containers
    if len(containers) != 1:
        raise _refused_package_error(arn, f"has {len(containers)} containers, not one")
    container = containers[0]
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
        f"model package {arn}: {what}. An endpoint in another account or region serves an image of this application, "
        "the package's model and no environment. Deliver a package that the pipeline registered: make retrain."
    )


def _find_image(request: PublishRequest, image: str, registry: Callable[[], Client], commit: str | None) -> str:
    """Return the URI of the package's `image` in the account and region of the endpoint.

    `commit` is what the package was trained on, if it says so.

    An image that AWS keeps is not looked up: its registries admit pulls, and nobody's questions [?].
    """
    region = model_package.match_package_arn(request.package)["region"]
    parts = _IMAGE_PATTERN.fullmatch(image)
    places = dict(each.split("=", 1) for each in request.images.split(","))
    if not parts or parts["region"] != region:
        raise _refused_package_error(request.package, f"image {image!r}: is not in an ECR registry of {region}")
    repository, tag = f"{parts['account']}/{parts['repository']}", parts["tag"]
    if f"{repository}:{tag}" in places:
        return _image_uri(places[f"{repository}:{tag}"], request.region, parts["suffix"])
    if repository not in places:
        known = ", ".join(places)
        raise _refused_package_error(
            request.package, f"image {image!r}: has no counterpart in {request.region} (known: {known})"
        )
    try:
        _check_image(request.access, places[repository], tag, registry)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _ABSENT_IMAGE_CODES:
            raise
        raise _absent_image_error(request, places[repository], tag, commit) from error
    return _image_uri(f"{places[repository]}:{tag}", request.region, parts["suffix"])


def _image_uri(place: str, region: str, suffix: str) -> str:
    account, _, image = place.partition("/")
    return f"{account}.dkr.ecr.{region}.{suffix}/{image}"


def _check_image(access: str, place: str, tag: str, registry: Callable[[], Client]) -> None:
    """Raise the registry's error unless the repository `place` has an image of that tag."""
    account, _, repository = place.partition("/")
    ecr = registry()
    with explain_denied_access(access):
        ecr.describe_images(registryId=account, repositoryName=repository, imageIds=[{"imageTag": tag}])


def _absent_image_error(request: PublishRequest, place: str, tag: str, commit: str | None) -> OperationError:
    account, _, repository = place.partition("/")
    return OperationError(
        f"image {repository}:{tag} of {model_package.package_title(request.package)}: is not in account {account}, "
        f"{request.region}, where the endpoint is. make deploy (cdk deploy), with credentials for that account, pushes "
        "the images of the commit that is checked out: run it at the commit that the package was trained on "
        f"({commit or 'its metadata name none'}), then retry the stage. Or train again: make retrain."
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

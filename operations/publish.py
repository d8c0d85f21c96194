# SPDX-License-Identifier: MIT-0
"""Brings a package's model to where an endpoint that is elsewhere may read it: S3 copies it, no byte comes by here.

An endpoint reads its model from its own region, and nothing of another account reads our buckets. There it is served
with the image of the built-in algorithm of that region, its model and no environment; so a package that wants anything
else is refused, because what would be served is not what was evaluated. Which account of AWS the image comes from
differs from region to region and is not looked at.

Sources: Amazon S3 API Reference, CopyObject; SageMaker API Reference, ModelPackageContainerDefinition.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from botocore.exceptions import ClientError

from operations import package
from operations.access import crossing
from operations.client import Client
from operations.error import OperationError, UsageError
from operations.payload import Publish
from pipeline_src import contract

Container: TypeAlias = Mapping[str, Any]

_S3: Final = re.compile(r"s3://[^/]+/.+")
# Of a container: what else the service would fetch for it, beside its model.
_MORE: Final = ("AdditionalModelDataSources", "AdditionalS3DataSource")
_CHANGED: Final = ("PreconditionFailed", "412")


def url(bucket: str, arn: str) -> str:
    """Return the S3 URI that the model of a package has in an endpoint's own bucket."""
    return f"s3://{bucket}/{_key(arn)}"


def publish(request: Publish, *, sagemaker: Client, s3: Client, there: Client) -> str:
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
    container = _container(sagemaker, request.package)
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    source = {"Bucket": bucket, "Key": key}
    _copy(there, request, source, container.get("ModelDataETag") or s3.head_object(**source)["ETag"])
    return url(request.bucket, request.package)


def _key(arn: str) -> str:
    return f"{contract.MODELS_PREFIX}{package.version(arn)}/{contract.MODEL_ARTIFACT}"


def _container(sagemaker: Client, arn: str) -> Container:
    """Return the one container of the package, which is the built-in algorithm with a model and nothing else."""
    containers = package.described(sagemaker, arn).containers
    region = package.match(arn)["region"]
    algorithm = re.compile(rf"[0-9]{{12}}\.dkr\.ecr\.{region}\.[a-z0-9.-]+/image-classification:1")
    if len(containers) != 1:
        raise _refused(arn, f"has {len(containers)} containers, not one")
    container = containers[0]
    if not algorithm.fullmatch(container.get("Image", "")):
        raise _refused(arn, f"image {container.get('Image', '')!r}: is not the built-in algorithm's in {region}")
    if container.get("Environment"):
        raise _refused(arn, f"environment: sets {', '.join(sorted(container['Environment']))}")
    more = [each for each in _MORE if container.get(each)]
    if more:
        raise _refused(arn, f"brings more than its model, {', '.join(more)}, which would not be copied")
    if not _S3.fullmatch(container.get("ModelDataUrl", "")):
        raise _refused(arn, f"model {container.get('ModelDataUrl', '')!r}: is no S3 URI")
    return container


def _refused(arn: str, what: str) -> UsageError:
    return UsageError(
        f"model package {arn}: {what}. An endpoint in another account or region serves the built-in algorithm of its "
        "region, its model and no environment. Deliver a package that the pipeline registered: make retrain."
    )


def _copy(there: Client, request: Publish, source: Mapping[str, str], etag: str) -> None:
    try:
        with crossing(f"s3://{request.bucket}/{_key(request.package)}"):
            there.copy_object(
                Bucket=request.bucket,
                Key=_key(request.package),
                CopySource=dict(source),
                CopySourceIfMatch=etag,
                # Tags would have to be read and written, which takes two permissions more on either side.
                TaggingDirective="REPLACE",
            )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _CHANGED:
            raise
        raise OperationError(
            f"s3://{source['Bucket']}/{source['Key']}: is not what was registered (ETag {etag}). Bring that version "
            "back, which the bucket keeps for retention.noncurrent_days, or deliver another package."
        ) from error

# SPDX-License-Identifier: MIT-0
"""What a new model is compared with: the champion's predictions, which lie beside the report of its own evaluation.

Whether they are still there is known before anything is started, because a training that takes hours and then fails
for want of a file helps nobody. If they are gone, nothing is started: a comparison that is silently left out would let
a worse model through. Whoever wants one without says so. While nothing is in production there is nothing to compare.
"""

from typing import Final

from botocore.exceptions import ClientError

from operations import champion, package
from operations.client import Client
from operations.error import UsageError
from operations.payload import CHAMPION, Retrain
from pipeline_src import contract

_UNREADABLE: Final = ("AccessDenied", "NoSuchBucket")
_REMEDY: Final = 'Bring it back, or train without a comparison: make retrain ARGS="--no-champion".'


def parameters(request: Retrain, *, sagemaker: Client, s3: Client, ssm: Client) -> dict[str, str]:
    """Return the pipeline's parameters that name the champion: none where nothing is in production.

    A champion that was rejected meanwhile is compared with too, as long as it serves. Where somebody chose to compare
    with nothing, that stands in place of the champion, so that the report does not say that there was none.

    Args:
        request: Names the parameter that names the champion, and what to compare with.
        sagemaker: Client that describes the champion's package.
        s3: Client that lists its predictions, which takes no right to read them.
        ssm: Client that reads the parameter.

    Raises:
        UsageError: The champion's package or its predictions are gone.
        ClientError: A service refused.
    """
    if request.compare != CHAMPION:
        return {contract.CHAMPION_PACKAGE: contract.NO_COMPARISON}
    live = champion.read(ssm, request.champion)
    if not live:
        return {}
    return {contract.CHAMPION_PREDICTIONS: _predictions(sagemaker, s3, live), contract.CHAMPION_PACKAGE: live}


def _predictions(sagemaker: Client, s3: Client, live: str) -> str:
    """Return the URI of predictions.csv of the package `live`."""
    try:
        folder = package.described(sagemaker, live).evaluation
    except UsageError as error:
        raise UsageError(f"the model in production cannot be compared with: {error} {_REMEDY}") from error
    uri = f"{folder}/{contract.PREDICTIONS}"
    missing = _missing(s3, uri)
    if missing:
        raise UsageError(f"predictions of the model in production, {package.named(live)}: {uri}: {missing}. {_REMEDY}")
    return uri


def _missing(s3: Client, uri: str) -> str:
    """Return why there is no object `uri` to be had, or empty if it is there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        # Of all keys that begin so, the key itself is the first.
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNREADABLE:
            raise
        return f"is not in the bucket of runs ({code})"
    return "" if any(found["Key"] == key for found in listed.get("Contents", [])) else "is not there any more"

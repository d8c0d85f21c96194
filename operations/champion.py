# SPDX-License-Identifier: MIT-0
"""The champion: the model package in production, as an SSM parameter names it.

`promote` makes the parameter and nobody else writes it: were it a resource of a stack, CloudFormation would put its
first value back whenever anything about it changes, a tag for example. Until the first delivery it is not there.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from operations import package, publish
from operations.access import crossing
from operations.client import Client
from operations.error import OperationError
from operations.payload import Promote, Rejected
from operations.registry_event import leaves_approval, package_arn

_SUBJECT: Final = "A rejected model version is live in production"


@dataclass(frozen=True)
class Live:
    """What is in production: the ARN of its package, and since when."""

    package: str
    since: datetime


def live(ssm: Client, name: str) -> Live | None:
    """Return what is in production, or None where nothing is yet."""
    try:
        found = ssm.get_parameter(Name=name)["Parameter"]
    except ssm.exceptions.ParameterNotFound:
        return None
    return Live(found["Value"], found["LastModifiedDate"])


def read(ssm: Client, name: str) -> str:
    """Return the ARN of the package in production, or empty where there is none yet."""
    found = live(ssm, name)
    return found.package if found else ""


def forget(ssm: Client, name: str) -> None:
    """Note that nothing is in production."""
    with contextlib.suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=name)


def promote(request: Promote, *, sagemaker: Client, ssm: Client) -> str:
    """Make the package the champion, and return what happened in a sentence.

    Args:
        request: Which package, and the endpoint that serves it.
        sagemaker: Client that describes the endpoint, where that is.
        ssm: Client that reads and writes the parameter.

    Raises:
        OperationError: The endpoint is not in service, or serves another package.
        CrossingError: It is elsewhere and closed to us.
        ClientError: A service refused.
    """
    with crossing(request.access):
        _check(request, sagemaker)
    if read(ssm, request.champion) == request.package:
        # When the parameter was written last is since when the package is live.
        return f"{package.named(request.package)} is the champion already."
    ssm.put_parameter(Name=request.champion, Value=request.package, Type="String", Overwrite=True)
    return f"{package.named(request.package)} is the champion."


def _check(request: Promote, sagemaker: Client) -> None:
    """Refuse an endpoint that does not serve the package."""
    place = f"endpoint {request.endpoint!r}"
    status = sagemaker.describe_endpoint(EndpointName=request.endpoint)["EndpointStatus"]
    if status != "InService":
        raise OperationError(f"{place}: is {status}, not InService. Look at its stack's events, then retry the stage.")
    if request.bucket:
        # What is elsewhere knows of no package: it serves the copy that was made of the package's model.
        wanted = publish.url(request.bucket, request.package)
        served = package.served_artifact(sagemaker, request.endpoint) or "a model that it does not name"
    else:
        # An endpoint that does not say what it serves was deployed and smoke-tested with this package all the same.
        wanted = request.package
        served = package.served(sagemaker, request.endpoint) or wanted
    if served != wanted:
        raise OperationError(f"{place}: serves {served}, not {wanted}. Deliver that package again: approve it.")


def tell_rejected(request: Rejected, *, ssm: Client, sns: Client) -> str:
    """Tell the topic if the rejected package is live, and return what happened in a sentence.

    Args:
        request: Which package, and whom to tell.
        ssm: Client that reads the champion.
        sns: Client that publishes.

    Raises:
        UsageError: The event names no package.
        ClientError: A service refused.
    """
    arn = package_arn(request.detail)
    if leaves_approval(request.detail):
        return f"{package.named(arn)} was edited and its approval was not. Nobody was told."
    if arn != read(ssm, request.champion):
        return f"{package.named(arn)} was rejected and is not live. Nobody was told."
    sns.publish(TopicArn=request.topic, Subject=_SUBJECT, Message=live_although_rejected(arn))
    return f"{package.named(arn)} was rejected and is live. The topic was told."


def live_although_rejected(arn: str) -> str:
    """Return what to know and to do when the package in production was rejected."""
    group = package.match(arn)["group"]
    update = "aws sagemaker update-model-package --model-package-arn"
    return f"""\
{package.named(arn)} was rejected in the model registry and is live: the production endpoint serves it.

Rejecting a version does not take it down. The endpoint goes on serving it until another version is delivered.

To roll back, approve an earlier version. It then takes the usual way: staging, smoke test, your approval, production.
  1. aws sagemaker list-model-packages --model-package-group-name {group} --model-approval-status Approved
  2. Approve one of them again. It is Approved already, so take the approval back first, because only a change counts:
     {update} ARN --model-approval-status Rejected
     {update} ARN --model-approval-status Approved

If it was rejected by mistake: {update} {arn} --model-approval-status Approved
Package: {arn}
"""

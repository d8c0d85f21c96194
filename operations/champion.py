# SPDX-License-Identifier: MIT-0
"""The champion: the model package in production, as an SSM parameter names it.

`promote` makes the parameter and nobody else writes it: were it a resource of a stack, CloudFormation would put its
first value back whenever anything about it changes, a tag for example. Until the first delivery it is not there.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from operations import package
from operations.client import Client
from operations.error import OperationError
from operations.payload import Promote, Rejected

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
        sagemaker: Client that describes the endpoint.
        ssm: Client that reads and writes the parameter.

    Raises:
        OperationError: The endpoint is not in service, or serves another package.
        ClientError: A service refused.
    """
    place = f"endpoint {request.endpoint!r}"
    status = sagemaker.describe_endpoint(EndpointName=request.endpoint)["EndpointStatus"]
    if status != "InService":
        raise OperationError(f"{place}: is {status}, not InService. Look at its stack's events, then retry the stage.")
    served = package.served(sagemaker, request.endpoint)
    # An endpoint that does not say what it serves was deployed and smoke-tested with this package all the same.
    if served and served != request.package:
        raise OperationError(
            f"{place}: serves {served}, not {request.package}. Deliver that package again: approve it."
        )
    if read(ssm, request.champion) == request.package:
        # When the parameter was written last is since when the package is live.
        return f"{package.named(request.package)} is the champion already."
    ssm.put_parameter(Name=request.champion, Value=request.package, Type="String", Overwrite=True)
    return f"{package.named(request.package)} is the champion."


def tell_rejected(request: Rejected, *, ssm: Client, sns: Client) -> str:
    """Tell the topic if the rejected package is live, and return what happened in a sentence.

    Args:
        request: Which package, and whom to tell.
        ssm: Client that reads the champion.
        sns: Client that publishes.

    Raises:
        ClientError: A service refused.
    """
    if request.package != read(ssm, request.champion):
        return f"{package.named(request.package)} was rejected and is not live. Nobody was told."
    sns.publish(TopicArn=request.topic, Subject=_SUBJECT, Message=live_although_rejected(request.package))
    return f"{package.named(request.package)} was rejected and is live. The topic was told."


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

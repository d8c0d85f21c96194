# SPDX-License-Identifier: MIT-0
"""One CloudFormation stack: what it says of itself, and how to be rid of it.

Source of the states: AWS CloudFormation User Guide, "Understand CloudFormation stack creation events" (status codes).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError, WaiterError

from operations.client import Client
from operations.command import refusal
from operations.error import OperationError

_GONE: Final = "DELETE_COMPLETE"
_SECONDS: Final = 15.0
_LOOKS: Final = 480  # two hours: a canary deployment bakes before it ends, and then rolls back


@dataclass(frozen=True)
class Stack:
    """What CloudFormation says of a stack.

    Attributes:
        name: Its name.
        arn: Its id, by which it is found even when it is deleted.
        status: For example ``UPDATE_COMPLETE``.
        outputs: Values by output key.
    """

    name: str
    arn: str
    status: str
    outputs: Mapping[str, str]

    @property
    def busy(self) -> bool:
        """Whether CloudFormation is at work on it, in a way that forbids deleting it now."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in ("REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS")


@dataclass(frozen=True)
class Resource:
    """One resource of a stack.

    Attributes:
        kind: For example ``AWS::S3::Bucket``.
        name: Its physical id.
        status: For example ``DELETE_SKIPPED`` of one that outlived its stack.
    """

    kind: str
    name: str
    status: str


def described(client: Client, name: str) -> Stack | None:
    """Return stack `name`, or None where there is none."""
    try:
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if refusal.is_code(error, "ValidationError") and "does not exist" in str(error):
            return None
        raise
    if found["StackStatus"] == _GONE:
        return None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return Stack(name, found["StackId"], found["StackStatus"], outputs)


def resources(client: Client, name: str) -> Iterator[Resource]:
    """Yield the resources of the stack with this name or id."""
    for page in client.get_paginator("list_stack_resources").paginate(StackName=name):
        for found in page["StackResourceSummaries"]:
            yield Resource(found["ResourceType"], found.get("PhysicalResourceId", ""), found["ResourceStatus"])


def survivors(client: Client, name: str) -> list[Resource]:
    """Return what the newest deleted stack of this name left behind on purpose.

    CloudFormation remembers a deleted stack for 90 days, so that this is found even after an interruption.
    """
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=[_GONE])
    deleted = [found for page in pages for found in page["StackSummaries"] if found["StackName"] == name]
    if not deleted:
        return []
    newest = max(deleted, key=lambda found: found["DeletionTime"])
    return [found for found in resources(client, newest["StackId"]) if found.status == "DELETE_SKIPPED"]


def delete(client: Client, found: Stack, sleep: Callable[[float], None]) -> None:
    """Delete a stack and wait until it is gone, whatever CloudFormation is doing with it.

    Raises:
        OperationError: CloudFormation could not delete it: the message names the resource and the reason.
    """
    if found.status == "UPDATE_IN_PROGRESS":
        _cancel(client, found)
    _settle(client, found, sleep)
    client.delete_stack(StackName=found.arn)
    try:
        client.get_waiter("stack_delete_complete").wait(
            StackName=found.arn, WaiterConfig={"Delay": _SECONDS, "MaxAttempts": _LOOKS}
        )
    except WaiterError as error:
        raise OperationError(
            f"stack {found.name!r}: not deleted: {_failure(client, found.arn) or error}. Mend that, in the "
            "CloudFormation console or with the service itself, and run the command again: it goes on from here."
        ) from error


def _cancel(client: Client, found: Stack) -> None:
    try:
        client.cancel_update_stack(StackName=found.arn)
    except ClientError as error:
        # It may have ended, or come too far, since it was described: then waiting is all there is to do.
        if not refusal.is_code(error, "ValidationError"):
            raise


def _settle(client: Client, found: Stack, sleep: Callable[[float], None]) -> None:
    """Wait until CloudFormation has ended what it is doing with the stack."""
    for _ in range(_LOOKS):
        now = described(client, found.arn)
        if now is None or not now.busy:
            return
        sleep(_SECONDS)
    raise OperationError(
        f"stack {found.name!r}: still {found.status} after two hours. Look at its events in the CloudFormation "
        "console, then run the command again."
    )


def _failure(client: Client, arn: str) -> str:
    """Return which resource could not be deleted, and why; empty where CloudFormation names none."""
    for event in client.describe_stack_events(StackName=arn)["StackEvents"]:
        if event.get("ResourceStatus") == "DELETE_FAILED" and event.get("PhysicalResourceId") != arn:
            reason = event.get("ResourceStatusReason", "no reason given").strip().rstrip(".")
            return f"{event['ResourceType']} {event['LogicalResourceId']}: {reason}"
    return ""

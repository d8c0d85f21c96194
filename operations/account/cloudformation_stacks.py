# SPDX-License-Identifier: MIT-0
"""Describes and deletes CloudFormation stacks, and runs the pinned CDK command line.

Source of the states: AWS CloudFormation User Guide, "Understand CloudFormation stack creation events" (status codes).
"""

import functools
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from botocore.exceptions import ClientError, WaiterError

from operations.account import aws_errors
from operations.functions.aws_clients import Client
from operations.functions.errors import OperationError

_DELETED_STATUS: Final = "DELETE_COMPLETE"
_POLL_SECONDS: Final = 15.0
_POLL_LIMIT: Final = 480  # two hours: a canary deployment waits before its end, and may then roll back


@dataclass(frozen=True)
class StackDescription:
    """A stack.

    Attributes:
        name: Its name.
        arn: Its id, which CloudFormation knows even after its deletion.
        status: For example ``UPDATE_COMPLETE``.
        outputs: Values by output key.
    """

    name: str
    arn: str
    status: str
    outputs: Mapping[str, str]

    @property
    def busy(self) -> bool:
        """True during an operation that prevents its deletion."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in ("REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS")


@dataclass(frozen=True)
class StackResource:
    """A resource of a stack.

    Attributes:
        kind: Type, for example ``AWS::S3::Bucket``.
        name: Physical id.
        status: For example ``DELETE_SKIPPED`` after the stack was deleted and the resource retained.
    """

    kind: str
    name: str
    status: str


def describe_stack(client: Client, name: str) -> StackDescription | None:
    """Return the stack `name`, or None if it does not exist."""
    try:
        found = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if aws_errors.has_error_code(error, "ValidationError") and "does not exist" in str(error):
            return None
        raise
    if found["StackStatus"] == _DELETED_STATUS:
        return None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return StackDescription(name, found["StackId"], found["StackStatus"], outputs)


def list_resources(client: Client, name: str) -> Iterator[StackResource]:
    """Yield the resources of the stack with this name or id."""
    for page in client.get_paginator("list_stack_resources").paginate(StackName=name):
        for found in page["StackResourceSummaries"]:
            yield StackResource(found["ResourceType"], found.get("PhysicalResourceId", ""), found["ResourceStatus"])


def retained_resources(client: Client, name: str, arn: str = "") -> list[StackResource]:
    """Return the resources that a deleted stack has retained.

    Args:
        client: A CloudFormation client.
        name: The newest deleted stack of this name. CloudFormation lists one for 90 days, so it is found even after an
            interruption, but not always at once after its deletion.
        arn: Its id, if it is known: nothing is looked up then.
    """
    if arn:
        return [found for found in list_resources(client, arn) if found.status == "DELETE_SKIPPED"]
    pages = client.get_paginator("list_stacks").paginate(StackStatusFilter=[_DELETED_STATUS])
    deleted = [found for page in pages for found in page["StackSummaries"] if found["StackName"] == name]
    if not deleted:
        return []
    newest = max(deleted, key=lambda found: found["DeletionTime"])
    return [found for found in list_resources(client, newest["StackId"]) if found.status == "DELETE_SKIPPED"]


def delete_stack(client: Client, found: StackDescription, sleep: Callable[[float], None]) -> None:
    """Cancel an update of a stack, delete it, and wait until it is deleted.

    Raises:
        OperationError: CloudFormation could not delete it; the message names the resource and the reason.
    """
    if found.status == "UPDATE_IN_PROGRESS":
        _cancel_update(client, found)
    _wait_until_settled(client, found, sleep)
    client.delete_stack(StackName=found.arn)
    try:
        client.get_waiter("stack_delete_complete").wait(
            StackName=found.arn, WaiterConfig={"Delay": _POLL_SECONDS, "MaxAttempts": _POLL_LIMIT}
        )
    except WaiterError as error:
        raise OperationError(
            f"stack {found.name!r}: not deleted: {_deletion_failure(client, found.arn) or error}. Fix that in the "
            "console and run the command again: it continues from here."
        ) from error


def _cancel_update(client: Client, found: StackDescription) -> None:
    try:
        client.cancel_update_stack(StackName=found.arn)
    except ClientError as error:
        # It has ended, or cannot be cancelled any more, since it was described: wait for its end.
        if not aws_errors.has_error_code(error, "ValidationError"):
            raise


def _wait_until_settled(client: Client, found: StackDescription, sleep: Callable[[float], None]) -> None:
    """Wait until no operation on the stack is running."""
    for _ in range(_POLL_LIMIT):
        now = describe_stack(client, found.arn)
        if now is None or not now.busy:
            return
        sleep(_POLL_SECONDS)
    raise OperationError(
        f"stack {found.name!r}: still {found.status} after two hours. Check its events in the CloudFormation "
        "console, then run the command again."
    )


def _deletion_failure(client: Client, arn: str) -> str:
    """Return the resource that could not be deleted, with the reason; empty if CloudFormation names none."""
    pages = client.get_paginator("describe_stack_events").paginate(StackName=arn)
    for event in (event for page in pages for event in page["StackEvents"]):
        if event.get("ResourceStatus") == "DELETE_FAILED" and event.get("PhysicalResourceId") != arn:
            reason = event.get("ResourceStatusReason", "no reason given").strip().rstrip(".")
            return f"{event['ResourceType']} {event['LogicalResourceId']}: {reason}"
    return ""


CdkCommand: TypeAlias = Callable[[Sequence[str]], int]

_PROJECT_FOLDER: Final = Path(__file__).parents[2]


def cdk_in_region(region: str, root: Path = _PROJECT_FOLDER) -> CdkCommand:
    """Return a function that runs ``cdk`` with arguments in the project's folder and returns its exit code.

    Args:
        region: Region of the stacks whose settings name none; empty to let the command line choose it.
        root: The project's folder.
    """
    return functools.partial(_run_cdk, region, root)


def _run_cdk(region: str, root: Path, arguments: Sequence[str]) -> int:
    command = root / "node_modules" / ".bin" / "cdk"
    if not command.exists():
        raise OperationError(f"{command}: not found. Install Node.js 22 or 24, then run npm ci.")
    environment = {**os.environ, **({"AWS_REGION": region} if region else {})}
    return subprocess.run([command, *arguments], cwd=root, env=environment, check=False).returncode


def cdk_destroy(cdk: CdkCommand, stacks: Sequence[str], context: Sequence[str]) -> None:
    """Delete stacks and no others; the CDK orders them by their dependencies.

    Args:
        cdk: Runs the command line.
        stacks: Ids in the application, for example ``["Monitoring", "Training"]``.
        context: ``KEY=VALUE`` each, as the deployment was given them.

    Raises:
        OperationError: The command line failed; it has printed the reason.
    """
    settings = [word for pair in context for word in ("--context", pair)]
    status = cdk(["destroy", *stacks, "--exclusively", "--force", *settings])
    if status:
        raise OperationError(
            f"cdk destroy {' '.join(stacks)}: exit code {status}; the reason is printed above. Fix it and run the "
            "command again: it continues from here."
        )

# SPDX-License-Identifier: MIT-0
"""Deletes a deployment after asking, and lists what is left.

Every step looks at what exists, so an interrupted command continues when it is run again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.console import Console

from operations.account import cloudformation_stacks
from operations.account.cloudformation_stacks import CdkCommand
from operations.account.deployment_account import Account, DeliveryStage
from operations.account.terminal_output import print_line
from operations.destroy import deployment_inventory, retained_data, running_work
from operations.destroy.deployment_inventory import ApplicationStack, DeploymentInventory
from operations.functions import model_delivery
from operations.functions.errors import OperationError, UsageError

_DATA_REMEDY: Final = "make destroy DATA=1 deletes it too"


def destroy_deployment(  # noqa: PLR0913  one parameter for each thing that the command line decides
    account: Account,
    console: Console,
    *,
    cdk: CdkCommand,
    context: Sequence[str],
    data: bool,
    ask: Callable[[str], str] | None,
    planned: Callable[[], Sequence[DeliveryStage]] = tuple,
) -> None:
    """Print what is deleted and what is kept, ask, delete it, and list what is left.

    Args:
        account: The account of the build.
        console: Where to print.
        cdk: Runs the CDK's command line.
        context: ``KEY=VALUE`` each: the settings that the deployment was made with.
        data: Whether to delete the data too.
        ask: Asks the user; None to delete without asking.
        planned: Returns the stages that the settings put in other accounts or regions.

    Raises:
        AccountError: A stage is in an account that no credentials are given for: nothing was deleted.
        UsageError: The user did not type the deployment's name: nothing was deleted.
        OperationError: Something could not be deleted; running the command again continues.
    """

    def tell(text: str) -> None:
        print_line(console, text)

    found = deployment_inventory.take_inventory(account, planned)
    title = f"Deployment {account.name!r} in {account.region}"
    if not (found.to_delete(data=data) or found.endpoint_stacks):
        tell(f"{title}: nothing to delete.")
        _print_left(account, found, tell, data=data)
        return
    tell(f"{title}\n\nWill be stopped: deliveries, retrainings, jobs of monitor and export.\nWill be deleted:")
    for line in _lines_of_deleted(found, data=data):
        tell(f"  {line}")
    tell("Will be kept:")
    for line in _lines_of_kept(found, data=data):
        tell(f"  {line}")
    if ask is not None and ask("Type the name of the deployment to delete it") != account.name:
        raise UsageError(f"destroy: the answer was not {account.name!r}: nothing was deleted.")
    _delete(account, found, cdk, context, tell, data=data)
    after = deployment_inventory.take_inventory(account, lambda: [one.stage for one in found.stages])
    _print_left(account, after, tell, data=data)
    left = [one.name for one in after.to_delete(data=data) if one.stack]
    if left := [*left, *(one.named(stack.name) for one, stack in after.endpoint_stacks)]:
        raise OperationError(
            f"stacks {', '.join(left)}: still there: something created them again. Run the command again; delete a "
            "stack that it does not list any more with aws cloudformation delete-stack --stack-name NAME."
        )
    tell(f"Deployment {account.name!r} is deleted.")


def _delete(  # noqa: PLR0913  as above
    account: Account,
    found: DeploymentInventory,
    cdk: CdkCommand,
    context: Sequence[str],
    tell: Callable[[str], None],
    *,
    data: bool,
) -> None:
    running_work.stop_running_work(account, found.outputs, tell)
    # First, because a role of the deployment stack deletes them.
    for one in found.stages:
        # Looked up again: a delivery may have created it since the inventory.
        if stack := deployment_inventory.find_endpoint_stack(one):
            tell(f"Deleting the stack {one.named(stack.name)}: this takes some minutes")
            cloudformation_stacks.delete_stack(one.account.client("cloudformation"), stack, account.sleep)
    if champion := found.outputs.get("Champion"):
        model_delivery.delete_champion(account.client("ssm"), champion)
    _destroy_stacks([one for one in found.stacks if not one.holds_data], cdk, context, tell)
    if data:
        _delete_data([one for one in found.stacks if one.holds_data], cdk, context, tell)


def _destroy_stacks(
    stacks: Sequence[ApplicationStack], cdk: CdkCommand, context: Sequence[str], tell: Callable[[str], None]
) -> None:
    there = [one for one in stacks if one.stack]
    if there:
        tell(f"Deleting the stacks {', '.join(one.name for one in there)}")
        cloudformation_stacks.cdk_destroy(cdk, [one.id for one in there], context)


def _delete_data(
    stacks: Sequence[ApplicationStack], cdk: CdkCommand, context: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Delete the stacks that hold data, and what they retain."""
    for one in stacks:
        if one.stack:
            tell(f"Emptying the buckets of {one.name}")
            one.account.client("cloudformation").update_termination_protection(
                StackName=one.name, EnableTerminationProtection=False
            )
            for resource in one.data:
                retained_data.empty_stack_data(one.account, resource)
    _destroy_stacks(stacks, cdk, context, tell)
    for one in stacks:
        for resource in retained_data.list_retained_data(one.account, one.name, one.stack.arn if one.stack else ""):
            deleted = retained_data.delete_retained_data(one.account, resource)
            tell(f"{'Deleted' if deleted else 'Not deleted, delete it by hand'}: {resource.kind} {resource.name}")


def _lines_of_deleted(found: DeploymentInventory, *, data: bool) -> Iterator[str]:
    for one, stack in found.endpoint_stacks:
        yield f"{one.named(stack.name)} ({stack.status}), with the endpoint"
    for each in found.to_delete(data=data):
        yield str(each)
        for resource in each.data:
            yield f"  {resource.kind} {resource.name}"
    if data:
        yield "All versions of all objects in these buckets and all registered models: this cannot be undone."
        yield (
            f"The keys after {retained_data.KEY_DELETION_DAYS} days; until then aws kms cancel-key-deletion keeps them."
        )


def _lines_of_kept(found: DeploymentInventory, *, data: bool) -> Iterator[str]:
    for one in found.stacks:
        if one.holds_data and not data:
            yield f"{one}: {', '.join(f'{each.kind} {each.name}' for each in one.data)}; {_DATA_REMEDY}"
    yield "models, endpoint configurations and image assets, which the command lists at its end"


def _print_left(account: Account, found: DeploymentInventory, tell: Callable[[str], None], *, data: bool) -> None:
    tell("Left, with the command that deletes each:")
    if not data:
        for one in found.stacks:
            if one.holds_data:
                tell(f"  {one}: make destroy DATA=1")
    for line in retained_data.list_leftovers(account, found.stages):
        tell(f"  {line}")
    tell("Left, and perhaps used by other applications of the account:")
    for line in retained_data.list_shared_leftovers(account):
        tell(f"  {line}")

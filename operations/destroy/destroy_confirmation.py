# SPDX-License-Identifier: MIT-0
"""What a person confirms before a deployment is deleted: what goes and what stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Final

from rich.console import Console

from operations.account.cdk_cli import CdkCommand
from operations.account.cloudformation_stacks import StackResource
from operations.account.deployment_account import Account, DeliveryStage
from operations.account.terminal_output import print_line
from operations.destroy import deployment_inventory
from operations.destroy.deployment_inventory import STORAGE_PART, DeploymentInventory
from operations.destroy.deployment_teardown import DeploymentTeardown
from operations.destroy.leftover_resources import KEY_DELETION_DAYS, ImageAsset
from operations.functions.errors import UsageError

_ALWAYS_KEPT: Final = (
    "the bootstrap stack of the CDK (CDKToolkit, unless cdk.json says otherwise), which other applications may use",
    "log groups that SageMaker made (/aws/sagemaker/...), which it never deletes",
)


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
    """Say what goes and what stays, ask, and delete it.

    Args:
        account: Where.
        console: What it is said on.
        cdk: Runs the CDK's command line.
        context: ``KEY=VALUE`` each: the settings that the deployment was made with.
        data: Whether the data goes too.
        ask: Asks the user; None to go on without.
        planned: Returns the stages that the settings put elsewhere.

    Raises:
        AccountError: A stage is in an account to which no credentials lead: nothing was deleted.
        UsageError: The user did not type the deployment's name: nothing was deleted.
        OperationError: Something could not be deleted; the same command goes on from there.
    """
    found = deployment_inventory.take_inventory(account, planned)
    if found.is_empty(data=data):
        _print_nothing_to_delete(account, found, console, data=data)
        return
    _print_inventory(account, found, console, data=data)
    if ask is not None and ask("Type the name of the deployment to delete it") != account.name:
        raise UsageError(f"destroy: the answer was not {account.name!r}: nothing was deleted.")
    DeploymentTeardown(account, found, cdk, context, lambda text: print_line(console, text)).run(data=data)
    stays = "" if data else " Its data stays; make destroy DATA=1 deletes it too."
    print_line(console, f"Deployment {account.name!r} is deleted.{stays}")


def _print_nothing_to_delete(account: Account, found: DeploymentInventory, console: Console, *, data: bool) -> None:
    print_line(console, f"Deployment {account.name!r} in {account.region}: nothing there to delete.")
    for line in _lines_of_kept(found, data=data):
        print_line(console, f"  stays: {line}")


def _print_inventory(account: Account, found: DeploymentInventory, console: Console, *, data: bool) -> None:
    print_line(console, f"Deployment {account.name!r} in {account.region}\n\nWill be deleted:")
    for line in _lines_of_deleted(found, data=data):
        print_line(console, f"  {line}")
    if data:
        print_line(console, f"  {'objects':15} every version of all that the buckets hold: nobody can bring them back")
        print_line(console, f"  {'key':15} after {KEY_DELETION_DAYS} days, until which KMS can cancel it")
    print_line(console, "\nStays:")
    for line in _lines_of_kept(found, data=data):
        print_line(console, f"  {line}")


def _lines_of_deleted(found: DeploymentInventory, *, data: bool) -> Iterator[str]:
    """Yield a line for each thing that will be deleted."""
    kinds = {
        "endpoints": "endpoint",
        "endpoint_stacks": "endpoint stack",
        "targets": "scaling target",
        "schedules": "schedule",
        "models": "model",
        "configurations": "endpoint configuration",
        "images": "image",
    } | ({"packages": "model package", "buckets": "bucket", "survivors": ""} if data else {})
    for field in fields(found):
        for one in getattr(found, field.name) if field.name in kinds else ():
            yield f"{kinds[field.name] or one.kind:15} {_resource_text(one)}"
    for part, stack in found.stacks.items():
        if data or part != STORAGE_PART:
            yield f"{'stack':15} {deployment_inventory.stack_text(stack)}"
    for outpost in found.going(data=data):
        yield f"{'stack':15} {outpost.shown}"


def _resource_text(one: str | ImageAsset | StackResource) -> str:
    if isinstance(one, StackResource):
        return one.name
    return f"{one.repository}:{one.tag[:12]}" if isinstance(one, ImageAsset) else one


def _lines_of_kept(found: DeploymentInventory, *, data: bool) -> list[str]:
    if data:
        return list(_ALWAYS_KEPT)
    going = found.going(data=data)
    more = [
        f"{one.shown}: copies of models, captured requests, key, topic; make destroy DATA=1 deletes it too"
        for one in found.outposts
        if one not in going
    ]
    storage = found.stacks.get(STORAGE_PART)
    if storage is None:
        return [*more, *_ALWAYS_KEPT]
    packages = f"registry with {len(found.packages)} model packages"
    kept = f"{storage.name}: archives, runs, {packages}, key, topic; make destroy DATA=1 deletes it too"
    return [kept, *more, *_ALWAYS_KEPT]

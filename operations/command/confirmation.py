# SPDX-License-Identifier: MIT-0
"""What a person confirms before a deployment is deleted: what goes and what stays."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Final

from rich.console import Console

from operations.command import inventory
from operations.command.account import Account
from operations.command.cdk import Cdk
from operations.command.image import Image
from operations.command.inventory import STORAGE, Inventory
from operations.command.stack import Resource
from operations.command.stage import Stage
from operations.command.survivor import KEY_DAYS
from operations.command.teardown import Teardown
from operations.command.terminal import say
from operations.error import UsageError

_ELSEWHERE: Final = (
    "the bootstrap stack of the CDK (CDKToolkit, unless cdk.json says otherwise), which other applications may use",
    "log groups that SageMaker made (/aws/sagemaker/...), which it never deletes",
)


def destroy(  # noqa: PLR0913  one parameter for each thing that the command line decides
    account: Account,
    console: Console,
    *,
    cdk: Cdk,
    context: Sequence[str],
    data: bool,
    ask: Callable[[str], str] | None,
    planned: Callable[[], Sequence[Stage]] = tuple,
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
    found = inventory.taken(account, planned)
    if found.is_empty(data=data):
        _tell_nothing(account, found, console, data=data)
        return
    _show(account, found, console, data=data)
    if ask is not None and ask("Type the name of the deployment to delete it") != account.name:
        raise UsageError(f"destroy: the answer was not {account.name!r}: nothing was deleted.")
    Teardown(account, found, cdk, context, lambda text: say(console, text)).run(data=data)
    stays = "" if data else " Its data stays; make destroy DATA=1 deletes it too."
    say(console, f"Deployment {account.name!r} is deleted.{stays}")


def _tell_nothing(account: Account, found: Inventory, console: Console, *, data: bool) -> None:
    say(console, f"Deployment {account.name!r} in {account.region}: nothing there to delete.")
    for line in _kept(found, data=data):
        say(console, f"  stays: {line}")


def _show(account: Account, found: Inventory, console: Console, *, data: bool) -> None:
    say(console, f"Deployment {account.name!r} in {account.region}\n\nWill be deleted:")
    for line in _listed(found, data=data):
        say(console, f"  {line}")
    if data:
        say(console, f"  {'objects':15} every version of all that the buckets hold: nobody can bring them back")
        say(console, f"  {'key':15} after {KEY_DAYS} days, until which KMS can cancel it")
    say(console, "\nStays:")
    for line in _kept(found, data=data):
        say(console, f"  {line}")


def _listed(found: Inventory, *, data: bool) -> Iterator[str]:
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
            yield f"{kinds[field.name] or one.kind:15} {_shown(one)}"
    for part, stack in found.stacks.items():
        if data or part != STORAGE:
            yield f"{'stack':15} {inventory.shown(stack)}"
    for outpost in found.going(data=data):
        yield f"{'stack':15} {outpost.shown}"


def _shown(one: str | Image | Resource) -> str:
    if isinstance(one, Resource):
        return one.name
    return f"{one.repository}:{one.tag[:12]}" if isinstance(one, Image) else one


def _kept(found: Inventory, *, data: bool) -> list[str]:
    if data:
        return list(_ELSEWHERE)
    going = found.going(data=data)
    more = [
        f"{one.shown}: copies of models, captured requests, key, topic; make destroy DATA=1 deletes it too"
        for one in found.outposts
        if one not in going
    ]
    storage = found.stacks.get(STORAGE)
    if storage is None:
        return [*more, *_ELSEWHERE]
    packages = f"registry with {len(found.packages)} model packages"
    kept = f"{storage.name}: archives, runs, {packages}, key, topic; make destroy DATA=1 deletes it too"
    return [kept, *more, *_ELSEWHERE]

# SPDX-License-Identifier: MIT-0
"""Lists the stacks of a deployment in all accounts and regions, with the data that each holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from operations.account import cloudformation_stacks, deployment_account
from operations.account.cloudformation_stacks import StackDescription, StackResource
from operations.account.deployment_account import Account, DeliveryStage, LocatedStage
from operations.destroy import retained_data

# Parts with a stack in the account of the build, in an order in which they can be deleted: each uses only later ones.
_PARTS: Final = ("monitoring", "deployment", "retraining", "training")
_STORAGE_PART: Final = "storage"


@dataclass(frozen=True)
class ApplicationStack:
    """A stack of the CDK application.

    Attributes:
        id: Its id in the application, for example `Storage` or `ProductionSite`.
        name: Its name in CloudFormation.
        account: The account and region that it is in.
        place: The same for messages; empty for those of the build.
        stack: Its description; None if it is deleted and has left data behind.
        holds_data: True if only `make destroy DATA=1` deletes it.
        data: The buckets, keys and registries in it, or that it left behind.
    """

    id: str
    name: str
    account: Account
    place: str
    stack: StackDescription | None
    holds_data: bool
    data: tuple[StackResource, ...]

    def __str__(self) -> str:
        """Return the name with the status and the place."""
        status = self.stack.status if self.stack else "deleted, data left"
        return f"{self.name} ({'; '.join(filter(None, (status, self.place)))})"


@dataclass(frozen=True)
class DeploymentInventory:
    """The stacks of a deployment.

    Attributes:
        outputs: Outputs of the application's stacks in the account and region of the build.
        stages: The stages with the accounts and regions that they are in.
        endpoint_stacks: Endpoint stacks, made by the delivery pipeline, with their stages.
        stacks: Stacks of the application, in an order in which they can be deleted.
    """

    outputs: Mapping[str, str]
    stages: tuple[LocatedStage, ...]
    endpoint_stacks: tuple[tuple[LocatedStage, StackDescription], ...]
    stacks: tuple[ApplicationStack, ...]

    def to_delete(self, *, data: bool) -> list[ApplicationStack]:
        """Return the application's stacks that are deleted, with or without the data."""
        return [one for one in self.stacks if data or not one.holds_data]


def take_inventory(account: Account, planned: Callable[[], Sequence[DeliveryStage]] = tuple) -> DeploymentInventory:
    """Return the stacks of the deployment.

    Args:
        account: The account of the build.
        planned: Returns the stages that the settings put in other accounts or regions. It is called if the deployment
            stack, whose outputs name all stages, is deleted.

    Raises:
        AccountError: A stage is in an account that no credentials are given for.
    """
    parts = [_find_stack(account, part.capitalize(), part) for part in _PARTS]
    storage = _find_stack(account, _STORAGE_PART.capitalize(), _STORAGE_PART, holds_data=True)
    own = [one for one in (*parts, storage) if one]
    outputs = {key: value for one in own if one.stack for key, value in one.stack.outputs.items()}
    named = list(deployment_account.stages_of_outputs(outputs)) or _stages_by_name(account, planned())
    stages = tuple(deployment_account.locate_stages(account, named))
    # The sites replicate into a bucket of the storage stack, which therefore is deleted last.
    return DeploymentInventory(
        outputs,
        stages,
        tuple((one, stack) for one in stages if (stack := find_endpoint_stack(one))),
        tuple(one for one in (*parts, *find_remote_stacks(account, stages), storage) if one),
    )


def _stages_by_name(account: Account, planned: Sequence[DeliveryStage]) -> list[DeliveryStage]:
    """Return the stages as the deployment stack names them: `planned`, and the others beside the build."""
    known = {one.title: one for one in planned}
    names = {title: f"{account.name}-{title.lower()}" for title in deployment_account.STAGE_TITLES}
    return [known.get(title) or DeliveryStage(name, name, title) for title, name in names.items()]


def find_endpoint_stack(one: LocatedStage) -> StackDescription | None:
    """Return the endpoint stack of a stage, or None if it does not exist."""
    return cloudformation_stacks.describe_stack(one.account.client("cloudformation"), one.stage.stack)


def find_remote_stacks(account: Account, stages: Sequence[LocatedStage]) -> Iterator[ApplicationStack]:
    """Yield the application's stacks in other accounts and regions: a site for each stage, a relay for each region.

    Both have buckets with fixed names, so they are kept whole with the data: a bucket that outlived its stack would
    make the next deployment fail.
    """
    remote = [one for one in stages if one.stage.is_remote]
    sites = (
        _find_stack(
            one.account, f"{one.stage.title}Site", f"{one.stage.title.lower()}-site", one.stage.place, holds_data=True
        )
        for one in remote
    )
    relays = (
        _find_stack(
            replace(account, client=account.connect("", region)),
            f"Relay-{region}",
            f"relay-{region}",
            region,
            holds_data=True,
        )
        for region in sorted({one.stage.region for one in remote} - ({account.region} if remote else set()))
    )
    yield from filter(None, (*sites, *relays))


def _find_stack(
    account: Account, id_: str, part: str, place: str = "", *, holds_data: bool = False
) -> ApplicationStack | None:
    name = account.stack_name(part)
    stack = cloudformation_stacks.describe_stack(account.client("cloudformation"), name)
    data: list[StackResource] = []
    if holds_data:
        data = (
            retained_data.list_stack_data(account, name) if stack else retained_data.list_retained_data(account, name)
        )
    return ApplicationStack(id_, name, account, place, stack, holds_data, tuple(data)) if stack or data else None

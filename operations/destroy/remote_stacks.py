# SPDX-License-Identifier: MIT-0
"""The application's stacks outside its own account and region: the site of a stage, and the relay of a region.

A site holds what an endpoint needs beside it: copies of models and captured requests, so it stays as the storage stack
does. It has to stay whole: its names are fixed, and the next deployment would find the name of a bucket taken that had
outlived it. A relay holds what a delivery passes on within minutes, and goes, bucket and all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from operations.account import cloudformation_stacks
from operations.account.cloudformation_stacks import StackDescription, StackResource
from operations.account.deployment_account import Account, LocatedStage
from operations.destroy import leftover_resources


@dataclass(frozen=True)
class RemoteStack:
    """One of them.

    Attributes:
        id: Its id in the application.
        name: Its name.
        place: Where it is, for messages.
        account: Where it is.
        stack: What CloudFormation says of it; None where only some of what it held is left.
        left: What it left behind, where it is gone.
        lasting: Whether it goes only with the data.
    """

    id: str
    name: str
    place: str
    account: Account
    stack: StackDescription | None
    left: tuple[StackResource, ...]
    lasting: bool

    @property
    def shown(self) -> str:
        """A line for the user."""
        state = self.stack.status if self.stack else f"gone; left {', '.join(one.name for one in self.left)}"
        return f"{self.name} ({state}; {self.place})"


def find_remote_stacks(account: Account, stages: Sequence[LocatedStage]) -> Iterator[RemoteStack]:
    """Yield the outposts of those stages that are there, or of which something is."""
    for one in (each for each in stages if each.stage.elsewhere):
        title = one.stage.title
        name = account.stack_name(f"{title.lower()}-site")
        yield from _find_remote_stack(f"{title}Site", name, one.stage.place, one.account, lasting=True)
    regions = {one.stage.region for one in stages if one.stage.elsewhere}
    for region in sorted(regions - {account.region} if regions else ()):
        there = replace(account, client=account.connect("", region))
        yield from _find_remote_stack(
            f"Relay-{region}", account.stack_name(f"relay-{region}"), region, there, lasting=False
        )


def _find_remote_stack(id_: str, name: str, place: str, account: Account, *, lasting: bool) -> Iterator[RemoteStack]:
    there = cloudformation_stacks.describe_stack(account.client("cloudformation"), name)
    left = () if there else tuple(leftover_resources.remaining_resources(account, name))
    if there or left:
        yield RemoteStack(id_, name, place, account, there, left, lasting)


def empty_remote_stack(one: RemoteStack) -> None:
    """Make it ready to be deleted: a bucket with objects in it would stop CloudFormation half way."""
    if one.stack is None:
        return
    cloudformation = one.account.client("cloudformation")
    cloudformation.update_termination_protection(StackName=one.name, EnableTerminationProtection=False)
    for resource in cloudformation_stacks.list_resources(cloudformation, one.name):
        if resource.kind == "AWS::S3::Bucket" and resource.name:
            leftover_resources.empty_bucket(one.account.client("s3"), resource.name)

# SPDX-License-Identifier: MIT-0
"""The application's stacks outside its own account and region: the site of a stage, and the relay of a region.

A site holds what an endpoint needs beside it: copies of models and captured requests, so it stays as the storage stack
does. It has to stay whole: its names are fixed, and the next deployment would find the name of a bucket taken that had
outlived it. A relay holds what a delivery passes on within minutes, and goes, bucket and all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from operations.command import bucket, stack, survivor
from operations.command.account import Account
from operations.command.place import Located
from operations.command.stack import Resource, Stack


@dataclass(frozen=True)
class Outpost:
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
    stack: Stack | None
    left: tuple[Resource, ...]
    lasting: bool

    @property
    def shown(self) -> str:
        """A line for the user."""
        state = self.stack.status if self.stack else f"gone; left {', '.join(one.name for one in self.left)}"
        return f"{self.name} ({state}; {self.place})"


def found(account: Account, stages: Sequence[Located]) -> Iterator[Outpost]:
    """Yield the outposts of those stages that are there, or of which something is."""
    for one in (each for each in stages if each.stage.elsewhere):
        title = one.stage.title
        name = account.stack_name(f"{title.lower()}-site")
        yield from _there(f"{title}Site", name, one.stage.place, one.account, lasting=True)
    regions = {one.stage.region for one in stages if one.stage.elsewhere}
    for region in sorted(regions - {account.region} if regions else ()):
        there = replace(account, client=account.connect("", region))
        yield from _there(f"Relay-{region}", account.stack_name(f"relay-{region}"), region, there, lasting=False)


def _there(id_: str, name: str, place: str, account: Account, *, lasting: bool) -> Iterator[Outpost]:
    there = stack.described(account.client("cloudformation"), name)
    left = () if there else tuple(survivor.remaining(account, name))
    if there or left:
        yield Outpost(id_, name, place, account, there, left, lasting)


def clear(one: Outpost) -> None:
    """Make it ready to be deleted: a bucket with objects in it would stop CloudFormation half way."""
    if one.stack is None:
        return
    cloudformation = one.account.client("cloudformation")
    cloudformation.update_termination_protection(StackName=one.name, EnableTerminationProtection=False)
    for resource in stack.resources(cloudformation, one.name):
        if resource.kind == "AWS::S3::Bucket" and resource.name:
            bucket.empty(one.account.client("s3"), resource.name)

# SPDX-License-Identifier: MIT-0
"""The account that a command acts on, and the deployment in it: how a command finds the names of things.

A deployment's stacks are ``<name>-storage``, ``<name>-training`` and so on; their outputs name what they made.
"""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import boto3
from botocore.config import Config

from operations import link
from operations.client import Client, Clients
from operations.command import refusal, stack
from operations.error import AccountError

# What makes the clients of a profile, or without its name of our own credentials, in a region.
Connect: TypeAlias = Callable[[str, str], Clients]

# Copying an object within S3 answers when it is done: up to some minutes at 5 GB.
_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6}, read_timeout=300, max_pool_connections=16
)


def connected(profile: str, region: str) -> Clients:
    """Return what makes clients for a profile; empty: for the one that the environment chooses; see `Connect`."""
    # Made at the first use: an unknown profile then fails what needs it, and nothing before.
    session = functools.cache(lambda: boto3.Session(profile_name=profile or None, region_name=region or None))

    @functools.cache
    def client(service: str) -> Client:
        with refusal.fetching_credentials():
            return session().client(service, config=_CONFIG)

    return client


@dataclass(frozen=True)
class Account:
    """One deployment in one account and region.

    Attributes:
        name: The deployment's name, with which the names of its stacks begin.
        client: Returns the client of a service, for example ``client("s3")``.
        sleep: Waits for some seconds between two looks at something.
        profiles: Names of profiles by the stages, such as staging, to whose accounts they lead.
        connect: Makes clients for another profile or region.
    """

    name: str
    client: Clients
    sleep: Callable[[float], None] = time.sleep
    profiles: Mapping[str, str] = field(default_factory=dict)
    connect: Connect = connected

    @property
    def region(self) -> str:
        """The region, for example ``us-east-1``."""
        return str(self.client("cloudformation").meta.region_name)

    def caller(self) -> dict[str, Any]:
        """Return whose the credentials are, as STS says it; some are fetched only when a first request is signed."""
        sts = self.client("sts")
        with refusal.fetching_credentials():
            return dict(sts.get_caller_identity())

    def page(self, path: str) -> str:
        """Return the address of a page of the AWS console in the region."""
        return link.page(str(self.client("cloudformation").meta.partition), self.region, path)

    def stack_name(self, part: str) -> str:
        """Return the name of the stack `part`, for example ``storage``."""
        return f"{self.name}-{part}"

    def outputs(self, part: str) -> Mapping[str, str]:
        """Return the outputs of the stack `part`; none where it is not deployed."""
        found = stack.described(self.client("cloudformation"), self.stack_name(part))
        return found.outputs if found else {}

    def output(self, part: str, key: str) -> str:
        """Return one output of the stack `part`.

        Raises:
            AccountError: The stack is not deployed here, or has no such output.
        """
        return self.outputs_with(part, key)[key]

    def outputs_with(self, part: str, key: str) -> Mapping[str, str]:
        """Return the outputs of the stack `part`, of which `key` is one.

        Raises:
            AccountError: The stack is not deployed here, or has no such output.
        """
        found = stack.described(self.client("cloudformation"), self.stack_name(part))
        place = f"stack {self.stack_name(part)!r} in {self.region}"
        if not found:
            raise AccountError(
                f"{place}: not found. Deploy first: make deploy. Deployed already? Then AWS_PROFILE and AWS_REGION "
                "choose account and region, and CONTEXT=name=NAME the deployment."
            )
        if key not in found.outputs:
            known = ", ".join(sorted(found.outputs)) or "none"
            raise AccountError(
                f"{place}: no output {key!r} (found: {known}; status {found.status}). Deploy again: make deploy."
            )
        return found.outputs


def here(name: str, region: str | None) -> Account:
    """Return deployment `name` in the account that the environment and its profile choose.

    Args:
        name: The deployment's name.
        region: None for the profile's. The SDK reads AWS_DEFAULT_REGION alone, the CDK AWS_REGION too.
    """
    return Account(name, connected("", region or ""))

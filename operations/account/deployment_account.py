# SPDX-License-Identifier: MIT-0
"""Finds a deployment, its stacks and its stages in accounts and regions.

The stacks of a deployment are ``<name>-storage``, ``<name>-training`` and so on; their outputs name its resources. The
outputs of the deployment stack name the stack and endpoint of each stage, and the account and region of a stage in
another one.

A stage in another account needs a profile of that account; one in another region of the same account uses the same
credentials. STS tells the account of a profile, so that no command acts on a wrong one.
"""

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import boto3
from botocore.config import Config

from operations.account import aws_errors, cloudformation_stacks
from operations.functions import aws_clients
from operations.functions.aws_clients import Client, ClientFactory
from operations.functions.errors import AccountError

STAGE_TITLES: Final = ("Production", "Staging")
# Returns a client factory for a profile, or with an empty name for the default credentials, in a region.
ProfileConnector: TypeAlias = Callable[[str, str], ClientFactory]
# S3 answers a copy request when the object is copied: up to some minutes at 5 GB.
CLIENT_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6}, read_timeout=300, max_pool_connections=16
)


@dataclass(frozen=True)
class DeliveryStage:
    """A stage of the delivery.

    Attributes:
        stack: Name of the endpoint's stack.
        endpoint: Name of the endpoint.
        title: Title of the stage, with which its outputs begin.
        account: Its account, if account or region differ from those of the build; else empty.
        region: Its region, likewise.
    """

    stack: str
    endpoint: str
    title: str = ""
    account: str = ""
    region: str = ""

    @property
    def is_remote(self) -> bool:
        """True if account or region differ from those of the build."""
        return bool(self.account)

    @property
    def place(self) -> str:
        """Account and region for messages; empty if they are those of the build."""
        return f"account {self.account}, {self.region}" if self.is_remote else ""


def stages_of_outputs(outputs: Mapping[str, str]) -> Iterator[DeliveryStage]:
    """Yield the stages that the outputs of the deployment stack name, production first."""
    for title in STAGE_TITLES:
        if f"{title}Stack" in outputs:
            place = outputs.get(f"{title}Account", ""), outputs.get(f"{title}Region", "")
            yield DeliveryStage(outputs[f"{title}Stack"], outputs[f"{title}Endpoint"], title, *place)


def connect_with_profile(profile: str, region: str) -> ClientFactory:
    """Return a client factory for a profile; with an empty name for the one that the environment chooses."""
    # At the first use, so that an unknown profile fails only commands that need it.
    session = functools.cache(lambda: boto3.Session(profile_name=profile or None, region_name=region or None))

    @functools.cache
    def client(service: str) -> Client:
        with aws_errors.fetching_credentials():
            return aws_clients.name_unanswered_calls(session().client(service, config=CLIENT_CONFIG))

    return client


@dataclass(frozen=True)
class Account:
    """A deployment in an account and region.

    Attributes:
        name: The deployment's name, with which the names of its stacks begin.
        client: Returns the client of a service, for example ``client("s3")``.
        sleep: Waits for some seconds between polls.
        profiles: Names of the profiles of other accounts, by stage, for example staging.
        connect: Makes clients for another profile or region.
        now: Returns the time.
    """

    name: str
    client: ClientFactory
    sleep: Callable[[float], None] = time.sleep
    profiles: Mapping[str, str] = field(default_factory=dict)
    connect: ProfileConnector = connect_with_profile
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def region(self) -> str:
        """The region, for example ``us-east-1``."""
        return str(self.client("cloudformation").meta.region_name)

    def caller(self) -> dict[str, Any]:
        """Return the identity of the credentials; some are fetched only for the first request."""
        sts = self.client("sts")
        with aws_errors.fetching_credentials():
            return dict(sts.get_caller_identity())

    def page(self, path: str) -> str:
        """Return the address of a page of the AWS console in the region."""
        return aws_clients.console_page_url(str(self.client("cloudformation").meta.partition), self.region, path)

    def stack_name(self, part: str) -> str:
        """Return the name of the stack `part`, for example ``storage``."""
        return f"{self.name}-{part}"

    def outputs(self, part: str) -> Mapping[str, str]:
        """Return the outputs of the stack `part`; none if it is not deployed."""
        found = cloudformation_stacks.describe_stack(self.client("cloudformation"), self.stack_name(part))
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
        found = cloudformation_stacks.describe_stack(self.client("cloudformation"), self.stack_name(part))
        place = f"stack {self.stack_name(part)!r} in {self.region}"
        if not found:
            raise AccountError(
                f"{place}: not found. Deploy first: make deploy. If it is deployed, choose account and region with "
                "AWS_PROFILE and AWS_REGION, and the deployment with CONTEXT=name=NAME."
            )
        if key not in found.outputs:
            known = ", ".join(sorted(found.outputs)) or "none"
            raise AccountError(
                f"{place}: no output {key!r} (found: {known}; status {found.status}). Deploy again: make deploy."
            )
        return found.outputs


def account_of_environment(name: str, region: str | None) -> Account:
    """Return deployment `name` in the account that the environment and its profile choose.

    Args:
        name: The deployment's name.
        region: None for that of the profile. The SDK reads only AWS_DEFAULT_REGION, the CDK AWS_REGION too.
    """
    return Account(name, connect_with_profile("", region or ""))


@dataclass(frozen=True)
class LocatedStage:
    """A stage with its account and region."""

    stage: DeliveryStage
    account: Account

    def named(self, thing: str) -> str:
        """Return `thing`, with account and region if they are not those of the build."""
        return f"{thing} ({self.stage.place})" if self.stage.is_remote else thing


def locate_stages(account: Account, stages: Iterable[DeliveryStage]) -> Iterator[LocatedStage]:
    """Yield each stage with its account and region.

    Raises:
        AccountError: No credentials are given for the stage's account.
    """
    for one in stages:
        yield LocatedStage(one, account_of_stage(account, one))


def account_of_stage(account: Account, stage: DeliveryStage) -> Account:
    """Return the account and region of a stage.

    Raises:
        AccountError: No credentials are given for the stage's account.
    """
    return find_stage_account(account, stage.title, stage.account, stage.region) if stage.is_remote else account


def find_stage_account(account: Account, title: str, number: str, region: str) -> Account:
    """Return the account `number` in `region` of the stage `title`.

    Raises:
        AccountError: No credentials are given for that account.
    """
    stage = title.lower()
    named = account.profiles.get(stage, "")
    # The profile of the other stage may do: both may share an account.
    tried = [named] if named else [*account.profiles.values(), ""]
    for profile in tried:
        there = replace(account, client=account.connect(profile, region))
        if caller_account_id(there) == number:
            return there
    known = f"profile {named!r} is of another account" if named else "these credentials are of another"
    raise AccountError(
        f"stage {stage}: is in account {number}, {region}; {known}. Name a profile of that account, as "
        f"{stage.upper()}_PROFILE=NAME behind the make command, or as --{stage}-profile NAME before the command of "
        "python -m operations."
    )


def caller_account_id(account: Account) -> str:
    """Return the id of the account of the credentials."""
    return str(account.caller()["Account"])


def distinct_remote_stages(found: Iterable[LocatedStage]) -> list[LocatedStage]:
    """Return one stage for each other account and region: both stages may share one."""
    return list({(one.stage.account, one.stage.region): one for one in found if one.stage.is_remote}.values())

# SPDX-License-Identifier: MIT-0
"""How a function reaches an endpoint that is elsewhere: in another account, another region or both.

It takes on the access role that stands beside the endpoint and trusts that function's role alone. A crossing has two
sides, each with a policy of its own, and whichever refuses, AWS says the same: so the sentence names both.

Sources: AWS STS API Reference, AssumeRole; IAM User Guide, "Cross-account policy evaluation logic".
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import boto3
from botocore.exceptions import ClientError

from operations import client
from operations.answer import Answer
from operations.client import Clients
from operations.error import CrossingError, UsageError
from operations.target import Target

Credentials: TypeAlias = Mapping[str, str]
Connect: TypeAlias = Callable[[Credentials, str], Clients]

# The shortest that STS gives; a function ends within five minutes.
_SECONDS: Final = 900
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "403")


def connected(credentials: Credentials, region: str) -> Clients:
    """Return what makes the clients of a service in `region` with those credentials, as patient as our own."""
    session = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=region,
    )
    return functools.partial(session.client, config=client.CONFIG)


def crossed(role: str, region: str, name: str, own: Clients, connect: Connect = connected) -> Clients:
    """Return what makes clients where the endpoint is: our own where no role is given.

    Args:
        role: ARN of the access role, or empty.
        region: Of the endpoint; empty only where no role is given.
        name: Of the session, as the other account's log shows it.
        own: Makes our own clients.
        connect: Makes those with the role's credentials.

    Raises:
        UsageError: There is a role without a region.
        CrossingError: The role cannot be taken on.
    """
    if not role:
        return own
    if not region:
        raise UsageError(f"access {role}: comes without a region. Name where the endpoint is: make deploy.")
    with crossing(role):
        answer = own("sts").assume_role(RoleArn=role, RoleSessionName=name, DurationSeconds=_SECONDS)
    return connect(answer["Credentials"], region)


@contextmanager
def crossing(other: str) -> Iterator[None]:
    """Say of a denied access within the `with` block which two sides to look at.

    Args:
        other: What of the other side is used: a role or a bucket; empty where nothing is, and so nothing is said.

    Raises:
        CrossingError: It was denied.
    """
    try:
        yield
    except ClientError as error:
        if not other or error.response["Error"]["Code"] not in _DENIED:
            raise
        raise CrossingError(_told(other, error)) from error


def _told(other: str, error: ClientError) -> str:
    answer = error.response["Error"]
    reason = f"{answer['Code']}: {answer.get('Message', '')}".rstrip(". ")
    return (
        f"{other}: {error.operation_name}: {reason}. It stands in the stage's own account and region. There: is the "
        "stack that ends in -site deployed, and does its policy name this function's role? Here: does the deployment "
        "stack allow that role to use it? One make deploy, with credentials for both, brings both to the same state; "
        "then retry the stage."
    )


@dataclass(frozen=True)
class Crossed:
    """A target that is elsewhere.

    Attributes:
        target: What is asked.
        role: ARN of the access role with which it is asked; empty: our own.
    """

    target: Target
    role: str

    @property
    def place(self) -> str:
        """Which one it is."""
        return self.target.place

    def answer(self, image: bytes) -> Answer:
        """Return its answer.

        Raises:
            CrossingError: The access role may not ask it.
        """
        with crossing(self.role):
            return self.target.answer(image)

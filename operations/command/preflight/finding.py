# SPDX-License-Identifier: MIT-0
"""What a check found, and what it is given to look with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from operations.command.account import Account
from operations.command.preflight.demand import Demand


class Verdict(StrEnum):
    """How it stands, in the words that the user reads."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "could not look"


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        verdict: How it stands.
        sentence: What was found, with the values.
        remedy: What to do about it: a command or a place; empty only where all is well.
    """

    verdict: Verdict
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Look:
    """What a check of the account is given.

    Attributes:
        account: Where it looks.
        demand: What the deployment needs.
        identity: Id of the account that the credentials belong to.
    """

    account: Account
    demand: Demand
    identity: str


Looking: TypeAlias = Callable[[Look], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """One check of the account.

    Attributes:
        name: As the report calls it.
        permissions: IAM actions that it asks for.
        looking: Yields what it finds.
    """

    name: str
    permissions: tuple[str, ...]
    looking: Looking

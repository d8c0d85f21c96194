# SPDX-License-Identifier: MIT-0
"""What a check found, and what it is given to look with.

Asks one check: if it is refused, it says so and which permissions it wants, and the others go on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from botocore.exceptions import ClientError

from operations.account import aws_errors
from operations.account.deployment_account import Account
from operations.preflight.preflight_requirements import DeploymentRequirements


class PreflightVerdict(StrEnum):
    """How it stands, in the words that the user reads."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "could not look"


@dataclass(frozen=True)
class PreflightFinding:
    """One thing that a check found.

    Attributes:
        verdict: How it stands.
        sentence: What was found, with the values.
        remedy: What to do about it: a command or a place; empty only where all is well.
    """

    verdict: PreflightVerdict
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class CheckContext:
    """What a check of the account is given.

    Attributes:
        account: Where it looks.
        demand: What the deployment needs.
        identity: Id of the account that the credentials belong to.
    """

    account: Account
    demand: DeploymentRequirements
    identity: str


CheckFunction: TypeAlias = Callable[[CheckContext], Iterable[PreflightFinding]]


@dataclass(frozen=True)
class PreflightCheck:
    """One check of the account.

    Attributes:
        name: As the report calls it.
        permissions: IAM actions that it asks for.
        looking: Yields what it finds.
    """

    name: str
    permissions: tuple[str, ...]
    looking: CheckFunction


def run_check(check: PreflightCheck, look: CheckContext) -> Iterator[PreflightFinding]:
    """Yield what `check` finds until it ends, and if AWS refuses to answer, that and what it takes."""
    try:
        yield from check.looking(look)
    except aws_errors.AWS_ERRORS as error:
        yield _refused_finding(check, error)


def _refused_finding(check: PreflightCheck, error: aws_errors.AwsError) -> PreflightFinding:
    told = str(aws_errors.explain_aws_error(error))
    if not (isinstance(error, ClientError) and aws_errors.is_access_denied(error)):
        return PreflightFinding(PreflightVerdict.UNKNOWN, "AWS did not answer as it should", told)
    sentence = f"these credentials may not {error.operation_name}"
    wanted = f"Have {', '.join(check.permissions)} allowed, or use other credentials (AWS_PROFILE)."
    return PreflightFinding(PreflightVerdict.UNKNOWN, sentence, wanted)

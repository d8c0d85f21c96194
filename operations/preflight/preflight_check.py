# SPDX-License-Identifier: MIT-0
"""Defines a check of the account and its findings.

A check that AWS refuses to answer becomes a finding that names the permissions it needs; the other checks go on.
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
    """The result of a check, in the words of the report."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "not checked"


@dataclass(frozen=True)
class PreflightFinding:
    """One result of a check.

    Attributes:
        verdict: The result.
        sentence: What was found, with the values.
        remedy: A command or a place that helps; empty only if the verdict is ok.
    """

    verdict: PreflightVerdict
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class CheckContext:
    """The argument of a check.

    Attributes:
        account: The account and region to check.
        requirements: Requirements of the deployment there.
        identity: Id of the account that the credentials belong to.
    """

    account: Account
    requirements: DeploymentRequirements
    identity: str


CheckFunction: TypeAlias = Callable[[CheckContext], Iterable[PreflightFinding]]


@dataclass(frozen=True)
class PreflightCheck:
    """A check of the account.

    Attributes:
        name: Its name in the report.
        permissions: IAM actions that it needs.
        findings: Yields its findings.
    """

    name: str
    permissions: tuple[str, ...]
    findings: CheckFunction


def ok(sentence: str) -> PreflightFinding:
    """Return a finding that needs no action."""
    return PreflightFinding(PreflightVerdict.OK, sentence)


def warning(sentence: str, remedy: str) -> PreflightFinding:
    """Return a finding that does not prevent the deployment."""
    return PreflightFinding(PreflightVerdict.WARNING, sentence, remedy)


def failed(sentence: str, remedy: str) -> PreflightFinding:
    """Return a finding that prevents the deployment."""
    return PreflightFinding(PreflightVerdict.FAILED, sentence, remedy)


def unknown(sentence: str, remedy: str) -> PreflightFinding:
    """Return the finding that something could not be checked."""
    return PreflightFinding(PreflightVerdict.UNKNOWN, sentence, remedy)


def run_check(check: PreflightCheck, context: CheckContext) -> Iterator[PreflightFinding]:
    """Yield the findings of `check`; if AWS refuses to answer, one that names the permissions that are missing."""
    try:
        yield from check.findings(context)
    except aws_errors.AWS_ERRORS as error:
        told = str(aws_errors.explain_aws_error(error))
        if isinstance(error, ClientError) and aws_errors.is_access_denied(error):
            told = f"Have {', '.join(check.permissions)} allowed, or use other credentials (AWS_PROFILE)."
            yield unknown(f"these credentials may not {error.operation_name}", told)
        else:
            yield unknown("AWS returned an unexpected error", told)

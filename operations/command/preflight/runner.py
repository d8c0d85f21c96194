# SPDX-License-Identifier: MIT-0
"""Runs the checks: those of this machine always, those of the account with its credentials, each whatever befalls.

A check that is refused says so and which permissions it wants, and the others go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from operations.command import refusal
from operations.command.account import Account
from operations.command.preflight import bootstrap, bucket, budget, builder, connection, identity, quota, region
from operations.command.preflight.demand import Demand
from operations.command.preflight.finding import Check, Finding, Look, Verdict

# What is asked of the account, in the order of the report.
CHECKS: Final = (
    Check("bootstrap", bootstrap.PERMISSIONS, bootstrap.state),
    Check("connection", connection.PERMISSIONS, connection.state),
    Check("quota", quota.PERMISSIONS, quota.enough),
    Check("bucket names", bucket.PERMISSIONS, bucket.names),
)
_FAILED, _UNASKED = 1, 2


@dataclass(frozen=True)
class Outcome:
    """What all checks found.

    Attributes:
        found: Findings by the name of the check, in the order of the report.
        unasked: Names of the checks that nobody could begin, for want of a region or of credentials.
    """

    found: Mapping[str, Sequence[Finding]]
    unasked: Sequence[str]

    @property
    def findings(self) -> list[Finding]:
        """All of them."""
        return [finding for each in self.found.values() for finding in each]

    @property
    def exit_code(self) -> int:
        """1 if a check failed, else 2 if the account could not be asked, else 0."""
        if any(finding.verdict is Verdict.FAILED for finding in self.findings):
            return _FAILED
        return _UNASKED if self.unasked else 0


def run(account: Account, demand: Demand, environment: Mapping[str, str]) -> Outcome:
    """Return what the checks find.

    Args:
        account: Where they look.
        demand: What the deployment needs.
        environment: Variables that choose and find the container builder.
    """
    found = {"builder": list(builder.ready(environment)), "budget": list(budget.enough(demand))}
    place = region.chosen(account, demand)
    found["region"] = [place]
    if place.verdict is Verdict.UNKNOWN:
        return Outcome(found, ("algorithm", "credentials", *(check.name for check in CHECKS)))
    found["algorithm"] = [region.algorithm(demand.region or account.region, demand)]
    if place.verdict is Verdict.FAILED:
        return Outcome(found, ("credentials", *(check.name for check in CHECKS)))
    credentials, identified = identity.held(account, demand)
    found["credentials"] = [credentials]
    if not identified:
        return Outcome(found, tuple(check.name for check in CHECKS))
    look = Look(account, demand, identified)
    return Outcome(found | {check.name: list(looked(check, look)) for check in CHECKS}, ())


def looked(check: Check, look: Look) -> Iterator[Finding]:
    """Yield what `check` finds until it ends, and if AWS refuses to answer, that and what it takes."""
    try:
        yield from check.looking(look)
    except refusal.REFUSALS as error:
        yield _refused(check, error)


def _refused(check: Check, error: BotoCoreError | ClientError | ResponseParserError) -> Finding:
    told = str(refusal.explained(error))
    if not (isinstance(error, ClientError) and refusal.is_denied(error)):
        return Finding(Verdict.UNKNOWN, "AWS did not answer as it should", told)
    sentence = f"these credentials may not {error.operation_name}"
    wanted = f"Have {', '.join(check.permissions)} allowed, or use other credentials (AWS_PROFILE)."
    return Finding(Verdict.UNKNOWN, sentence, wanted)

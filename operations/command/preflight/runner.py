# SPDX-License-Identifier: MIT-0
"""Runs the checks: those of this machine always, those of each account with its credentials, each whatever befalls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from operations.command.account import Account
from operations.command.preflight import (
    bootstrap,
    bucket,
    budget,
    builder,
    connection,
    elsewhere,
    identity,
    quota,
    region,
)
from operations.command.preflight.asking import looked
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
_TYPES: Final = "resource types"


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
    outcome = _home(account, demand, environment)
    for where in demand.elsewhere:
        found, unasked = elsewhere.looked_at(account, demand, where)
        outcome = Outcome({**outcome.found, **found}, (*outcome.unasked, *unasked))
    return outcome


def _home(account: Account, demand: Demand, environment: Mapping[str, str]) -> Outcome:
    """Return what they find on this machine and in the account and region of build."""
    found = {"builder": list(builder.ready(environment)), "budget": list(budget.enough(demand))}
    place = region.chosen(account, demand)
    found["region"] = [place]
    if place.verdict is Verdict.UNKNOWN:
        return Outcome(found, ("algorithm", _TYPES, "credentials", *(check.name for check in CHECKS)))
    chosen = demand.region or account.region
    found["algorithm"] = [region.algorithm(chosen, demand)]
    found[_TYPES] = list(region.resource_types(chosen, demand.types, demand))
    if place.verdict is Verdict.FAILED:
        return Outcome(found, ("credentials", *(check.name for check in CHECKS)))
    credentials, identified = identity.held(account, demand)
    found["credentials"] = [credentials]
    if not identified:
        return Outcome(found, tuple(check.name for check in CHECKS))
    look = Look(account, demand, identified)
    return Outcome(found | {check.name: list(looked(check, look)) for check in CHECKS}, ())

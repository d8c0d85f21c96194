# SPDX-License-Identifier: MIT-0
"""Looks into each other account and region, with whatever credentials lead there, as the runner does into the first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from operations.command import place, refusal
from operations.command.account import Account
from operations.command.preflight import bootstrap, bucket, quota, region, trust
from operations.command.preflight.asking import looked
from operations.command.preflight.demand import Demand, Elsewhere
from operations.command.preflight.finding import Check, Finding, Look, Verdict
from operations.error import AccountError

Found: TypeAlias = dict[str, list[Finding]]

_BOOTSTRAP: Final = Check("bootstrap", bootstrap.PERMISSIONS, bootstrap.state)
_TRUST: Final = Check("trust", trust.PERMISSIONS, trust.state)
_QUOTA: Final = Check("quota", quota.PERMISSIONS, quota.enough)
_BUCKETS: Final = Check("bucket names", bucket.PERMISSIONS, bucket.names)


def looked_at(account: Account, demand: Demand, where: Elsewhere) -> tuple[Found, Sequence[str]]:
    """Return what the checks find there, by name, and the names of those that nobody could begin."""
    label = " and ".join(where.stages) or f"deliveries to {where.region}"
    checks = list(_checks(demand, where))
    found: Found = {}
    if where.stages:
        found[f"algorithm ({label})"] = [region.algorithm(where.region, demand)]
        found[f"resource types ({label})"] = list(region.resource_types(where.region, where.types, demand))
    try:
        there = _reached(account, where)
    except (AccountError, *refusal.REFUSALS) as error:
        told = str(error) if isinstance(error, AccountError) else _explained(error, where)
        sentence = f"no credentials lead to account {where.account}, {where.region}"
        found[f"credentials ({label})"] = [Finding(Verdict.UNKNOWN, sentence, told)]
        return found, [f"{check.name} ({label})" for check in checks]
    look = Look(there, replace(demand, buckets=where.buckets, instances=where.instances, builds=None), where.account)
    found[f"credentials ({label})"] = [Finding(Verdict.OK, f"account {where.account}, {where.region}")]
    return found | {f"{check.name} ({label})": list(looked(check, look)) for check in checks}, []


def _checks(demand: Demand, where: Elsewhere) -> Iterator[Check]:
    yield _BOOTSTRAP
    if where.account != demand.account:
        yield _TRUST
    if where.instances:
        yield _QUOTA
    yield _BUCKETS


def _explained(error: refusal.Refusal, where: Elsewhere) -> str:
    named = f" {where.stages[0].upper()}_PROFILE=NAME names a profile that leads there." if where.stages else ""
    return f"{refusal.explained(error)}{named}"


def _reached(account: Account, where: Elsewhere) -> Account:
    """Return that account and region.

    Raises:
        AccountError: None of the credentials at hand is of that account.
    """
    if where.stages:
        return place.at(account, where.stages[0], where.account, where.region)
    there = replace(account, client=account.connect("", where.region))
    if place.identity(there) != where.account:
        raise AccountError(f"Sign in to {where.account}, the account of build (AWS_PROFILE chooses the profile).")
    return there

# SPDX-License-Identifier: MIT-0
"""Runs the preflight checks of this machine and of each account and region, and prints the findings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.account import aws_errors, deployment_account
from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.functions.errors import AccountError
from operations.preflight import account_checks, image_builder_check, quota_and_budget
from operations.preflight.preflight_check import (
    CheckContext,
    PreflightCheck,
    PreflightFinding,
    PreflightVerdict,
    ok,
    run_check,
    unknown,
)
from operations.preflight.preflight_requirements import DeploymentRequirements, RemoteRequirements

_BOOTSTRAP_CHECK: Final = PreflightCheck(
    "bootstrap", account_checks.BOOTSTRAP_PERMISSIONS, account_checks.check_bootstrap
)
_TRUST_CHECK: Final = PreflightCheck("trust", account_checks.TRUST_PERMISSIONS, account_checks.check_trust)
_CONNECTION_CHECK: Final = PreflightCheck(
    "connection", account_checks.CONNECTION_PERMISSIONS, account_checks.check_connection
)
_QUOTA_CHECK: Final = PreflightCheck("quota", quota_and_budget.QUOTA_PERMISSIONS, quota_and_budget.check_quotas)
_BUCKETS_CHECK: Final = PreflightCheck(
    "bucket names", account_checks.BUCKET_PERMISSIONS, account_checks.check_bucket_names
)
# Checks of the account of the build, in the order of the report.
ACCOUNT_CHECKS: Final = (_BOOTSTRAP_CHECK, _CONNECTION_CHECK, _QUOTA_CHECK, _BUCKETS_CHECK)
_ACCOUNT_CHECK_NAMES: Final = tuple(check.name for check in ACCOUNT_CHECKS)
_FAILED_EXIT_CODE, _UNCHECKED_EXIT_CODE = 1, 2
_VERDICT_STYLES: Final = {
    PreflightVerdict.OK: "green",
    PreflightVerdict.WARNING: "yellow",
    PreflightVerdict.FAILED: "red",
    PreflightVerdict.UNKNOWN: "cyan",
}
_VERDICT_WIDTH: Final = max(len(verdict) for verdict in PreflightVerdict)


@dataclass(frozen=True)
class PreflightResult:
    """The findings of all checks.

    Attributes:
        found: Findings by the name of the check, in the order of the report.
        unchecked: Names of the checks that did not run, for want of a region or of credentials.
    """

    found: Mapping[str, Sequence[PreflightFinding]]
    unchecked: Sequence[str]

    @property
    def findings(self) -> list[PreflightFinding]:
        """All findings."""
        return [finding for each in self.found.values() for finding in each]

    @property
    def exit_code(self) -> int:
        """1 if a check failed, else 2 if some did not run, else 0."""
        if any(finding.verdict is PreflightVerdict.FAILED for finding in self.findings):
            return _FAILED_EXIT_CODE
        return _UNCHECKED_EXIT_CODE if self.unchecked else 0


def run_preflight(
    account: Account, requirements: DeploymentRequirements, environment: Mapping[str, str]
) -> PreflightResult:
    """Return the findings of all checks.

    Args:
        account: The account of the build.
        requirements: Requirements of the deployment.
        environment: Variables that choose and find the container builder.
    """
    found: dict[str, Sequence[PreflightFinding]] = {
        "builder": list(image_builder_check.check_image_builder(environment)),
        "budget": list(quota_and_budget.check_budget(requirements)),
    }
    parts = [
        _check_build_account(account, requirements),
        *(_check_remote(account, requirements, one) for one in requirements.elsewhere),
    ]
    for part in parts:
        found |= part.found
    return PreflightResult(found, tuple(name for part in parts for name in part.unchecked))


def _check_build_account(account: Account, requirements: DeploymentRequirements) -> PreflightResult:
    place = account_checks.check_region(account, requirements)
    found = {"region": [place]}
    if place.verdict is PreflightVerdict.UNKNOWN:
        return PreflightResult(found, ("algorithm", "resource types", "credentials", *_ACCOUNT_CHECK_NAMES))
    region = requirements.region or account.region
    found["algorithm"] = [account_checks.check_algorithm_region(region, requirements)]
    found["resource types"] = list(account_checks.check_resource_types(region, requirements.types, requirements))
    if place.verdict is PreflightVerdict.FAILED:
        return PreflightResult(found, ("credentials", *_ACCOUNT_CHECK_NAMES))
    credentials, identity = account_checks.check_credentials(account, requirements)
    found["credentials"] = [credentials]
    if not identity:
        return PreflightResult(found, _ACCOUNT_CHECK_NAMES)
    context = CheckContext(account, requirements, identity)
    return PreflightResult(found | {check.name: list(run_check(check, context)) for check in ACCOUNT_CHECKS}, ())


def _check_remote(account: Account, requirements: DeploymentRequirements, where: RemoteRequirements) -> PreflightResult:
    """Return the findings of another account or region; the names of the checks end in the stages that are there."""
    label = " and ".join(where.stages) or f"deliveries to {where.region}"
    checks = [_BOOTSTRAP_CHECK, *([_TRUST_CHECK] if where.account != requirements.account else [])]
    checks += [*([_QUOTA_CHECK] if where.instances else []), _BUCKETS_CHECK]
    found: dict[str, list[PreflightFinding]] = {}
    if where.stages:
        found[f"algorithm ({label})"] = [account_checks.check_algorithm_region(where.region, requirements)]
        found[f"resource types ({label})"] = list(
            account_checks.check_resource_types(where.region, where.types, requirements)
        )
    try:
        there = _remote_account(account, where)
    except (AccountError, *aws_errors.AWS_ERRORS) as error:
        remedy = str(error if isinstance(error, AccountError) else aws_errors.explain_aws_error(error))
        if where.stages and not isinstance(error, AccountError):
            remedy += f" {where.stages[0].upper()}_PROFILE=NAME names a profile of that account."
        sentence = f"no credentials for account {where.account}, {where.region}"
        found[f"credentials ({label})"] = [unknown(sentence, remedy)]
        return PreflightResult(found, [f"{check.name} ({label})" for check in checks])
    needed = replace(requirements, buckets=where.buckets, instances=where.instances, builds=None)
    context = CheckContext(there, needed, where.account)
    found[f"credentials ({label})"] = [ok(f"account {where.account}, {where.region}")]
    return PreflightResult(found | {f"{check.name} ({label})": list(run_check(check, context)) for check in checks}, ())


def _remote_account(account: Account, where: RemoteRequirements) -> Account:
    """Return that account and region.

    Raises:
        AccountError: No given credentials belong to that account.
    """
    if where.stages:
        return deployment_account.find_stage_account(account, where.stages[0], where.account, where.region)
    there = replace(account, client=account.connect("", where.region))
    if deployment_account.caller_account_id(there) != where.account:
        raise AccountError(f"Sign in to {where.account}, the account of build (AWS_PROFILE chooses the profile).")
    return there


def print_preflight_result(outcome: PreflightResult, console: Console) -> None:
    """Print the findings with their remedies, and a summary: a table in a terminal, else a line for each finding."""
    named = [(name, finding) for name, findings in outcome.found.items() for finding in findings]
    if console.is_terminal:
        table = Table("", "check", "found", box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name, finding in named:
            # Text, because square brackets in a sentence are not markup.
            table.add_row(Text(finding.verdict, style=_VERDICT_STYLES[finding.verdict]), name, Text(finding.sentence))
        console.print(table)
        for name, finding in named:
            if finding.remedy:
                print_line(console, f"- {name}: {finding.remedy}")
    else:
        for name, finding in named:
            remedy = f" -> {finding.remedy}" if finding.remedy else ""
            print_line(console, f"{finding.verdict:{_VERDICT_WIDTH}}  {name}: {finding.sentence}{remedy}")
    if outcome.unchecked:
        print_line(console, f"Not checked: {', '.join(outcome.unchecked)}.")
    counted = Counter(finding.verdict for finding in outcome.findings)
    print_line(
        console, ", ".join(f"{counted[verdict]} {verdict}" for verdict in PreflightVerdict if counted[verdict]) + "."
    )
    unready = counted[PreflightVerdict.FAILED] or outcome.unchecked
    print_line(console, f"Next: {'fix the problems and rerun: make preflight' if unready else 'make deploy'}")

# SPDX-License-Identifier: MIT-0
"""Runs the checks: those of this machine always, those of each account with its credentials, each whatever befalls.

What the checks found, as somebody reads it: a table in a terminal, a line for each finding elsewhere.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.preflight import account_checks, image_builder_check, quota_and_budget, remote_stage_checks
from operations.preflight.preflight_check import (
    CheckContext,
    PreflightCheck,
    PreflightFinding,
    PreflightVerdict,
    run_check,
)
from operations.preflight.preflight_requirements import DeploymentRequirements

# What is asked of the account, in the order of the report.
ACCOUNT_CHECKS: Final = (
    PreflightCheck("bootstrap", account_checks.BOOTSTRAP_PERMISSIONS, account_checks.check_bootstrap),
    PreflightCheck("connection", account_checks.CONNECTION_PERMISSIONS, account_checks.check_connection),
    PreflightCheck("quota", quota_and_budget.QUOTA_PERMISSIONS, quota_and_budget.check_quotas),
    PreflightCheck("bucket names", account_checks.BUCKET_PERMISSIONS, account_checks.check_bucket_names),
)
_FAILED_EXIT_CODE, _UNASKED_EXIT_CODE = 1, 2
_RESOURCE_TYPES: Final = "resource types"


@dataclass(frozen=True)
class PreflightResult:
    """What all checks found.

    Attributes:
        found: Findings by the name of the check, in the order of the report.
        unasked: Names of the checks that nobody could begin, for want of a region or of credentials.
    """

    found: Mapping[str, Sequence[PreflightFinding]]
    unasked: Sequence[str]

    @property
    def findings(self) -> list[PreflightFinding]:
        """All of them."""
        return [finding for each in self.found.values() for finding in each]

    @property
    def exit_code(self) -> int:
        """1 if a check failed, else 2 if the account could not be asked, else 0."""
        if any(finding.verdict is PreflightVerdict.FAILED for finding in self.findings):
            return _FAILED_EXIT_CODE
        return _UNASKED_EXIT_CODE if self.unasked else 0


def run_preflight(account: Account, demand: DeploymentRequirements, environment: Mapping[str, str]) -> PreflightResult:
    """Return what the checks find.

    Args:
        account: Where they look.
        demand: What the deployment needs.
        environment: Variables that choose and find the container builder.
    """
    outcome = _check_home(account, demand, environment)
    for where in demand.elsewhere:
        found, unasked = remote_stage_checks.check_remote_place(account, demand, where)
        outcome = PreflightResult({**outcome.found, **found}, (*outcome.unasked, *unasked))
    return outcome


def _check_home(account: Account, demand: DeploymentRequirements, environment: Mapping[str, str]) -> PreflightResult:
    """Return what they find on this machine and in the account and region of build."""
    found = {
        "builder": list(image_builder_check.check_image_builder(environment)),
        "budget": list(quota_and_budget.check_budget(demand)),
    }
    place = account_checks.check_region(account, demand)
    found["region"] = [place]
    if place.verdict is PreflightVerdict.UNKNOWN:
        return PreflightResult(
            found, ("algorithm", _RESOURCE_TYPES, "credentials", *(check.name for check in ACCOUNT_CHECKS))
        )
    chosen = demand.region or account.region
    found["algorithm"] = [account_checks.check_algorithm_region(chosen, demand)]
    found[_RESOURCE_TYPES] = list(account_checks.check_resource_types(chosen, demand.types, demand))
    if place.verdict is PreflightVerdict.FAILED:
        return PreflightResult(found, ("credentials", *(check.name for check in ACCOUNT_CHECKS)))
    credentials, identified = account_checks.check_credentials(account, demand)
    found["credentials"] = [credentials]
    if not identified:
        return PreflightResult(found, tuple(check.name for check in ACCOUNT_CHECKS))
    look = CheckContext(account, demand, identified)
    return PreflightResult(found | {check.name: list(run_check(check, look)) for check in ACCOUNT_CHECKS}, ())


_VERDICT_STYLES: Final = {
    PreflightVerdict.OK: "green",
    PreflightVerdict.WARNING: "yellow",
    PreflightVerdict.FAILED: "red",
    PreflightVerdict.UNKNOWN: "cyan",
}
_VERDICT_WIDTH: Final = max(len(verdict) for verdict in PreflightVerdict)


def print_preflight_result(outcome: PreflightResult, console: Console) -> None:
    """Print the findings, what to do about them, and how it stands altogether."""
    if console.is_terminal:
        console.print(_findings_table(outcome))
        for name, finding in _named_findings(outcome):
            if finding.remedy:
                print_line(console, f"- {name}: {finding.remedy}")
    else:
        for name, finding in _named_findings(outcome):
            print_line(
                console, f"{finding.verdict:{_VERDICT_WIDTH}}  {name}: {finding.sentence}{_remedy_text(finding)}"
            )
    for line in _summary_lines(outcome):
        print_line(console, line)


def _named_findings(outcome: PreflightResult) -> Iterator[tuple[str, PreflightFinding]]:
    for name, findings in outcome.found.items():
        for finding in findings:
            yield name, finding


def _findings_table(outcome: PreflightResult) -> Table:
    table = Table("", "check", "found", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, finding in _named_findings(outcome):
        # A sentence may hold square brackets, which are no markup.
        table.add_row(Text(finding.verdict, style=_VERDICT_STYLES[finding.verdict]), name, Text(finding.sentence))
    return table


def _remedy_text(finding: PreflightFinding) -> str:
    return f" -> {finding.remedy}" if finding.remedy else ""


def _summary_lines(outcome: PreflightResult) -> Iterator[str]:
    if outcome.unasked:
        # Another account may have been asked, although the first was not, and the other way round.
        begins = "Not all was" if any(name.startswith("bootstrap") for name in outcome.found) else "Nothing was"
        yield f"{begins} asked of AWS, so it is open how it stands with: {', '.join(outcome.unasked)}."
    counted = Counter(finding.verdict for finding in outcome.findings)
    yield ", ".join(f"{counted[verdict]} {verdict}" for verdict in PreflightVerdict if counted[verdict]) + "."
    if counted[PreflightVerdict.FAILED] or outcome.unasked:
        yield "Next: mend that, then make preflight"
    else:
        yield "Next: make deploy"

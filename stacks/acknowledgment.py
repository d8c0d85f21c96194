# SPDX-License-Identifier: MIT-0
"""Findings of cdk-nag that stay: each at one construct, under its exact id, with the reason for a security reviewer.

The packs are AwsSolutions, NIST 800-53 R5 and HIPAA Security. tests/proof/test_nag.py fails on a finding that is
neither fixed nor acknowledged here, and on an acknowledgment that no finding needs any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Acknowledgment, App, Validations
from constructs import IConstruct

from stacks.settings import Settings


@dataclass(frozen=True)
class Acknowledged:
    """Findings that stay for one reason.

    Attributes:
        reason: Why, in a sentence or two.
        findings: Exact ids; `{name}` stands for the settings' name, `{compact}` for it without hyphens.
        at: Paths of the constructs, each of which has all of the findings.
    """

    reason: str
    findings: tuple[str, ...]
    at: tuple[str, ...]


def acknowledge(app: App, settings: Settings, table: tuple[Acknowledged, ...]) -> None:
    """Record `table` at its constructs; one that other settings leave out has nothing to acknowledge."""
    for path, finding, reason in rows(table, settings.name):
        construct: IConstruct | None = app
        for part in path.split("/"):
            construct = construct.node.try_find_child(part) if construct is not None else None
        if construct is not None:
            # With its pack before it, the report lists the finding as acknowledged; without, it says nothing of it.
            id_ = f"{finding.partition('-')[0]}::{finding}"
            Validations.of(construct).acknowledge(Acknowledgment(id=id_, reason=reason))


def rows(table: tuple[Acknowledged, ...], name: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, finding and reason of each acknowledgment."""
    for each in table:
        for path in each.at:
            for finding in each.findings:
                yield path, finding.format(name=name, compact=name.replace("-", "")), each.reason


def both(rule: str) -> tuple[str, str]:
    """Return the finding ids of a rule that NIST's and HIPAA's packs share."""
    return f"NIST.800.53.R5-{rule}", f"HIPAA.Security-{rule}"

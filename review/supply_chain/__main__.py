# SPDX-License-Identifier: MIT-0
"""Command line of the checks of the lock files: ``python -m review.supply_chain``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from review.errors import ReviewError
from review.supply_chain import dependency_licences, lock_files, vulnerability_audit
from review.supply_chain.dependency_licences import LicenceRules
from review.supply_chain.lock_files import LockFile
from review.supply_chain.vulnerability_audit import LockAudit

_EXIT_FOUND: Final = 1
_EXIT_UNCHECKED: Final = 3
_SHOWN: Final = 5  # names of packages in a line


@dataclass(frozen=True)
class Checked:
    """What is checked.

    Attributes:
        root: The repository.
        locks: Its lock files.
        rules: The rules for licences.
    """

    root: Path
    locks: Sequence[LockFile]
    rules: LicenceRules


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", type=click.Path(file_okay=False, path_type=Path), default=".", help="The repository.")
@click.option(
    "--rules",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    default=dependency_licences.RULES,
    help="The rules for licences.",
)
@click.pass_context
def main(context: click.Context, root: Path, rules: Path) -> None:
    """Check what the lock files pin."""
    try:
        locks = lock_files.find_lock_files(root)
    except ReviewError as error:
        raise click.UsageError(str(error)) from None
    context.obj = Checked(root, locks, dependency_licences.read_rules(rules))


@main.command()
@click.option("--pip-audit", default=".venv/audit/bin/pip-audit", show_default=True, help="The program pip-audit.")
@click.pass_context
def audit(context: click.Context, pip_audit: str) -> None:
    """Ask for known vulnerabilities of each locked package, and check the licences.

    Exit codes: 0 all was checked and nothing found, 1 a vulnerability is known or a licence refused, 3 nothing was
    found, but not all could be checked, 2 the lock files cannot be read.
    """
    checked: Checked = context.obj
    audits = vulnerability_audit.audit_locks(checked.root, checked.locks, pip_audit)
    for line in _audit_lines(audits):
        click.echo(line)
    refused = _refuses_licences(checked)
    if refused or any(each.vulnerable for each in audits):
        context.exit(_EXIT_FOUND)
    if any(each.unchecked for each in audits):
        context.exit(_EXIT_UNCHECKED)


@main.command()
@click.pass_context
def licences(context: click.Context) -> None:
    """Write the list of licences from the environments that are set up, and check it.

    Exit codes: 0 all licences are allowed, 1 one is not, 2 the lock files cannot be read.
    """
    checked: Checked = context.obj
    found = dependency_licences.locked_licences(checked.root, checked.locks, checked.rules)
    page = checked.root / dependency_licences.PAGE
    page.parent.mkdir(exist_ok=True)
    page.write_text(dependency_licences.render_page(found, checked.rules), encoding="utf-8")
    if _refuses_licences(checked):
        context.exit(_EXIT_FOUND)


def _refuses_licences(checked: Checked) -> bool:
    """Print what is wrong with the licences, and return whether anything is."""
    found = list(dependency_licences.licence_problems(checked.root, checked.locks, checked.rules))
    for each in found:
        click.echo(f"licence: {each}")
    if not found:
        click.echo(f"licences: all are allowed ({dependency_licences.PAGE})")
    return bool(found)


def _audit_lines(audits: Sequence[LockAudit]) -> list[str]:
    lines = []
    for each in audits:
        parts = [f"{len(each.vulnerable)} known vulnerabilities"] if each.vulnerable else []
        unchecked = sum(len(packages) for packages in each.unchecked.values())
        parts += [f"{unchecked} not checked"] if unchecked else []
        lines.append(f"{each.path}: {each.packages} packages: {', '.join(parts) or 'no vulnerability is known'}")
        lines += [f"  vulnerable: {known}" for known in each.vulnerable]
        lines += [
            f"  not checked: {_names(packages, each.packages)}: {cause}" for cause, packages in each.unchecked.items()
        ]
    if any(each.vulnerable for each in audits):
        lines.append("Take fixed versions: name them in the .in file or package.json, then make lock or npm install.")
    if any(each.unchecked for each in audits):
        lines.append(
            "Not all was checked. Run make audit where the package registries answer for vulnerabilities too: mirrors "
            "often serve packages alone. On GitHub the workflow `audit` does so."
        )
    return lines


def _names(packages: Sequence[str], of: int) -> str:
    if len(packages) == of > _SHOWN:
        return "all"
    more = f" and {len(packages) - _SHOWN} more" if len(packages) > _SHOWN else ""
    return ", ".join(packages[:_SHOWN]) + more


if __name__ == "__main__":
    main(prog_name="python -m review.supply_chain")

# SPDX-License-Identifier: MIT-0
"""What the checks found, as somebody reads it: a table in a terminal, a line for each finding elsewhere."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from operations.command.preflight.finding import Finding, Verdict
from operations.command.preflight.runner import Outcome
from operations.command.terminal import say

_STYLES: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.UNKNOWN: "cyan"}
_WIDEST: Final = max(len(verdict) for verdict in Verdict)


def show(outcome: Outcome, console: Console) -> None:
    """Print the findings, what to do about them, and how it stands altogether."""
    if console.is_terminal:
        console.print(_table(outcome))
        for name, finding in _lines(outcome):
            if finding.remedy:
                say(console, f"- {name}: {finding.remedy}")
    else:
        for name, finding in _lines(outcome):
            say(console, f"{finding.verdict:{_WIDEST}}  {name}: {finding.sentence}{_remedy(finding)}")
    for line in _summary(outcome):
        say(console, line)


def _lines(outcome: Outcome) -> Iterator[tuple[str, Finding]]:
    for name, findings in outcome.found.items():
        for finding in findings:
            yield name, finding


def _table(outcome: Outcome) -> Table:
    table = Table("", "check", "found", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, finding in _lines(outcome):
        # A sentence may hold square brackets, which are no markup.
        table.add_row(Text(finding.verdict, style=_STYLES[finding.verdict]), name, Text(finding.sentence))
    return table


def _remedy(finding: Finding) -> str:
    return f" -> {finding.remedy}" if finding.remedy else ""


def _summary(outcome: Outcome) -> Iterator[str]:
    if outcome.unasked:
        # Another account may have been asked, although the first was not, and the other way round.
        begins = "Not all was" if any(name.startswith("bootstrap") for name in outcome.found) else "Nothing was"
        yield f"{begins} asked of AWS, so it is open how it stands with: {', '.join(outcome.unasked)}."
    counted = Counter(finding.verdict for finding in outcome.findings)
    yield ", ".join(f"{counted[verdict]} {verdict}" for verdict in Verdict if counted[verdict]) + "."
    if counted[Verdict.FAILED] or outcome.unasked:
        yield "Next: mend that, then make preflight"
    else:
        yield "Next: make deploy"

# SPDX-License-Identifier: MIT-0
"""One line that whoever approves the model must know before anything else."""

from dataclasses import dataclass
from typing import Final

PROBLEM: Final = "problem"  # a finding for which the gate rejects
CAUTION: Final = "caution"  # one for which it does not
GOOD: Final = "good"
NOTE: Final = "note"
SEVERITIES: Final = (PROBLEM, CAUTION, GOOD, NOTE)


@dataclass(frozen=True)
class Notice:
    """One line.

    Attributes:
        severity: one of `SEVERITIES`.
        lead: what it is, in a few words.
        text: what follows from it.
        section: the id of the section that says more; empty for none.
    """

    severity: str
    lead: str
    text: str
    section: str = ""


def by_gate(missed: bool) -> str:  # noqa: FBT001  the one thing that it depends on
    """Return the severity of a finding by whether the gate's requirement of it was missed."""
    return PROBLEM if missed else CAUTION

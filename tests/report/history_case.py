# SPDX-License-Identifier: MIT-0
"""Writes the page of all runs: of each outcome, with long parameters, and a champion."""

from pathlib import Path
from typing import Any, Final

from local.console.history_page import write_history_page
from pipeline_src.run_facts import (
    BALANCED_ACCURACY,
    MELANOMA_SENSITIVITY,
    MELANOMA_SPECIFICITY,
    OUTCOMES,
    PASSED,
    REJECTED,
    RunFacts,
    RunHistory,
)

RUNS: Final = 18


def figure(value: float) -> dict[str, Any]:
    return {"value": value, "lower": value - 0.06, "upper": min(1.0, value + 0.05)}


def facts(number: int) -> RunFacts:
    outcome, value = OUTCOMES[number % len(OUTCOMES)], 0.70 + 0.01 * number
    measured = {BALANCED_ACCURACY: value, MELANOMA_SENSITIVITY: value + 0.1, MELANOMA_SPECIFICITY: value}
    evaluated = outcome in (PASSED, REJECTED)
    return RunFacts(
        run=f"run{number:09}",
        started=f"2026-11-{number + 1:02}T21:03:04+00:00",
        seconds=22.7,
        outcome=outcome,
        algorithm="linear_probe",
        profile="default",
        parameters={"RegularizationStrength": 0.00012345, "TestFraction": 0.25} if number % 2 else {},
        metrics={title: figure(each) for title, each in measured.items()} if evaluated else {},
        package=f"arn:package/{number}" if outcome == PASSED else "",
        approval="Approved" if outcome == PASSED else "",
        report="",
        reason="",
    )


def write_history(folder: Path) -> bytes:
    """Return the page, written into `folder`."""
    runs = tuple(facts(number) for number in range(RUNS))
    return write_history_page(RunHistory("runs on this machine", "arn:package/6", runs), folder).read_bytes()

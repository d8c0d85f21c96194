# SPDX-License-Identifier: MIT-0
"""One run of the monitor, from the captured lines to the files that are left."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline_src.lesions import staging
from pipeline_src.lesions.drift import baseline, check, metric, outcome, report, truth, window
from pipeline_src.lesions.drift.assignment import Assignment
from pipeline_src.lesions.drift.outcome import Outcome

STATISTICS: Final = "statistics.json"
VIOLATIONS: Final = "constraint_violations.json"
SUMMARY: Final = "monitor.json"
REPORT: Final = "monitor.html"


def run(assignment: Assignment, workers: int, progress: Callable[[int], None] | None = None) -> Outcome:
    """Compare what was captured with the baseline.

    Args:
        assignment: what to do.
        workers: threads that measure pictures.
        progress: is told now and then how many requests were read.

    Raises:
        BadInputError: there is no baseline, or the labels cannot be read.
    """
    known = baseline.read(assignment.statistics, assignment.constraints)  # first: without it nothing else is worth it
    labels = truth.read(assignment.labels)
    remembered = {} if labels is None else labels.by_id
    sent = window.read(assignment.source, assignment.period, remembered, progress, workers)
    threshold = known.constraints.melanoma_threshold
    judged = None if labels is None else truth.judge(labels, sent.answers, threshold)
    return Outcome(assignment, sent, known, check.compare(sent, known), judged)


def write(made: Outcome) -> None:
    """Write the reports and, if they are to be published, the metrics: whole or not at all."""
    files = {
        STATISTICS: _text(outcome.statistics(made)),
        VIOLATIONS: _text(outcome.violations(made)),
        SUMMARY: _text(outcome.summary(made)),
        REPORT: report.html(made),
    }
    with staging.aside({"": made.assignment.output}) as asides:
        for name, text in files.items():
            (asides[""] / name).write_text(text, encoding="utf-8")
    lines = metric.published(made)
    if made.assignment.metrics is not None and lines:
        replace(made.assignment.metrics / metric.FILE, lines)


def replace(path: Path, text: str) -> None:
    """Write `text` aside, then in place of the file at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _text(content: object) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"

# SPDX-License-Identifier: MIT-0
"""The Monitor job: compares the requests that an endpoint captured with the model's baseline.

It keeps the contract of a custom container for SageMaker Model Monitor but needs nothing of that service: a plain
processing job can run it. Exit code 0 if it completed, with or without violations (the message says which),
`contract.EXIT_BAD_INPUT` if there is no baseline or the labels cannot be read.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline_src import contract
from pipeline_src.drift import (
    accepted_baseline,
    capture_window,
    drift_baseline,
    drift_report,
    drift_tests,
    ground_truth,
    job_environment,
    lasting_shift,
    monitor_results,
    window_history,
)
from pipeline_src.drift.job_environment import MonitorSettings
from pipeline_src.drift.monitor_results import MonitorResult
from pipeline_src.runtime import job_exit, temporary_files, worker_threads

WINDOW_STATISTICS_FILE: Final = "statistics.json"
VIOLATIONS_FILE: Final = "constraint_violations.json"
SUMMARY_FILE: Final = "monitor.json"
REPORT_PAGE_FILE: Final = "monitor.html"


def compare_with_baseline(
    settings: MonitorSettings, workers: int, progress: Callable[[int], None] | None = None
) -> MonitorResult:
    """Compare the captured requests with the baseline.

    Args:
        settings: inputs, period and outputs.
        workers: number of threads that measure images.
        progress: called from time to time with the number of requests read.

    Raises:
        BadInputError: there is no baseline, or the labels cannot be read.
    """
    baseline = drift_baseline.read_baseline(settings.statistics, settings.constraints)  # first: the rest needs it
    accepted = accepted_baseline.read_accepted_baseline(settings.accepted)
    if accepted is not None:
        baseline = accepted_baseline.replace_baseline(baseline, accepted)
    history = window_history.read_history(settings.history, settings.period.start)
    labels = ground_truth.read_confirmed_labels(settings.labels)
    labels_by_id = {} if labels is None else labels.by_id
    window = capture_window.read_capture_window(settings.source, settings.period, labels_by_id, progress, workers)
    limits = baseline.constraints
    truth = (
        None
        if labels is None
        else ground_truth.score_answers(labels, window.answers, limits.melanoma_threshold, window.reused)
    )
    own = images = window.sample.images()
    if len(images) < limits.least:
        images = window_history.join_recent_images(images, history)
    checks = drift_tests.run_drift_checks(window, images, baseline)
    recent = [*(past.images for past in history), window_history.thin_images(own)]
    lasting = lasting_shift.find_lasting_shifts(recent, baseline)
    return MonitorResult(settings, window, images, baseline, checks, lasting, truth)


def write_monitor_reports(made: MonitorResult) -> None:
    """Write the reports and, if they are to be published, the metrics: completely or not at all."""
    files = {
        WINDOW_STATISTICS_FILE: _json_text(monitor_results.window_statistics_json(made)),
        VIOLATIONS_FILE: _json_text(monitor_results.violations_json(made)),
        SUMMARY_FILE: _json_text(monitor_results.monitor_summary_json(made)),
        REPORT_PAGE_FILE: drift_report.render_monitor_report(made),
    }
    with temporary_files.atomic_folders({"": made.assignment.output}) as asides:
        for name, text in files.items():
            (asides[""] / name).write_text(text, encoding="utf-8")
    measured = window_history.history_file(made.window.sample.images(), made.assignment.period)
    if made.assignment.history_output is not None and measured is not None:
        name, content = measured
        replace_file(made.assignment.history_output / name, content.decode())
    lines = monitor_results.published_metrics_text(made)
    if made.assignment.metrics is not None and lines:
        replace_file(made.assignment.metrics / monitor_results.METRICS_FILE, lines)


def replace_file(path: Path, text: str) -> None:
    """Write `text` to a temporary file, then replace the file at `path` by it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _json_text(content: object) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def run_monitor() -> None:
    """Monitor the content of the input folders below `contract.ml_root()`."""
    settings = job_environment.read_monitor_settings(os.environ, contract.ml_root())
    made = compare_with_baseline(settings, worker_threads.available_cores(), _progress)
    write_monitor_reports(made)
    replace_file(contract.ml_root() / "output" / "message", made.message)
    embedded = monitor_results.embedded_metrics_line(made)
    if embedded:
        print(embedded, flush=True)
    for line in monitor_results.log_lines(made):
        print(line, flush=True)


def _progress(done: int) -> None:
    print(f"{done:,} requests read", flush=True)


if __name__ == "__main__":
    sys.exit(job_exit.run_job(run_monitor))

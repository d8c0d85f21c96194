# SPDX-License-Identifier: MIT-0
"""Runs the monitor over what an endpoint captured, as a monitoring schedule of SageMaker does.

The job is the very one that runs on AWS, in the layout that it finds there; the baseline is that of the model package.
"""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from local import capture, document, monitoring_job, processing
from local.advice import program
from local.document import Object
from local.error import StepError, UsageError
from local.execution import Identity, Record
from local.home import Home
from local.interrupt import stopping
from local.jobs import Runner
from local.monitoring_job import HOUR, RESULT, TIME, Task
from local.registry import Registry
from local.serving import registered
from local.step import Context
from local.store import Store
from pipeline_src import contract
from pipeline_src.pipeline import OFFLINE

STEP: Final = "Monitor"
_SUMMARY: Final = "monitor.json"
_REPORT: Final = "monitor.html"
_COMPARED: Final = "compared"
_FIGURES: Final = ("balanced_accuracy", "melanoma_sensitivity")
_AGO: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Request:
    """What is monitored.

    Attributes:
        since: from when on, UTC; None for all that was captured.
        until: until when, UTC.
        labels: a table of confirmed classes, None for none.
    """

    since: datetime | None
    until: datetime
    labels: Path | None = None


@dataclass(frozen=True)
class Finding:
    """What a monitoring job left.

    Attributes:
        report: the page.
        summary: monitor.json.
    """

    report: Path
    summary: Object

    @property
    def violations(self) -> list[Object]:
        """The checks that are violated."""
        return [each for each in self.summary["checks"] if each["violated"]]

    @property
    def exit_code(self) -> int:
        """Of the command: 1 where something is violated, 2 where too little was captured to say."""
        if self.violations:
            return contract.EXIT_FAILED
        return contract.EXIT_OK if self.summary["status"] == _COMPARED else contract.EXIT_BAD_INPUT

    @property
    def truth(self) -> list[tuple[str, str]]:
        """What the confirmed classes say, in words; nothing where none were given."""
        found = self.summary["truth"] or {}
        return [(name.replace("_", " "), _figure(found, name)) for name in _FIGURES if found]


def _figure(truth: Object, name: str) -> str:
    figure = truth[name]
    if figure["value"] is None:
        return str(truth["reasons"].get(name, "not known"))
    return f"{figure['value']:.3f} ({figure['lower']:.3f} to {figure['upper']:.3f}, {figure['images']} images)"


def moment(text: str, now: datetime) -> datetime:
    """Return the time that `text` names: ``90m``, ``2h`` or ``3d`` before `now`, or a time in ISO 8601.

    Raises:
        UsageError: it names none.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago["unit"]]: float(ago["number"])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text}: no time. Write 90m, 2h, 3d, or a time such as 2026-11-25T13:00.") from None


def monitor(request: Request, record: Record, home: Home, runner: Runner) -> Finding:
    """Run the monitor over what was captured of the run's model.

    Raises:
        UsageError: nothing was captured, or the model package has no baseline.
        StepError: the job failed; exit code 2 where its input is bad.
        StoppedError: it was stopped.
    """
    runner.check()
    store, registry = Store(home.s3), Registry(home.registry)
    package = registry.describe(registered(record))
    endpoint, name = capture.endpoint_name(record.execution_id), f"{request.until:%Y-%m-%d-%H-%M-%S}"
    hours = _hours(request, record, store)
    target = f"s3://{OFFLINE.runs_bucket}/{contract.MONITOR_PREFIX}{endpoint}/{name}"
    labels = _labels(request.labels, target, store)
    task = Task(endpoint, hours, request.since, request.until, package, labels, target)
    identity, stop = Identity(record.execution_id, OFFLINE.pipeline_name), threading.Event()
    folder = record.path.parent / STEP / name
    context = Context(STEP, folder, identity, store, runner, registry, {}, stop, lambda _line: None)
    with stopping(stop.set):
        processing.execute(monitoring_job.arguments(task), context)
    result = store.path(f"{target}/{RESULT}")
    return Finding(result / _REPORT, document.read(result / _SUMMARY))


def _hours(request: Request, record: Record, store: Store) -> list[str]:
    """Return the hours of which something was captured in the time asked for, as ``yyyy/mm/dd/hh``."""
    first = f"{request.since:{HOUR}}" if request.since else ""
    try:
        captured = store.objects(capture.prefix(capture.endpoint_name(record.execution_id)))
    except StepError:  # Nothing at all.
        captured = []
    hours = sorted({name.rpartition("/")[0] for name, _ in captured if name >= first})
    if not hours:
        since = f" since {request.since:{TIME}}" if request.since else ""
        serve, send = f"{program()} serve {record.execution_id} --capture", f"{program()} traffic"
        raise UsageError(
            f"run {record.execution_id}: nothing of it was captured{since}. Serve it: {serve}. Meanwhile: {send}"
        )
    return hours


def _labels(path: Path | None, target: str, store: Store) -> str:
    """Put the table of labels into the store and return the URI that it lies below."""
    if path is None:
        return ""
    if not path.is_file():
        raise UsageError(f"--labels {path}: no such file. Name a CSV table with the columns id and label.")
    uri = f"{target}/labels"
    store.write(path.read_bytes(), f"{uri}/labels.csv")
    return uri

# SPDX-License-Identifier: MIT-0
"""Runs the monitor over the captured requests of a run's model, as a monitoring schedule of SageMaker does.

The baseline is that of the model package.
Source of the job's environment variables: SageMaker Developer Guide, "Support for your own containers with Model
Monitor". The folders are the job's defaults.
"""

import getpass
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from local import json_files
from local.aws import data_capture
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.command_hints import program_command
from local.endpoint import capture_job
from local.endpoint.model_serving import require_registered_package
from local.errors import StepError, UsageError
from local.json_files import JsonObject
from local.runners.job_runner import JobRunner
from pipeline_src import baseline_acceptance, contract
from pipeline_src.baseline_acceptance import AcceptanceError, AcceptanceFile
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

MONITOR_STEP: Final = "Monitor"
RESULT_FOLDER: Final = "result"
TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
HOUR_FORMAT: Final = "%Y/%m/%d/%H"
_MODULE: Final = "pipeline_src.jobs.monitor"
_CAPTURE: Final = "capture"
_BASELINE: Final = "baseline"
_LABELS: Final = "labels"
_HISTORY: Final = "history"
_ACCEPTED: Final = "accepted"
_OUTPUT: Final = "monitor"
_DATASET_FORMAT: Final = '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}'
_SUMMARY: Final = "monitor.json"
_REPORT: Final = "monitor.html"
_COMPARED: Final = "compared"
_FIGURES: Final = ("balanced_accuracy", "melanoma_sensitivity")
_AGO: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class MonitoringTask:
    """The period, the model and the labels of a monitoring job.

    Attributes:
        endpoint: Name of the endpoint.
        hours: The hours to compare, as ``yyyy/mm/dd/hh``, at least one.
        since: Start of the period, UTC; None for the start of the first hour.
        until: End of the period, UTC.
        package: The model package that the endpoint serves; it names the baseline.
        labels: URI of tables of confirmed classes, empty for none.
        target: URI below which the result is stored.
        history: URI below which the measured images of this period are stored.
        state: URIs of the folders that exist of earlier windows and of accepted baselines, by input.
    """

    endpoint: str
    hours: Sequence[str]
    since: datetime | None
    until: datetime
    package: JsonObject
    labels: str
    target: str
    history: str
    state: Mapping[str, str]


def monitoring_job_arguments(task: MonitoringTask) -> JsonObject:
    """Return the arguments of CreateProcessingJob.

    Raises:
        UsageError: The model package has no baseline.
    """
    baseline = {kind: _baseline_uri(task.package, kind) for kind in ("Statistics", "Constraints")}
    captured = (
        (f"{data_capture.capture_uri(task.endpoint)}/{hour}", f"{task.endpoint}/{data_capture.VARIANT_NAME}/{hour}")
        for hour in task.hours
    )
    inputs = [
        *(
            capture_job.job_input(f"{_CAPTURE}_{number}", uri, f"{_CAPTURE}/{folder}")
            for number, (uri, folder) in enumerate(captured, 1)
        ),
        *(capture_job.job_input(kind.lower(), uri, _BASELINE) for kind, uri in baseline.items()),
        *([capture_job.job_input(_LABELS, task.labels, _LABELS)] if task.labels else []),
        *(capture_job.job_input(name, uri, name) for name, uri in task.state.items()),
    ]
    first_hour = datetime.strptime(task.hours[0], HOUR_FORMAT).replace(tzinfo=UTC)
    # The end of the last second, so that requests captured in it count.
    end = datetime.fromtimestamp(math.floor(task.until.timestamp()) + 1, UTC)
    baseline_folder = contract.processing_input_path(_BASELINE)
    environment = {
        "dataset_format": _DATASET_FORMAT,
        "dataset_source": contract.processing_input_path(_CAPTURE),
        "output_path": contract.processing_output_path(_OUTPUT),
        **{f"baseline_{kind.lower()}": f"{baseline_folder}/{Path(uri).name}" for kind, uri in baseline.items()},
        "start_time": f"{task.since or first_hour:{TIME_FORMAT}}",
        "end_time": f"{end:{TIME_FORMAT}}",
        **({"labels_source": contract.processing_input_path(_LABELS)} if task.labels else {}),
        "history_output": contract.processing_output_path(_HISTORY),
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": task.endpoint,
        "sagemaker_monitoring_schedule_name": f"{task.endpoint}-by-hand",
    }
    outputs = {
        RESULT_FOLDER: (_OUTPUT, f"{task.target}/{RESULT_FOLDER}"),
        _HISTORY: (_HISTORY, task.history),
    }
    return capture_job.job_arguments(_MODULE, inputs, outputs, environment)


def monitor_state_uri(prefix: str, endpoint: str) -> str:
    """Return the URI of the files below `prefix` of an endpoint, which serves one model package."""
    return f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{prefix}{endpoint}"


def _baseline_uri(package: JsonObject, kind: str) -> str:
    """Return the URI of the baseline's statistics or constraints."""
    uri = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {}).get(kind, {}).get("S3Uri")
    if not isinstance(uri, str):
        arn, demo = package["ModelPackageArn"], f"{program_command()} demo"
        raise UsageError(f"model package {arn}: it has no baseline. Register a new model, for example: {demo}")
    return uri


@dataclass(frozen=True)
class MonitoringRequest:
    """The options of the command.

    Attributes:
        since: Start of the period, UTC; None for all captured requests.
        until: End of the period, UTC.
        labels: A table of confirmed classes, None for none.
        accept: Why the images of the period are the baseline from now on; empty to accept nothing.
        undo: Why the last accepted baseline is not used any more; empty to undo nothing.
    """

    since: datetime | None
    until: datetime
    labels: Path | None = None
    accept: str = ""
    undo: str = ""


@dataclass(frozen=True)
class MonitoringResult:
    """The result of a monitoring job.

    Attributes:
        report: Path of the HTML report.
        summary: Content of monitor.json.
        decisions: What was accepted or undone, as sentences.
    """

    report: Path
    summary: JsonObject
    decisions: Sequence[str]

    @property
    def violations(self) -> list[str]:
        """The names of the violated checks."""
        return list(self.summary["violations"])

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 1 for violations, 2 where too little was captured to compare."""
        if self.violations:
            return contract.EXIT_FAILED
        return contract.EXIT_OK if self.summary["status"] == _COMPARED else contract.EXIT_BAD_INPUT

    @property
    def statement(self) -> str:
        """How many of the confirmed melanomas the model found, as a sentence; empty where no labels were given."""
        return str(self.summary.get("statement") or "")

    @property
    def violation_sentences(self) -> list[str]:
        """Each violated check as a sentence."""
        return list(self.summary["sentences"])

    @property
    def notices(self) -> list[str]:
        """Differences that are no violations, and the accepted baseline, as sentences."""
        accepted = self.summary["baseline"]["accepted"]
        return [*self.summary["notices"], *([accepted] if accepted else [])]

    @property
    def truth(self) -> list[tuple[str, str]]:
        """Name and text of the metrics over the confirmed classes; empty where no labels were given."""
        found = self.summary["truth"] or {}
        return [(name.replace("_", " "), _figure_text(found, name)) for name in _FIGURES if found]


def _figure_text(truth: JsonObject, name: str) -> str:
    figure = truth[name]
    if figure["value"] is None:
        return str(truth["reasons"].get(name, "not known"))
    return f"{figure['value']:.3f} ({figure['lower']:.3f} to {figure['upper']:.3f}, {figure['images']} images)"


def parse_since_option(text: str, now: datetime) -> datetime:
    """Return the time for ``90m``, ``2h`` or ``3d`` before `now`, or for a time in ISO 8601.

    Raises:
        UsageError: `text` is neither.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago["unit"]]: float(ago["number"])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {text}: not a valid time. Use 90m, 2h, 3d, or a time such as 2026-11-25T13:00."
        ) from None


def run_monitoring_job(
    request: MonitoringRequest, record: ExecutionRecord, home: LocalHome, runner: JobRunner
) -> MonitoringResult:
    """Run the monitor over the captured requests of the run's model.

    Raises:
        UsageError: No requests were captured, the model package has no baseline, or a baseline cannot be accepted or
            undone.
        StepError: The job failed; exit code 2 where its input is bad.
        StoppedError: It was stopped.
    """
    runner.check()
    store = S3Store(home.s3)
    package = ModelRegistry(home.registry).describe(require_registered_package(record))
    endpoint = data_capture.endpoint_name_of_run(record.execution_id)
    hours = _captured_hours(request.since, record, store)
    baselines = store.path(monitor_state_uri(contract.MONITOR_BASELINES_PREFIX, endpoint))
    decisions = [_undo_baseline(request, baselines)] if request.undo else []
    name = capture_job.folder_name(request.until)
    target = f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.MONITOR_PREFIX}{endpoint}/{name}"
    labels = f"{target}/labels" if request.labels else ""
    if request.labels:
        capture_job.store_label_table(request.labels, labels, store)
    state = {
        name: uri
        for name, prefix in (
            (_HISTORY, contract.MONITOR_HISTORY_PREFIX),
            (_ACCEPTED, contract.MONITOR_BASELINES_PREFIX),
        )
        if store.path(uri := monitor_state_uri(prefix, endpoint)).is_dir()
    }
    # A period without a start, or for labels or a baseline, covers others: it is no part of their history.
    alone = request.since is None or request.labels is not None or request.accept
    history = f"{target}/{_HISTORY}" if alone else monitor_state_uri(contract.MONITOR_HISTORY_PREFIX, endpoint)
    task = MonitoringTask(endpoint, hours, request.since, request.until, package, labels, target, history, state)
    arguments = monitoring_job_arguments(task)
    capture_job.run_capture_job(MONITOR_STEP, name, arguments, record=record, home=home, runner=runner)
    if request.accept:
        decisions.append(_accept_baseline(request, store.path(history), baselines))
    result = store.path(f"{target}/{RESULT_FOLDER}")
    return MonitoringResult(result / _REPORT, json_files.read_json(result / _SUMMARY), decisions)


def _accept_baseline(request: MonitoringRequest, measured: Path, baselines: Path) -> str:
    """Accept the images whose measurements are in the folder `measured`."""
    with _refused_by("--accept"):
        file = baseline_acceptance.acceptance_file(
            _documents(baselines), _documents(measured), reason=request.accept, by=getpass.getuser(), time=request.until
        )
    return _written(file, baselines)


def _undo_baseline(request: MonitoringRequest, baselines: Path) -> str:
    with _refused_by("--undo"):
        file = baseline_acceptance.undo_file(
            _documents(baselines), reason=request.undo, by=getpass.getuser(), time=request.until
        )
    return _written(file, baselines)


def _documents(folder: Path) -> list[JsonObject]:
    return [json_files.read_json(path) for path in sorted(folder.glob("*.json"))]


def _written(file: AcceptanceFile, folder: Path) -> str:
    """Write the file unless it is there, and return a sentence."""
    if file.is_new:
        json_files.write_file_atomically(folder / file.name, file.content)
    return f"baseline: {file.statement}"


@contextmanager
def _refused_by(option: str) -> Iterator[None]:
    try:
        yield
    except AcceptanceError as error:
        raise UsageError(f"{option}: {error}") from None


def _captured_hours(since: datetime | None, record: ExecutionRecord, store: S3Store) -> list[str]:
    """Return the hours with captured requests from `since` on, as ``yyyy/mm/dd/hh``."""
    first = f"{since:{HOUR_FORMAT}}" if since else ""
    try:
        captured = store.objects(data_capture.capture_uri(data_capture.endpoint_name_of_run(record.execution_id)))
    except StepError:  # No objects.
        captured = []
    hours = sorted({name.rpartition("/")[0] for name, _ in captured if name >= first})
    if not hours:
        period = f" since {since:{TIME_FORMAT}}" if since else ""
        serve, send = f"{program_command()} serve {record.execution_id} --capture", f"{program_command()} traffic"
        raise UsageError(
            f"run {record.execution_id}: no requests have been captured for it{period}. Serve it: {serve}. "
            f"Then send traffic: {send}"
        )
    return hours

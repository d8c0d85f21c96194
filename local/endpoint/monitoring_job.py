# SPDX-License-Identifier: MIT-0
"""What a monitoring job is asked: the arguments of CreateProcessingJob, as a monitoring schedule fills them in.

Source of the variables: SageMaker Developer Guide, "Support for your own containers with Model Monitor". The folders
are those that the job takes when nobody names others.

Runs the monitor over what an endpoint captured, as a monitoring schedule of SageMaker does.

The job is the very one that runs on AWS, in the layout that it finds there; the baseline is that of the model package.
"""

import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from local import json_files
from local.aws import data_capture
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.console.command_frame import program_command, stop_on_signals
from local.endpoint.model_serving import require_registered_package
from local.errors import StepError, UsageError
from local.json_files import Json, JsonObject
from local.runners.job_runner import JobRunner
from local.steps import processing_step
from local.steps.step_context import StepContext
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

RESULT_FOLDER: Final = "result"
TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"
HOUR_FORMAT: Final = "%Y/%m/%d/%H"
_CAPTURE: Final = "capture"
_BASELINE: Final = "baseline"
_LABELS: Final = "labels"
_OUTPUT: Final = "monitor"
_TIME_LIMIT_SECONDS: Final = 3600  # seconds
_FORMAT: Final = '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}'


@dataclass(frozen=True)
class MonitoringTask:
    """What is monitored.

    Attributes:
        endpoint: whose captured requests.
        hours: of which hours, as ``yyyy/mm/dd/hh``, at least one.
        since: from when on, UTC; None for the whole of the first hour.
        until: until when, UTC.
        package: the model package that the endpoint serves; it names the baseline.
        labels: URI of tables of confirmed classes, empty for none.
        target: URI below which the result goes.
    """

    endpoint: str
    hours: Sequence[str]
    since: datetime | None
    until: datetime
    package: JsonObject
    labels: str
    target: str


def monitoring_job_arguments(task: MonitoringTask) -> JsonObject:
    """Return the arguments of CreateProcessingJob.

    Raises:
        UsageError: the model package names no baseline.
    """
    output = {"S3Uri": f"{task.target}/{RESULT_FOLDER}", "LocalPath": contract.processing_output_path(_OUTPUT)}
    return {
        "AppSpecification": {
            "ImageUri": OFFLINE_DEPLOYMENT.preprocessing_image,
            "ContainerEntrypoint": ["python", "-m", "pipeline_src.jobs.monitor"],
        },
        "ProcessingInputs": list(_job_inputs(task)),
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": RESULT_FOLDER, "S3Output": output}]},
        "Environment": _job_environment(task),
        "StoppingCondition": {"MaxRuntimeInSeconds": _TIME_LIMIT_SECONDS},
    }


def _job_inputs(task: MonitoringTask) -> Iterator[JsonObject]:
    for number, hour in enumerate(task.hours, 1):
        place = f"{_CAPTURE}/{task.endpoint}/{data_capture.VARIANT_NAME}/{hour}"
        yield _job_input(f"{_CAPTURE}_{number}", f"{data_capture.capture_uri(task.endpoint)}/{hour}", place)
    for kind in ("Statistics", "Constraints"):
        yield _job_input(kind.lower(), _baseline_uri(task.package, kind), _BASELINE)
    if task.labels:
        yield _job_input(_LABELS, task.labels, _LABELS)


def _job_input(name: str, uri: str, place: str) -> JsonObject:
    source = {"S3Uri": uri, "LocalPath": contract.processing_input_path(place), "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": source | {"S3InputMode": "File"}}


def _baseline_uri(package: JsonObject, kind: str) -> str:
    """Return the URI of the baseline's statistics or constraints."""
    found: Json = package.get("DriftCheckBaselines", {}).get("ModelDataQuality", {}).get(kind, {}).get("S3Uri")
    if not isinstance(found, str):
        arn, demo = package["ModelPackageArn"], f"{program_command()} demo"
        raise UsageError(f"model package {arn}: it has no baseline. Register a model anew, for example: {demo}")
    return found


def _job_environment(task: MonitoringTask) -> dict[str, str]:
    baseline = contract.processing_input_path(_BASELINE)
    files = {kind: _baseline_uri(task.package, kind).rpartition("/")[2] for kind in ("Statistics", "Constraints")}
    first = datetime.strptime(task.hours[0], HOUR_FORMAT).replace(tzinfo=UTC)
    return {
        "dataset_format": _FORMAT,
        "dataset_source": contract.processing_input_path(_CAPTURE),
        "output_path": contract.processing_output_path(_OUTPUT),
        **{f"baseline_{kind.lower()}": f"{baseline}/{name}" for kind, name in files.items()},
        "start_time": f"{task.since or first:{TIME_FORMAT}}",
        "end_time": f"{_end_of_second(task.until):{TIME_FORMAT}}",
        **({"labels_source": contract.processing_input_path(_LABELS)} if task.labels else {}),
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": task.endpoint,
        "sagemaker_monitoring_schedule_name": f"{task.endpoint}-by-hand",
    }


def _end_of_second(time: datetime) -> datetime:
    """Return the end of the second of `time`, so that what is captured in it counts."""
    return datetime.fromtimestamp(math.floor(time.timestamp()) + 1, UTC)


MONITOR_STEP: Final = "Monitor"
_SUMMARY: Final = "monitor.json"
_REPORT: Final = "monitor.html"
_COMPARED: Final = "compared"
_FIGURES: Final = ("balanced_accuracy", "melanoma_sensitivity")
_AGO: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class MonitoringRequest:
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
class MonitoringResult:
    """What a monitoring job left.

    Attributes:
        report: the page.
        summary: monitor.json.
    """

    report: Path
    summary: JsonObject

    @property
    def violations(self) -> list[JsonObject]:
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
        return [(name.replace("_", " "), _figure_text(found, name)) for name in _FIGURES if found]


def _figure_text(truth: JsonObject, name: str) -> str:
    figure = truth[name]
    if figure["value"] is None:
        return str(truth["reasons"].get(name, "not known"))
    return f"{figure['value']:.3f} ({figure['lower']:.3f} to {figure['upper']:.3f}, {figure['images']} images)"


def parse_since_option(text: str, now: datetime) -> datetime:
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


def run_monitoring_job(
    request: MonitoringRequest, record: ExecutionRecord, home: LocalHome, runner: JobRunner
) -> MonitoringResult:
    """Run the monitor over what was captured of the run's model.

    Raises:
        UsageError: nothing was captured, or the model package has no baseline.
        StepError: the job failed; exit code 2 where its input is bad.
        StoppedError: it was stopped.
    """
    runner.check()
    store, registry = S3Store(home.s3), ModelRegistry(home.registry)
    package = registry.describe(require_registered_package(record))
    endpoint, name = data_capture.endpoint_name_of_run(record.execution_id), f"{request.until:%Y-%m-%d-%H-%M-%S}"
    hours = _captured_hours(request, record, store)
    target = f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.MONITOR_PREFIX}{endpoint}/{name}"
    labels = _upload_labels(request.labels, target, store)
    task = MonitoringTask(endpoint, hours, request.since, request.until, package, labels, target)
    identity, stop = ExecutionIdentity(record.execution_id, OFFLINE_DEPLOYMENT.pipeline_name), threading.Event()
    folder = record.path.parent / MONITOR_STEP / name
    context = StepContext(MONITOR_STEP, folder, identity, store, runner, registry, {}, stop, lambda _line: None)
    with stop_on_signals(stop.set):
        processing_step.execute_processing_step(monitoring_job_arguments(task), context)
    result = store.path(f"{target}/{RESULT_FOLDER}")
    return MonitoringResult(result / _REPORT, json_files.read_json(result / _SUMMARY))


def _captured_hours(request: MonitoringRequest, record: ExecutionRecord, store: S3Store) -> list[str]:
    """Return the hours of which something was captured in the time asked for, as ``yyyy/mm/dd/hh``."""
    first = f"{request.since:{HOUR_FORMAT}}" if request.since else ""
    try:
        captured = store.objects(data_capture.capture_uri(data_capture.endpoint_name_of_run(record.execution_id)))
    except StepError:  # Nothing at all.
        captured = []
    hours = sorted({name.rpartition("/")[0] for name, _ in captured if name >= first})
    if not hours:
        since = f" since {request.since:{TIME_FORMAT}}" if request.since else ""
        serve, send = f"{program_command()} serve {record.execution_id} --capture", f"{program_command()} traffic"
        raise UsageError(
            f"run {record.execution_id}: nothing of it was captured{since}. Serve it: {serve}. Meanwhile: {send}"
        )
    return hours


def _upload_labels(path: Path | None, target: str, store: S3Store) -> str:
    """Put the table of labels into the store and return the URI that it lies below."""
    if path is None:
        return ""
    if not path.is_file():
        raise UsageError(f"--labels {path}: no such file. Name a CSV table with the columns id and label.")
    uri = f"{target}/labels"
    store.write(path.read_bytes(), f"{uri}/labels.csv")
    return uri

# SPDX-License-Identifier: MIT-0
"""Exports what an endpoint was asked and somebody has confirmed since, as an additional archive.

The job is the very one that runs on AWS, in the layout that it finds there.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from local import json_files
from local.aws import archive_upload, data_capture
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store, sha256_of_file
from local.console.command_frame import program_command, stop_on_signals
from local.errors import StepError, UsageError
from local.json_files import JsonObject
from local.runners.job_runner import JobRunner
from local.steps import processing_step
from local.steps.step_context import StepContext
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

EXPORT_STEP: Final = "Export"
_MODULE: Final = "pipeline_src.jobs.export"
_CAPTURE: Final = "capture"
_LABELS: Final = "labels"
_REPORT: Final = "export.json"
_TIME_LIMIT_SECONDS: Final = 3600  # seconds
_ADDITIONS: Final = f"s3://{OFFLINE_DEPLOYMENT.raw_bucket}/{contract.ADDITIONS_PREFIX}"


@dataclass(frozen=True)
class ExportRequest:
    """What is exported.

    Attributes:
        at: when that was asked for, UTC: it names the folder of the job.
        labels: a table of confirmed classes; None for those that the monitor was given.
        earlier: an earlier additional archive, which the new one then holds too.
    """

    at: datetime
    labels: Path | None = None
    earlier: Path | None = None


@dataclass(frozen=True)
class ExportResult:
    """What came of it: the archive, and export.json."""

    archive: Path
    report: JsonObject


def export_captured_images(
    request: ExportRequest, record: ExecutionRecord, home: LocalHome, runner: JobRunner
) -> ExportResult:
    """Export what was captured of the run's model.

    Raises:
        UsageError: nothing was captured, there is no table of labels, or a file cannot be used.
        StepError: the job failed; exit code 2 where there was nothing to export.
        StoppedError: it was stopped.
    """
    runner.check()
    store, name = S3Store(home.s3), f"{request.at:%Y-%m-%d-%H-%M-%S}"
    endpoint = data_capture.endpoint_name_of_run(record.execution_id)
    target = f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.EXPORT_OUTPUT}/{endpoint}/{name}"
    arguments = _arguments(list(_inputs(request, endpoint, target, store)), target)
    identity, stop = ExecutionIdentity(record.execution_id, OFFLINE_DEPLOYMENT.pipeline_name), threading.Event()
    folder = record.path.parent / EXPORT_STEP / name
    context = StepContext(
        EXPORT_STEP, folder, identity, store, runner, ModelRegistry(home.registry), {}, stop, lambda _line: None
    )
    with stop_on_signals(stop.set):
        processing_step.execute_processing_step(arguments, context)
    report = json_files.read_json(store.path(f"{target}/{_REPORT}"))
    return ExportResult(store.path(_ADDITIONS + report["archive"]["name"]), report)


def _inputs(request: ExportRequest, endpoint: str, target: str, store: S3Store) -> Iterator[JsonObject]:
    """Yield the inputs of the job, whose objects are there."""
    captured = data_capture.capture_uri(endpoint)
    if not store.size(captured)[0]:
        serve, send = f"{program_command()} serve ID --capture", f"{program_command()} traffic --labels labels.csv"
        raise UsageError(f"{captured}: nothing was captured. Serve the run: {serve}. Meanwhile: {send}")
    yield _input(_CAPTURE, captured)
    yield _input(_LABELS, _labels_uri(request.labels, endpoint, target, store))
    if request.earlier is not None:
        archive_upload.check_zip_archive(request.earlier, archive_upload.EARLIER_ARCHIVE)
        uri = f"{target}/earlier/{sha256_of_file(request.earlier)}.zip"
        store.put(request.earlier, uri)
        yield _input(contract.ADDITION_INPUT, uri)


def _labels_uri(path: Path | None, endpoint: str, target: str, store: S3Store) -> str:
    """Return the URI of the tables of labels, having put the one that is given into the store."""
    if path is None:
        given = f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.MONITOR_PREFIX}{endpoint}"
        try:
            tables = [name for name, _ in store.objects(given) if name.endswith(".csv")]
        except StepError:  # Nothing at all.
            tables = []
        if not tables:
            raise UsageError("no labels. Give --labels FILE: a table with the columns id and label.")
        return given
    if not path.is_file():
        raise UsageError(f"--labels {path}: no such file. Name a CSV table with the columns id and label.")
    uri = f"{target}/labels/labels.csv"
    store.write(path.read_bytes(), uri)
    return uri


def _input(name: str, uri: str) -> JsonObject:
    source = {"S3Uri": uri, "LocalPath": contract.processing_input_path(name), "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": source | {"S3InputMode": "File"}}


def _arguments(inputs: list[JsonObject], target: str) -> JsonObject:
    """Return the arguments of CreateProcessingJob."""
    targets = {contract.ADDITION_OUTPUT: _ADDITIONS.rstrip("/"), contract.EXPORT_OUTPUT: target}
    outputs = [
        {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": contract.processing_output_path(name)}}
        for name, uri in targets.items()
    ]
    return {
        "AppSpecification": {
            "ImageUri": OFFLINE_DEPLOYMENT.preprocessing_image,
            "ContainerEntrypoint": ["python", "-m", _MODULE],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": outputs},
        "StoppingCondition": {"MaxRuntimeInSeconds": _TIME_LIMIT_SECONDS},
    }

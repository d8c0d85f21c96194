# SPDX-License-Identifier: MIT-0
"""Exports captured images with confirmed labels as an additional archive, with the job that runs on AWS."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from local import json_files
from local.aws import archive_upload, data_capture
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store, sha256_of_file
from local.command_hints import program_command
from local.endpoint import capture_job
from local.errors import StepError, UsageError
from local.json_files import JsonObject
from local.runners.job_runner import JobRunner
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

EXPORT_STEP: Final = "Export"
_MODULE: Final = "pipeline_src.jobs.export"
_REPORT: Final = "export.json"
_ADDITIONS: Final = f"s3://{OFFLINE_DEPLOYMENT.raw_bucket}/{contract.ADDITIONS_PREFIX}"


@dataclass(frozen=True)
class ExportRequest:
    """The options of the command.

    Attributes:
        time: Time of the request, UTC, which names the folder of the job.
        labels: A table of confirmed classes; None for the tables that were given to the monitor.
        earlier: An earlier additional archive, whose images the new one includes.
    """

    time: datetime
    labels: Path | None = None
    earlier: Path | None = None


@dataclass(frozen=True)
class ExportResult:
    """The archive, and the content of export.json."""

    archive: Path
    report: JsonObject


def export_captured_images(
    request: ExportRequest, record: ExecutionRecord, home: LocalHome, runner: JobRunner
) -> ExportResult:
    """Export the captured images of the run's model.

    Raises:
        UsageError: Nothing was captured, there is no table of labels, or a file cannot be used.
        StepError: The job failed; exit code 2 where there was nothing to export.
        StoppedError: It was stopped.
    """
    runner.check()
    store, name = S3Store(home.s3), capture_job.folder_name(request.time)
    endpoint = data_capture.endpoint_name_of_run(record.execution_id)
    target = f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.EXPORT_OUTPUT}/{endpoint}/{name}"
    inputs = [capture_job.job_input(kind, uri, kind) for kind, uri in _inputs(request, endpoint, target, store)]
    targets = {contract.ADDITION_OUTPUT: _ADDITIONS.rstrip("/"), contract.EXPORT_OUTPUT: target}
    outputs = {kind: (kind, uri) for kind, uri in targets.items()}
    arguments = capture_job.job_arguments(_MODULE, inputs, outputs, {})
    capture_job.run_capture_job(EXPORT_STEP, name, arguments, record=record, home=home, runner=runner)
    report = json_files.read_json(store.path(f"{target}/{_REPORT}"))
    return ExportResult(store.path(_ADDITIONS + report["archive"]["name"]), report)


def _inputs(request: ExportRequest, endpoint: str, target: str, store: S3Store) -> Iterator[tuple[str, str]]:
    """Yield name and URI of the job's inputs; files are stored first."""
    captured = data_capture.capture_uri(endpoint)
    if not store.size(captured)[0]:
        serve, send = f"{program_command()} serve --capture", f"{program_command()} traffic --write-labels labels.csv"
        raise UsageError(f"{captured}: nothing was captured. Serve the run: {serve}. Then send traffic: {send}")
    yield "capture", captured
    if request.labels is None:
        yield "labels", _monitor_labels_uri(endpoint, store)
    else:
        yield "labels", capture_job.store_label_table(request.labels, f"{target}/labels", store)
    if request.earlier is not None:
        archive_upload.check_zip_archive(request.earlier, archive_upload.EARLIER_ARCHIVE)
        uri = f"{target}/earlier/{sha256_of_file(request.earlier)}.zip"
        store.put(request.earlier, uri)
        yield contract.ADDITION_INPUT, uri


def _monitor_labels_uri(endpoint: str, store: S3Store) -> str:
    """Return the URI below which the tables of labels are stored that were given to the monitor."""
    uri = f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.MONITOR_PREFIX}{endpoint}"
    try:
        objects = store.objects(uri)
    except StepError:  # No objects.
        objects = []
    if not any(name.endswith(".csv") for name, _ in objects):
        raise UsageError("no labels. Give --labels FILE: a table with the columns id and label.")
    return uri

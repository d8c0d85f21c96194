# SPDX-License-Identifier: MIT-0
"""Runs processing jobs over captured requests: the jobs of AWS, with the same folder layout."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.console.command_frame import stop_on_signals
from local.errors import UsageError
from local.json_files import JsonObject
from local.runners.job_runner import JobRunner
from local.steps import processing_step
from local.steps.step_context import StepContext
from pipeline_src import contract, label_table
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT
from pipeline_src.label_table import LabelTableError

_TIME_LIMIT_SECONDS: Final = 3600


def folder_name(time: datetime) -> str:
    """Return the name of the folder of a job that was requested at `time`."""
    return f"{time:%Y-%m-%d-%H-%M-%S}"


def job_input(name: str, uri: str, folder: str) -> JsonObject:
    """Return an input of CreateProcessingJob: the objects below `uri` in `folder` below the job's inputs."""
    source = {"S3Uri": uri, "LocalPath": contract.processing_input_path(folder), "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": source | {"S3InputMode": "File"}}


def job_arguments(
    module: str, inputs: Iterable[JsonObject], outputs: Mapping[str, tuple[str, str]], environment: Mapping[str, str]
) -> JsonObject:
    """Return the arguments of CreateProcessingJob.

    Args:
        module: The Python module to run.
        inputs: Results of `job_input`.
        outputs: Folder below the job's outputs and S3 URI, by output name.
        environment: Environment variables.
    """
    targets = [
        {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": contract.processing_output_path(folder)}}
        for name, (folder, uri) in outputs.items()
    ]
    return {
        "AppSpecification": {
            "ImageUri": OFFLINE_DEPLOYMENT.preprocessing_image,
            "ContainerEntrypoint": ["python", "-m", module],
        },
        "ProcessingInputs": list(inputs),
        "ProcessingOutputConfig": {"Outputs": targets},
        "Environment": dict(environment),
        "StoppingCondition": {"MaxRuntimeInSeconds": _TIME_LIMIT_SECONDS},
    }


def store_label_table(path: Path, folder_uri: str, store: S3Store) -> str:
    """Check a table of labels, store it below `folder_uri` and return its URI.

    Raises:
        UsageError: There is no such file, or it is not a table of labels; then nothing is stored.
    """
    if not path.is_file():
        raise UsageError(f"--labels {path}: no such file. Give a CSV table with the columns id and label.")
    content = path.read_bytes()
    try:
        label_table.check_label_table(content, str(path))
    except LabelTableError as error:
        raise UsageError(f"--labels: {error}") from error
    uri = f"{folder_uri}/labels.csv"
    store.write(content, uri)
    return uri


def run_capture_job(  # noqa: PLR0913  one parameter for each part of a job
    step: str, name: str, arguments: JsonObject, *, record: ExecutionRecord, home: LocalHome, runner: JobRunner
) -> None:
    """Run a job in folder ``<step>/<name>`` of the run; SIGINT and SIGTERM stop it.

    Raises:
        StepError: The job failed; exit code 2 where its input is bad.
        StoppedError: It was stopped.
    """
    stop = threading.Event()
    context = StepContext(
        step=step,
        folder=record.path.parent / step / name,
        identity=ExecutionIdentity(record.execution_id, OFFLINE_DEPLOYMENT.pipeline_name),
        store=S3Store(home.s3),
        runner=runner,
        registry=ModelRegistry(home.registry),
        models={},
        stop=stop,
        line=lambda _line: None,
    )
    with stop_on_signals(stop.set):
        processing_step.execute_processing_step(arguments, context)

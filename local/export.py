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

from local import archive, capture, document, processing
from local.advice import program
from local.document import Object
from local.error import StepError, UsageError
from local.execution import Identity, Record
from local.home import Home
from local.interrupt import stopping
from local.jobs import Runner
from local.registry import Registry
from local.step import Context
from local.store import Store, sha256
from pipeline_src import contract
from pipeline_src.pipeline import OFFLINE

STEP: Final = "Export"
_MODULE: Final = "pipeline_src.jobs.export"
_CAPTURE: Final = "capture"
_LABELS: Final = "labels"
_REPORT: Final = "export.json"
_LIMIT: Final = 3600  # seconds
_ADDITIONS: Final = f"s3://{OFFLINE.raw_bucket}/{contract.ADDITIONS_PREFIX}"


@dataclass(frozen=True)
class Request:
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
class Exported:
    """What came of it: the archive, and export.json."""

    archive: Path
    report: Object


def export(request: Request, record: Record, home: Home, runner: Runner) -> Exported:
    """Export what was captured of the run's model.

    Raises:
        UsageError: nothing was captured, there is no table of labels, or a file cannot be used.
        StepError: the job failed; exit code 2 where there was nothing to export.
        StoppedError: it was stopped.
    """
    runner.check()
    store, name = Store(home.s3), f"{request.at:%Y-%m-%d-%H-%M-%S}"
    endpoint = capture.endpoint_name(record.execution_id)
    target = f"s3://{OFFLINE.runs_bucket}/{contract.EXPORT_OUTPUT}/{endpoint}/{name}"
    arguments = _arguments(list(_inputs(request, endpoint, target, store)), target)
    identity, stop = Identity(record.execution_id, OFFLINE.pipeline_name), threading.Event()
    folder = record.path.parent / STEP / name
    context = Context(STEP, folder, identity, store, runner, Registry(home.registry), {}, stop, lambda _line: None)
    with stopping(stop.set):
        processing.execute(arguments, context)
    report = document.read(store.path(f"{target}/{_REPORT}"))
    return Exported(store.path(_ADDITIONS + report["archive"]["name"]), report)


def _inputs(request: Request, endpoint: str, target: str, store: Store) -> Iterator[Object]:
    """Yield the inputs of the job, whose objects are there."""
    captured = capture.prefix(endpoint)
    if not store.size(captured)[0]:
        serve, send = f"{program()} serve ID --capture", f"{program()} traffic --labels labels.csv"
        raise UsageError(f"{captured}: nothing was captured. Serve the run: {serve}. Meanwhile: {send}")
    yield _input(_CAPTURE, captured)
    yield _input(_LABELS, _labels(request.labels, endpoint, target, store))
    if request.earlier is not None:
        archive.check(request.earlier, archive.EARLIER)
        uri = f"{target}/earlier/{sha256(request.earlier)}.zip"
        store.put(request.earlier, uri)
        yield _input(contract.ADDITION_INPUT, uri)


def _labels(path: Path | None, endpoint: str, target: str, store: Store) -> str:
    """Return the URI of the tables of labels, having put the one that is given into the store."""
    if path is None:
        given = f"s3://{OFFLINE.runs_bucket}/{contract.MONITOR_PREFIX}{endpoint}"
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


def _input(name: str, uri: str) -> Object:
    source = {"S3Uri": uri, "LocalPath": contract.processing_input(name), "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": source | {"S3InputMode": "File"}}


def _arguments(inputs: list[Object], target: str) -> Object:
    """Return the arguments of CreateProcessingJob."""
    targets = {contract.ADDITION_OUTPUT: _ADDITIONS.rstrip("/"), contract.EXPORT_OUTPUT: target}
    outputs = [
        {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": contract.processing_output(name)}}
        for name, uri in targets.items()
    ]
    return {
        "AppSpecification": {
            "ImageUri": OFFLINE.preprocessing_image,
            "ContainerEntrypoint": ["python", "-m", _MODULE],
        },
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": outputs},
        "StoppingCondition": {"MaxRuntimeInSeconds": _LIMIT},
    }

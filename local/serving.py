# SPDX-License-Identifier: MIT-0
"""Serves a run's approved model package as a SageMaker endpoint answers: /ping and /invocations."""

import shlex
import threading
from pathlib import Path

from rich.console import Console

from local import advice, summary
from local.document import Object
from local.error import StepError, StoppedError, UsageError
from local.execution import Record
from local.home import Home
from local.jobs import Runner
from local.launch import stopping
from local.registry import APPROVED, Registry
from local.server import HOST, Model, require_free, running
from local.store import Store
from pipeline_src import contract


def approved_package(record: Record, registry: Registry) -> Object:
    """Return the model package that the run registered.

    Raises:
        UsageError: It registered none, or its package is not approved.
    """
    arn = registered(record)
    package = registry.describe(arn)
    status = package["ModelApprovalStatus"]
    if status != APPROVED:
        approve = f"{advice.program()} approve {record.execution_id}"
        raise UsageError(f"model package {arn}: it is {status}, and only approved models are served. First: {approve}")
    return package


def registered(record: Record) -> str:
    """Return the ARN of the model package that the run registered.

    Raises:
        UsageError: It registered none.
    """
    arn = summary.package_arn(record)
    if arn is None:
        look = f"{advice.program()} show {record.execution_id}"
        raise UsageError(f"run {record.execution_id}: it registered no model ({record.status}). See why: {look}")
    return arn


def serve(record: Record, home: Home, runner: Runner, port: int, console: Console) -> None:
    """Serve exactly the package's model until Ctrl-C.

    Raises:
        UsageError: The package is not approved, or the port is taken.
        StepError: The server ended by itself.
    """
    package = approved_package(record, Registry(home.registry))
    require_free(port)
    runner.check()
    container = package["InferenceSpecification"]["Containers"][0]
    model = Model.of(container, Store(home.s3))
    if not model.artifact.is_file():
        raise UsageError(f"{container['ModelDataUrl']}: the model is no longer in {home.s3}. Run the pipeline again.")
    stop = threading.Event()
    logs = record.path.parent / "serve"
    try:
        with stopping(stop.set), running(runner, model, logs, stop, port=port) as endpoint:
            _announce(package["ModelPackageArn"], port, _picture(record, home), console)
            while not stop.wait(0.2):
                if endpoint.process.poll() is not None:
                    raise StepError(f"the model server ended by itself. See {endpoint.stderr}.")
    except StoppedError:
        pass
    console.print("Stopped.")


def _announce(arn: str, port: int, picture: Path | None, console: Console) -> None:
    path = shlex.quote(advice.short(picture)) if picture else "IMAGE.jpg"
    header = f"Content-Type: {contract.IMAGE_CONTENT_TYPE}"
    console.print(f"Serving {arn} until Ctrl-C. Try:", soft_wrap=True, highlight=False)
    console.print(
        f"  curl -s -H '{header}' --data-binary @{path} http://{HOST}:{port}/invocations",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    console.print(f"The answer's scores are of, in this order: {', '.join(contract.CLASS_LABELS)}", highlight=False)


def _picture(record: Record, home: Home) -> Path | None:
    """Return a picture that the run scored, if it still lies there."""
    score = record.step(contract.SCORE) or {}
    source = score.get("Properties", {}).get("TransformInput", {}).get("DataSource", {}).get("S3DataSource", {})
    try:
        return Store(home.s3).objects(source["S3Uri"])[0][1]
    except (KeyError, StepError):
        return None

# SPDX-License-Identifier: MIT-0
"""Serves a run's approved model package with the endpoints of a SageMaker container: /ping and /invocations."""

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from local.aws import data_capture
from local.aws.data_capture import CaptureRecorder
from local.aws.model_registry import APPROVED, ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.command_hints import program_command, short_path
from local.console.command_frame import stop_on_signals
from local.errors import StepError, StoppedError, UsageError
from local.json_files import JsonObject
from local.runners.job_runner import JobRunner
from local.steps.model_server import LOOPBACK_HOST, RunningServer, ServedModel, require_free_port, run_model_server
from pipeline_src import contract


def require_approved_package(record: ExecutionRecord, registry: ModelRegistry) -> JsonObject:
    """Return the model package that the run registered.

    Raises:
        UsageError: It registered none, or the package is not approved.
    """
    arn = require_registered_package(record)
    package = registry.describe(arn)
    status = package["ModelApprovalStatus"]
    if status != APPROVED:
        approve = f"{program_command()} approve {record.execution_id}"
        raise UsageError(
            f"model package {arn}: it is {status}, and only approved models are served. Approve it first: {approve}"
        )
    return package


def require_registered_package(record: ExecutionRecord) -> str:
    """Return the ARN of the model package that the run registered.

    Raises:
        UsageError: It registered none.
    """
    arn = record.package_arn
    if arn is None:
        look = f"{program_command()} show {record.execution_id}"
        raise UsageError(f"run {record.execution_id}: no model was registered ({record.status}). See why: {look}")
    return arn


def serve_approved_model(  # noqa: PLR0913  one parameter for each option
    record: ExecutionRecord,
    home: LocalHome,
    runner: JobRunner,
    port: int,
    console: Console,
    *,
    captures: bool = False,
    requires_capture: bool = False,
) -> None:
    """Serve the package's model until Ctrl-C.

    Args:
        record: The run that registered the package.
        home: Holds the package and the model.
        runner: Starts the server.
        port: Port on the loopback.
        console: Receives the instructions.
        captures: Whether requests and answers are captured, as the endpoints on AWS capture them.
        requires_capture: Whether, with `captures`, a request that cannot be captured is refused instead of answered.

    Raises:
        UsageError: The package is not approved, the port is taken, or capturing is required and not asked for.
        StepError: The server ended by itself.
    """
    if requires_capture and not captures:
        raise UsageError("--capture-required: requests are not captured. Add --capture.")
    package = require_approved_package(record, ModelRegistry(home.registry))
    require_free_port(port)
    runner.check()
    model = served_model(package, home)
    stop = threading.Event()
    logs = record.path.parent / "serve"
    try:
        with (
            stop_on_signals(stop.set),
            run_model_server(runner, model, logs, stop) as endpoint,
            _front_server(record, home, endpoint, port, console, captures=captures, required=requires_capture),
        ):
            # The evaluation's metadata travel with the package.
            threshold = package.get("CustomerMetadataProperties", {}).get("melanoma_threshold", "none")
            _print_usage(package["ModelPackageArn"], port, threshold, _example_image(record, home), console)
            while not stop.wait(0.2):
                if endpoint.process.poll() is not None:
                    raise StepError(f"the model server ended by itself. See {endpoint.stderr}.")
    except StoppedError:
        pass
    console.print("Stopped.")


def served_model(package: JsonObject, home: LocalHome) -> ServedModel:
    """Return the package's model, or raise UsageError where its artifact is gone."""
    container = package["InferenceSpecification"]["Containers"][0]
    model = ServedModel.of(container, S3Store(home.s3))
    if not model.artifact.is_file():
        raise UsageError(f"{container['ModelDataUrl']}: the model is no longer in {home.s3}. Run the pipeline again.")
    return model


@contextmanager
def _front_server(  # noqa: PLR0913  one parameter for each part
    record: ExecutionRecord,
    home: LocalHome,
    endpoint: RunningServer,
    port: int,
    console: Console,
    *,
    captures: bool,
    required: bool,
) -> Iterator[None]:
    """Forward the requests on `port` to the model server; log them, and capture them if that is wanted."""
    from local.endpoint.capture_proxy import run_capture_proxy  # noqa: PLC0415  imports aiohttp, which no other command needs

    def log(line: str) -> None:
        console.print(f"{datetime.now().astimezone():%H:%M:%S} {line}", style="dim", markup=False, soft_wrap=True)

    if not captures:
        with run_capture_proxy(endpoint.port, port, None, log=log):
            yield
        return
    name = data_capture.endpoint_name_of_run(record.execution_id)

    def report(message: str) -> None:
        console.print(f"capture: {message}", style="red", markup=False, soft_wrap=True)

    consequence = "refused" if required else "answered but not captured"
    with (
        CaptureRecorder(name, S3Store(home.s3), report, consequence=consequence) as recorder,
        run_capture_proxy(endpoint.port, port, recorder, required=required, log=log),
    ):
        send = f"{program_command()} traffic --port {port}"
        monitor = f"{program_command()} monitor {record.execution_id}"
        console.print(
            f"Capturing into {data_capture.capture_uri(name)}. Send images: {send}. Then: {monitor}", soft_wrap=True
        )
        yield
    status = recorder.status
    lost = f"; {status.lost} could not be written" if status.lost else ""
    console.print(f"Captured {status.kept} requests{lost}.")


def _print_usage(arn: str, port: int, threshold: str, image: Path | None, console: Console) -> None:
    path = shlex.quote(short_path(image)) if image else "IMAGE.jpg"
    header = f"Content-Type: {contract.IMAGE_CONTENT_TYPE}"
    console.print(f"Serving {arn} until Ctrl-C. Try:", soft_wrap=True, highlight=False)
    console.print(
        f"  curl -s -H '{header}' --data-binary @{path} http://{LOOPBACK_HOST}:{port}/invocations",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    console.print(f"Scores, in order: {', '.join(contract.CLASS_LABELS)}", highlight=False)
    console.print(f"Melanoma is called from a probability of {threshold} on, as the evaluation judged it.")


def _example_image(record: ExecutionRecord, home: LocalHome) -> Path | None:
    """Return an image that the run scored, or None where none is left."""
    score = record.step(contract.SCORE_STEP) or {}
    source = score.get("Properties", {}).get("TransformInput", {}).get("DataSource", {}).get("S3DataSource", {})
    try:
        return S3Store(home.s3).objects(source["S3Uri"])[0][1]
    except (KeyError, StepError):
        return None

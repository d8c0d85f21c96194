# SPDX-License-Identifier: MIT-0
"""Serves a run's approved model package as a SageMaker endpoint answers: /ping and /invocations."""

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console

from local import advice, capture, summary
from local.document import Object
from local.error import StepError, StoppedError, UsageError
from local.execution import Record
from local.home import Home
from local.interrupt import stopping
from local.jobs import Runner
from local.recorder import Recorder
from local.registry import APPROVED, Registry
from local.server import HOST, Endpoint, Model, require_free, running
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


def serve(  # noqa: PLR0913  where, what and how are one parameter each
    record: Record, home: Home, runner: Runner, port: int, console: Console, *, captures: bool = False
) -> None:
    """Serve exactly the package's model until Ctrl-C.

    Args:
        record: The run that registered the package.
        home: Where package and model lie.
        runner: Starts the server.
        port: Where it answers on the loopback.
        console: Receives what to try.
        captures: Whether requests and answers are kept, as the endpoints on AWS keep them.

    Raises:
        UsageError: The package is not approved, or the port is taken.
        StepError: The server ended by itself.
    """
    package = approved_package(record, Registry(home.registry))
    require_free(port)
    runner.check()
    model = _model(package, home)
    stop = threading.Event()
    logs = record.path.parent / "serve"
    try:
        with (
            stopping(stop.set),
            running(runner, model, logs, stop, port=0 if captures else port) as endpoint,
            _captured(record, home, endpoint, port, console) if captures else nullcontext(),
        ):
            _announce(package["ModelPackageArn"], port, _picture(record, home), console)
            while not stop.wait(0.2):
                if endpoint.process.poll() is not None:
                    raise StepError(f"the model server ended by itself. See {endpoint.stderr}.")
    except StoppedError:
        pass
    console.print("Stopped.")


def _model(package: Object, home: Home) -> Model:
    """Return the package's model.

    Raises:
        UsageError: It is no longer there.
    """
    container = package["InferenceSpecification"]["Containers"][0]
    model = Model.of(container, Store(home.s3))
    if not model.artifact.is_file():
        raise UsageError(f"{container['ModelDataUrl']}: the model is no longer in {home.s3}. Run the pipeline again.")
    return model


@contextmanager
def _captured(record: Record, home: Home, endpoint: Endpoint, port: int, console: Console) -> Iterator[None]:
    """Keep what is asked and answered on `port`, which stands before the model server."""
    from local.proxy import forwarding  # noqa: PLC0415  brings an HTTP library that no other command needs

    name = capture.endpoint_name(record.execution_id)

    def report(message: str) -> None:
        console.print(f"capture: {message}", style="red", markup=False, soft_wrap=True)

    recorder = Recorder(name, Store(home.s3), report)
    with recorder, forwarding(endpoint.port, port, recorder.keep, recorder.settle):
        send, look = f"{advice.program()} traffic --port {port}", f"{advice.program()} monitor {record.execution_id}"
        console.print(f"Capturing into {capture.prefix(name)}. Send pictures: {send}. Then: {look}", soft_wrap=True)
        yield
    lost = f"; {recorder.lost} were lost" if recorder.lost else ""
    console.print(f"Captured {recorder.kept} requests{lost}.")


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

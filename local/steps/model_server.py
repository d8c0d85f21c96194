# SPDX-License-Identifier: MIT-0
"""Starts a model server for the duration of a ``with`` block."""

import http.client
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.aws.s3_store import S3Store
from local.errors import StepError, StoppedError, UsageError
from local.json_files import JsonObject
from local.runners.job_runner import Job, JobRunner, software_of_image
from local.steps.training_step import unpack_model_archive

LOOPBACK_HOST: Final = "127.0.0.1"
_READY: Final = re.compile(r"^Serving .* on http://\S+:(\d+)", re.MULTILINE)
_START_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class ServedModel:
    """A model to serve: its model.tar.gz, the serving image and the container's environment variables."""

    artifact: Path
    image: str
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, container: JsonObject, store: S3Store) -> "ServedModel":
        """Return the model of a container definition of CreateModel or of a model package."""
        return cls(store.path(container["ModelDataUrl"]), container["Image"], container.get("Environment", {}))


@dataclass(frozen=True)
class RunningServer:
    """The address, the process and the log of a running model server."""

    host: str
    port: int
    process: "subprocess.Popen[bytes]"
    stderr: Path


def require_free_port(port: int) -> None:
    """Check that a port of the loopback can be bound.

    Raises:
        UsageError: It is taken, or not allowed.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK_HOST, port))
        except OSError as error:
            raise UsageError(f"port {port}: {error.strerror}. Choose another: --port {port + 1}.") from error


@contextmanager
def run_model_server(
    runner: JobRunner, model: ServedModel, logs: Path, stop: threading.Event, *, port: int = 0
) -> Iterator[RunningServer]:
    """Serve `model` for the ``with`` block.

    Args:
        runner: Starts the server.
        model: The model.
        logs: Folder for stdout.log and stderr.log.
        stop: Set to stop waiting for the server.
        port: 0 for a free one, which the server chooses itself so that no other process can take it in between.

    Raises:
        StepError: The image has no model server, the server ended, or it did not answer within two minutes.
        StoppedError: `stop` was set while waiting.
    """
    command = software_of_image(model.image).serve
    if not command:
        raise StepError(f"Image {model.image}: it has no model server that is known on this machine.", code=2)
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        root = Path(folder) / "opt/ml"
        unpack_model_archive(model.artifact, root / "model")
        (root / "output").mkdir(parents=True)
        job = Job("server", model.image, command, root, logs, model.environment)
        with runner.serve(job, host=LOOPBACK_HOST, port=port) as process:
            yield _wait(process, logs, root, stop)


def _wait(process: "subprocess.Popen[bytes]", logs: Path, root: Path, stop: threading.Event) -> RunningServer:
    log = logs / "stderr.log"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StepError(f"the model server ended: {_failure_reason(log, root)} See {log}.")
        port = _announced_port(logs / "stdout.log")
        if port is not None and _ping(LOOPBACK_HOST, port):
            return RunningServer(LOOPBACK_HOST, port, process, log)
        if stop.wait(_POLL_SECONDS):
            raise StoppedError("stopped")
    raise StepError(f"the model server did not answer /ping within {_START_SECONDS:g} s. See {log}.")


def _announced_port(stdout: Path) -> int | None:
    """Return the port from the server's output; on any other port another run's server may answer."""
    if not stdout.is_file():
        return None
    found = _READY.search(stdout.read_text(encoding="utf-8", errors="replace"))
    return int(found[1]) if found else None


def _failure_reason(stderr: Path, root: Path) -> str:
    failure = root / "output/failure"
    if failure.is_file():
        return failure.read_text(encoding="utf-8", errors="replace").strip()
    lines = stderr.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no message.")


def _ping(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

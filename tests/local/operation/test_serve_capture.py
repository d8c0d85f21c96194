# SPDX-License-Identifier: MIT-0
"""``serve --capture``, from the first request to Ctrl-C."""

import http.client
import io
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from local.aws import data_capture
from local.aws.data_capture import CaptureStatus
from local.aws.model_registry import APPROVED, ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.cli.pipeline_commands import main
from local.endpoint import model_serving
from local.errors import StepError, UsageError
from tests.local.fake import FakeRunner
from tests.local.operation import registered
from tests.local.operation.server import ModelServer, answering
from tests.local.operation.test_capture import captured

RUN = "a" * 12


@pytest.fixture
def place(home: Path) -> LocalHome:
    return LocalHome(home)


@pytest.fixture
def record(place: LocalHome) -> ExecutionRecord:
    made = registered.run(place, RUN)
    ModelRegistry(place.registry).decide("model-package/small/1", APPROVED, "test")
    return made


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


class Client(threading.Thread):
    """Waits for the server, asks it thrice, and then does `last`."""

    def __init__(self, port: int, last: Callable[[], object]) -> None:
        super().__init__()
        self.port, self.last = port, last
        self.answers: list[bytes] = []

    def run(self) -> None:
        try:
            for number in range(3):
                self.answers.append(self._ask(b"x" * (number + 1)))
        finally:
            self.last()

    def _ask(self, body: bytes) -> bytes:
        for _ in range(400):
            try:
                with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
                    connection.request("POST", "/invocations", body, {"Content-Type": "application/x-image"})
                    return connection.getresponse().read()
            except ConnectionRefusedError:
                signal.sigtimedwait([], 0.01)
        raise AssertionError(self.port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_server_loses_no_answered_request(record: ExecutionRecord, place: LocalHome, number: int) -> None:
    said, runner, port = io.StringIO(), FakeRunner(), free_port()
    client = Client(port, lambda: os.kill(os.getpid(), number))
    client.start()
    model_serving.serve_approved_model(record, place, runner, port, Console(file=said, width=200), captures=True)
    client.join()
    assert client.answers == [b"[1]", b"[2]", b"[3]"]
    lines = [line for lines in captured(place.s3, data_capture.endpoint_name_of_run(RUN)).values() for line in lines]
    assert len(lines) == 3
    assert "Captured 3 requests." in said.getvalue()
    assert f"s3://local-runs/capture/local/skin-lesion-{RUN}/AllTraffic" in said.getvalue()


def test_a_server_that_ends_by_itself_loses_nothing_either(record: ExecutionRecord, place: LocalHome) -> None:
    runner, port = FakeRunner(), free_port()
    client = Client(port, lambda: [process.kill() for process in runner.processes])
    client.start()
    with pytest.raises(StepError, match="the model server ended by itself"):
        model_serving.serve_approved_model(record, place, runner, port, Console(file=io.StringIO()), captures=True)
    client.join()
    assert sum(map(len, captured(place.s3, data_capture.endpoint_name_of_run(RUN)).values())) == 3


def test_without_capture_nothing_is_kept(record: ExecutionRecord, place: LocalHome) -> None:
    runner, port = FakeRunner(), free_port()
    client = Client(port, lambda: os.kill(os.getpid(), signal.SIGINT))
    client.start()
    model_serving.serve_approved_model(record, place, runner, port, Console(file=io.StringIO()))
    client.join()
    assert client.answers == [b"[1]", b"[2]", b"[3]"]
    assert captured(place.s3, data_capture.endpoint_name_of_run(RUN)) == {}


def test_capturing_cannot_be_required_where_it_is_not_asked_for(record: ExecutionRecord, place: LocalHome) -> None:
    with pytest.raises(UsageError, match=r"--capture-required: requests are not captured\. Add --capture\."):
        model_serving.serve_approved_model(
            record, place, FakeRunner(), free_port(), Console(file=io.StringIO()), requires_capture=True
        )


def sent(place: LocalHome, server: ModelServer, *options: str) -> Result:
    given = ["--images", "3", "--shift", "dark", "--port", str(server.server_port), *options]
    return CliRunner().invoke(main, ["--home", str(place.root), "traffic", *given])


def test_the_traffic_command_sends_what_was_asked_for_and_says_what_was_answered(
    place: LocalHome, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.csv"
    with answering() as server:
        result = sent(place, server, "--write-labels", str(labels))
    assert result.exit_code == 0, result.output
    assert "3 images were answered: nv 3" in result.stdout
    assert "The server does not capture requests" in result.stdout
    assert len(labels.read_text().splitlines()) == 4
    assert len(server.asked) == 3


def test_it_names_the_run_that_is_served_to_be_monitored_whichever_is_the_newest(
    place: LocalHome, record: ExecutionRecord
) -> None:
    registered.run(place, "b" * 12)
    with answering() as server:
        server.said = CaptureStatus(data_capture.endpoint_name_of_run(record.execution_id), 3, 0).text().encode()
        result = sent(place, server)
    assert result.exit_code == 0, result.output
    assert f"monitor {RUN} --since traffic\n" in result.stdout


def test_a_request_that_the_server_failed_to_capture_is_reported(place: LocalHome) -> None:
    with answering() as server:
        server.said = CaptureStatus("skin-lesion-a", 1, 2).text().encode()
        result = sent(place, server)
    assert result.exit_code == 1
    assert "failed to capture 2 requests" in result.stdout


@pytest.mark.parametrize("command", [("monitor", "nosuchrun"), ("monitor", RUN)])
def test_what_cannot_be_done_is_exit_code_2_and_one_line(
    record: ExecutionRecord, place: LocalHome, command: tuple[str, ...]
) -> None:
    assert record.status == "Succeeded"
    result = CliRunner().invoke(main, ["--home", str(place.root), *command])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1

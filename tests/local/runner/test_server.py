# SPDX-License-Identifier: MIT-0
"""Waiting for a model server that does not come up."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from local.errors import StepError, StoppedError, UsageError
from local.runners.job_runner import Job
from local.steps.model_server import LOOPBACK_HOST, ServedModel, require_free_port, run_model_server
from local.steps.training_step import pack_model_archive
from tests.local.fake import ALGORITHM, FakeRunner


class Broken(FakeRunner):
    """Starts a server that runs `code` instead."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    @contextmanager
    def serve(self, job: Job, *, host: str, port: int) -> "Iterator[subprocess.Popen[bytes]]":
        job.logs.mkdir(parents=True)
        with (job.logs / "stderr.log").open("wb") as log:
            command = [sys.executable, "-S", "-c", self.code, str(job.root), host, str(port)]
            with subprocess.Popen(command, stderr=log) as process:
                try:
                    yield process
                finally:
                    process.kill()


@pytest.fixture
def model(tmp_path: Path) -> ServedModel:
    (tmp_path / "model").mkdir()
    pack_model_archive(tmp_path / "model", tmp_path / "model.tar.gz")
    return ServedModel(tmp_path / "model.tar.gz", ALGORITHM)


def test_a_server_that_ends_at_once_is_explained_by_its_failure_file(tmp_path: Path, model: ServedModel) -> None:
    code = "import sys; open(sys.argv[1] + '/output/failure', 'w').write('no symbol file.'); sys.exit(1)"
    with (
        pytest.raises(StepError, match="the model server ended: no symbol file"),
        run_model_server(Broken(code), model, tmp_path / "logs", threading.Event()),
    ):
        pass


def test_a_server_that_ends_without_a_word_is_explained_by_its_log(tmp_path: Path, model: ServedModel) -> None:
    with (
        pytest.raises(StepError, match="the model server ended: ZeroDivisionError"),
        run_model_server(Broken("1/0"), model, tmp_path / "logs", threading.Event()),
    ):
        pass


def test_waiting_for_a_server_can_be_stopped(tmp_path: Path, model: ServedModel) -> None:
    stop = threading.Event()
    stop.set()
    with (
        pytest.raises(StoppedError),
        run_model_server(Broken("import time; time.sleep(60)"), model, tmp_path / "logs", stop),
    ):
        pass


def test_a_server_of_another_run_on_the_same_port_is_not_taken_for_ones_own(tmp_path: Path, model: ServedModel) -> None:
    with run_model_server(FakeRunner(), model, tmp_path / "other", threading.Event()) as other:
        code = "import time; time.sleep(0.5); 1/0"
        with (
            pytest.raises(StepError, match="the model server ended: ZeroDivisionError"),
            run_model_server(Broken(code), model, tmp_path / "logs", threading.Event(), port=other.port),
        ):
            pass


def test_servers_started_at_once_have_a_port_each(tmp_path: Path, model: ServedModel) -> None:
    with (
        run_model_server(FakeRunner(), model, tmp_path / "a", threading.Event()) as first,
        run_model_server(FakeRunner(), model, tmp_path / "b", threading.Event()) as second,
    ):
        assert 0 < first.port != second.port > 0


def test_a_taken_port_is_refused_and_another_one_proposed() -> None:
    with closing(socket.create_server((LOOPBACK_HOST, 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {port + 1}"):
            require_free_port(port)
    require_free_port(port)

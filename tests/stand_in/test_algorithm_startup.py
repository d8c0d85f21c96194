# SPDX-License-Identifier: MIT-0
"""The model server starts with a whole model on a free address, and ends when it is told to."""

import shutil
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.builtin_stand_in import model_files, residual_network
from local.builtin_stand_in.__main__ import main
from pipeline_src import contract
from tests.stand_in.running import ready, start


@pytest.fixture
def copied(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an /opt/ml with a copy of the model; a server that wrongly starts on it fails the test."""
    shutil.copytree(trained / "model", tmp_path / "model")
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    monkeypatch.setattr("waitress.create_server", lambda *_, **__: pytest.fail("the server started"))
    return tmp_path


def test_a_taken_port_is_refused_with_a_message(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ML_ROOT", str(trained))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == contract.EXIT_BAD_INPUT
    assert f"127.0.0.1:{port}: cannot listen there (Address already in use)" in capsys.readouterr().err


def test_signals_end_the_server_cleanly_on_the_port_that_sagemaker_names(trained: Path) -> None:
    stops = (signal.SIGTERM, signal.SIGINT)
    with ExitStack() as stack:
        ports = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in stops]
    with ExitStack() as stack:
        processes = [stack.enter_context(start(trained, SAGEMAKER_BIND_TO_PORT=str(port))) for port in ports]
        for process in processes:
            stack.callback(process.kill)
        for process, port, stop in zip(processes, ports, stops, strict=True):
            server = ready(process)
            assert server.port == port
            assert server.ask("GET", "/ping").status == 200
            process.send_signal(stop)
            assert process.wait(30) == contract.EXIT_OK


@pytest.mark.parametrize("name", [model_files.SYMBOL_FILE, model_files.SHAPES_FILE, "*.params"])
@pytest.mark.parametrize("keep", [0, 20, None])
def test_a_model_folder_that_cannot_be_served_is_refused(
    copied: Path, capsys: pytest.CaptureFixture[str], name: str, keep: int | None
) -> None:
    (path,) = (copied / "model").glob(name)
    path.unlink() if keep is None else path.write_bytes(path.read_bytes()[:keep])
    assert main(["serve", "--port", "0"]) == contract.EXIT_BAD_INPUT
    error = capsys.readouterr().err
    assert "Unpack" in error
    assert "Traceback" not in error


def test_weights_of_another_network_are_refused(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = residual_network.build_network_symbol(num_layers=32, num_classes=7, image_shape=(3, 12, 12), momentum=0.9)
    (copied / "model" / model_files.SYMBOL_FILE).write_text(graph.tojson())
    assert main(["serve", "--port", "0"]) == contract.EXIT_BAD_INPUT
    assert "do not fit the graph" in capsys.readouterr().err

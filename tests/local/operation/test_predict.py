# SPDX-License-Identifier: MIT-0
"""`predict` asks a model server; one that dies is an error with a place and a remedy."""

import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from local.endpoint import image_prediction
from local.errors import StepError
from local.steps.model_server import RunningServer
from tests.local.operation.server import SCORES, answering
from tests.local.operation.test_traffic import _hang_up


def server_on(port: int) -> RunningServer:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return RunningServer("127.0.0.1", port, process, Path("server/stderr.log"))


def test_an_answer_has_the_class_and_the_decision(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(b"\xff\xd8")
    with answering() as server:
        found = image_prediction._ask(image, 0.0, server_on(server.server_port))
    assert (found.label, found.is_melanoma, found.probabilities) == ("nv", True, tuple(SCORES))


def test_a_server_that_dies_is_named_with_the_image_and_its_log(tmp_path: Path) -> None:
    image = tmp_path / "image.jpg"
    image.write_bytes(b"\xff\xd8")
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        hanging_up = threading.Thread(target=_hang_up, args=(deaf,))
        hanging_up.start()
        with pytest.raises(StepError, match=r"went away at .*image\.jpg .*See server/stderr\.log, then run it again"):
            image_prediction._ask(image, 0.0, server_on(deaf.getsockname()[1]))
        hanging_up.join()

# SPDX-License-Identifier: MIT-0
"""However a capturing server ends under load, each request that it answered is captured."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from local.aws.data_capture import INFERENCE_ID_HEADER
from tests.local.operation.server import answering
from tests.local.operation.test_capture import captured

CLIENTS = 8
ANSWERED = 60  # before the signal
PICTURE = b"\xff\xd8" + bytes(20_000)


class Clients:
    """Threads that send one request after the other, each with an id of its own, until the server is gone."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered: list[str] = []
        self.enough = threading.Event()
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(CLIENTS)]
        for each in self.threads:
            each.start()

    def _send(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        number = 0
        try:
            while True:
                name = f"{client}-{number}"
                connection.request("POST", "/invocations", PICTURE, {INFERENCE_ID_HEADER: name})
                answer = connection.getresponse()
                if answer.status == http.client.OK and answer.read().startswith(b"[0.1,"):
                    self.answered.append(name)
                number += 1
                if len(self.answered) >= ANSWERED:
                    self.enough.set()
        except (OSError, http.client.HTTPException):
            self.enough.set()
        finally:
            connection.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_every_answered_request_is_captured_after_a_signal_under_load(tmp_path: Path, number: int) -> None:
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": str(here.parents[3])}
    with answering() as server:
        command = [sys.executable, str(here.with_name("capturing_process.py")), str(server.server_port), str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
        assert process.stdout is not None
        clients = Clients(int(process.stdout.readline()))
        clients.enough.wait()
        process.send_signal(number)
        for each in clients.threads:
            each.join()
        process.wait()
        process.stdout.close()
    names = [line["eventMetadata"]["inferenceId"] for lines in captured(tmp_path).values() for line in lines]
    assert len(clients.answered) >= ANSWERED
    assert set(clients.answered) <= set(names)
    assert len(set(names)) == len(names)
    assert process.returncode == (-number if number == signal.SIGKILL else 0)

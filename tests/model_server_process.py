# SPDX-License-Identifier: MIT-0
"""A model server in a process of its own, asked over a real socket."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract

LOOPBACK = "127.0.0.1"
PATIENCE = 60.0  # seconds, after which a server that does not answer counts as locked up


class Answer(NamedTuple):
    status: int
    kind: str
    text: str
    allow: str | None


class Server(NamedTuple):
    process: "subprocess.Popen[str]"
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, response.headers["Content-Type"], text, response.headers["Allow"])
        finally:
            connection.close()

    def scores(self, data: bytes, kind: str = contract.IMAGE_CONTENT_TYPE) -> list[float]:
        answer = self.ask("POST", "/invocations", data, {"Content-Type": kind})
        assert (answer.status, answer.kind) == (200, "application/json"), answer.text
        return [float(score) for score in json.loads(answer.text)]

    def connect(self) -> socket.socket:
        return socket.create_connection((LOOPBACK, self.port), timeout=PATIENCE)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()


def start_module(
    command: Sequence[str], root: Path, log: int = subprocess.DEVNULL, **environment: str
) -> "subprocess.Popen[str]":
    """Start ``python -m`` `command`; `log` is where its stderr goes, a pipe only where it is read."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**os.environ, "ML_ROOT": str(root), **environment},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def ready_server(process: "subprocess.Popen[str]", model: str) -> Server:
    """Return the server when it has said that it serves `model`, a pattern."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(rf"Serving {model} on http://127\.0\.0\.1:(\d+); Ctrl-C stops it\.", line.strip())
    assert found, line
    return Server(process, int(found[1]))

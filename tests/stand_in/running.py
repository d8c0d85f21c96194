# SPDX-License-Identifier: MIT-0
"""A model server of its own process, asked over a real socket."""

import http.client
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from pipeline_src import contract

IMAGE = contract.IMAGE_CONTENT_TYPE


class Answer(NamedTuple):
    status: int
    kind: str
    text: str
    allow: str | None


class Server(NamedTuple):
    process: "subprocess.Popen[str]"
    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, response.headers["Content-Type"], text, response.headers["Allow"])
        finally:
            connection.close()

    def scores(self, data: bytes, kind: str = IMAGE) -> list[float]:
        answer = self.ask("POST", "/invocations", data, {"Content-Type": kind})
        assert (answer.status, answer.kind) == (200, "application/json")
        return [float(score) for score in json.loads(answer.text)]


def start(root: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local.builtin_stand_in", "serve", *arguments],
        env={**os.environ, "ML_ROOT": str(root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ready(process: "subprocess.Popen[str]") -> Server:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(
        r"Serving image-classification-\d{4} on http://127\.0\.0\.1:(\d+); Ctrl-C stops it\.", line.strip()
    )
    assert found, line
    return Server(process, int(found[1]))

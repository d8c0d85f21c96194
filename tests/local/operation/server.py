# SPDX-License-Identifier: MIT-0
"""A model server for tests: answers fixed probabilities, rejects what is not a JPEG, and records its requests."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message

from tests.class_table import scores

SCORES = tuple(scores(0.1, 0.6, 0.1, 0.05, 0.05, 0.05, 0.05))


class ModelServer(http.server.ThreadingHTTPServer):
    """On a free port of the loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[Message, bytes]] = []
        self.said: bytes | None = None  # at /captured; None where it knows no such path


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer

    def do_GET(self) -> None:
        if self.path == "/captured":
            self._answer(404 if self.server.said is None else 200, self.server.said or b"", "application/json")
        else:
            self._answer(200, b"", "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.headers, body))
        if body.startswith(b"\xff\xd8"):
            self._answer(200, json.dumps(SCORES).encode(), "application/json; charset=utf-8")
        else:
            self._answer(400, b"no picture\n", "text/plain")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response_only(status)  # without saying which server it is, as the stand-in does
        self.send_header("Content-Type", kind)
        self.send_header("X-Own", "kept")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering() -> Iterator[ModelServer]:
    """Serve for the ``with`` block."""
    with ModelServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

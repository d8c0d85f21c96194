# SPDX-License-Identifier: MIT-0
"""A model server for tests: ``python fake_server.py HOST PORT``."""

import http.server
import sys


class FakeAnswers(http.server.BaseHTTPRequestHandler):
    """Answers a model server's requests: with the body's length, or 500 where the body says so."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(500 if body == b"bad" else 200, b"no image" if body == b"bad" else f"[{len(body)}]".encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), FakeAnswers)
    print(f"Serving fake on http://{sys.argv[1]}:{server.server_port}", flush=True)  # noqa: T201  stdout is what is read
    server.serve_forever()

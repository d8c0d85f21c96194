# SPDX-License-Identifier: MIT-0
"""A model server for tests, on a free port of this machine."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from operations.functions.endpoint_answers import EndpointAnswer


@contextmanager
def serving(answer: Callable[[bytes], EndpointAnswer | None]) -> Iterator[str]:
    """Serve `answer` at the URL that the ``with`` block is given; where it is None, the server hangs up."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            right = self.path == "/invocations" and self.headers["Content-Type"] == "application/x-image"
            found = answer(body) if right else EndpointAnswer(404, "text/plain", b"no such thing")
            if found is None:
                self.close_connection = True
                return
            self.send_response(found.status)
            self.send_header("Content-Type", found.content_type)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/invocations"
        finally:
            server.shutdown()
            thread.join()

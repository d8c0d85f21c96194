# SPDX-License-Identifier: MIT-0
"""A client cannot tell the model server from the capturing proxy in front of it, over one table of requests."""

import gzip
import http.client
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.aws.data_capture import CaptureRecorder
from local.aws.s3_store import S3Store
from local.endpoint.capture_proxy import run_capture_proxy
from local.runners.process_runner import ENVIRONMENTS

ROOT = Path(__file__).parents[3]
JOBS_PYTHON = ENVIRONMENTS / "jobs/bin/python"
WRITE = """
import sys
from pathlib import Path
from pipeline_src.algorithms.serving.onnx_artifact import write_model
from tests.jobs.algorithms.sample_pictures import colored, jpeg
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes
root = Path(sys.argv[1])
write_model(root / "model", onnx_bytes(), MANIFEST)
(root / "picture.jpg").write_bytes(jpeg(colored(1)))
"""
LIMIT = 6 * 1024 * 1024
PICTURE = b"the picture itself"  # stands for the file in the table
IMAGE = {"Content-Type": "application/x-image"}
Request = tuple[str, str, bytes | None, dict[str, str]]
TABLE: dict[str, tuple[Request, int]] = {
    "ping": (("GET", "/ping", None, {}), 200),
    "picture": (("POST", "/invocations", PICTURE, IMAGE), 200),
    "picture as JSON Lines": (("POST", "/invocations", PICTURE, {**IMAGE, "Accept": "application/jsonlines"}), 200),
    "identity": (("POST", "/invocations", PICTURE, {**IMAGE, "Content-Encoding": "identity"}), 200),
    "query": (("POST", "/invocations?a=%2F", PICTURE, IMAGE), 200),
    "gzip": (("POST", "/invocations", gzip.compress(b"picture"), {**IMAGE, "Content-Encoding": "gzip"}), 415),
    "gzip that is none": (("POST", "/invocations", b"no gzip", {**IMAGE, "Content-Encoding": "gzip"}), 415),
    "deflate": (("POST", "/invocations", b"x", {**IMAGE, "Content-Encoding": "deflate"}), 415),
    "other type": (("POST", "/invocations", PICTURE, {"Content-Type": "text/csv"}), 415),
    "no type": (("POST", "/invocations", PICTURE, {}), 415),
    "no body": (("POST", "/invocations", None, IMAGE), 400),
    "empty body": (("POST", "/invocations", b"", IMAGE), 400),
    "no picture": (("POST", "/invocations", b"no picture", IMAGE), 400),
    "at the limit": (("POST", "/invocations", bytes(LIMIT), IMAGE), 400),
    "above the limit": (("POST", "/invocations", bytes(LIMIT + 1), IMAGE), 413),
    "far above the limit": (("POST", "/invocations", bytes(4 * LIMIT), IMAGE), 413),
    "head of ping": (("HEAD", "/ping", None, {}), 405),
    "head": (("HEAD", "/invocations", None, {}), 405),
    "get": (("GET", "/invocations", None, {}), 405),
    "put": (("PUT", "/invocations", PICTURE, IMAGE), 405),
    "delete": (("DELETE", "/invocations", None, {}), 405),
    "options": (("OPTIONS", "/invocations", None, {}), 405),
    "post to ping": (("POST", "/ping", b"x", IMAGE), 405),
    "other path": (("GET", "/models", None, {}), 404),
    "coded path": (("POST", "/in%20vocations", PICTURE, IMAGE), 404),
    "root": (("GET", "/", None, {}), 404),
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int, bytes]]:
    """The port of the server, that of the proxy, and a picture."""
    folder = tmp_path_factory.mktemp("ml")
    subprocess.run([JOBS_PYTHON, "-c", WRITE, folder], check=True, cwd=ROOT)
    command = [str(JOBS_PYTHON), "-m", "pipeline_src.algorithms.serving.onnx_server", "--port", "0"]
    environment = {**os.environ, "ML_ROOT": str(folder)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            found = re.search(r":(\d+);", process.stdout.readline() if process.stdout else "")
            assert found
            with (
                CaptureRecorder("here", S3Store(folder / "s3"), pytest.fail) as recorder,
                run_capture_proxy(int(found[1]), 0, recorder) as port,
            ):
                yield int(found[1]), port, (folder / "picture.jpg").read_bytes()
        finally:
            process.terminate()


def answer_of(port: int, request: Request, picture: bytes) -> tuple[int, dict[str, str], bytes]:
    method, path, body, headers = request
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, picture if body == PICTURE else body, headers)
        response = connection.getresponse()
        shown = {name.lower(): value for name, value in response.getheaders() if name.lower() != "date"}
        return response.status, shown, response.read()


@pytest.mark.parametrize("name", TABLE)
def test_both_servers_answer_alike(ports: tuple[int, int, bytes], name: str) -> None:
    server, proxy, picture = ports
    request, status = TABLE[name]
    plain = answer_of(server, request, picture)
    assert plain[0] == status
    assert answer_of(proxy, request, picture) == plain


MALFORMED = {
    "no HTTP": b"\r\n\r\n\0\xff\r\n\r\n",
    "negative length": b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "length that is no number": b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 1e3\r\n\r\n",
    "two lengths": b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "chunk that is none": b"POST /invocations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_both_servers_refuse_what_is_malformed(ports: tuple[int, int, bytes], name: str) -> None:
    """Each in its own words, and neither with a defect of its own (5xx)."""
    for port in ports[:2]:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(MALFORMED[name])
            status = connection.recv(1 << 16)[:12]
        assert status in {b"HTTP/1.1 400", b"HTTP/1.0 400"}

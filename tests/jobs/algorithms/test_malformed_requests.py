# SPDX-License-Identifier: MIT-0
"""Malformed, slow and broken requests neither end the model server nor keep it from answering others."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from pipeline_src.algorithms.serving.onnx_artifact import write_model
from tests.jobs.algorithms.sample_pictures import colored, jpeg
from tests.jobs.algorithms.serving_process import Server, ready, start
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes

PICTURE = jpeg(colored(1))
HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("ml")
    write_model(root / "model", onnx_bytes(), MANIFEST)
    running = ready(start(root, "--port", "0"))
    try:
        yield running
    finally:
        assert running.process.poll() is None, "the server ended"
        running.stop()


@pytest.fixture(scope="module")
def right(server: Server) -> list[float]:
    return server.scores(PICTURE)


def whole(body: bytes = PICTURE, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def everything(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    data = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(1 << 16):
            data += chunk
    return data


def exchange(server: Server, request: bytes) -> bytes:
    """Send `request` and nothing after it, and return the answers; the server may close before it has read all."""
    with server.connect() as connection:
        with suppress(OSError):
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def statuses(data: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) ", data)]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\r\n\r\n\0\xff\r\n\r\n", 400),
        (b"GET /ping\xff HTTP/9.9\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1e3\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", 400),
        (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", 413),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (HEAD + b"a" * (1 << 17) + b": 1\r\n\r\n", 431),
        (HEAD + b"X: y\r\n" * 30_000 + b"\r\n", 431),
        (b"GET " + b"/" * (1 << 17) + b" HTTP/1.1\r\n\r\n", 431),
    ],
)
def test_a_malformed_request_is_refused_and_its_connection_closed(
    server: Server, right: list[float], request_: bytes, status: int
) -> None:
    assert statuses(exchange(server, request_)) in ([status], [])  # none where a reset overtakes it
    assert server.scores(PICTURE) == right


@pytest.mark.parametrize(
    "request_",
    [HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n", b"", b"\r\n"],
)
def test_a_request_that_waitress_itself_cannot_parse_costs_its_connection_alone(
    server: Server, right: list[float], request_: bytes
) -> None:
    exchange(server, request_)
    assert server.scores(PICTURE) == right


def test_half_requests_keep_nobody_waiting(server: Server, right: list[float]) -> None:
    """More of them than there are threads: a request takes none before its last byte is there."""
    parts = (b"P", HEAD, HEAD + b"Content-Length: 1000\r\n\r\n", whole()[:-1])
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(200)]
        for number, connection in enumerate(slow):
            connection.sendall(parts[number % len(parts)])
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(server.scores, [PICTURE] * 40)) == [right] * 40
        assert server.ask("GET", "/ping").status == 200


def test_a_request_that_arrives_byte_by_byte_is_answered(server: Server, right: list[float]) -> None:
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in whole(more=b"Connection: close\r\n"):
            connection.sendall(bytes([byte]))
        data = everything(connection)
    assert statuses(data) == [200]
    assert data.endswith(repr(right).encode())


def test_clients_that_leave_before_their_answer_harm_nobody(server: Server, right: list[float]) -> None:
    for _ in range(100):
        with server.connect() as connection:
            connection.sendall(whole())
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + b"x" * 10)
    assert server.scores(PICTURE) == right


def test_a_connection_is_kept_for_further_requests_even_after_refusals(server: Server, right: list[float]) -> None:
    """All at once, as a client that does not wait sends them; the answers keep their order."""
    requests = [whole(), whole(b"no image"), whole(b""), b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"]
    with server.connect() as connection:
        connection.sendall(b"".join(requests) + whole(more=b"Connection: close\r\n"))
        data = everything(connection)
    assert statuses(data) == [200, 400, 400, 200, 200]
    assert data.count(repr(right).encode()) == 2


def test_a_body_in_chunks_is_answered(server: Server, right: list[float]) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PICTURE[:7], PICTURE[7:]))
    with server.connect() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks + b"0\r\n\r\n")
        data = everything(connection)
    assert statuses(data) == [200]
    assert data.endswith(repr(right).encode())


def test_a_client_that_waits_for_100_continue_gets_it(server: Server, right: list[float]) -> None:
    with server.connect() as connection:
        connection.sendall(
            HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(PICTURE)
        )
        assert statuses(connection.recv(1 << 16)) == [100]
        connection.sendall(PICTURE)
        assert everything(connection).endswith(repr(right).encode())


def test_a_longer_body_than_announced_is_no_part_of_the_image(server: Server, right: list[float]) -> None:
    """What follows is another request, and a malformed one."""
    data = exchange(server, whole() + b"left over\r\n\r\n")
    assert statuses(data) == [200, 400]
    assert repr(right).encode() in data
    assert server.scores(PICTURE) == right


def test_many_large_refused_bodies_at_once_are_all_refused(server: Server, right: list[float]) -> None:
    def ask(_: int) -> int:
        return server.ask("POST", "/invocations", b"\0" * (6 << 20), {"Content-Type": "image/jpeg"}).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(32))) == {400}
    assert server.scores(PICTURE) == right

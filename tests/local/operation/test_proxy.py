# SPDX-License-Identifier: MIT-0
"""The proxy in front of the model server: what it forwards, and what it captures."""

import base64
import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from local.aws.data_capture import INFERENCE_ID_HEADER, CaptureRecorder, CaptureStatus
from local.aws.s3_store import S3Store
from local.endpoint.capture_proxy import ProxyLimits, run_capture_proxy
from local.errors import UsageError
from tests.local.operation.server import ModelServer, answering
from tests.local.operation.test_capture import Disk, Gate, captured

PICTURE = b"\xff\xd8" + bytes(range(256)) * 1200  # larger than one read from a socket
Said = tuple[int, dict[str, str], bytes]


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[CaptureRecorder]:
    with CaptureRecorder("here", S3Store(tmp_path), pytest.fail) as made:
        yield made


@pytest.fixture
def upstream() -> Iterator[ModelServer]:
    with answering() as server:
        yield server


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> Said:
    """Return status, headers and body of the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return (
            response.status,
            {name: value for name, value in response.getheaders() if name != "Date"},
            response.read(),
        )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/ping", None),
        ("POST", "/invocations", PICTURE),
        ("POST", "/invocations", b"no picture"),
        ("POST", "/in%20vocations?a=%2F", PICTURE),
    ],
)
def test_a_client_gets_the_very_answer_of_the_server(
    upstream: ModelServer, recorder: CaptureRecorder, method: str, path: str, body: bytes | None
) -> None:
    direct = ask(upstream.server_port, method, path, body, Content_Type="application/x-image")
    with run_capture_proxy(upstream.server_port, 0, recorder) as port:
        assert ask(port, method, path, body, Content_Type="application/x-image") == direct
    if body:
        (before, sent), (after, handed_on) = upstream.asked
        assert handed_on == sent == body
        assert sorted(after.keys()) == sorted(before.keys())


def test_requests_are_logged_and_forwarded_where_nothing_is_captured(upstream: ModelServer) -> None:
    lines: list[str] = []
    with run_capture_proxy(upstream.server_port, 0, None, log=lines.append) as port:
        for method, path, body in (
            ("POST", "/invocations", PICTURE),
            ("POST", "/invocations", b"no"),
            ("GET", "/ping", None),
        ):
            ask(port, method, path, body, Content_Type="application/x-image")
        assert ask(port, "GET", "/captured", None)[0] == 404
    assert [line.rsplit(" ", 2)[0] for line in lines] == [
        "POST /invocations 200",
        "POST /invocations 400",
        "GET /captured 404",
    ]


def test_each_answered_invocation_is_recorded_before_its_answer_is_sent(
    upstream: ModelServer, recorder: CaptureRecorder, tmp_path: Path
) -> None:
    with run_capture_proxy(upstream.server_port, 0, recorder) as port:
        ask(port, "GET", "/ping")
        ask(port, "POST", "/invocations", b"no picture", Content_Type="application/x-image")
        ask(port, "POST", "/other", PICTURE)
        assert captured(tmp_path) == {}
        for number, headers in enumerate(({INFERENCE_ID_HEADER: "case-7"}, {}), 1):
            ask(port, "POST", "/invocations", PICTURE, Content_Type="image/jpeg", **headers)
            assert len(captured(tmp_path)) == number
    lines = [line for lines in captured(tmp_path).values() for line in lines]
    assert sorted(line["eventMetadata"].get("inferenceId", "") for line in lines) == ["", "case-7"]
    for line in lines:
        request, answer = line["captureData"]["endpointInput"], line["captureData"]["endpointOutput"]
        assert (request["observedContentType"], base64.b64decode(request["data"])) == ("image/jpeg", PICTURE)
        assert answer["observedContentType"] == "application/json; charset=utf-8"
        assert answer["data"].startswith("[0.1, 0.6")


@pytest.mark.parametrize("required", [False, True])
def test_a_request_that_cannot_be_captured_is_answered_and_says_so_or_is_refused_where_that_is_required(
    upstream: ModelServer, tmp_path: Path, *, required: bool
) -> None:
    reports: list[str] = []
    disk = Disk(tmp_path)
    with (
        CaptureRecorder("here", disk, reports.append) as full,
        run_capture_proxy(upstream.server_port, 0, full, required=required) as port,
    ):
        status, headers, said = ask(port, "POST", "/invocations", PICTURE)
        if required:
            assert (status, headers["Retry-After"]) == (503, "1")
            assert said.startswith(b"not captured: ")
        else:
            assert (status, headers["X-Captured"], said[:5]) == (200, "no", b"[0.1,")
        assert CaptureStatus.of(ask(port, "GET", "/captured")[2]) == CaptureStatus("here", 0, 1)
        disk.free.set()
        status, headers, _said = ask(port, "POST", "/invocations", PICTURE)
        assert (status, "X-Captured" in headers) == (200, False)
    assert len(reports) == 1


def test_requests_beyond_the_bound_are_refused_with_429_and_those_before_are_answered_and_captured(
    upstream: ModelServer, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    with (
        CaptureRecorder("here", gate, pytest.fail) as waiting,
        run_capture_proxy(upstream.server_port, 0, waiting, limits=ProxyLimits(requests=1)) as port,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(ask, port, "POST", "/invocations", PICTURE)
        gate.begun.wait()
        try:
            status, headers, said = ask(port, "POST", "/invocations", PICTURE)
            assert (status, headers["Retry-After"]) == (429, "1")
            assert b"1 requests are in progress" in said
            assert not first.done()
        finally:
            gate.opened.set()
        assert first.result()[0] == 200
        assert ask(port, "POST", "/invocations", PICTURE)[0] == 200
    assert sum(map(len, captured(tmp_path).values())) == 2


def test_bodies_beyond_the_bound_of_memory_are_refused_with_429_and_free_it(
    upstream: ModelServer, recorder: CaptureRecorder
) -> None:
    limits = ProxyLimits(memory=len(PICTURE) + 10)
    with run_capture_proxy(upstream.server_port, 0, recorder, limits=limits) as port:
        for _ in range(2):
            status, headers, _said = ask(port, "POST", "/invocations", PICTURE + bytes(100_000))
            assert (status, headers["Retry-After"]) == (429, "1")
        for _ in range(3):
            assert ask(port, "POST", "/invocations", PICTURE)[0] == 200


def test_a_body_too_large_to_be_captured_is_passed_on_whole_and_not_held(
    upstream: ModelServer, recorder: CaptureRecorder, tmp_path: Path
) -> None:
    large = PICTURE + bytes(1_000_000)
    limits = ProxyLimits(body=100_000, memory=400_000)
    with run_capture_proxy(upstream.server_port, 0, recorder, limits=limits) as port:
        status, headers, _said = ask(port, "POST", "/invocations", large)
        assert (status, headers["X-Captured"]) == (200, "no")
    assert [body for _, body in upstream.asked] == [large]
    assert captured(tmp_path) == {}


def test_a_body_that_does_not_end_is_refused_with_408_and_its_connection_closed(
    upstream: ModelServer, recorder: CaptureRecorder
) -> None:
    limits = ProxyLimits(body_seconds=0.05)
    with (
        run_capture_proxy(upstream.server_port, 0, recorder, limits=limits) as port,
        closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as slow,
    ):
        slow.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        said = b""
        while b"\r\n\r\n" not in said:
            said += slow.recv(1 << 16)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in said
    assert upstream.asked == []


def test_a_client_that_leaves_within_its_body_leaves_nothing_behind(
    upstream: ModelServer, recorder: CaptureRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    with run_capture_proxy(upstream.server_port, 0, recorder, limits=ProxyLimits(memory=len(PICTURE) + 10)) as port:
        for _ in range(3):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as gone:
                gone.sendall(b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n" + bytes(9000))
        assert ask(port, "POST", "/invocations", PICTURE[:200_000])[0] == 200
    assert caplog.records == []
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("begun", [b"", b"POST /invocations HTTP/1.1\r\nHost: a\r\n"])
def test_a_connection_whose_request_does_not_begin_in_time_is_closed(
    upstream: ModelServer, recorder: CaptureRecorder, begun: bytes
) -> None:
    limits = ProxyLimits(header_seconds=0.05)
    with (
        run_capture_proxy(upstream.server_port, 0, recorder, limits=limits) as port,
        closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as slow,
    ):
        slow.sendall(begun)
        assert slow.recv(1) == b""


def test_connections_without_a_request_make_room_for_those_that_have_one(
    upstream: ModelServer, recorder: CaptureRecorder
) -> None:
    with (
        run_capture_proxy(upstream.server_port, 0, recorder, limits=ProxyLimits(connections=5)) as port,
        ExitStack() as stack,
    ):
        for _ in range(20):
            slow = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=30)))
            slow.sendall(b"POST /invocations HTTP/1.1\r\n")
        for _ in range(5):
            assert ask(port, "POST", "/invocations", PICTURE)[0] == 200


def test_a_connection_is_refused_while_all_others_have_a_request_in_progress(
    upstream: ModelServer, tmp_path: Path
) -> None:
    gate = Gate(tmp_path)
    with (
        CaptureRecorder("here", gate, pytest.fail) as waiting,
        run_capture_proxy(upstream.server_port, 0, waiting, limits=ProxyLimits(connections=1)) as port,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(ask, port, "POST", "/invocations", PICTURE)
        gate.begun.wait()
        try:
            status, headers, said = ask(port, "GET", "/ping")
            assert (status, headers["Retry-After"]) == (503, "1")
            assert said.startswith(b"too many connections")
        finally:
            gate.opened.set()
        assert first.result()[0] == 200


def test_the_proxy_reports_how_much_it_captured(upstream: ModelServer, recorder: CaptureRecorder) -> None:
    with run_capture_proxy(upstream.server_port, 0, recorder) as port:
        ask(port, "POST", "/invocations", PICTURE)
        status, headers, said = ask(port, "GET", "/captured")
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert CaptureStatus.of(said) == CaptureStatus("here", 1, 0)


def test_a_server_that_is_gone_is_a_bad_gateway_and_the_proxy_stays(recorder: CaptureRecorder) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        gone = probe.getsockname()[1]
    with run_capture_proxy(gone, 0, recorder) as port:
        for _ in range(2):
            status, _headers, said = ask(port, "POST", "/invocations", PICTURE)
            assert status == 502
            assert b"the model server does not answer" in said


def test_a_taken_port_is_refused_and_another_one_proposed(upstream: ModelServer, recorder: CaptureRecorder) -> None:
    taken = upstream.server_port
    with (
        pytest.raises(UsageError, match=f"--port {taken + 1}"),
        run_capture_proxy(taken, taken, recorder),
    ):
        pass

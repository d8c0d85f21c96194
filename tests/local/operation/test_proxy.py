# SPDX-License-Identifier: MIT-0
"""The proxy in front of the model server: what it forwards, and what it captures."""

import base64
import http.client
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.aws.data_capture import INFERENCE_ID_HEADER, CaptureRecorder, CaptureStatus
from local.aws.s3_store import S3Store
from local.endpoint.capture_proxy import run_capture_proxy
from local.errors import UsageError
from tests.local.operation.server import ModelServer, answering
from tests.local.operation.test_capture import Disk, captured

PICTURE = b"\xff\xd8" + bytes(range(256)) * 1200  # larger than one read from a socket
Said = tuple[int, dict[str, str], bytes]


@pytest.fixture
def recorder(tmp_path: Path) -> CaptureRecorder:
    return CaptureRecorder("here", S3Store(tmp_path), pytest.fail)


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


def test_a_request_that_cannot_be_captured_is_answered_all_the_same(upstream: ModelServer, tmp_path: Path) -> None:
    reports: list[str] = []
    with run_capture_proxy(upstream.server_port, 0, CaptureRecorder("here", Disk(tmp_path), reports.append)) as port:
        status, _headers, said = ask(port, "POST", "/invocations", PICTURE)
        assert (status, said[:5]) == (200, b"[0.1,")
        assert CaptureStatus.of(ask(port, "GET", "/captured")[2]) == CaptureStatus("here", 0, 1)
    assert len(reports) == 1


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

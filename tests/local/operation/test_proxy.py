# SPDX-License-Identifier: MIT-0
"""The proxy that stands before the model server: what goes through it, and what it tells of."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from local.aws.data_capture import INFERENCE_ID_HEADER, CapturedExchange, CaptureStatus
from local.endpoint.capture_proxy import run_capture_proxy
from local.errors import UsageError
from tests.local.operation.server import ModelServer, answering

PICTURE = b"\xff\xd8" + bytes(range(256)) * 1200  # larger than one read from a socket
Said = tuple[int, dict[str, str], bytes]


def settled() -> CaptureStatus:
    return CaptureStatus("here", 2, 0, 1)


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
    upstream: ModelServer, method: str, path: str, body: bytes | None
) -> None:
    direct = ask(upstream.server_port, method, path, body, Content_Type="application/x-image")
    with run_capture_proxy(upstream.server_port, 0, lambda _: None, settled) as port:
        assert ask(port, method, path, body, Content_Type="application/x-image") == direct
    if body:
        (before, sent), (after, handed_on) = upstream.asked
        assert handed_on == sent == body
        assert sorted(after.keys()) == sorted(before.keys())


def test_it_tells_of_each_answered_invocation_and_of_nothing_else(upstream: ModelServer) -> None:
    told: list[CapturedExchange] = []
    with run_capture_proxy(upstream.server_port, 0, told.append, settled) as port:
        ask(port, "GET", "/ping")
        ask(port, "POST", "/invocations", b"no picture", Content_Type="application/x-image")
        ask(port, "POST", "/other", PICTURE)
        ask(port, "POST", "/invocations", PICTURE, Content_Type="image/jpeg", **{INFERENCE_ID_HEADER: "case-7"})
        ask(port, "POST", "/invocations", PICTURE, Content_Type="image/jpeg")
    assert [each.inference_id for each in told] == ["case-7", ""]
    assert (told[0].asked.content_type, told[0].asked.content) == ("image/jpeg", PICTURE)
    assert told[0].answered.content_type == "application/json; charset=utf-8"
    assert told[0].answered.content.startswith(b"[0.1, 0.6")


def test_it_says_itself_how_far_what_it_was_told_is_captured(upstream: ModelServer) -> None:
    with run_capture_proxy(upstream.server_port, 0, lambda _: None, settled) as port:
        status, headers, said = ask(port, "GET", "/captured")
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert CaptureStatus.of(said) == settled()


def test_a_server_that_is_gone_is_a_bad_gateway_and_the_proxy_stays() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        gone = probe.getsockname()[1]
    with run_capture_proxy(gone, 0, lambda _: None, settled) as port:
        for _ in range(2):
            status, _headers, said = ask(port, "POST", "/invocations", PICTURE)
            assert status == 502
            assert b"the model server does not answer" in said


def test_a_taken_port_is_refused_and_another_one_proposed(upstream: ModelServer) -> None:
    taken = upstream.server_port
    with (
        pytest.raises(UsageError, match=f"--port {taken + 1}"),
        run_capture_proxy(taken, taken, lambda _: None, settled),
    ):
        pass

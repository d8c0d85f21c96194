# SPDX-License-Identifier: MIT-0
"""A server with limits refuses what is slow, and leaves places to others; the tests tell it what time it is."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest
from waitress import wasyncore

from pipeline_src.algorithms.serving.connection_limits import LimitedChannel, LimitedServer
from tests.jobs.algorithms.serving_process import LOOPBACK, PATIENCE

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n"
WHOLE = HEAD + b"\r\n0123456789"
DAY = 86_400.0


class Running:
    """A server in a thread."""

    def __init__(self, server: LimitedServer) -> None:
        self.server = server

    def at_once(self, action: Callable[[], object]) -> None:
        """Have the server's thread do something, and wait for it."""
        done = Event()
        self.server.trigger.pull_trigger(lambda: (action(), done.set()))
        assert done.wait(PATIENCE)

    def after(self, seconds: float) -> None:
        """Have it look at its connections as it would that many seconds later."""
        self.at_once(lambda: self.server.maintenance(time.time() + seconds))

    def connect(self, data: bytes = b"") -> socket.socket:
        """Connect and send `data`; it has arrived on return."""
        connection = socket.create_connection((LOOPBACK, int(self.server.effective_port)), timeout=PATIENCE)
        connection.sendall(data)
        self.wait_for(connection, lambda channel: not data or channel.last_activity != channel.creation_time)
        return connection

    def wait_for(self, connection: socket.socket, condition: Callable[[LimitedChannel], object]) -> None:
        """Wait until the server's side of `connection` is as `condition` says."""
        name = connection.getsockname()
        found: list[object] = []

        def look() -> None:
            channels = self.server.active_channels.values()
            found.extend(condition(channel) for channel in channels if channel.addr == name)

        while not any(found):
            found.clear()
            self.at_once(look)
            time.sleep(0.01)


def echo(_environment: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]


class Stoppable(LimitedServer):
    """A server that ends as a signal ends it."""

    stopping = False

    def readable(self) -> bool:
        if self.stopping:
            raise SystemExit
        return bool(super().readable())


@contextmanager
def serving(**limits: float) -> Iterator[Running]:
    server = Stoppable(echo, host=LOOPBACK, port=0, ident=None, threads=2, cleanup_interval=DAY, **limits)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield Running(server)
    finally:
        server.stopping = True
        server.pull_trigger()
        thread.join()
        wasyncore.close_all(server.trigger._map)


def everything(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    data = b""
    while chunk := connection.recv(1 << 16):
        data += chunk
    return data


def is_answered(connection: socket.socket) -> bool:
    """Read an answer of `echo` and return whether it is whole."""
    data = b""
    while not data.endswith(b"\r\n\r\nok") and (chunk := connection.recv(1 << 16)):
        data += chunk
    return data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"ok")


def status(answer: bytes) -> bytes:
    return answer.partition(b"\r\n")[0].partition(b" ")[2]


@pytest.mark.parametrize(
    ("sent", "part", "seconds"), [(HEAD, "header", 20), (HEAD + b"\r\n012", "body", 30)], ids=["header", "body"]
)
def test_a_request_that_is_not_complete_in_time_is_408_and_its_connection_closed(
    sent: bytes, part: str, seconds: int
) -> None:
    with serving() as running, running.connect(sent) as slow:
        running.after(seconds - 5)
        slow.sendall(b"a"[: len(sent) - len(HEAD)])  # a byte now and then buys no time
        running.after(seconds + 1)
        answer = everything(slow)
    assert status(answer) == b"408 Request Timeout"
    assert answer.endswith(f"the {part} did not arrive within {seconds} s. Send it again.\n".encode())


def test_a_request_that_is_in_time_is_answered() -> None:
    with serving() as running, running.connect(HEAD + b"\r\n012") as slow:
        running.after(29)
        slow.sendall(b"3456789")
        assert is_answered(slow)


def test_a_connection_that_sends_nothing_is_closed_sooner_than_one_between_two_requests() -> None:
    with serving(channel_timeout=60) as running, running.connect() as silent, running.connect(WHOLE) as kept:
        assert is_answered(kept)
        running.after(21)
        assert everything(silent) == b""
        kept.sendall(WHOLE)
        assert is_answered(kept)
        running.wait_for(kept, lambda channel: not channel.requests)  # its thread is done with it
        running.after(61)
        assert everything(kept) == b""


def test_a_client_has_no_more_connections_than_its_share() -> None:
    with serving(client_connections=3) as running, ExitStack() as stack:
        kept = [stack.enter_context(running.connect()) for _ in range(3)]
        with socket.create_connection((LOOPBACK, int(running.server.effective_port)), timeout=PATIENCE) as further:
            assert everything(further).startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")
        kept[0].sendall(WHOLE)
        assert is_answered(kept[0])


def test_incomplete_requests_leave_their_places_sooner_where_every_place_is_taken() -> None:
    with serving(connection_limit=6) as running, ExitStack() as stack:
        # The server's own two sockets count, too.
        slow = [stack.enter_context(running.connect(part)) for part in (b"", HEAD, HEAD + b"\r\n0", HEAD)]
        with socket.create_connection((LOOPBACK, int(running.server.effective_port)), timeout=PATIENCE) as further:
            further.sendall(WHOLE)
            running.after(6)
            assert is_answered(further)
        for each in slow:
            assert everything(each).partition(b"\r\n")[0] in {
                b"",
                b"HTTP/1.0 408 Request Timeout",
                b"HTTP/1.1 408 Request Timeout",
            }

# SPDX-License-Identifier: MIT-0
"""A waitress server that bounds the time of a request's header and body, and the connections of a client.

Waitress itself closes a connection after a time without any byte, so that a client which sends one byte now and then
keeps its place for ever, and accepts no connection while all places are taken.

Source: waitress's modules server, channel and utilities, in the version that the lock file names.
"""

import time
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.utilities import Error

HEADER_SECONDS: Final = 20.0  # from a request's first byte, or from the connection, to the end of the header
BODY_SECONDS: Final = 30.0  # from a request's first byte to its last one
# Of 400 places in all: one client, for example SageMaker's own, may have many connections, and leaves some to others.
CLIENT_CONNECTIONS: Final = 320
_CROWDED_SECONDS: Final = 5.0  # for an incomplete request while every place is taken
_TOO_MANY_TEXT: Final = b"too many connections are open. Try again later.\n"
_TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (len(_TOO_MANY_TEXT), _TOO_MANY_TEXT)
)


class RequestTimeoutError(Error):  # type: ignore[misc]  # untyped library
    """The answer to a request that did not arrive in time."""

    code = 408
    reason = "Request Timeout"

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status, headers and body."""
        del ident
        return f"{self.code} {self.reason}", [("Content-Type", "text/plain; charset=utf-8")], f"{self.body}\n".encode()


class LimitedChannel(HTTPChannel):  # type: ignore[misc]  # untyped library
    """A connection; `begun` is when the first byte of the request arrived that is not complete."""

    begun = 0.0
    request: Any = None
    will_close: bool = False

    def __init__(self, server: "LimitedServer", *arguments: Any, **options: Any) -> None:  # noqa: ANN401  waitress's
        super().__init__(server, *arguments, **options)
        own = sum(channel.addr[0] == self.addr[0] for channel in server.active_channels.values())
        if own > server.client_connections:
            with self.outbuf_lock:
                self.outbufs[-1].append(_TOO_MANY)
                self.total_outbufs_len += len(_TOO_MANY)
                self.close_when_flushed = True

    def received(self, data: bytes) -> bool:
        """Take what arrived."""
        before = self.request
        if before is None:
            self.begun = time.time()
        done = bool(super().received(data))
        if self.request is not before:
            self.begun = time.time()
        return done

    def refuse_if_overdue(self, now: float, *, crowded: bool) -> None:
        """Refuse the request in this connection if it is not complete in time; called by the reading thread.

        Args:
            now: The time.
            crowded: Whether every place is taken.
        """
        if self.will_close or self.close_when_flushed or self.requests:
            return
        request = self.request
        if request is None:
            # A connection without any request; between two requests, `channel_timeout` counts.
            unused = self.last_activity == self.creation_time
            limit = HEADER_SECONDS if unused else self.adj.channel_timeout
            if now - self.last_activity > (min(limit, _CROWDED_SECONDS) if crowded else limit):
                self.will_close = True
            return
        limit = self.server.body_seconds if request.headers_finished else self.server.header_seconds
        if now - self.begun > (min(limit, _CROWDED_SECONDS) if crowded else limit):
            part = "body" if request.headers_finished else "header"
            with self.requests_lock:
                request.error = RequestTimeoutError(f"the {part} did not arrive within {limit:g} s. Send it again.")
                request.completed = True
                request.connection_close = True
                self.requests.append(request)
                self.request = None
            self.server.add_task(self)


class LimitedServer(TcpWSGIServer):  # type: ignore[misc]  # untyped library
    """A WSGI server with the limits of this module.

    Args:
        application: The WSGI application.
        header_seconds: Time for a request's header.
        body_seconds: Time for header and body.
        client_connections: Open connections of one address.
        options: The adjustments of waitress, among them host and port.

    Raises:
        OSError: The address cannot be listened on.
        ValueError: An option is not valid.
    """

    channel_class = LimitedChannel

    def __init__(
        self,
        application: object,
        *,
        header_seconds: float = HEADER_SECONDS,
        body_seconds: float = BODY_SECONDS,
        client_connections: int = CLIENT_CONNECTIONS,
        **options: object,
    ) -> None:
        self.header_seconds, self.body_seconds = header_seconds, body_seconds
        self.client_connections = client_connections
        super().__init__(application, adj=Adjustments(**options))

    def maintenance(self, now: float) -> None:
        """Refuse what is overdue; waitress calls this every `cleanup_interval`, in the thread that reads."""
        super().maintenance(now)
        channels = list(self.active_channels.values())
        crowded = len(self._map) >= self.adj.connection_limit
        for channel in channels:
            channel.refuse_if_overdue(now, crowded=crowded)

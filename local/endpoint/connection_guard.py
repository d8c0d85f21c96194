# SPDX-License-Identifier: MIT-0
"""Bounds the connections of an aiohttp server, and the time that they may be open without a request.

aiohttp itself accepts any number of connections and waits for ever for the end of a request's header.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from aiohttp import web

_Connection: TypeAlias = Any  # aiohttp's protocol, whose class is not public
_SWEEP_SECONDS: Final = 1.0
_BACKLOG: Final = 256  # connections that the kernel holds until they are accepted
_FULL_TEXT: Final = b"too many connections are open. Try again later.\n"
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b" % (len(_FULL_TEXT), _FULL_TEXT)
)


class ConnectionGuard:
    """Accepts connections for a runner; all methods are called in its event loop.

    Where `limit` connections are open, the one that has waited longest without a request makes room for a new one; if
    each of them has a request in progress, the new one is refused with 503.

    Args:
        limit: Open connections.
        first_seconds: Time in which the header of the first request has to be there.
        idle_seconds: The same for each further request.
    """

    def __init__(self, limit: int, *, first_seconds: float, idle_seconds: float) -> None:
        self._limit, self._first, self._idle = limit, first_seconds, idle_seconds
        self._opened: dict[_Connection, float] = {}  # connections without a request so far
        self._paused: dict[_Connection, float] = {}  # those between two requests
        self._runner: web.AppRunner
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, runner: web.AppRunner, host: str, port: int) -> int:
        """Listen for `runner`, which is set up, and return the port.

        Raises:
            OSError: The port cannot be listened on.
        """
        self._runner = runner
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, host, port, backlog=_BACKLOG)
        self._sweep()
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept no further connection."""
        if self._sweeper:
            self._sweeper.cancel()
        if self._server:
            self._server.close()

    @contextmanager
    def serving(self, connection: _Connection) -> Iterator[None]:
        """Leave `connection` open for the ``with`` block, in which a request is answered."""
        self._opened.pop(connection, None)
        self._paused.pop(connection, None)
        try:
            yield
        finally:
            self._paused[connection] = time.monotonic()

    def _accept(self) -> asyncio.BaseProtocol:
        if len(self._connections()) >= self._limit and not self._make_room():
            return _Full()
        server = self._runner.server
        if server is None:  # before the set-up alone
            return _Full()
        handler = server()
        self._opened[handler] = time.monotonic()
        return handler

    def _make_room(self) -> bool:
        waiting = self._opened or self._paused
        if not waiting:
            return False
        oldest = min(waiting, key=waiting.__getitem__)
        waiting.pop(oldest)
        oldest.force_close()
        return True

    def _connections(self) -> set[_Connection]:
        server = self._runner.server
        return set(server.connections) if server else set()

    def _sweep(self) -> None:
        now, live = time.monotonic(), self._connections()
        for waiting, seconds in ((self._opened, self._first), (self._paused, self._idle)):
            for connection, since in list(waiting.items()):
                if connection not in live:
                    if now - since > _SWEEP_SECONDS:  # a younger one may not be among them yet
                        del waiting[connection]
                elif now - since > seconds:
                    del waiting[connection]
                    connection.force_close()
        pause = min(_SWEEP_SECONDS, self._first, self._idle)
        self._sweeper = asyncio.get_running_loop().call_later(pause, self._sweep)


class _Full(asyncio.Protocol):
    """Refuses a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_FULL)
        transport.close()

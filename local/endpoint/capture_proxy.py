# SPDX-License-Identifier: MIT-0
"""HTTP proxy in front of a model server that logs each request, and captures it with its answer where that is wanted.

On SageMaker the platform captures, not the container, so the model server has no part in it. A request is on the disk
before its answer is sent, so no answered request is lost, however the server ends. ``GET /captured`` is answered by the
proxy itself, with the counts of the recorder. A request that cannot be captured is answered with ``X-Captured: no``, or
refused where capturing is required.

Everything that waits is bounded (`ProxyLimits`): above the bounds, requests are refused with 429 and ``Retry-After``.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import web

from local.aws.data_capture import (
    CAPTURE_STATUS_PATH,
    INFERENCE_ID_HEADER,
    CapturedBody,
    CapturedExchange,
    CaptureRecorder,
    utc_now,
)
from local.endpoint.connection_guard import ConnectionGuard
from local.errors import UsageError
from local.steps.model_server import LOOPBACK_HOST

_INVOCATIONS: Final = "/invocations"
_PING: Final = "/ping"
CAPTURED_HEADER: Final = "X-Captured"
# Headers of one connection (RFC 9110, 7.6.1), or that follow from the destination and the body.
_CONNECTION_HEADERS: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "expect"),
    )
)
# aiohttp must not add these where the client sent none.
_CLIENT_HEADERS: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_HEADER_BYTES: Final = 1 << 14  # as the model server reads
_STOP_SECONDS: Final = 10.0  # for requests in progress
_UPSTREAM_IDLE_SECONDS: Final = 5.0  # less than the model server keeps a connection that is not used
_RETRY_SECONDS: Final = 1


@dataclass(frozen=True)
class ProxyLimits:
    """Bounds of what the proxy holds.

    Attributes:
        requests: Requests that were read and are not answered yet.
        memory: Bytes of request bodies that are held, together.
        body: Bytes of one body that are held. The model server refuses larger ones (API reference, InvokeEndpoint:
            6,291,456 bytes), so they are passed on without being held or captured.
        body_seconds: Time in which a body has to arrive.
        header_seconds: Time in which the first request of a connection has to begin.
        idle_seconds: Time for which a connection is kept without a request.
        connections: Open connections.
    """

    requests: int = 128
    memory: int = 64 << 20
    body: int = 6 << 20
    body_seconds: float = 30.0
    header_seconds: float = 20.0
    idle_seconds: float = 60.0
    connections: int = 400


class _RefusalError(Exception):
    """A request is refused with a status and a message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status

    def answer(self) -> web.Response:
        """Return the answer, which says when to try again, or ends the connection."""
        answer = web.Response(status=self.status, text=f"{self}\n")
        if self.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.BAD_REQUEST):
            answer.force_close()  # Where the next request begins is not known.
        else:
            answer.headers["Retry-After"] = str(_RETRY_SECONDS)
        return answer


@contextmanager
def run_capture_proxy(  # noqa: PLR0913  one parameter for each part
    upstream: int,
    port: int,
    recorder: CaptureRecorder | None,
    *,
    required: bool = False,
    limits: ProxyLimits = ProxyLimits(),
    log: Callable[[str], None] = lambda _line: None,
) -> Iterator[int]:
    """Forward requests on `port` of the loopback to the server on port `upstream`, for the ``with`` block.

    Args:
        upstream: Port of the model server.
        port: 0 for a free one.
        recorder: Records each answered request to /invocations; None to capture nothing.
        required: Whether a request that cannot be captured is refused (503) instead of answered.
        limits: Bounds of what is held.
        log: Receives a line for each request that was answered, but for /ping.

    Yields:
        The port.

    Raises:
        UsageError: The port is taken.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    proxy = _CaptureProxy(f"http://{LOOPBACK_HOST}:{upstream}", recorder, required=required, limits=limits, log=log)
    try:
        yield asyncio.run_coroutine_threadsafe(proxy.listen(port), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _CaptureProxy:
    """The application; all of it runs in one event loop."""

    def __init__(
        self,
        upstream: str,
        recorder: CaptureRecorder | None,
        *,
        required: bool,
        limits: ProxyLimits,
        log: Callable[[str], None],
    ) -> None:
        self._upstream, self._recorder, self._required, self._limits = upstream, recorder, required, limits
        self._log = log
        self._requests = self._memory = 0
        self._guard = ConnectionGuard(
            limits.connections, first_seconds=limits.header_seconds, idle_seconds=limits.idle_seconds
        )
        app = web.Application()
        app.cleanup_ctx.append(self._open_session)
        app.on_response_prepare.append(_remove_server_header)
        if recorder is not None:
            app.router.add_get(CAPTURE_STATUS_PATH, self._capture_status)
        app.router.add_route("*", "/{path:.*}", self._answer_and_log)
        self._runner = web.AppRunner(
            app,
            shutdown_timeout=_STOP_SECONDS,
            access_log=None,
            auto_decompress=False,  # The model server is asked with what the client sent, and refuses it.
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )

    async def listen(self, port: int) -> int:
        """Listen, and return the port."""
        await self._runner.setup()
        try:
            return await self._guard.listen(self._runner, LOOPBACK_HOST, port)
        except OSError as error:
            raise UsageError(f"port {port}: {error.strerror}. Choose another: --port {port + 1}.") from error

    async def close(self) -> None:
        """Answer the requests in progress, and end."""
        self._guard.close()
        await self._runner.cleanup()
        # What is left are the tasks of connections that the client just closed.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _open_session(self, _app: web.Application) -> AsyncIterator[None]:
        self._session = aiohttp.ClientSession(
            self._upstream,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),  # The client decides how long it waits.
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_UPSTREAM_IDLE_SECONDS),
        )
        async with self._session:
            yield

    async def _capture_status(self, _request: web.Request) -> web.StreamResponse:
        assert self._recorder is not None  # noqa: S101  the path exists with a recorder only
        return web.json_response(text=self._recorder.status.text())

    async def _answer_and_log(self, request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        answer = await self._answer(request)
        if request.path != _PING:
            self._log(f"{request.method} {request.path} {answer.status} {1000 * (time.monotonic() - began):.0f} ms")
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        held = _HeldBody()
        with self._guard.serving(request.protocol):
            try:
                self._check_places()  # before the body is read: a refusal should cost little
                await self._read(request, held)
                self._check_places()
                self._requests += 1
                try:
                    return await self._forward(request, held)
                finally:
                    self._requests -= 1
            except _RefusalError as refusal:
                return refusal.answer()
            finally:
                self._memory -= held.size

    def _check_places(self) -> None:
        if self._requests >= self._limits.requests:
            raise _RefusalError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._requests} requests are in progress, as many as are captured at once. Send it again later.",
            )

    async def _read(self, request: web.Request, held: "_HeldBody") -> None:
        """Read the body into `held`, up to the size that is captured."""
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.content.iter_any():
                    held.chunks.append(chunk)
                    held.size += len(chunk)
                    self._memory += len(chunk)
                    if self._memory > self._limits.memory:
                        raise _RefusalError(
                            HTTPStatus.TOO_MANY_REQUESTS,
                            f"the bodies of the requests in progress have {self._limits.memory} bytes, as many as are"
                            " held at once. Send it again later.",
                        )
                    if held.size > self._limits.body:
                        held.complete = False
                        return
        except (web.RequestPayloadError, ConnectionError) as error:  # the latter: the client is gone
            raise _RefusalError(
                HTTPStatus.BAD_REQUEST, "the body is not what its header announces. Send it again."
            ) from error
        except TimeoutError as error:
            raise _RefusalError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {self._limits.body_seconds:g} s. Send it again.",
            ) from error

    async def _forward(self, request: web.Request, held: "_HeldBody") -> web.Response:
        body = b"".join(held.chunks)
        headers = _forwarded_headers(request.headers)
        data: bytes | AsyncIterator[bytes] | None = body or None
        if not held.complete:
            data = self._rest(body, request)
            headers += [(name, value) for name, value in request.headers.items() if name.lower() == "content-length"]
        held.chunks.clear()
        try:
            async with self._session.request(
                request.method,
                request.rel_url,
                data=data,
                headers=headers,
                allow_redirects=False,
                skip_auto_headers=_CLIENT_HEADERS,
            ) as response:
                answer = await response.read()
        except aiohttp.ClientError as error:
            return web.Response(status=HTTPStatus.BAD_GATEWAY, text=f"the model server does not answer ({error})\n")
        returned = web.Response(status=response.status, reason=response.reason, body=answer)
        returned.headers.extend(_forwarded_headers(response.headers))
        if request.method == "HEAD" and "Content-Length" in response.headers:
            returned.headers["Content-Length"] = response.headers["Content-Length"]
        asked = request.method == "POST" and request.path == _INVOCATIONS
        if self._recorder is not None and asked and response.status == HTTPStatus.OK:
            kept = held.complete and await self._record(self._recorder, request, body, response, answer)
            if not kept:
                self._report_uncaptured(returned)
        return returned

    async def _rest(self, begun: bytes, request: web.Request) -> AsyncIterator[bytes]:
        yield begun
        async with asyncio.timeout(self._limits.body_seconds):
            async for chunk in request.content.iter_any():
                yield chunk

    async def _record(
        self,
        recorder: CaptureRecorder,
        request: web.Request,
        body: bytes,
        response: aiohttp.ClientResponse,
        answer: bytes,
    ) -> bool:
        asked, answered = (
            CapturedBody(message.headers.get("Content-Type", ""), content)
            for message, content in ((request, body), (response, answer))
        )
        exchange = CapturedExchange(asked, answered, utc_now(), request.headers.get(INFERENCE_ID_HEADER, ""))
        return await asyncio.wrap_future(recorder.record(exchange))

    def _report_uncaptured(self, answer: web.Response) -> None:
        if self._required:
            raise _RefusalError(
                HTTPStatus.SERVICE_UNAVAILABLE, "not captured: the request could not be written. Send it again later."
            )
        answer.headers[CAPTURED_HEADER] = "no"


class _HeldBody:
    """What was read of a request's body."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.complete = True


def _forwarded_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return `headers` without those of the connection; repeated headers stay repeated."""
    return [(name, value) for name, value in headers.items() if name.lower() not in _CONNECTION_HEADERS]


async def _remove_server_header(request: web.Request, response: web.StreamResponse) -> None:
    """Remove the Server header that aiohttp adds to the model server's answers."""
    del request
    if "aiohttp" in response.headers.get("Server", ""):
        del response.headers["Server"]

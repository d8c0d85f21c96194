# SPDX-License-Identifier: MIT-0
"""Stands before a model server as the service does: hands requests and answers on, and tells of each exchange.

On SageMaker it is the platform that captures, never the container, so the stand-in's server knows nothing of it.
``GET /captured`` is this proxy's own, and no endpoint's: it answers when all that was answered before is written.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import web

from local.aws.data_capture import (
    CAPTURE_STATUS_PATH,
    INFERENCE_ID_HEADER,
    CapturedBody,
    CapturedExchange,
    CaptureStatus,
    utc_now,
)
from local.errors import UsageError
from local.steps.model_server import LOOPBACK_HOST

_INVOCATIONS: Final = "/invocations"
# What speaks of one connection and not of the message (RFC 9110, 7.6.1), or follows from where it goes.
_CONNECTION_HEADERS: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "expect"),
    )
)
_CLIENT_HEADERS: Final = (
    "User-Agent",
    "Accept",
    "Accept-Encoding",
    "Content-Type",
)  # not added where the client sent none
_RECEIVED_LIMIT: Final = 101 << 20  # bytes: more than the server reads, whose refusal the client is to see
_STOP_SECONDS: Final = 10.0  # for requests that are on their way

ExchangeListener = Callable[[CapturedExchange], None]
SettleCallback = Callable[[], CaptureStatus]


@contextmanager
def run_capture_proxy(upstream: int, port: int, tell: ExchangeListener, settle: SettleCallback) -> Iterator[int]:
    """Answer on `port` of the loopback what the server on port `upstream` answers, for the ``with`` block.

    Args:
        upstream: Port of the model server.
        port: 0 for a free one.
        tell: Is told of each request to /invocations that was answered; must return at once.
        settle: Returns when all that was told so far is written, or the time for it is up.

    Yields:
        The port.

    Raises:
        UsageError: The port is taken.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    runner = web.AppRunner(
        _application(f"http://{LOOPBACK_HOST}:{upstream}", tell, settle), shutdown_timeout=_STOP_SECONDS
    )
    try:
        yield asyncio.run_coroutine_threadsafe(_listen(runner, port), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(runner: web.AppRunner, port: int) -> int:
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK_HOST, port).start()
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror}. Choose another: --port {port + 1}.") from error
    return int(runner.addresses[0][1])


def _application(upstream: str, tell: ExchangeListener, settle: SettleCallback) -> web.Application:
    app = web.Application(client_max_size=_RECEIVED_LIMIT)
    session = web.AppKey("session", aiohttp.ClientSession)

    async def connected(app: web.Application) -> AsyncIterator[None]:
        patient = aiohttp.ClientTimeout(total=None)  # The client says how long it waits.
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(upstream, auto_decompress=False, timeout=patient, cookie_jar=jar) as opened:
            app[session] = opened
            yield

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _forward(request, app[session], tell)

    async def captured(_request: web.Request) -> web.StreamResponse:
        return web.json_response(text=(await asyncio.to_thread(settle)).text())

    app.cleanup_ctx.append(connected)
    app.on_response_prepare.append(_unadorned)
    app.router.add_get(CAPTURE_STATUS_PATH, captured)
    app.router.add_route("*", "/{path:.*}", handle)
    return app


async def _forward(request: web.Request, session: aiohttp.ClientSession, tell: ExchangeListener) -> web.Response:
    body = await request.read()
    headers = _forwarded_headers(request.headers)
    try:
        async with session.request(
            request.method,
            request.rel_url,
            data=body or None,
            headers=headers,
            allow_redirects=False,
            skip_auto_headers=_CLIENT_HEADERS,
        ) as found:
            said = await found.read()
    except aiohttp.ClientError as error:
        return web.Response(status=HTTPStatus.BAD_GATEWAY, text=f"the model server does not answer ({error})\n")
    if request.method == "POST" and request.path == _INVOCATIONS and found.status == HTTPStatus.OK:
        tell(_exchange(request, body, found, said))
    return web.Response(status=found.status, reason=found.reason, body=said, headers=_forwarded_headers(found.headers))


def _exchange(request: web.Request, body: bytes, found: aiohttp.ClientResponse, said: bytes) -> CapturedExchange:
    asked, answered = (message.headers.get("Content-Type", "") for message in (request, found))
    return CapturedExchange(
        CapturedBody(asked, body), CapturedBody(answered, said), utc_now(), request.headers.get(INFERENCE_ID_HEADER, "")
    )


def _forwarded_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return `headers` without those that each connection has of its own; one that is there twice stays twice."""
    return [(name, value) for name, value in headers.items() if name.lower() not in _CONNECTION_HEADERS]


async def _unadorned(request: web.Request, response: web.StreamResponse) -> None:
    """Take back what aiohttp would say of itself in an answer that is not its own."""
    del request
    if "aiohttp" in response.headers.get("Server", ""):
        del response.headers["Server"]

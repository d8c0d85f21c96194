# SPDX-License-Identifier: MIT-0
"""HTTP proxy in front of a model server that captures each request and its answer.

On SageMaker the platform captures, not the container, so the stand-in's server has no part in it. A request is
recorded before its answer is sent, so no answered request is lost when the server is stopped.
``GET /captured`` is answered by the proxy itself, with the counts of the recorder.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
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
    CaptureRecorder,
    utc_now,
)
from local.errors import UsageError
from local.steps.model_server import LOOPBACK_HOST

_INVOCATIONS: Final = "/invocations"
# Headers of one connection (RFC 9110, 7.6.1), or that follow from the destination and the body.
_CONNECTION_HEADERS: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("host", "content-length", "expect"),
    )
)
# aiohttp must not add these where the client sent none.
_CLIENT_HEADERS: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_RECEIVED_LIMIT: Final = 101 << 20  # bytes: more than the server reads, so that the client sees the server's refusal
_STOP_SECONDS: Final = 10.0  # for requests in progress


@contextmanager
def run_capture_proxy(upstream: int, port: int, recorder: CaptureRecorder) -> Iterator[int]:
    """Forward requests on `port` of the loopback to the server on port `upstream`, for the ``with`` block.

    Args:
        upstream: Port of the model server.
        port: 0 for a free one.
        recorder: Records each answered request to /invocations.

    Yields:
        The port.

    Raises:
        UsageError: The port is taken.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    app = _application(f"http://{LOOPBACK_HOST}:{upstream}", recorder)
    runner = web.AppRunner(app, shutdown_timeout=_STOP_SECONDS)
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


def _application(upstream: str, recorder: CaptureRecorder) -> web.Application:
    app = web.Application(client_max_size=_RECEIVED_LIMIT)
    session = web.AppKey("session", aiohttp.ClientSession)

    async def open_session(app: web.Application) -> AsyncIterator[None]:
        no_timeout = aiohttp.ClientTimeout(total=None)  # The client decides how long it waits.
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(upstream, auto_decompress=False, timeout=no_timeout, cookie_jar=jar) as opened:
            app[session] = opened
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        return await _forward(request, app[session], recorder)

    async def capture_status(_request: web.Request) -> web.StreamResponse:
        return web.json_response(text=recorder.status.text())

    app.cleanup_ctx.append(open_session)
    app.on_response_prepare.append(_remove_server_header)
    app.router.add_get(CAPTURE_STATUS_PATH, capture_status)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


async def _forward(request: web.Request, session: aiohttp.ClientSession, recorder: CaptureRecorder) -> web.Response:
    body = await request.read()
    try:
        async with session.request(
            request.method,
            request.rel_url,
            data=body or None,
            headers=_forwarded_headers(request.headers),
            allow_redirects=False,
            skip_auto_headers=_CLIENT_HEADERS,
        ) as response:
            answer = await response.read()
    except aiohttp.ClientError as error:
        return web.Response(status=HTTPStatus.BAD_GATEWAY, text=f"the model server does not answer ({error})\n")
    if request.method == "POST" and request.path == _INVOCATIONS and response.status == HTTPStatus.OK:
        asked, answered = (
            CapturedBody(message.headers.get("Content-Type", ""), content)
            for message, content in ((request, body), (response, answer))
        )
        recorder.record(CapturedExchange(asked, answered, utc_now(), request.headers.get(INFERENCE_ID_HEADER, "")))
    headers = _forwarded_headers(response.headers)
    return web.Response(status=response.status, reason=response.reason, body=answer, headers=headers)


def _forwarded_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return `headers` without those of the connection; repeated headers stay repeated."""
    return [(name, value) for name, value in headers.items() if name.lower() not in _CONNECTION_HEADERS]


async def _remove_server_header(request: web.Request, response: web.StreamResponse) -> None:
    """Remove the Server header that aiohttp adds to the model server's answers."""
    del request
    if "aiohttp" in response.headers.get("Server", ""):
        del response.headers["Server"]

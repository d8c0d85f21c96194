# SPDX-License-Identifier: MIT-0
"""The requests of a SageMaker container: ``/ping`` and ``/invocations``, which of them are refused, and how.

Standard library only: every model server here answers by this module, whatever computes the probabilities.

Sources: SageMaker Developer Guide, "Use Your Own Inference Code with Hosting Services" (paths); API reference,
InvokeEndpoint (6,291,456 bytes at most).
"""

import json
import traceback
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

from pipeline_src import contract

BODY_LIMIT: Final = 6 * 1024 * 1024  # bytes
# Bytes. A body above BODY_LIMIT is read to its end, so that the client sees the refusal, but not a larger one.
RECEIVED_LIMIT: Final = 100 * 1024 * 1024
JSON_LINES_CONTENT_TYPE: Final = "application/jsonlines"
_TEXT_CONTENT_TYPE: Final = "text/plain; charset=utf-8"
_METHODS_BY_PATH: Final = {"/ping": "GET", "/invocations": "POST"}
_PLAIN_ENCODINGS: Final = ("", "identity")
_RETRY_SECONDS: Final = 1

WsgiEnvironment = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
WsgiApplication = Callable[[WsgiEnvironment, StartResponse], Iterable[bytes]]
# Returns the answer for the image in the body of a request, which has that many bytes: the probabilities, or an object.
BodyScorer = Callable[[WsgiEnvironment, int], list[float] | dict[str, Any]]


class RequestError(Exception):
    """One request is refused with an HTTP status and a message; the server goes on."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def inference_application(score: BodyScorer, content_types: Sequence[str]) -> WsgiApplication:
    """Return the WSGI application that answers with the probabilities of `score`.

    Args:
        score: Returns the probabilities, or raises RequestError; called by several threads at once.
        content_types: The content types of images that are taken.
    """

    def answer(environment: WsgiEnvironment, start: StartResponse) -> Iterable[bytes]:
        status, headers = HTTPStatus.OK, []
        try:
            kind, text = _answer_request(environment, score, content_types)
        except RequestError as error:
            status, kind, text = error.status, _TEXT_CONTENT_TYPE, f"{error}\n"
            if status == HTTPStatus.METHOD_NOT_ALLOWED:
                headers.append(("Allow", _METHODS_BY_PATH[environment["PATH_INFO"]]))
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                headers.append(("Retry-After", str(_RETRY_SECONDS)))
        except Exception:  # noqa: BLE001  the server must go on
            traceback.print_exc()
            status, kind = HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT_CONTENT_TYPE
            text = "internal error; see the server's log\n"
        data = text.encode()
        start(f"{status.value} {status.phrase}", [*headers, ("Content-Type", kind), ("Content-Length", str(len(data)))])
        return [] if environment["REQUEST_METHOD"] == "HEAD" else [data]

    return answer


def _answer_request(environment: WsgiEnvironment, score: BodyScorer, content_types: Sequence[str]) -> tuple[str, str]:
    """Return the content type and the text that answer a request."""
    path, method = environment["PATH_INFO"], environment["REQUEST_METHOD"]
    if path not in _METHODS_BY_PATH:
        raise RequestError(HTTPStatus.NOT_FOUND, f"{path}: not found. Use /ping or /invocations.")
    if method != _METHODS_BY_PATH[path]:
        raise RequestError(
            HTTPStatus.METHOD_NOT_ALLOWED, f"{path}: {method} is not allowed. Use {_METHODS_BY_PATH[path]}."
        )
    if path == "/ping":
        return contract.JSON_CONTENT_TYPE, ""
    scores = score(environment, _check_body(environment, content_types))
    if isinstance(scores, dict):
        return contract.JSON_CONTENT_TYPE, json.dumps(scores)
    if JSON_LINES_CONTENT_TYPE in environment.get("HTTP_ACCEPT", ""):
        return JSON_LINES_CONTENT_TYPE, json.dumps({"prediction": scores}) + "\n"
    return contract.JSON_CONTENT_TYPE, json.dumps(scores)


def _check_body(environment: WsgiEnvironment, content_types: Sequence[str]) -> int:
    """Return the length of the request's body if its encoding, type and size are allowed."""
    encoding = environment.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding not in _PLAIN_ENCODINGS:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content encoding '{encoding}' is not supported. Send the bytes of the image as they are.",
        )
    kind = environment.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in content_types:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type '{kind}' is not supported. Use one of {', '.join(content_types)}.",
        )
    length = int(environment.get("CONTENT_LENGTH") or 0)
    if length > BODY_LIMIT:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has {length} bytes; at most {BODY_LIMIT} are taken. Send a smaller image.",
        )
    return length

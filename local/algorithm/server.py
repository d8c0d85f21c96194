# SPDX-License-Identifier: MIT-0
"""The model server: ``/ping`` and ``/invocations`` as a SageMaker endpoint forwards them.

Sources: SageMaker Developer Guide, "Use Your Own Inference Code with Hosting Services" and "Input/Output Interface
for the Image Classification Algorithm"; API reference, InvokeEndpoint (6,291,456 bytes at most).
"""

import json
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from types import FrameType
from typing import Any, Final

import waitress

from local.algorithm import artifact, picture
from local.algorithm.error import AddressError, RequestError
from local.algorithm.predictor import Predictor
from pipeline_src import contract

BODY_LIMIT: Final = 6 * 1024 * 1024  # bytes
CONTENT_TYPES: Final = (contract.IMAGE_CONTENT_TYPE, "image/jpeg", "image/png")
JSON_LINES: Final = "application/jsonlines"
_TEXT: Final = "text/plain; charset=utf-8"
_RECEIVED_LIMIT: Final = 100 * 1024 * 1024  # bytes: read to their end, so that the sender gets to see the refusal
_THREADS: Final = 8  # decode while the predictor's own thread computes

Environment = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[Environment, StartResponse], Iterable[bytes]]


def serve(host: str, port: int) -> None:
    """Serve the model below ``/opt/ml/model`` until SIGTERM or SIGINT.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        ModelError: There is no model, or it is damaged.
        AddressError: The address cannot be listened on.
    """
    model = artifact.load(contract.ml_root() / "model")
    listening = _listening(application(Predictor(model)), host, port)
    signal.signal(signal.SIGTERM, _stop)
    print(f"Serving {model.name} on http://{host}:{listening.effective_port}; Ctrl-C stops it.", flush=True)
    listening.run()


def application(predictor: Predictor) -> Application:
    """Return the WSGI application that answers with the scores of `predictor`."""

    def answer(environment: Environment, start: StartResponse) -> Iterable[bytes]:
        status, headers = HTTPStatus.OK, []
        try:
            kind, body = _answer(environment, predictor)
        except RequestError as error:
            status, kind, body = error.status, _TEXT, f"{error}\n"
            if status == HTTPStatus.METHOD_NOT_ALLOWED:
                headers.append(("Allow", _METHODS[environment["PATH_INFO"]]))
        except Exception:  # noqa: BLE001  whatever one request met, the next one is served
            traceback.print_exc()
            status, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, "internal error; see the server's log\n"
        data = body.encode()
        start(f"{status.value} {status.phrase}", [*headers, ("Content-Type", kind), ("Content-Length", str(len(data)))])
        return [data]

    return answer


_METHODS: Final = {"/ping": "GET", "/invocations": "POST"}


def _answer(environment: Environment, predictor: Predictor) -> tuple[str, str]:
    """Return the content type and the text that answer a request."""
    path, method = environment["PATH_INFO"], environment["REQUEST_METHOD"]
    if path not in _METHODS:
        raise RequestError(HTTPStatus.NOT_FOUND, f"{path}: not found. Use /ping or /invocations.")
    if method != _METHODS[path]:
        raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path}: {method} is not allowed. Use {_METHODS[path]}.")
    if path == "/ping":
        return contract.JSON_CONTENT_TYPE, ""
    scores = predictor.scores(picture.tensor(_body(environment), predictor.image_shape))
    if JSON_LINES in environment.get("HTTP_ACCEPT", ""):
        return JSON_LINES, json.dumps({"prediction": scores}) + "\n"
    return contract.JSON_CONTENT_TYPE, json.dumps(scores)


def _body(environment: Environment) -> bytes:
    """Return the request's body if its type and size are taken."""
    kind = environment.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type '{kind}' is not supported. Use one of {', '.join(CONTENT_TYPES)}.",
        )
    length = int(environment.get("CONTENT_LENGTH") or 0)
    if length > BODY_LIMIT:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has {length} bytes; at most {BODY_LIMIT} are taken. Send a smaller picture.",
        )
    data: bytes = environment["wsgi.input"].read(length)
    return data


def _listening(app: Application, host: str, port: int) -> Any:  # noqa: ANN401  waitress is untyped
    try:
        return waitress.create_server(
            app, host=host, port=port, threads=_THREADS, max_request_body_size=_RECEIVED_LIMIT, ident=None
        )
    except (OSError, ValueError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or error
        raise AddressError(f"{host}:{port}: cannot listen there ({cause}). Choose another --port or --host.") from error


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(contract.EXIT_OK)

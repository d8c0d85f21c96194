# SPDX-License-Identifier: MIT-0
"""The model server of every algorithm that writes ONNX: answers ``/ping`` and ``/invocations`` as SageMaker asks them.

Run as ``python -m pipeline_src.algorithms.serving.onnx_server [--host HOST] [--port PORT]``. It serves the artifact
below ``/opt/ml/model`` (or ``$ML_ROOT/model``) until SIGTERM, and needs no network and no writable disk but ``/tmp``.

Waitress reads each request to its end in one thread, so that slow clients occupy no other; `connection_limits` has
their limits. A complete request gets a thread of its own, which waits for one of as many workers as there are cores: at
most that many images are decoded, and ``/ping`` is answered while they compute. At most `QUEUE_LIMIT` requests wait or
compute; further ones are refused at once with 503 and ``Retry-After``, so that the time of an answer stays bounded.

Sources: SageMaker Developer Guide, "Use Your Own Inference Code with Hosting Services" (paths, port, start within four
minutes, SIGTERM); API reference, InvokeEndpoint (6,291,456 bytes at most).
"""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import FrameType
from typing import IO, Any, Final

from pipeline_src import contract
from pipeline_src.algorithms.serving import inference_requests, onnx_artifact
from pipeline_src.algorithms.serving.connection_limits import LimitedServer
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.algorithms.serving.inference_requests import RequestError, StartResponse, WsgiEnvironment
from pipeline_src.runtime import worker_threads
from pipeline_src.runtime.errors import BadInputError

QUEUE_LIMIT: Final = 128  # images that are scored or wait for it
EXPLAIN: Final = "explain=true"  # in Accept: application/json; explain=true
CONTENT_TYPES: Final = (contract.IMAGE_CONTENT_TYPE, "image/jpeg", "image/png")
_PORT_VARIABLE: Final = "SAGEMAKER_BIND_TO_PORT"
_SERVER_OPTIONS: Final[dict[str, Any]] = {
    "threads": QUEUE_LIMIT + 16,  # they wait for the workers; the further ones ping and refuse
    "connection_limit": 400,  # below the 1,024 file descriptors that a process usually has, at two each
    "asyncore_use_poll": True,  # select() knows no more than 1,024
    "channel_timeout": 60,  # seconds without a byte; SageMaker itself waits for an answer no longer than that
    "cleanup_interval": 1,  # seconds between looks at what is overdue
    "recv_bytes": 1 << 17,  # an image in a few calls
    "max_request_header_size": 1 << 14,  # bytes
    "max_request_body_size": inference_requests.RECEIVED_LIMIT,
    "ident": None,
}


class InferenceApplication:
    """The WSGI application.

    Args:
        predict: Returns the probabilities of an image file, or raises BadInputError; called by several threads at once.
        explain: Likewise returns the answer to a request whose header Accept has the parameter `EXPLAIN`.
        workers: How many threads call it.
        queue: How many images are scored or wait for it at once.
    """

    def __init__(
        self,
        predict: Callable[[bytes], list[float]],
        workers: int,
        queue: int = QUEUE_LIMIT,
        explain: Callable[[bytes], dict[str, Any]] | None = None,
    ) -> None:
        self._predict, self._explain = predict, explain
        self._places = threading.Semaphore(queue)
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._answer = inference_requests.inference_application(self._queued_scores, CONTENT_TYPES)

    def close(self) -> None:
        """Finish the images that are being scored, and no others."""
        self._workers.shutdown(cancel_futures=True)

    def __call__(self, environment: WsgiEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        return self._answer(environment, start)

    def _queued_scores(self, environment: WsgiEnvironment, length: int) -> list[float] | dict[str, Any]:
        asked = EXPLAIN in environment.get("HTTP_ACCEPT", "").replace(" ", "").lower().split(";")
        answer = self._explain if asked and self._explain else self._predict
        if not self._places.acquire(blocking=False):
            raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "too many images wait. Send it again later.")
        try:
            return self._workers.submit(self._score, answer, environment["wsgi.input"], length).result()
        finally:
            self._places.release()

    def _score(
        self, answer: Callable[[bytes], list[float] | dict[str, Any]], body: IO[bytes], length: int
    ) -> list[float] | dict[str, Any]:
        # Large bodies lie in temporary files until a worker is free.
        data = body.read(length)
        if not data:
            raise RequestError(HTTPStatus.BAD_REQUEST, "the body is empty. Send the bytes of a JPEG or PNG file.")
        try:
            return answer(data)
        except BadInputError as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, str(error)) from error


def serve_model(host: str, port: int) -> None:
    """Serve the artifact below ``/opt/ml/model`` until SIGTERM or SIGINT.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.

    Raises:
        BadInputError: There is no model, it is damaged or not for this version, or the address cannot be listened on.
    """
    signal.signal(signal.SIGTERM, _exit_on_signal)  # a container's first process ignores it otherwise
    model, manifest = onnx_artifact.read_model(contract.ml_root() / "model")
    predictor = ImagePredictor(model, manifest)
    del model  # the session has a copy of its own
    worker_threads.keep_freed_memory()
    application = InferenceApplication(
        predictor.predict, worker_threads.available_cores(), explain=predictor.explained_answer
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it would print a line a request under load
    listening = _create_server(application, host, port)
    print(f"Serving {manifest.algorithm} on http://{host}:{listening.effective_port}; Ctrl-C stops it.", flush=True)
    try:
        listening.run()
    finally:
        application.close()


def _create_server(application: InferenceApplication, host: str, port: int) -> Any:  # noqa: ANN401  untyped library
    try:
        return LimitedServer(application, host=host, port=port, **_SERVER_OPTIONS)
    except (OSError, ValueError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or error
        raise BadInputError(
            f"{host}:{port}: cannot listen there ({cause}). Choose another --port or --host."
        ) from error


def _exit_on_signal(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(contract.EXIT_OK)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline_src.algorithms.serving.onnx_server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=os.environ.get(_PORT_VARIABLE, "8080"), help="(default: 8080)")
    options = parser.parse_args(arguments)
    try:
        serve_model(options.host, options.port)
    except BadInputError as error:
        print(error, file=sys.stderr, flush=True)
        return contract.EXIT_BAD_INPUT
    return contract.EXIT_OK


if __name__ == "__main__":
    sys.exit(main())

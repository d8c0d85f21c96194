# SPDX-License-Identifier: MIT-0
"""Executes a Transform step: sends every object to a model server, as batch transform does.

Source: Developer Guide, "Use Batch Transform to get inferences": the answer to ``<key>`` becomes ``<key>.out``.
"""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from local.errors import StepError, StoppedError
from local.json_files import JsonObject
from local.steps.model_server import RunningServer, ServedModel, run_model_server
from local.steps.step_context import StepContext, StepResult
from pipeline_src import contract

_MEGABYTE: Final = 1 << 20
_ERROR_LENGTH: Final = 300  # characters
_OUTPUT: Final = "transform"


@dataclass(frozen=True)
class _RequestOptions:
    """Settings of the requests."""

    content_type: str
    accept: str
    timeout: float  # seconds
    limit: int  # bytes


def execute_transform_step(arguments: JsonObject, context: StepContext) -> StepResult:
    """Score every object and store the answers.

    Raises:
        StepError: The model is unknown, the server failed, or an object was not answered; the message names it.
        StoppedError: It was stopped.
    """
    name = arguments["ModelName"]
    if name not in context.models:
        raise StepError(f"ModelName {name!r}: no such model in this execution. Use the ModelName of a Model step.")
    objects = context.store.objects(arguments["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    request = _RequestOptions(
        arguments["TransformInput"].get("ContentType", ""),
        arguments["TransformOutput"].get("Accept", ""),
        float(arguments.get("ModelClientConfig", {}).get("InvocationsTimeoutInSeconds", 600)),
        arguments.get("MaxPayloadInMB", 6) * _MEGABYTE,
    )
    answers = context.folder / _OUTPUT
    model = ServedModel.of(context.models[name]["PrimaryContainer"], context.store)
    with run_model_server(context.runner, model, context.folder, context.stop) as endpoint:
        transform = _BatchTransform(objects, answers, request, endpoint, context)
        transform.run(min(arguments.get("MaxConcurrentTransforms", 1), len(objects)))
    uri = arguments["TransformOutput"]["S3OutputPath"]
    context.store.put_folder(answers, uri)
    arn = context.identity.arn("transform-job", context.job_name)
    generated = {"TransformJobName": context.job_name, "TransformJobArn": arn, "TransformJobStatus": "Completed"}
    return StepResult(arguments | generated, {"TransformJob": {"Arn": arn}}, {"scores": uri})


class _BatchTransform:
    """Sends all objects, a few at a time."""

    def __init__(
        self,
        objects: list[tuple[str, Path]],
        answers: Path,
        request: _RequestOptions,
        endpoint: RunningServer,
        context: StepContext,
    ) -> None:
        self._queue: SimpleQueue[tuple[str, Path]] = SimpleQueue()
        for item in objects:
            self._queue.put(item)
        self._total = len(objects)
        self._done = 0
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self._answers = answers
        self._request = request
        self._endpoint = endpoint
        self._context = context

    def run(self, workers: int) -> None:
        with ThreadPoolExecutor(workers) as pool:
            futures: list[Future[None]] = [pool.submit(self._work) for _ in range(workers)]
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            self._failed.set()
            for future in finished:
                future.result()
        if self._context.stop.is_set():
            raise StoppedError("stopped")

    def _work(self) -> None:
        connection = http.client.HTTPConnection(self._endpoint.host, self._endpoint.port, timeout=self._request.timeout)
        with closing(connection):
            for name, path in self._items():
                answer = _invoke(connection, name, path.read_bytes(), self._request, self._endpoint)
                target = self._answers / (name + contract.SCORE_SUFFIX)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(answer)
                with self._lock:
                    self._done += 1
                    self._context.line(contract.progress_line(self._done, self._total, "images"))

    def _items(self) -> Iterator[tuple[str, Path]]:
        while not (self._failed.is_set() or self._context.stop.is_set()):
            try:
                yield self._queue.get_nowait()
            except Empty:
                return


def _invoke(
    connection: http.client.HTTPConnection, name: str, body: bytes, request: _RequestOptions, endpoint: RunningServer
) -> bytes:
    if len(body) > request.limit:
        raise StepError(f"{name}: {len(body):,} bytes, above MaxPayloadInMB ({request.limit:,}). Raise it.", code=2)
    headers = {"Content-Type": request.content_type, "Accept": request.accept}
    try:
        connection.request("POST", "/invocations", body, {key: value for key, value in headers.items() if value})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StepError(f"{name}: the model server did not answer ({error}). See {endpoint.stderr}.") from error
    if response.status != http.client.OK:
        text = answer.decode(errors="replace").strip()[:_ERROR_LENGTH]
        remedy = f"Replace the image if it is damaged; otherwise see {endpoint.stderr}."
        raise StepError(f"{name}: the model server answered {response.status} {response.reason}: {text}. {remedy}")
    return answer

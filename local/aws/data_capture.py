# SPDX-License-Identifier: MIT-0
"""Captures the requests and answers of a served model in the format of SageMaker's data capture.

JSON Lines below ``s3://local-runs/capture/local/<endpoint>/AllTraffic/yyyy/mm/dd/hh/``. Only answered requests are
captured; whether the service also captures refused ones has not been seen.
Source: SageMaker Developer Guide, "Capture data from real-time endpoint"; the content types are those that the
endpoint templates name: JSON is kept as text, everything else in Base64.
"""

import base64
import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from types import TracebackType
from typing import Final, Self

from local.aws.s3_store import S3Store
from local.errors import describe_os_error
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

INFERENCE_ID_HEADER: Final = "X-Amzn-SageMaker-Inference-Id"  # source: API reference, InvokeEndpoint
CAPTURE_STATUS_PATH: Final = "/captured"  # on which the capturing server reports its counts
CAPTURE_STAGE: Final = "local"
VARIANT_NAME: Final = "AllTraffic"
CAPTURE_SUFFIX: Final = ".jsonl"
_GROUP_BYTES: Final = 16 << 20  # of requests and answers that are written at once: bounds the writer's memory
_STEP: Final = timedelta(microseconds=1)
_EVENT_NAMESPACE: Final = uuid.UUID("6f1d3c5e-5b0a-4c55-9d0b-1f9a1f3e7a42")


@dataclass(frozen=True)
class CapturedBody:
    """The body of a request or of an answer."""

    content_type: str
    content: bytes

    def described(self, mode: str) -> dict[str, str]:
        """Return it as ``endpointInput`` (`mode` INPUT) or ``endpointOutput`` (OUTPUT)."""
        kind = self.content_type.partition(";")[0].strip().lower()
        data, encoding = base64.b64encode(self.content).decode(), "BASE64"
        if kind == contract.JSON_CONTENT_TYPE:
            data, encoding = self.content.decode(errors="replace"), "JSON"
        return {"observedContentType": self.content_type, "mode": mode, "data": data, "encoding": encoding}


@dataclass(frozen=True)
class CapturedExchange:
    """A request and its answer.

    Attributes:
        request: The request.
        answer: The answer.
        time: When it was answered, UTC.
        inference_id: The client's name for the request, empty for none.
    """

    request: CapturedBody
    answer: CapturedBody
    time: datetime
    inference_id: str = ""

    def line(self, event_id: str) -> bytes:
        """Return the exchange as a line of a captured file."""
        named = {"inferenceId": self.inference_id} if self.inference_id else {}
        record = {
            "captureData": {
                "endpointInput": self.request.described("INPUT"),
                "endpointOutput": self.answer.described("OUTPUT"),
            },
            "eventMetadata": {"eventId": event_id, **named, "inferenceTime": f"{self.time:%Y-%m-%dT%H:%M:%SZ}"},
            "eventVersion": "0",
        }
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"

    def event_id(self, number: int) -> str:
        """Return an id that depends on the exchange and on its `number` in the file alone."""
        size = len(self.request.content) + len(self.answer.content)
        identity = f"{self.time.isoformat()} {self.inference_id} {size} {number}"
        return str(uuid.uuid5(_EVENT_NAMESPACE, identity))


def endpoint_name_of_run(execution_id: str) -> str:
    """Return the name of the endpoint that serves the model of a run: a baseline belongs to one model."""
    return f"{OFFLINE_DEPLOYMENT.pipeline_name}-{execution_id}"


def execution_id_of_endpoint(endpoint: str) -> str:
    """Return the id of the run whose model `endpoint` serves."""
    return endpoint.removeprefix(f"{OFFLINE_DEPLOYMENT.pipeline_name}-")


def capture_uri(endpoint: str) -> str:
    """Return the URI below which the captured files of `endpoint` are stored, by hour."""
    return f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.CAPTURE_PREFIX}{CAPTURE_STAGE}/{endpoint}/{VARIANT_NAME}"


def write_captured_files(
    exchanges: Iterable[CapturedExchange], endpoint: str, store: S3Store, *, durable: bool = False
) -> int:
    """Write a captured file for each hour and return the number of exchanges.

    The names of files and events follow from the exchanges, so that the same exchanges give the same bytes.

    Args:
        exchanges: The exchanges, in order of time.
        endpoint: The endpoint's name.
        store: Receives the files.
        durable: Whether the files are on the disk on return.

    Raises:
        OSError: A file cannot be written.
    """
    written = 0
    for hour, found in groupby(exchanges, key=lambda each: f"{each.time:%Y/%m/%d/%H}"):
        batch = list(found)
        lines = [each.line(each.event_id(number)) for number, each in enumerate(batch)]
        first = batch[0]
        millisecond = first.time.microsecond // 1000
        name = f"{first.time:%M-%S}-{millisecond:03d}-{first.event_id(len(batch))}{CAPTURE_SUFFIX}"
        store.write(b"".join(lines), f"{capture_uri(endpoint)}/{hour}/{name}", durable=durable)
        written += len(batch)
    return written


def utc_now() -> datetime:
    """Return the current time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class CaptureStatus:
    """The counts of a capturing server since its start.

    Attributes:
        endpoint: The endpoint's name.
        kept: Exchanges that were written.
        lost: Exchanges that could not be written.
    """

    endpoint: str
    kept: int
    lost: int

    def text(self) -> str:
        """Return the status as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: bytes) -> Self:
        """Return the status that `text` holds.

        Raises:
            ValueError: It holds none.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error


class CaptureRecorder:
    """Writes exchanges to the store in groups, and says of each when it is on the disk.

    A thread of its own writes all exchanges that wait as one file, and synchronizes file and folder with the disk.
    Those that arrive meanwhile form the next group. There is no timer: an exchange waits for two writes at most, and
    nothing that was reported as written is lost, not even by SIGKILL or a loss of power.

    Where the disk is full, this is reported once, and the exchange counts as lost.

    Args:
        endpoint: The endpoint's name.
        store: Receives the files.
        report: Called with a message when writing begins to fail, by the writing thread.
        consequence: What happens to the requests meanwhile, for the message.
    """

    def __init__(
        self,
        endpoint: str,
        store: S3Store,
        report: Callable[[str], None],
        *,
        consequence: str = "answered but not captured",
    ) -> None:
        self._status = CaptureStatus(endpoint, 0, 0)
        self._store, self._report, self._consequence = store, report, consequence
        self._failing = False
        self._closed = False
        self._last = datetime.min.replace(tzinfo=UTC)
        self._waiting: deque[tuple[CapturedExchange, Future[bool]]] = deque()
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._write_groups, name="capture", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        """Return the recorder."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what waits, and end."""
        self.close()

    @property
    def status(self) -> CaptureStatus:
        """The counts so far."""
        return self._status

    def record(self, exchange: CapturedExchange) -> "Future[bool]":
        """Have `exchange` written; any thread may call this.

        Returns:
            True once it is on the disk; False if it could not be written.

        Raises:
            RuntimeError: The recorder is closed.
        """
        done: Future[bool] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("the recorder is closed")
            # Names of files follow from times: none may occur twice, even where the clock is set back.
            self._last = max(exchange.time, self._last + _STEP)
            self._waiting.append((replace(exchange, time=self._last), done))
            self._changed.notify()
        return done

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join()

    def _write_groups(self) -> None:
        while group := self._next_group():
            kept = self._write([exchange for exchange, _ in group])
            status, count = self._status, len(group)
            self._status = replace(status, kept=status.kept + count * kept, lost=status.lost + count * (not kept))
            for _, done in group:
                done.set_result(kept)

    def _next_group(self) -> list[tuple[CapturedExchange, "Future[bool]"]]:
        """Return what waits, at most `_GROUP_BYTES` and of one hour, so that it is one file; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            group: list[tuple[CapturedExchange, Future[bool]]] = []
            size = 0
            while self._waiting:
                exchange = self._waiting[0][0]
                size += len(exchange.request.content) + len(exchange.answer.content)
                if group and (size > _GROUP_BYTES or f"{exchange.time:%Y%m%d%H}" != f"{group[0][0].time:%Y%m%d%H}"):
                    break
                group.append(self._waiting.popleft())
            return group

    def _write(self, exchanges: list[CapturedExchange]) -> bool:
        try:
            write_captured_files(exchanges, self._status.endpoint, self._store, durable=True)
        except OSError as error:
            if not self._failing:  # Report once, not for each request while the disk is full.
                reason = describe_os_error(error, self._store.root)
                self._report(f"{reason} Until then, requests are {self._consequence}.")
            self._failing = True
            return False
        self._failing = False
        return True

# SPDX-License-Identifier: MIT-0
"""What an endpoint was asked and answered, kept as SageMaker's data capture keeps it.

JSON Lines below ``s3://local-runs/capture/local/<endpoint>/AllTraffic/yyyy/mm/dd/hh/``. Only requests that were
answered are kept; whether the service also keeps refused ones has not been seen.
Source: SageMaker Developer Guide, "Capture data from real-time endpoint"; the content types are those that the
endpoint templates name: JSON is kept as it is, everything else in Base64.

Keeps what is captured in a thread of its own, so that no client waits for a disk.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, Self

from local.aws.s3_store import S3Store
from local.errors import describe_os_error
from pipeline_src import contract
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT

INFERENCE_ID_HEADER: Final = "X-Amzn-SageMaker-Inference-Id"  # the header; source: API reference, InvokeEndpoint
CAPTURE_STATUS_PATH: Final = "/captured"  # where the server that captures tells how far it is
CAPTURE_STAGE: Final = "local"
VARIANT_NAME: Final = "AllTraffic"
CAPTURE_SUFFIX: Final = ".jsonl"
_EVENT_NAMESPACE: Final = uuid.UUID("6f1d3c5e-5b0a-4c55-9d0b-1f9a1f3e7a42")


@dataclass(frozen=True)
class CapturedBody:
    """One half of an exchange."""

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
        asked: the request.
        answered: the answer.
        at: when it was answered, UTC.
        inference_id: what the client called the request, empty where it did not.
    """

    asked: CapturedBody
    answered: CapturedBody
    at: datetime
    inference_id: str = ""

    @property
    def size(self) -> int:
        """Bytes of both."""
        return len(self.asked.content) + len(self.answered.content)

    def line(self, event_id: str) -> bytes:
        """Return the exchange as a line of a captured file."""
        named = {"inferenceId": self.inference_id} if self.inference_id else {}
        record = {
            "captureData": {
                "endpointInput": self.asked.described("INPUT"),
                "endpointOutput": self.answered.described("OUTPUT"),
            },
            "eventMetadata": {"eventId": event_id, **named, "inferenceTime": f"{self.at:%Y-%m-%dT%H:%M:%SZ}"},
            "eventVersion": "0",
        }
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def endpoint_name_of_run(execution_id: str) -> str:
    """Return what the endpoint is called that serves the model of a run: a baseline is one model's."""
    return f"{OFFLINE_DEPLOYMENT.pipeline_name}-{execution_id}"


def execution_id_of_endpoint(endpoint: str) -> str:
    """Return the run whose model the endpoint of that name serves."""
    return endpoint.removeprefix(f"{OFFLINE_DEPLOYMENT.pipeline_name}-")


def capture_uri(endpoint: str) -> str:
    """Return the URI below which the captured files of `endpoint` lie, by hour."""
    return f"s3://{OFFLINE_DEPLOYMENT.runs_bucket}/{contract.CAPTURE_PREFIX}{CAPTURE_STAGE}/{endpoint}/{VARIANT_NAME}"


def write_captured_files(exchanges: Iterable[CapturedExchange], endpoint: str, store: S3Store) -> int:
    """Write a captured file for each hour and return how many exchanges were kept.

    The names of files and events follow from the exchanges, so that the same ones give the same bytes.

    Raises:
        OSError: a file cannot be written.
    """
    kept = 0
    for hour, found in groupby(exchanges, key=lambda each: f"{each.at:%Y/%m/%d/%H}"):
        batch = list(found)
        lines = [each.line(_event_id(each, number)) for number, each in enumerate(batch)]
        first = batch[0]
        name = f"{first.at:%M-%S}-{first.at.microsecond // 1000:03d}-{_event_id(first, len(batch))}{CAPTURE_SUFFIX}"
        store.write(b"".join(lines), f"{capture_uri(endpoint)}/{hour}/{name}")
        kept += len(batch)
    return kept


def _event_id(exchange: CapturedExchange, number: int) -> str:
    told_apart = f"{exchange.at.isoformat()} {exchange.inference_id} {exchange.size} {number}"
    return str(uuid.uuid5(_EVENT_NAMESPACE, told_apart))


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


LINGER_SECONDS: Final = 1.0  # seconds
WAITING_LIMIT_BYTES: Final = 256 << 20  # bytes of requests and answers
SETTLE_SECONDS: Final = 20.0


@dataclass(frozen=True)
class CaptureStatus:
    """How it stands with what was answered so far.

    Attributes:
        endpoint: whose captures they are.
        kept: exchanges that lie in the store.
        lost: exchanges that never will.
        waiting: exchanges that were still not written when the time was up.
    """

    endpoint: str
    kept: int
    lost: int
    waiting: int

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: bytes) -> Self:
        """Return what `text` says.

        Raises:
            ValueError: it is not from here.
        """
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error


class CaptureRecorder:
    """Keeps exchanges; a context manager.

    Leaving it writes what still waits. A disk that takes nothing is reported, and serving goes on.

    Args:
        endpoint: whose exchanges they are.
        store: receives the files.
        report: is told what goes wrong.
        linger: seconds that exchanges wait for others to share a file with.
        limit: bytes that may wait; what comes beyond is lost.
    """

    def __init__(
        self,
        endpoint: str,
        store: S3Store,
        report: Callable[[str], None],
        *,
        linger: float = LINGER_SECONDS,
        limit: int = WAITING_LIMIT_BYTES,
    ) -> None:
        self.kept = 0
        self.lost = 0
        self._endpoint, self._store, self._report = endpoint, store, report
        self._linger, self._limit = linger, limit
        self._changed = threading.Condition()
        self._waiting: list[CapturedExchange] = []
        self._bytes = 0
        self._taken = self._done = 0  # exchanges ever: put into `_waiting`; written or lost
        self._closed = False
        self._hurried = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what still waits, then stop the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def keep(self, exchange: CapturedExchange) -> None:
        """Keep `exchange`; returns at once."""
        with self._changed:
            if self._bytes + exchange.size > self._limit:
                self.lost += 1
                return
            self._waiting.append(exchange)
            self._bytes += exchange.size
            self._taken += 1
            self._changed.notify_all()

    def settle(self, limit: float = SETTLE_SECONDS) -> CaptureStatus:
        """Write at once what waits, and return how it stands when all that was kept so far is written.

        Args:
            limit: seconds after which it is told as it then stands.
        """
        with self._changed:
            goal, self._hurried = self._taken, True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= goal, limit)
            return CaptureStatus(self._endpoint, self.kept, self.lost, max(goal - self._done, 0))

    def _run(self) -> None:
        while batch := self._next():
            self._write(batch)

    def _next(self) -> list[CapturedExchange]:
        """Return what waits, at most `linger` seconds old; nothing once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(lambda: self._closed or self._hurried, self._linger)
            batch, self._waiting, self._bytes, self._hurried = self._waiting, [], 0, False
        return batch

    def _write(self, batch: list[CapturedExchange]) -> None:
        try:
            written = write_captured_files(batch, self._endpoint, self._store)
            self._failing = False
        except OSError as error:
            written = 0
            if not self._failing:  # Once, not for each second that the disk stays full.
                self._report(
                    f"{describe_os_error(error, self._store.root)} Until then, requests are answered but not captured."
                )
            self._failing = True
        with self._changed:
            self.kept += written
            self.lost += len(batch) - written
            self._done += len(batch)
            self._changed.notify_all()

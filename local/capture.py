# SPDX-License-Identifier: MIT-0
"""What an endpoint was asked and answered, kept as SageMaker's data capture keeps it.

JSON Lines below ``s3://local-runs/capture/local/<endpoint>/AllTraffic/yyyy/mm/dd/hh/``. Only requests that were
answered are kept; whether the service also keeps refused ones has not been seen.
Source: SageMaker Developer Guide, "Capture data from real-time endpoint"; the content types are those that the
endpoint templates name: JSON is kept as it is, everything else in Base64.
"""

import base64
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from local.store import Store
from pipeline_src import contract
from pipeline_src.pipeline import OFFLINE

INFERENCE_ID: Final = "X-Amzn-SageMaker-Inference-Id"  # the header; source: API reference, InvokeEndpoint
CAPTURED: Final = "/captured"  # where the server that captures tells how far it is
STAGE: Final = "local"
VARIANT: Final = "AllTraffic"
SUFFIX: Final = ".jsonl"
_NAMESPACE: Final = uuid.UUID("6f1d3c5e-5b0a-4c55-9d0b-1f9a1f3e7a42")


@dataclass(frozen=True)
class Body:
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
class Exchange:
    """A request and its answer.

    Attributes:
        asked: the request.
        answered: the answer.
        at: when it was answered, UTC.
        inference_id: what the client called the request, empty where it did not.
    """

    asked: Body
    answered: Body
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


def endpoint_name(execution_id: str) -> str:
    """Return what the endpoint is called that serves the model of a run: a baseline is one model's."""
    return f"{OFFLINE.pipeline_name}-{execution_id}"


def execution_id(endpoint: str) -> str:
    """Return the run whose model the endpoint of that name serves."""
    return endpoint.removeprefix(f"{OFFLINE.pipeline_name}-")


def prefix(endpoint: str) -> str:
    """Return the URI below which the captured files of `endpoint` lie, by hour."""
    return f"s3://{OFFLINE.runs_bucket}/{contract.CAPTURE_PREFIX}{STAGE}/{endpoint}/{VARIANT}"


def write(exchanges: Iterable[Exchange], endpoint: str, store: Store) -> int:
    """Write a captured file for each hour and return how many exchanges were kept.

    The names of files and events follow from the exchanges, so that the same ones give the same bytes.

    Raises:
        OSError: a file cannot be written.
    """
    kept = 0
    for hour, found in groupby(exchanges, key=lambda each: f"{each.at:%Y/%m/%d/%H}"):
        batch = list(found)
        lines = [each.line(_event_id(each, number)) for number, each in enumerate(batch)]
        name = f"{batch[0].at:%M-%S}-{batch[0].at.microsecond // 1000:03d}-{_event_id(batch[0], len(batch))}{SUFFIX}"
        store.write(b"".join(lines), f"{prefix(endpoint)}/{hour}/{name}")
        kept += len(batch)
    return kept


def _event_id(exchange: Exchange, number: int) -> str:
    told_apart = f"{exchange.at.isoformat()} {exchange.inference_id} {exchange.size} {number}"
    return str(uuid.uuid5(_NAMESPACE, told_apart))


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)

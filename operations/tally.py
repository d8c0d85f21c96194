# SPDX-License-Identifier: MIT-0
"""Counts what an endpoint answers: the most probable class of each captured answer, as metrics of CloudWatch.

What is counted is a sample, the share of the requests that the settings capture, and it is counted when its file is
told of, some minutes after the answers. EventBridge delivers at least once and a request may be sent again after a
time-out, so that a file may rarely count twice: good enough to see the mix change, too coarse to count patients.

Source of the files: SageMaker Developer Guide, "Data capture": JSON Lines below
``<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/``, one request a line.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from operations import answer
from operations.client import Client
from operations.error import SmokeError, UsageError
from operations.payload import Tally
from pipeline_src import contract

PREDICTIONS: Final = "Predictions"
UNREADABLE: Final = "Unreadable"
# A line holds a picture in Base64, which may be megabytes; smaller pieces would be joined to it over and over.
_CHUNK_BYTES: Final = 1 << 20
_KEY: Final = re.compile(rf"{re.escape(contract.CAPTURE_PREFIX)}(?P<stage>[^/]+)/.+")


def publish(request: Tally, *, s3: Client, cloudwatch: Client) -> str:
    """Publish how often each class was answered, and return what was counted in a sentence.

    Args:
        request: Which file, and under which namespace.
        s3: Client that reads the file.
        cloudwatch: Client that publishes.

    Raises:
        UsageError: The key is of no captured file.
        ClientError: A service refused.
    """
    place = f"s3://{request.bucket}/{request.key}"
    match = _KEY.fullmatch(request.key)
    if not match:
        raise UsageError(f"{place}: is not below {contract.CAPTURE_PREFIX}<stage>/. Name a file of captured requests.")
    body = s3.get_object(Bucket=request.bucket, Key=request.key)["Body"]
    counts = counted(body.iter_lines(chunk_size=_CHUNK_BYTES))
    data = _metrics(counts, match["stage"])
    if data:
        cloudwatch.put_metric_data(Namespace=request.namespace, MetricData=data)
    unreadable = counts.pop(UNREADABLE, 0)
    told = ", ".join(f"{count} {label}" for label, count in counts.most_common()) or "no answers"
    return f"{place}: {told}; {unreadable} unreadable."


def counted(lines: Iterable[bytes]) -> Counter[str]:
    """Return how many answers have each class as the most probable one, and how many lines are `UNREADABLE`."""
    return Counter(_class(line) or UNREADABLE for line in lines if line.strip())


def _class(line: bytes) -> str:
    """Return the most probable class of the answer in `line`, or empty where it cannot be read."""
    try:
        scores = answer.read(_answer(json.loads(line)["captureData"]["endpointOutput"]), "captured")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SmokeError):
        return ""
    return contract.CLASS_LABELS[scores.index(max(scores))]


def _answer(output: dict[str, str]) -> answer.Answer:
    data = output["data"]
    body = base64.b64decode(data) if output["encoding"] == "BASE64" else data.encode()
    return answer.Answer(200, output["observedContentType"], body)


def _metrics(counts: Counter[str], stage: str) -> list[dict[str, Any]]:
    labels = [label for label in contract.CLASS_LABELS if counts[label]]
    data = [_metric(PREDICTIONS, counts[label], Endpoint=stage, Class=label) for label in labels]
    return data + ([_metric(UNREADABLE, counts[UNREADABLE], Endpoint=stage)] if counts[UNREADABLE] else [])


def _metric(name: str, count: int, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"MetricName": name, "Dimensions": named, "Value": count, "Unit": "Count"}

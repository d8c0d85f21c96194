# SPDX-License-Identifier: MIT-0
"""Counts the predicted classes in captured answers, as metrics of CloudWatch.

The counts cover the share of the requests that the settings capture, some minutes after the answers. EventBridge
delivers at least once and a request may be sent again after a time-out, so a file may rarely count twice: good enough
to see the mix of classes change, too coarse to count patients.

Source of the files: SageMaker Developer Guide, "Data capture": JSON Lines below
``<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/``, one request a line.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from operations.functions import endpoint_answers
from operations.functions.aws_clients import Client
from operations.functions.errors import SmokeTestError, UsageError
from operations.functions.function_payloads import TallyRequest
from pipeline_src import contract

PREDICTIONS_METRIC: Final = "Predictions"
UNREADABLE_METRIC: Final = "Unreadable"
# A line has an image in Base64, which may be megabytes; smaller chunks would be joined many times.
_CHUNK_BYTES: Final = 1 << 20
_CAPTURE_KEY_PATTERN: Final = re.compile(rf"{re.escape(contract.CAPTURE_PREFIX)}(?P<stage>[^/]+)/.+")


def publish_prediction_counts(request: TallyRequest, *, s3: Client, cloudwatch: Client) -> str:
    """Publish the number of predictions of each class, and return a message.

    Args:
        request: The file and the namespace.
        s3: Client that reads the file.
        cloudwatch: Client that publishes.

    Raises:
        UsageError: The key is not that of a capture file.
        ClientError: A service refused.
    """
    place = f"s3://{request.bucket}/{request.key}"
    match = _CAPTURE_KEY_PATTERN.fullmatch(request.key)
    if not match:
        raise UsageError(f"{place}: is not below {contract.CAPTURE_PREFIX}<stage>/. Name a file of captured requests.")
    body = s3.get_object(Bucket=request.bucket, Key=request.key)["Body"]
    counts = count_predictions(body.iter_lines(chunk_size=_CHUNK_BYTES))
    data = _count_data(counts, match["stage"])
    if data:
        cloudwatch.put_metric_data(Namespace=request.namespace, MetricData=data)
    unreadable = counts.pop(UNREADABLE_METRIC, 0)
    told = ", ".join(f"{count} {label}" for label, count in counts.most_common()) or "no answers"
    return f"{place}: {told}; {unreadable} unreadable."


def count_predictions(lines: Iterable[bytes]) -> Counter[str]:
    """Return the number of predictions of each class, and of unreadable lines under `UNREADABLE_METRIC`."""
    return Counter(_predicted_class(line) or UNREADABLE_METRIC for line in lines if line.strip())


def _predicted_class(line: bytes) -> str:
    """Return the most probable class of the answer in `line`, or empty if it cannot be read."""
    try:
        scores = endpoint_answers.read_probabilities(
            _captured_answer(json.loads(line)["captureData"]["endpointOutput"]), "captured"
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SmokeTestError):
        return ""
    return contract.CLASS_LABELS[scores.index(max(scores))]


def _captured_answer(output: dict[str, str]) -> endpoint_answers.EndpointAnswer:
    data = output["data"]
    body = base64.b64decode(data) if output["encoding"] == "BASE64" else data.encode()
    return endpoint_answers.EndpointAnswer(200, output["observedContentType"], body)


def _count_data(counts: Counter[str], stage: str) -> list[dict[str, Any]]:
    labels = [label for label in contract.CLASS_LABELS if counts[label]]
    data = [_count_datum(PREDICTIONS_METRIC, counts[label], Endpoint=stage, Class=label) for label in labels]
    return data + (
        [_count_datum(UNREADABLE_METRIC, counts[UNREADABLE_METRIC], Endpoint=stage)]
        if counts[UNREADABLE_METRIC]
        else []
    )


def _count_datum(name: str, count: int, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"MetricName": name, "Dimensions": named, "Value": count, "Unit": "Count"}

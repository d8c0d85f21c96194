# SPDX-License-Identifier: MIT-0
"""What an endpoint answered is counted by class, from the lines that SageMaker captures."""

import base64
import io
import json
from typing import Any

import pytest
from botocore.response import StreamingBody

from operations.functions import lambda_handlers, prediction_counts
from operations.functions.errors import UsageError
from operations.functions.function_payloads import TallyRequest
from pipeline_src.contract import CLASS_LABELS
from tests.operations.service import Services

KEY = "capture/production/skin-lesion-production/AllTraffic/2026/11/24/09/20-18-612-5fd5c9b2.jsonl"
REQUEST = TallyRequest("runs", KEY, "skin-lesion")


def scores(label: str) -> list[float]:
    """Return an answer in which that class is the most probable one."""
    return [0.4 if each == label else 0.1 for each in CLASS_LABELS]


def line(data: Any, encoding: str = "JSON", **output: Any) -> bytes:
    """SageMaker Developer Guide, "View captured data"; the picture is shorter here."""
    picture = {"observedContentType": "application/x-image", "mode": "INPUT", "data": "/9j/", "encoding": "BASE64"}
    given = {"observedContentType": "application/json", "mode": "OUTPUT", "data": data, "encoding": encoding}
    captured = {"endpointInput": picture, "endpointOutput": given | output}
    metadata = {"eventId": "34d99ed0", "inferenceTime": "2026-11-24T09:20:18Z"}
    return json.dumps({"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}).encode()


def answered(label: str) -> bytes:
    return line(json.dumps(scores(label)))


def captured(aws: Services, *lines: bytes) -> None:
    """Have the bucket hold a file of those lines."""
    content = b"\n".join(lines) + b"\n"
    body = {"Body": StreamingBody(io.BytesIO(content), len(content))}
    aws.answers("s3", "get_object", body, Bucket="runs", Key=KEY)


def metric(name: str, count: int, **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"MetricName": name, "Dimensions": named, "Value": count, "Unit": "Count"}


def test_the_most_probable_class_of_each_answer_is_published_for_the_stage_in_the_key(aws: Services) -> None:
    captured(aws, answered("nv"), answered("mel"), answered("nv"))
    told = [
        metric("Predictions", 1, Endpoint="production", Class="mel"),
        metric("Predictions", 2, Endpoint="production", Class="nv"),
    ]
    aws.answers("cloudwatch", "put_metric_data", {}, Namespace="skin-lesion", MetricData=told)
    event = {"bucket": "runs", "key": KEY, "namespace": "skin-lesion"}
    said = lambda_handlers.tally(event, None, aws)  # type: ignore[arg-type]
    assert said == {"message": f"s3://runs/{KEY}: 2 nv, 1 mel; 0 unreadable."}


@pytest.mark.parametrize(
    "given",
    [
        line(json.dumps({"prediction": scores("bcc")})),
        line(base64.b64encode(json.dumps(scores("bcc")).encode()).decode(), "BASE64"),
        line(json.dumps(scores("bcc")), observedContentType="application/json; charset=utf-8"),
    ],
    ids=["object", "base64", "charset"],
)
def test_an_answer_is_read_in_each_form_in_which_it_may_be_captured(given: bytes) -> None:
    assert prediction_counts.count_predictions([given]) == {"bcc": 1}


@pytest.mark.parametrize(
    "given",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"captureData": {"endpointInput": {}}}',
        line("[0.5, 0.5]"),
        line("[NaN, 0, 0, 0, 0, 0, 1]"),
        line("no base64", "BASE64"),
        line(json.dumps(scores("nv")), observedContentType="text/html"),
        line(json.dumps(scores("nv")), observedContentType=None),
        line(scores("nv")),
    ],
)
def test_a_line_that_cannot_be_read_is_counted_as_such_and_the_next_one_is_read(given: bytes) -> None:
    assert prediction_counts.count_predictions([given, answered("df")]) == {
        prediction_counts.UNREADABLE_METRIC: 1,
        "df": 1,
    }


def test_lines_that_cannot_be_read_are_published_beside_the_classes(aws: Services) -> None:
    captured(aws, b"{", answered("vasc"))
    told = [
        metric("Predictions", 1, Endpoint="production", Class="vasc"),
        metric("Unreadable", 1, Endpoint="production"),
    ]
    aws.answers("cloudwatch", "put_metric_data", {}, Namespace="skin-lesion", MetricData=told)
    assert prediction_counts.publish_prediction_counts(REQUEST, s3=aws("s3"), cloudwatch=aws("cloudwatch")).endswith(
        "1 vasc; 1 unreadable."
    )


def test_a_file_without_a_line_publishes_nothing(aws: Services) -> None:
    captured(aws, b"")
    said = prediction_counts.publish_prediction_counts(REQUEST, s3=aws("s3"), cloudwatch=aws("cloudwatch"))
    assert said.endswith("no answers; 0 unreadable.")


def test_a_line_that_is_longer_than_a_piece_of_the_file_is_read_whole(aws: Services) -> None:
    """A captured picture is megabytes in Base64."""
    captured(aws, answered("akiec").replace(b"/9j/", b"/9j/" * 600_000), answered("bkl"))
    body = aws("s3").get_object(Bucket="runs", Key=KEY)["Body"]
    assert prediction_counts.count_predictions(body.iter_lines(chunk_size=1 << 20)) == {"akiec": 1, "bkl": 1}


@pytest.mark.parametrize("key", ["runs/abc/evaluate/predictions.csv", "capture/production.jsonl", "capture//a.jsonl"])
def test_a_file_that_is_no_captured_one_is_refused_unread(aws: Services, key: str) -> None:
    with pytest.raises(UsageError, match="Name a file of captured requests"):
        prediction_counts.publish_prediction_counts(
            TallyRequest("runs", key, "n"), s3=aws("s3"), cloudwatch=aws("cloudwatch")
        )

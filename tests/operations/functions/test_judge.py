# SPDX-License-Identifier: MIT-0
"""What a run of the monitor has found is published, told, and perhaps answered by a retraining."""

import io
import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from botocore.response import StreamingBody

from operations.functions import lambda_handlers
from operations.functions.errors import OperationError
from operations.functions.function_payloads import JudgeRequest
from tests.operations.service import TOPIC, Services

JOB = "skin-lesion-monitor-20261124"
MACHINE = "arn:aws:states:us-east-1:111111111111:stateMachine:Retraining"
REQUEST = JudgeRequest(job=JOB, reports="s3://runs/monitor/", namespace="skin-lesion", topic=TOPIC, machine="")
BY_LABELS = replace(REQUEST, job="skin-lesion-monitor-labels-20261125T102030")
CLEAN = {
    "status": "compared",
    "message": "Completed: no violation in 120 requests.",
    "violations": [],
    "requests": 120,
    "checks": [{"name": "brightness", "effect": 0.07}],
    "truth": None,
}
SHIFTED = CLEAN | {"message": "CompletedWithViolations: 1 violation in 120 requests: blur.", "violations": ["blur"]}
FIGURE = {"value": 0.8, "lower": 0.6, "upper": 0.93, "images": 31, "lesions": 31, "method": "exact"}
UNDEFINED = {"value": None, "lower": None, "upper": None, "images": 12, "lesions": 12, "method": "none"}
TRUTH = {
    "balanced_accuracy": UNDEFINED,
    "melanoma_sensitivity": FIGURE,
    "reasons": {"balanced_accuracy": "too few labels: df 2; 10 of each class are needed"},
}


def reports(aws: Services, content: Any, job: str = JOB) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = {"Body": StreamingBody(io.BytesIO(body), len(body))}
    aws.answers("s3", "get_object", answer, Bucket="runs", Key=f"monitor/{job}/monitor.json")


def metric(name: str, value: float, unit: str = "Count", **dimensions: str) -> dict[str, Any]:
    named = [{"Name": key, "Value": each} for key, each in ({"Endpoint": "production"} | dimensions).items()]
    return {"MetricName": name, "Dimensions": named, "Value": value, "Unit": unit}


def publishes(aws: Services, *data: dict[str, Any]) -> None:
    aws.answers("cloudwatch", "put_metric_data", {}, Namespace="skin-lesion", MetricData=list(data))


def drift(aws: Services, violations: int) -> None:
    effect = metric("Drift", 0.07, "None", Feature="brightness")
    counts = metric("MonitoredRequests", 120.0), metric("Compared", 1.0), metric("Violations", float(violations))
    publishes(aws, *counts, effect)


class Told:
    """Takes what the topic is told."""

    def __init__(self, aws: Services) -> None:
        self.subject = self.text = self.topic = ""
        aws("sns").meta.events.register("provide-client-params.sns.Publish", self._take)
        aws.answers("sns", "publish", {"MessageId": "1"})

    def _take(self, params: dict[str, Any], **_: Any) -> None:
        self.subject, self.text, self.topic = params["Subject"], params["Message"], params["TopicArn"]


def judge(aws: Services, request: JudgeRequest = REQUEST) -> str:
    told: str = lambda_handlers.judge(asdict(request), None, aws)["message"]  # type: ignore[arg-type]
    return told


def test_a_run_without_a_violation_is_published_and_nobody_is_told(aws: Services) -> None:
    reports(aws, CLEAN)
    drift(aws, 0)
    assert judge(aws) == f"{JOB}: Completed: no violation in 120 requests."


def test_too_few_pictures_are_no_violation_and_no_proof_of_none(aws: Services) -> None:
    message = "Completed: too few images to compare: 3 distinct ones in 3 requests; 100 are needed."
    reports(aws, CLEAN | {"status": "too few", "message": message, "requests": 3, "checks": []})
    publishes(aws, metric("MonitoredRequests", 3.0), metric("Compared", 0.0))
    assert judge(aws) == f"{JOB}: {message}"


def test_what_cannot_be_read_is_a_violation_however_few_pictures_there_are(aws: Services) -> None:
    reports(aws, SHIFTED | {"status": "too few", "requests": 0, "checks": []})
    publishes(aws, metric("MonitoredRequests", 0.0), metric("Compared", 0.0), metric("Violations", 1.0))
    told = Told(aws)
    judge(aws)
    assert told.subject.startswith("Production differs")


def test_a_deployment_that_is_called_after_labels_is_judged_for_drift(aws: Services) -> None:
    job = "skin-labels-eu-monitor-20261124"
    reports(aws, CLEAN, job)
    drift(aws, 0)
    assert judge(aws, replace(REQUEST, job=job)).startswith(job)


def test_a_violation_is_told_with_its_report_and_what_to_do(aws: Services) -> None:
    reports(aws, SHIFTED)
    drift(aws, 1)
    told = Told(aws)
    judge(aws)
    assert told.topic == TOPIC
    assert told.subject == "Production differs from the test data of its model"
    assert told.text.startswith("CompletedWithViolations: 1 violation in 120 requests: blur.")
    assert f"s3/object/runs?region=us-east-1&prefix=monitor/{JOB}/monitor.html" in told.text
    assert "docs/alarms.md#drift" in told.text


def test_a_violation_starts_a_retraining_only_where_that_is_wanted(aws: Services) -> None:
    reports(aws, SHIFTED)
    drift(aws, 1)
    Told(aws)
    started = {"executionArn": f"{MACHINE}:1", "startDate": "2026-11-25"}
    asked = {"stateMachineArn": MACHINE, "name": JOB, "input": '{"reason": "drift"}'}
    aws.answers("stepfunctions", "start_execution", started, **asked)
    assert judge(aws, replace(REQUEST, machine=MACHINE)).endswith("A retraining was started.")


def test_no_violation_starts_none(aws: Services) -> None:
    reports(aws, CLEAN)
    drift(aws, 0)
    assert "retraining" not in judge(aws, replace(REQUEST, machine=MACHINE))


def test_a_run_that_is_told_of_twice_starts_one(aws: Services) -> None:
    """SageMaker may send an event more than once."""
    reports(aws, SHIFTED)
    drift(aws, 1)
    Told(aws)
    aws.refuses("stepfunctions", "start_execution", "ExecutionAlreadyExists")
    assert judge(aws, replace(REQUEST, machine=MACHINE)).endswith("had been started before.")


def test_what_labels_say_is_published_where_it_is_a_figure_and_told_in_any_case(aws: Services) -> None:
    reports(aws, SHIFTED | {"truth": TRUTH}, BY_LABELS.job)
    publishes(aws, metric("MelanomaSensitivity", 0.8, "None"))
    told = Told(aws)
    assert "retraining" not in judge(aws, replace(BY_LABELS, machine=MACHINE))
    assert told.subject == "Metrics of production from new labels"
    assert "melanoma sensitivity: 0.800 (95 % interval 0.600 to 0.930, 31 images)" in told.text
    assert "balanced accuracy: too few labels: df 2; 10 of each class are needed" in told.text


def test_labels_that_match_nothing_are_told_and_publish_nothing(aws: Services) -> None:
    reports(aws, CLEAN, BY_LABELS.job)
    told = Told(aws)
    judge(aws, BY_LABELS)
    assert "balanced accuracy: no label matches a captured request" in told.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON"),
        (b"[]", "has no 'status'"),
        ({key: value for key, value in CLEAN.items() if key != "checks"}, "has no 'checks'"),
    ],
)
def test_a_report_that_is_none_is_an_error_that_rings(aws: Services, content: Any, said: str) -> None:
    reports(aws, content)
    with pytest.raises(OperationError, match=said):
        judge(aws)


def test_a_report_that_is_not_there_names_the_log(aws: Services) -> None:
    aws.refuses("s3", "get_object", "NoSuchKey")
    with pytest.raises(OperationError, match=f"does not exist. See the log of the job {JOB}"):
        judge(aws)

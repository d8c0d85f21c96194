# SPDX-License-Identifier: MIT-0
"""A run of the monitor: which job is made of it, and when none is."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from operations.functions import lambda_handlers, monitoring_runs
from operations.functions.errors import UsageError
from operations.functions.function_payloads import HOUR_WINDOW, LABELS, MonitorRequest
from pipeline_src import contract
from tests.operations.service import CHAMPION, PACKAGE, Services

CAPTURE = "s3://runs/capture/production/skin-lesion-production/AllTraffic/"
DAY_FOLDER = "capture/production/skin-lesion-production/AllTraffic/2026/11/24/"
EVALUATION = "runs/abc/evaluate/evaluation"
HISTORY, ACCEPTED = (f"{prefix}{PACKAGE.rpartition('/')[2]}/" for prefix in ("monitor/history/", "monitor-baselines/"))
PROMOTED = datetime(2026, 11, 20, 12, tzinfo=UTC)
REQUEST = MonitorRequest(
    name="skin-lesion",
    window="day",
    time="2026-11-25T01:00:00Z",
    endpoint="skin-lesion-production",
    capture=CAPTURE,
    labels="s3://raw/labels/",
    reports="s3://runs/monitor/",
    champion=CHAMPION,
    image="111111111111.dkr.ecr.us-east-1.amazonaws.com/assets:0a",
    role="arn:aws:iam::111111111111:role/Monitor",
    key="arn:aws:kms:us-east-1:111111111111:key/0a",
    instance="ml.m5.large",
    minutes="60",
)


def live(aws: Services, since: datetime = PROMOTED) -> None:
    found = {"Name": CHAMPION, "Value": PACKAGE, "LastModifiedDate": since}
    aws.answers("ssm", "get_parameter", {"Parameter": found}, Name=CHAMPION)


def holds(aws: Services, bucket: str, prefix: str, count: int = 1) -> None:
    """Have the bucket say whether anything begins with `prefix`."""
    answer = {"KeyCount": count}
    aws.answers("s3", "list_objects_v2", answer, Bucket=bucket, Prefix=prefix, MaxKeys=1)


def captured(aws: Services, prefix: str, *sizes: int) -> None:
    """Have the bucket list so many captures below `prefix`."""
    listed = [{"Key": f"{prefix}{number}.jsonl", "Size": size} for number, size in enumerate(sizes)]
    aws.answers("s3", "list_objects_v2", {"Contents": listed} if listed else {}, Bucket="runs", Prefix=prefix)


def ready(aws: Services, folder: str = DAY_FOLDER, labels: int = 0, size: int = 1, state: int = 0) -> None:
    """Have everything there that a run needs."""
    live(aws)
    captured(aws, folder, size)
    aws.package()
    for name in (contract.MONITOR_STATISTICS_FILE, contract.MONITOR_CONSTRAINTS_FILE):
        holds(aws, "runs", f"{EVALUATION}/{name}")
    holds(aws, "raw", "labels/", labels)
    for prefix in (HISTORY, ACCEPTED):
        holds(aws, "runs", prefix, state)


class Created:
    """Takes the job that is created, which botocore has checked."""

    def __init__(self, aws: Services) -> None:
        self.job: dict[str, Any] = {}
        aws("sagemaker").meta.events.register("provide-client-params.sagemaker.CreateProcessingJob", self._take)
        arn = "arn:aws:sagemaker:us-east-1:111111111111:processing-job/x"
        aws.answers("sagemaker", "create_processing_job", {"ProcessingJobArn": arn})

    def _take(self, params: dict[str, Any], **_: Any) -> None:
        self.job = dict(params)


def run(aws: Services, request: MonitorRequest = REQUEST) -> str:
    told: str = lambda_handlers.monitor(asdict(request), None, aws)["message"]  # type: ignore[arg-type]
    return told


def inputs(job: dict[str, Any]) -> dict[str, tuple[str, str]]:
    given = {each["InputName"]: each["S3Input"] for each in job["ProcessingInputs"]}
    return {name: (each["S3Uri"], each["LocalPath"]) for name, each in given.items()}


def outputs(job: dict[str, Any]) -> dict[str, tuple[str, str]]:
    given = {each["OutputName"]: each["S3Output"] for each in job["ProcessingOutputConfig"]["Outputs"]}
    return {name: (each["S3Uri"], each["LocalPath"]) for name, each in given.items()}


def test_the_last_day_is_compared_with_the_baseline_of_what_is_live(aws: Services) -> None:
    ready(aws)
    made = Created(aws)
    assert run(aws) == "Started processing job skin-lesion-monitor-20261124."
    below = "/opt/ml/processing/input"
    assert inputs(made.job) == {
        "capture": (f"{CAPTURE}2026/11/24/", f"{below}/capture"),
        "statistics": (f"s3://runs/{EVALUATION}/monitor_statistics.json", f"{below}/statistics"),
        "constraints": (f"s3://runs/{EVALUATION}/monitor_constraints.json", f"{below}/constraints"),
    }
    assert outputs(made.job) == {
        "monitor": ("s3://runs/monitor/skin-lesion-monitor-20261124", "/opt/ml/processing/output/monitor"),
        "history": (f"s3://runs/{HISTORY}", "/opt/ml/processing/output/history"),
    }


def test_what_earlier_runs_measured_and_what_was_accepted_for_the_live_package_is_read(aws: Services) -> None:
    ready(aws, state=1)
    made = Created(aws)
    run(aws)
    below = "/opt/ml/processing/input"
    given = inputs(made.job)
    assert given["history"] == (f"s3://runs/{HISTORY}", f"{below}/history")
    assert given["accepted"] == (f"s3://runs/{ACCEPTED}", f"{below}/accepted")
    assert made.job["Environment"]["history_output"] == "/opt/ml/processing/output/history"


def test_the_job_is_given_the_contract_of_model_monitor_and_where_to_find_everything(aws: Services) -> None:
    ready(aws)
    made = Created(aws)
    run(aws)
    given = made.job["Environment"]
    assert (given["start_time"], given["end_time"]) == ("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z")
    assert given["sagemaker_endpoint_name"] == "skin-lesion-production"
    places = {path for _, path in inputs(made.job).values()} | {"/opt/ml/processing/input/labels"}
    named = ("dataset_source", "baseline_statistics", "baseline_constraints", "labels_source")
    assert {given[name] for name in named} == places
    assert given["output_path"] == outputs(made.job)["monitor"][1]


def test_the_job_has_no_network_and_everything_it_writes_is_encrypted(aws: Services) -> None:
    ready(aws)
    made = Created(aws)
    run(aws)
    assert made.job["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert made.job["ProcessingOutputConfig"]["KmsKeyId"] == REQUEST.key
    assert made.job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == REQUEST.key
    assert made.job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert (made.job["RoleArn"], made.job["AppSpecification"]["ImageUri"]) == (REQUEST.role, REQUEST.image)


def test_labels_that_are_there_are_handed_to_every_run(aws: Services) -> None:
    ready(aws, labels=1)
    made = Created(aws)
    run(aws)
    assert inputs(made.job)["labels"] == ("s3://raw/labels/", "/opt/ml/processing/input/labels")


def test_new_labels_are_looked_up_in_all_that_was_captured_since_the_model_is_live(aws: Services) -> None:
    ready(aws, CAPTURE.removeprefix("s3://runs/"), labels=1)
    made = Created(aws)
    run(aws, replace(REQUEST, window=LABELS, time="2026-11-25T10:20:30Z"))
    assert inputs(made.job)["capture"][0] == CAPTURE
    assert made.job["Environment"]["start_time"] == "2026-11-20T12:00:00Z"
    assert made.job["ProcessingJobName"] == "skin-lesion-monitor-labels-20261125T102030"


def test_the_longest_name_is_one_that_the_service_takes(aws: Services) -> None:
    ready(aws, CAPTURE.removeprefix("s3://runs/"))
    made = Created(aws)
    run(aws, replace(REQUEST, name="n" * 20, window=LABELS))
    assert len(made.job["ProcessingJobName"]) <= 63


def test_another_refusal_is_an_error_that_rings(aws: Services) -> None:
    ready(aws)
    aws.refuses("sagemaker", "create_processing_job", "ResourceLimitExceeded")
    with pytest.raises(Exception, match="ResourceLimitExceeded"):
        run(aws)


def test_before_the_first_delivery_there_is_nothing_to_monitor(aws: Services) -> None:
    aws.champion("")
    assert run(aws).startswith("Nothing is in production yet")


def test_a_model_that_is_younger_than_the_window_is_not_judged_by_it(aws: Services) -> None:
    live(aws, datetime(2026, 11, 25, 0, 30, tzinfo=UTC))
    assert run(aws).endswith("went into production after 2026-11-25T00:00:00Z. Nothing to monitor.")


def test_where_nothing_was_captured_no_job_is_paid_for(aws: Services) -> None:
    """A job whose input holds no object would fail."""
    live(aws)
    captured(aws, "capture/production/skin-lesion-production/AllTraffic/2026/11/25/00/")
    assert run(aws, replace(REQUEST, window=HOUR_WINDOW)).endswith("no captured requests. Nothing to monitor.")


@pytest.mark.parametrize("there", [0, 1])
def test_a_model_without_a_baseline_is_named_with_what_to_do(aws: Services, there: int) -> None:
    live(aws)
    captured(aws, DAY_FOLDER, 1)
    aws.package()
    holds(aws, "runs", f"{EVALUATION}/monitor_statistics.json", there)
    holds(aws, "runs", f"{EVALUATION}/monitor_constraints.json", 0)
    with pytest.raises(UsageError, match=r"is not there, so that version 3 of skin-lesion .*\(make retrain\)"):
        run(aws)


def test_the_entry_point_is_the_job_of_the_image() -> None:
    package, _, module = monitoring_runs.MONITOR_ENTRYPOINT[-1].rpartition(".")
    assert (monitoring_runs.MONITOR_ENTRYPOINT[:2], package, module) == (
        ("python", "-m"),
        "pipeline_src.jobs",
        "monitor",
    )

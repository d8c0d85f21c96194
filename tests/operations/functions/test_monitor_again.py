# SPDX-License-Identifier: MIT-0
"""A window is looked at once, or again where that failed; and the volume of the job holds what it fetches."""

import pytest

from operations.functions import job_inputs
from operations.functions.errors import UsageError
from tests.operations.functions.test_monitor import PROMOTED, Created, outputs, ready, run
from tests.operations.service import Services


def in_use(aws: Services, name: str, status: str) -> None:
    """Have a job of that name be there."""
    arn = f"arn:aws:sagemaker:us-east-1:111111111111:processing-job/{name}"
    known = {
        "ProcessingJobName": name,
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": status,
        "CreationTime": PROMOTED,
    }
    resources = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}}
    described = {**known, "ProcessingResources": resources, "AppSpecification": {"ImageUri": "image"}}
    aws.refuses("sagemaker", "create_processing_job", "ResourceInUse")
    aws.answers("sagemaker", "describe_processing_job", described, ProcessingJobName=name)


@pytest.mark.parametrize("status", ["InProgress", "Completed", "Stopping"])
def test_the_same_window_is_looked_at_once(aws: Services, status: str) -> None:
    """EventBridge delivers at least once."""
    ready(aws)
    in_use(aws, "skin-lesion-monitor-20261124", status)
    assert run(aws).endswith(f"exists already: {status}. Nothing was started.")


def test_a_run_that_failed_can_be_repeated_under_the_next_number(aws: Services) -> None:
    ready(aws)
    in_use(aws, "skin-lesion-monitor-20261124", "Failed")
    in_use(aws, "skin-lesion-monitor-20261124-2", "Stopped")
    made = Created(aws)
    assert run(aws) == "Started processing job skin-lesion-monitor-20261124-3."
    assert made.job["Environment"]["sagemaker_monitoring_schedule_name"] == "skin-lesion-monitor-20261124-3"
    assert outputs(made.job)["monitor"][0].endswith("/skin-lesion-monitor-20261124-3")


def test_what_has_failed_five_times_is_an_error_that_rings(aws: Services) -> None:
    ready(aws)
    for ending in ("", "-2", "-3", "-4", "-5"):
        in_use(aws, f"skin-lesion-monitor-20261124{ending}", "Failed")
    with pytest.raises(UsageError, match="failed 5 times"):
        run(aws)


@pytest.mark.parametrize(
    ("size", "volume"),
    [(1, 30), (10 << 30, 30), ((10 << 30) + 1, 32), (100 << 30, 210), (1 << 50, job_inputs.MAX_VOLUME_GB)],
)
def test_the_volume_holds_all_captures_that_the_job_fetches(aws: Services, size: int, volume: int) -> None:
    ready(aws, size=size)
    made = Created(aws)
    run(aws)
    assert made.job["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == volume


def test_captures_are_summed_over_all_pages_of_the_list(aws: Services) -> None:
    pages = {"Contents": [{"Key": "a", "Size": 2}], "IsTruncated": True, "NextContinuationToken": "b"}
    aws.answers("s3", "list_objects_v2", pages)
    aws.answers("s3", "list_objects_v2", {"Contents": [{"Key": "b", "Size": 3}]})
    assert job_inputs.total_object_bytes(aws("s3"), "s3://runs/capture/") == 5

# SPDX-License-Identifier: MIT-0
"""`export` starts one processing job over what is there, waits for it and says what the job says."""

from datetime import timedelta
from typing import Any

import pytest

from operations.commands import export_job
from operations.functions.errors import OperationError, StoppedError, UsageError
from tests.operations.service import Services
from tests.operations.shell import account, has_stack, run
from tests.operations.state import MONDAY, OUTPUTS

EARLIER = f"additions/{'a' * 64}.zip"
OLDER = f"additions/{'b' * 64}.zip"
JOB = "skin-lesion-export-20261123t090000"
ARN = f"arn:aws:sagemaker:us-east-1:111111111111:processing-job/{JOB}"


def listed(aws: Services, bucket: str, prefix: str, *keys: str, size: int = 7) -> None:
    found = [{"Key": key, "Size": size, "LastModified": MONDAY - timedelta(hours=at)} for at, key in enumerate(keys)]
    aws.answers("s3", "list_objects_v2", {"Contents": found} if found else {}, Bucket=bucket, Prefix=prefix)


def ready(aws: Services, *additions: str, size: int = 7) -> None:
    """Have requests captured, labels uploaded and earlier archives exported, the newest first."""
    for part in ("storage", "storage", "monitoring", "storage"):
        has_stack(aws, part)
    listed(aws, "runs", "capture/production/", "capture/production/e/AllTraffic/2026/11/23/08/a.jsonl", size=size)
    listed(aws, "raw", "labels/", "labels/1.csv")
    listed(aws, "raw", "additions/", *additions)
    if additions:
        listed(aws, "raw", additions[0], additions[0], size=size)
    has_stack(aws, "training")


def created(aws: Services) -> dict[str, Any]:
    """Have the job created, and return what will have been asked."""
    asked: dict[str, Any] = {}
    aws.answers("sagemaker", "create_processing_job", {"ProcessingJobArn": ARN})
    aws("sagemaker").meta.events.register_first(
        "provide-client-params.sagemaker.CreateProcessingJob", lambda params, **_: asked.update(params), "asked"
    )
    aws.stack.callback(
        aws("sagemaker").meta.events.unregister,
        "provide-client-params.sagemaker.CreateProcessingJob",
        unique_id="asked",
    )
    return asked


def ended(aws: Services, status: str, **more: str) -> None:
    told = {"ProcessingJobName": JOB, "ProcessingJobArn": ARN, "ProcessingJobStatus": status, "CreationTime": MONDAY}
    specification = {"ProcessingResources": {"ClusterConfig": _CLUSTER}, "AppSpecification": {"ImageUri": "i"}}
    aws.answers("sagemaker", "describe_processing_job", told | specification | more, ProcessingJobName=JOB)


_CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}


def test_the_job_reads_captures_labels_and_the_newest_export_and_writes_below_additions(aws: Services) -> None:
    ready(aws, EARLIER, OLDER)
    asked = created(aws)
    assert export_job.start_export_job(account(aws), lambda: MONDAY) == JOB
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in asked["ProcessingInputs"]}
    assert inputs == {
        "capture": "s3://runs/capture/production/",
        "labels": "s3://raw/labels/",
        "addition": f"s3://raw/{EARLIER}",
    }
    paths = {each["InputName"]: each["S3Input"]["LocalPath"] for each in asked["ProcessingInputs"]}
    assert paths == {name: f"/opt/ml/processing/input/{name}" for name in inputs}
    outputs = asked["ProcessingOutputConfig"]
    assert {each["OutputName"]: each["S3Output"]["S3Uri"] for each in outputs["Outputs"]} == {
        "addition": "s3://raw/additions",
        "export": f"s3://raw/additions/export/{JOB}",
    }
    assert outputs["KmsKeyId"] == OUTPUTS["storage"]["KeyArn"]
    assert asked["RoleArn"] == OUTPUTS["monitoring"]["ExportRole"]
    assert asked["AppSpecification"] == {
        "ImageUri": OUTPUTS["training"]["Image"],
        "ContainerEntrypoint": ["python", "-m", "pipeline_src.jobs.export"],
    }
    assert asked["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert asked["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == OUTPUTS["storage"]["KeyArn"]


def test_the_volume_holds_what_is_fetched_laid_aside_and_packed(aws: Services) -> None:
    ready(aws, EARLIER, size=20 << 30)
    asked = created(aws)
    export_job.start_export_job(account(aws), lambda: MONDAY)
    assert asked["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] >= 4 * 40


def test_the_first_export_has_no_earlier_one(aws: Services) -> None:
    ready(aws)
    asked = created(aws)
    export_job.start_export_job(account(aws), lambda: MONDAY)
    assert [each["InputName"] for each in asked["ProcessingInputs"]] == ["capture", "labels"]


@pytest.mark.parametrize(
    ("captured", "told"),
    [(False, "s3://runs/capture/production/: no objects"), (True, r"s3://raw/labels/: .* make labels FILE=")],
)
def test_without_captures_or_labels_nothing_is_started(aws: Services, captured: bool, told: str) -> None:  # noqa: FBT001  parametrized
    for part in ("storage", "storage", "monitoring", "storage"):
        has_stack(aws, part)
    listed(aws, "runs", "capture/production/", *(["a.jsonl"] if captured else []))
    if captured:
        listed(aws, "raw", "labels/")
    with pytest.raises(UsageError, match=told):
        export_job.start_export_job(account(aws), lambda: MONDAY)


def test_its_end_is_waited_for_and_what_it_says_is_said(aws: Services) -> None:
    ended(aws, "InProgress")
    ended(aws, "Completed", ExitMessage="Exported 3 images.")
    assert export_job.wait_for_export_job(account(aws), JOB) == "Exported 3 images."


@pytest.mark.parametrize(
    ("status", "more", "told"),
    [
        ("Failed", {"ExitMessage": "export: no picture with one label."}, "Failed: export: no picture with one label"),
        ("Failed", {"FailureReason": "No capacity."}, "Failed: No capacity"),
        ("Stopped", {}, "Stopped: no reason given"),
    ],
)
def test_an_export_that_failed_is_an_error_with_the_reason(
    aws: Services, status: str, more: dict[str, str], told: str
) -> None:
    ended(aws, status, **more)
    with pytest.raises(OperationError, match=told):
        export_job.wait_for_export_job(account(aws), JOB)


def test_who_stops_looking_is_told_that_it_goes_on() -> None:
    class Impatient:
        def describe_processing_job(self, **_: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError, match=f"processing job {JOB} continues"):
        export_job.wait_for_export_job(account(lambda _name: Impatient()), JOB)


def test_where_nothing_is_deployed_it_says_so(aws: Services) -> None:
    aws.refuses("cloudformation", "describe_stacks", "ValidationError", "Stack does not exist")
    result = run(aws, "export")
    assert result.exit_code == 2
    assert "Deploy first: make deploy" in result.output

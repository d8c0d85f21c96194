# SPDX-License-Identifier: MIT-0
"""`next` says what to do, first things first, from what the services say; it changes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.operations.service import EARLIER, METADATA, PACKAGE, Services
from tests.operations.shell import has_stack, lacks_stack, run
from tests.operations.state import MONDAY, OUTPUTS

TOPIC = OUTPUTS["storage"]["Topic"]
CONNECTION = OUTPUTS["retraining"]["Connection"]
ID = "00000000-0000-0000-0000-000000000001"
EXECUTION = "arn:aws:sagemaker:us-east-1:111111111111:pipeline/skin-lesion/execution/1"


def beginning(
    aws: Services, *, connection: str = "AVAILABLE", subscription: str = f"{TOPIC}:1", archives: int = 1, live: str = ""
) -> None:
    """Have the account answer up to the archives and to what is live."""
    has_stack(aws, "storage")
    has_stack(aws, "retraining")
    found = {"ConnectionName": "app", "ConnectionStatus": connection}
    aws.answers("codeconnections", "get_connection", {"Connection": found}, ConnectionArn=CONNECTION)
    has_stack(aws, "storage")
    subscriptions = [{"SubscriptionArn": subscription, "Endpoint": "a@example.org"}]
    aws.answers("sns", "list_subscriptions_by_topic", {"Subscriptions": subscriptions}, TopicArn=TOPIC)
    has_stack(aws, "storage")
    listed = [{"Key": f"archives/{'a' * 64}.zip", "LastModified": MONDAY}] * archives
    aws.answers("s3", "list_objects_v2", {"Contents": listed}, Bucket="raw", Prefix="archives/")
    if archives:
        has_stack(aws, "storage")
        aws.champion(live)


def training(aws: Services, *statuses: str) -> None:
    has_stack(aws, "training")
    found = [{"PipelineExecutionArn": EXECUTION, "PipelineExecutionStatus": status} for status in statuses]
    aws.answers("sagemaker", "list_pipeline_executions", {"PipelineExecutionSummaries": found})


def packages(aws: Services, *arns: str, status: str = "PendingManualApproval") -> None:
    has_stack(aws, "storage")
    found = [{"ModelPackageArn": arn, "CreationTime": MONDAY, "ModelPackageStatus": "Completed"} for arn in arns]
    more = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1} if "Pending" in status else {}
    asked = {"ModelPackageGroupName": "skin-lesion", "ModelApprovalStatus": status, **more}
    aws.answers("sagemaker", "list_model_packages", {"ModelPackageSummaryList": found}, **asked)


def under_way(aws: Services, *statuses: str) -> None:
    """Have deliveries listed, of which those in progress bring version 3."""
    has_stack(aws, "deployment")
    listed = [{"pipelineExecutionId": ID, "status": status, "startTime": MONDAY} for status in statuses]
    aws.answers("codepipeline", "list_pipeline_executions", {"pipelineExecutionSummaries": listed})
    for _ in (status for status in statuses if status == "InProgress"):
        variables = [{"name": "ModelPackageArn", "resolvedValue": PACKAGE}]
        aws.answers("codepipeline", "get_pipeline_execution", {"pipelineExecution": {"variables": variables}})


def delivery(aws: Services, *approved: str, **latest: Any) -> None:
    """Have the newest delivery described, and the approved versions listed."""
    has_stack(aws, "deployment")
    actions = [{"actionName": "Approve", "latestExecution": latest}] if latest else []
    answer = {"stageStates": [{"stageName": "Approval", "actionStates": actions}]}
    aws.answers("codepipeline", "get_pipeline_state", answer, name="delivery")
    packages(aws, *approved, status="Approved")


def approved(aws: Services, arn: str, *, days: int) -> None:
    aws.package(arn, LastModifiedTime=MONDAY + timedelta(days=days))


def told(aws: Services) -> list[str]:
    result = run(aws, "next")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_nothing_deployed(aws: Services) -> None:
    lacks_stack(aws, "storage")
    assert told(aws) == ["- Deployment 'skin-lesion' does not exist here. Deploy: make deploy"]


def test_freshly_deployed_it_is_the_connection_the_e_mail_and_the_archive(aws: Services) -> None:
    beginning(aws, connection="PENDING", subscription="PendingConfirmation", archives=0)
    connection, mail, upload = told(aws)
    assert connection.startswith("- Complete the connection 'app' to the repository, once: https://us-east-1.console")
    assert mail == "- Confirm the notifications to a@example.org: the link is in an e-mail from AWS"
    assert upload.endswith("make upload ARCHIVE=dataverse_files.zip")


def test_never_trained(aws: Services) -> None:
    beginning(aws)
    training(aws)
    packages(aws)
    delivery(aws)
    assert told(aws) == ["- Train for the first time: make retrain"]


def test_a_training_under_way(aws: Services) -> None:
    beginning(aws)
    training(aws, "Executing")
    packages(aws)
    delivery(aws)
    assert told(aws) == ["- A training is in progress. Follow it: make retrain"]


def test_a_training_that_failed_is_told_with_its_reason(aws: Services) -> None:
    beginning(aws)
    training(aws, "Failed")
    steps = [
        {"StepName": "Train", "StepStatus": "Succeeded"},
        {"StepName": "Reject", "StepStatus": "Failed", "FailureReason": "melanoma sensitivity too low."},
    ]
    answer = {"PipelineExecutionSteps": steps}
    aws.answers("sagemaker", "list_pipeline_execution_steps", answer, PipelineExecutionArn=EXECUTION)
    packages(aws)
    delivery(aws)
    assert told(aws)[0].startswith("- The last training ended as Failed: melanoma sensitivity too low. Again: ")


def test_a_model_that_waits_is_shown_with_its_report_and_how_to_approve_it(aws: Services) -> None:
    beginning(aws, live=EARLIER)
    training(aws, "Succeeded")
    packages(aws, PACKAGE)
    aws.package(status="PendingManualApproval", CustomerMetadataProperties=METADATA | {"champion": "none"})
    delivery(aws)
    report, approve = told(aws)
    for part in ("report.html", "melanoma sensitivity 0.851", "not compared with version 2 of skin-lesion, which is"):
        assert part in report
    assert approve.endswith(f"--model-approval-status Approved --model-package-arn {PACKAGE}")


def test_a_delivery_that_waits_for_its_approval(aws: Services) -> None:
    beginning(aws)
    training(aws, "Succeeded")
    packages(aws)
    delivery(aws, token="t", status="InProgress")  # noqa: S106  what marks an approval that waits
    assert told(aws)[0].startswith("- Check staging, then approve or reject Approval: https://")


def test_a_delivery_under_way_needs_nobody(aws: Services) -> None:
    beginning(aws)
    training(aws, "Succeeded")
    packages(aws)
    delivery(aws, status="InProgress")
    assert told(aws)[0].startswith("- Nothing is in production.")


def test_a_delivery_that_failed(aws: Services) -> None:
    beginning(aws)
    training(aws, "Succeeded")
    packages(aws)
    delivery(aws, status="Failed", errorDetails={"message": "smoke test: no answer."})
    assert told(aws)[0].startswith("- The delivery failed in Approval, Approve: smoke test: no answer. See https://")


@pytest.mark.parametrize("live", ["", EARLIER], ids=["nothing is live", "an earlier one is"])
@pytest.mark.parametrize("statuses", [(), ("Failed", "Stopped")], ids=["never delivered", "its delivery ended"])
def test_an_approved_version_that_is_neither_live_nor_on_its_way_is_shown_with_both_ways_on(
    aws: Services, live: str, statuses: tuple[str, ...]
) -> None:
    beginning(aws, live=live)
    training(aws, "Succeeded")
    packages(aws)
    delivery(aws, PACKAGE)
    if live:
        approved(aws, PACKAGE, days=1)
    under_way(aws, *statuses)
    deliver, reject = told(aws)
    assert deliver.startswith(
        "- version 3 of skin-lesion is approved, but neither live nor being delivered. Deliver it: aws "
    )
    assert deliver.endswith(f"--name delivery --variables name=ModelPackageArn,value={PACKAGE}")
    assert reject.endswith(f"--model-approval-status Rejected --model-package-arn {PACKAGE}")


def test_an_approved_version_that_is_on_its_way_needs_nobody(aws: Services) -> None:
    beginning(aws, live=EARLIER)
    training(aws, "Succeeded")
    packages(aws)
    delivery(aws, PACKAGE)
    approved(aws, PACKAGE, days=1)
    under_way(aws, "Failed", "InProgress")
    assert told(aws)[0].startswith("- Nothing to do: version 2 of skin-lesion is in production.")


@pytest.mark.parametrize(("live", "other", "version"), [(PACKAGE, EARLIER, 3), (EARLIER, PACKAGE, 2)])
def test_when_all_is_done_it_names_what_is_live_also_after_a_rollback(
    aws: Services, live: str, other: str, version: int
) -> None:
    beginning(aws, live=live)
    training(aws, "Succeeded")
    packages(aws)
    delivery(aws, PACKAGE, EARLIER)
    approved(aws, other, days=-1)
    assert told(aws)[0].startswith(f"- Nothing to do: version {version} of skin-lesion is in production.")

# SPDX-License-Identifier: MIT-0
"""From an approval to a delivery: one for each approval, however many events tell of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.functions import model_delivery
from operations.functions.errors import UsageError
from operations.functions.function_payloads import ReleaseRequest, ReleaseResult
from operations.functions.model_delivery import DeliveryExecution
from operations.functions.model_package import ModelPackage
from tests.operations.service import CHAMPION, EARLIER, METADATA, MONDAY, PACKAGE, Services

ID = "00000000-0000-0000-0000-00000000000{}"
EVENT = {"ModelPackageArn": PACKAGE, "ModelApprovalStatus": "Approved"}
REQUEST = ReleaseRequest(EVENT, "skin-lesion-delivery", CHAMPION)
APPROVED = ModelPackage(PACKAGE, "Approved", MONDAY, {})


def _deliveries(aws: Services, *deliveries: tuple[str, str], pages: int = 1, **more: Any) -> None:
    """Have CodePipeline list executions, each with a status and the package that it delivers."""
    summaries = [
        {"pipelineExecutionId": ID.format(number), "status": status, "startTime": MONDAY, **more}
        for number, (status, _) in enumerate(deliveries)
    ]
    size = -(-len(summaries) // pages) or 1
    for page in range(pages):
        token = {"nextToken": "more"} if page < pages - 1 else {}
        answer = {"pipelineExecutionSummaries": summaries[page * size : (page + 1) * size], **token}
        aws.answers("codepipeline", "list_pipeline_executions", answer)
    for number, (_, package) in enumerate(deliveries):
        if package:
            _variables(aws, number, package)


def _variables(aws: Services, number: int, package: str) -> None:
    variables = [{"name": "ModelPackageArn", "resolvedValue": package}]
    answer = {"pipelineExecution": {"pipelineExecutionId": ID.format(number), "variables": variables}}
    expected = {"pipelineName": REQUEST.delivery, "pipelineExecutionId": ID.format(number)}
    aws.answers("codepipeline", "get_pipeline_execution", answer, **expected)


def _starts(aws: Services, deliveries: list[DeliveryExecution], changed: datetime = MONDAY) -> None:
    aws.answers(
        "codepipeline",
        "start_pipeline_execution",
        {"pipelineExecutionId": ID.format(9)},
        name=REQUEST.delivery,
        variables=[{"name": "ModelPackageArn", "value": PACKAGE}],
        clientRequestToken=model_delivery.delivery_token(ModelPackage(PACKAGE, "Approved", changed, {}), deliveries),
    )


def _start(aws: Services, **event: Any) -> ReleaseResult:
    services = {name: aws(name) for name in ("sagemaker", "codepipeline", "ssm")}
    return model_delivery.start_delivery(replace(REQUEST, detail=EVENT | event), **services, sleep=lambda _: None)


@pytest.mark.parametrize("changed", [["CustomerMetadataProperties"], ["ModelCard", "ModelLifeCycle"]])
def test_an_edit_of_an_approved_version_delivers_nothing_and_asks_no_service(aws: Services, changed: list[str]) -> None:
    """An event says how the approval stands, whatever was changed."""
    answer = _start(aws, UpdatedModelPackageFields=changed)
    message = "version 3 of skin-lesion was edited; its approval did not change. Nothing was started."
    assert answer == ReleaseResult(started=False, execution="", message=message)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"UpdatedModelPackageFields": None},
        {"UpdatedModelPackageFields": []},
        {"UpdatedModelPackageFields": ["ModelApprovalStatus"]},
        {"UpdatedModelPackageFields": ["CustomerMetadataProperties", "ModelApprovalStatus"]},
    ],
    ids=str,
)
def test_an_event_that_may_tell_of_an_approval_delivers(aws: Services, event: dict[str, Any]) -> None:
    aws.package()
    _deliveries(aws)
    aws.champion("")
    _starts(aws, [])
    assert _start(aws, **event).started


def test_an_approved_package_is_delivered(aws: Services) -> None:
    aws.package()
    _deliveries(aws)
    aws.champion("")
    _starts(aws, [])
    started = _start(aws)
    assert started == ReleaseResult(started=True, execution=ID.format(9), message=started.message)
    assert started.message == "Started the delivery of version 3 of skin-lesion."


def test_a_delivery_says_that_another_model_than_its_own_was_compared_with_is_live(aws: Services) -> None:
    aws.package(CustomerMetadataProperties=METADATA | {"champion": "none", "champion_difference": "absent"})
    _deliveries(aws)
    aws.champion(EARLIER)
    _starts(aws, [])
    assert _start(aws).message == (
        "Started the delivery of version 3 of skin-lesion; "
        "not compared with version 2 of skin-lesion, which is now in production."
    )


def test_a_second_event_of_the_same_approval_finds_the_delivery_on_a_later_page(aws: Services) -> None:
    aws.package()
    _deliveries(aws, ("Failed", EARLIER), ("InProgress", EARLIER), ("InProgress", PACKAGE), pages=2)
    aws.champion("")
    dropped = _start(aws)
    assert (dropped.started, dropped.execution) == (False, ID.format(2))
    assert "is being delivered already" in dropped.message


def test_two_events_at_once_send_one_token(aws: Services) -> None:
    """Neither sees the other's delivery; the service starts one execution for a token."""
    for _ in range(2):
        aws.package()
        _deliveries(aws)
        aws.champion("")
        _starts(aws, [])
    assert _start(aws).execution == _start(aws).execution


def test_two_different_packages_are_both_delivered(aws: Services) -> None:
    aws.package()
    _deliveries(aws, ("InProgress", EARLIER))
    aws.champion("")
    _starts(aws, [])
    assert _start(aws).started
    other = ModelPackage(EARLIER, "Approved", MONDAY, {})
    assert model_delivery.delivery_token(other, []) != model_delivery.delivery_token(APPROVED, [])


def test_a_package_that_is_live_is_not_delivered_again(aws: Services) -> None:
    aws.package()
    _deliveries(aws, ("Succeeded", PACKAGE))
    aws.champion(PACKAGE)
    dropped = _start(aws)
    assert not dropped.started
    assert "is already live in production" in dropped.message


def test_the_live_package_is_delivered_while_another_is_on_its_way_to_production(aws: Services) -> None:
    """Approving the old one is how to get it back, and the other one may replace it any moment."""
    aws.package()
    _deliveries(aws, ("InProgress", EARLIER))
    aws.champion(PACKAGE)
    _starts(aws, [])
    assert _start(aws).started


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Stopping", "Succeeded", "Cancelled"])
def test_a_delivery_that_ended_can_be_repeated_under_another_token(aws: Services, status: str) -> None:
    aws.package()
    _deliveries(aws, (status, PACKAGE))
    aws.champion(EARLIER)
    _starts(aws, [DeliveryExecution(ID.format(0), running=False, package=PACKAGE)])
    assert _start(aws).started
    assert model_delivery.delivery_token(APPROVED, []) != model_delivery.delivery_token(
        APPROVED, [DeliveryExecution("", running=False, package=PACKAGE)]
    )


def test_approving_an_earlier_version_again_is_a_delivery_of_its_own(aws: Services) -> None:
    """The rollback: what was delivered before that approval is of no concern, and is not even looked at."""
    approved = MONDAY + timedelta(days=7)
    aws.package(LastModifiedTime=approved)
    _deliveries(aws, ("Succeeded", ""), ("Failed", ""))
    aws.champion(EARLIER)
    _starts(aws, [], changed=approved)
    assert _start(aws).started
    again = ModelPackage(PACKAGE, "Approved", approved, {})
    assert model_delivery.delivery_token(again, []) != model_delivery.delivery_token(APPROVED, [])


def test_the_rollback_of_a_stage_is_no_delivery(aws: Services) -> None:
    """It bears the variables of the delivery to which it goes back."""
    aws.package()
    _deliveries(aws, ("InProgress", ""), executionType="ROLLBACK")
    aws.champion("")
    _starts(aws, [])
    assert _start(aws).started


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_a_package_that_is_not_approved_any_more_is_not_delivered(aws: Services, status: str) -> None:
    # The registry may show an approval only after some seconds.
    for _ in range(4 if status == "PendingManualApproval" else 1):
        aws.package(status=status)
    dropped = _start(aws)
    assert not dropped.started
    assert f"{PACKAGE} is now {status}. Nothing was started." in dropped.message


def test_an_unknown_package_is_said_so_with_how_to_list_those_there_are(aws: Services) -> None:
    aws.refuses("sagemaker", "describe_model_package", "ValidationException", "ModelPackage does not exist.")
    with pytest.raises(UsageError, match=r"skin-lesion/3: ModelPackage does not exist. .*list-model-packages"):
        _start(aws)


def test_another_refusal_is_not_taken_for_an_unknown_package(aws: Services) -> None:
    aws.refuses("sagemaker", "describe_model_package", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        _start(aws)


def test_an_unknown_delivery_is_said_so(aws: Services) -> None:
    aws.package()
    aws.refuses("codepipeline", "list_pipeline_executions", "PipelineNotFoundException")
    with pytest.raises(UsageError, match="CodePipeline 'skin-lesion-delivery': not found in us-east-1"):
        _start(aws)

# SPDX-License-Identifier: MIT-0
"""What the registry's events set off, by the event as SageMaker documents it."""

import json
from typing import Any

import pytest

from operations.functions import function_payloads
from operations.functions.model_delivery import event_package_arn, leaves_approval_unchanged
from tests.proof.intrinsic import Resource
from tests.stacks.pattern import matches, transformed
from tests.stacks.synthesis import deployed

PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/skin-lesion/7"


def event(status: str, group: str = "skin-lesion", **changes: Any) -> dict[str, Any]:
    """Return a model package's event; Developer Guide, "Events that Amazon SageMaker AI sends to EventBridge"."""
    return {
        "version": "0",
        "id": "844e2571-85d4-695f-b930-0153b71dcb42",
        "detail-type": "SageMaker Model Package State Change",
        "source": "aws.sagemaker",
        "account": "111122223333",
        "time": "2026-11-02T17:00:14Z",
        "region": "eu-west-1",
        "resources": [PACKAGE],
        "detail": {
            "ModelPackageGroupName": group,
            "ModelPackageVersion": 7,
            "ModelPackageArn": PACKAGE,
            "CreationTime": "2026-11-02T16:59:00Z",
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": status,
        },
        **changes,
    }


@pytest.fixture(scope="module")
def rules(documents: dict[str, Any]) -> dict[str, Resource]:
    """The rules by the approval status that they wait for."""
    found = deployed(documents, "Deployment", "AWS::Events::Rule")
    return {each.properties["EventPattern"]["detail"]["ModelApprovalStatus"][0]: each for each in found}


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_each_status_has_its_rule_and_no_other_matches(rules: dict[str, Resource], status: str) -> None:
    matched = [name for name, rule in rules.items() if matches(rule.properties["EventPattern"], event(status))]
    assert matched == [status]


@pytest.mark.parametrize(
    "other",
    [
        event("PendingManualApproval"),
        event("Approved", group="skin-lesion-2"),
        event("Approved", **{"detail-type": "SageMaker Model State Change"}),
        event("Rejected", source="somebody.else"),
    ],
    ids=["pending", "other group", "other kind", "other source"],
)
def test_other_events_match_nothing(rules: dict[str, Resource], other: dict[str, Any]) -> None:
    assert [name for name, rule in rules.items() if matches(rule.properties["EventPattern"], other)] == []


def test_an_approval_hands_the_release_function_its_payload(
    documents: dict[str, Any], rules: dict[str, Resource]
) -> None:
    (target,) = rules["Approved"].properties["Targets"]
    request = function_payloads.read_payload(
        function_payloads.ReleaseRequest, json.loads(transformed(target, event("Approved")))
    )
    assert request == function_payloads.ReleaseRequest(
        event("Approved")["detail"], "skin-lesion-delivery", "/skin-lesion/champion"
    )
    assert event_package_arn(request.detail) == PACKAGE
    assert handler(documents, target) == "operations.functions.lambda_handlers.release"


def test_a_rejection_hands_the_rejected_function_its_payload(
    documents: dict[str, Any], rules: dict[str, Resource]
) -> None:
    (target,) = rules["Rejected"].properties["Targets"]
    request = function_payloads.read_payload(
        function_payloads.RejectionRequest, json.loads(transformed(target, event("Rejected")))
    )
    assert (request.detail, request.champion) == (event("Rejected")["detail"], "/skin-lesion/champion")
    assert ":sns:" in request.topic
    assert handler(documents, target) == "operations.functions.lambda_handlers.rejected"


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_rule_passes_on_what_was_changed_and_does_without_it(rules: dict[str, Resource], status: str) -> None:
    """The field may be absent: a rule that asked for it would drop approvals, so the functions look at it."""
    (target,) = rules[status].properties["Targets"]
    edited = event(status)
    edited["detail"]["UpdatedModelPackageFields"] = ["CustomerMetadataProperties"]
    for given, edit in ((event(status), False), (edited, True)):
        assert matches(rules[status].properties["EventPattern"], given)
        assert leaves_approval_unchanged(json.loads(transformed(target, given))["detail"]) is edit


def handler(documents: dict[str, Any], target: dict[str, Any]) -> str:
    functions = {each.arn: each for each in deployed(documents, "Deployment", "AWS::Lambda::Function")}
    return str(functions[target["Arn"]].properties["Handler"])


def test_an_event_is_kept_if_it_cannot_be_delivered_and_if_its_function_fails_every_time(
    documents: dict[str, Any], rules: dict[str, Resource]
) -> None:
    (queue,) = deployed(documents, "Deployment", "AWS::SQS::Queue")
    for rule in rules.values():
        (target,) = rule.properties["Targets"]
        assert target["DeadLetterConfig"]["Arn"] == queue.arn
    destinations = deployed(documents, "Deployment", "AWS::Lambda::EventInvokeConfig")
    assert [each.properties["DestinationConfig"]["OnFailure"]["Destination"] for each in destinations] == [
        queue.arn
    ] * 2

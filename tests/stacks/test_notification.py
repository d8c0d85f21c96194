# SPDX-License-Identifier: MIT-0
"""Who is told what: the documented events, and the sentences that rules make of them."""

from typing import Any

import pytest

from tests.proof.intrinsic import Resource
from tests.proof.sample import ACCOUNT, REGION
from tests.stacks.pattern import matches, transformed
from tests.stacks.synthesis import deployed

Document = dict[str, Any]
PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"


def event(source: str, kind: str, **detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "source": source,
        "detail-type": kind,
        "account": ACCOUNT,
        "region": REGION,
        "detail": detail,
    }


def execution(status: str, pipeline: str = "skin-lesion") -> dict[str, Any]:
    """SageMaker Developer Guide, "Pipeline execution state change"."""
    return event(
        "aws.sagemaker",
        "SageMaker Model Building Pipeline Execution Status Change",
        pipelineExecutionDisplayName="0123456789abcdef-1-push",
        currentPipelineExecutionStatus=status,
        previousPipelineExecutionStatus="Executing",
        executionStartTime="2026-11-15T16:03:13Z",
        pipelineArn=f"{PREFIX}:pipeline/{pipeline}",
        pipelineExecutionArn=f"{PREFIX}:pipeline/{pipeline}/execution/p4jn9xou8a8s",
    )


def package(approval: str, status: str = "Completed", group: str = "skin-lesion", **more: Any) -> dict[str, Any]:
    """SageMaker Developer Guide, "Model package state change"."""
    return event(
        "aws.sagemaker",
        "SageMaker Model Package State Change",
        ModelPackageGroupName=group,
        ModelPackageVersion=2,
        ModelPackageArn=f"{PREFIX}:model-package/{group}/2",
        ModelPackageStatus=status,
        ModelApprovalStatus=approval,
        **more,
    )


def machine(documents: dict[str, Document], status: str) -> dict[str, Any]:
    """Step Functions Developer Guide, "Execution failed"."""
    (found,) = deployed(documents, "Retraining", "AWS::StepFunctions::StateMachine")
    return event(
        "aws.states",
        "Step Functions Execution Status Change",
        stateMachineArn=found.arn,
        executionArn=f"{found.arn}:abc".replace("stateMachine", "execution"),
        name="abc",
        status=status,
        error="RetrainingFailed",
        cause='Rejected. balanced_accuracy: wanted "0.60", got 0.41\nThat is all.',
        input="{}",
    )


def pipeline(name: str, state: str) -> dict[str, Any]:
    """CodePipeline User Guide, "Monitoring CodePipeline events", pipeline-level events."""
    kind = "CodePipeline Pipeline Execution State Change"
    return event("aws.codepipeline", kind, pipeline=name, state=state, version=3, **{"execution-id": "e-1"})


@pytest.fixture(scope="module")
def rules(documents: dict[str, Document]) -> list[Resource]:
    found = deployed(documents, "Monitoring", "AWS::Events::Rule")
    return [each for each in found if each.id.startswith("Notifier")]


def told(rules: list[Resource], given: dict[str, Any]) -> list[str]:
    """Return the messages that an event sends to the topic."""
    found = [each.properties for each in rules if matches(each.properties["EventPattern"], given)]
    return [transformed(target, given).strip('"') for each in found for target in each["Targets"]]


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Succeeded"])
def test_the_end_of_an_execution_is_told_once_with_its_arn(rules: list[Resource], status: str) -> None:
    (message,) = told(rules, execution(status))
    assert status in message
    assert "execution/p4jn9xou8a8s" in message


def test_a_version_that_waits_for_approval_is_told_with_its_arn_and_what_to_do(rules: list[Resource]) -> None:
    (message,) = told(rules, package("PendingManualApproval"))
    assert message.startswith("Version 2 of model skin-lesion is waiting for approval: arn:aws:sagemaker:")
    assert message.endswith("Its report and the command: make next.")


@pytest.mark.parametrize(
    ("changed", "count"),
    [
        (["ModelApprovalStatus"], 1),
        (["CustomerMetadataProperties", "ModelApprovalStatus"], 1),
        ([], 1),
        (["CustomerMetadataProperties"], 0),
        (["ModelCard", "ModelLifeCycle"], 0),
    ],
    ids=str,
)
def test_an_edit_of_a_version_that_waits_is_told_to_nobody(
    rules: list[Resource], changed: list[str], count: int
) -> None:
    given = package("PendingManualApproval", UpdatedModelPackageFields=changed)
    assert len(told(rules, given)) == count


def test_a_failed_retraining_is_told_whatever_quotes_its_cause_holds(
    rules: list[Resource], documents: dict[str, Document]
) -> None:
    for status in ("FAILED", "TIMED_OUT", "ABORTED"):
        (message,) = told(rules, machine(documents, status))
        assert f"ended as {status}. Execution abc" in message
        assert "make next, and docs/troubleshooting.md#a-retraining-failed" in message


@pytest.mark.parametrize("name", ["skin-lesion-delivery", "skin-lesion-source"])
def test_the_end_of_a_pipeline_is_told(rules: list[Resource], name: str) -> None:
    (failed,), (succeeded,), (cancelled,), (stopped,) = (
        told(rules, pipeline(name, state)) for state in ("FAILED", "SUCCEEDED", "CANCELED", "STOPPED")
    )
    assert f"pipeline {name} was cancelled, because a deployment changed it" in cancelled
    assert "docs/operate.md#deliver-again" in stopped
    assert f"pipeline {name} failed: execution e-1" in failed
    assert f"pipeline {name} has done all its stages: execution e-1" in succeeded


def test_nobody_is_told_of_what_is_under_way_or_is_not_ours(
    rules: list[Resource], documents: dict[str, Document]
) -> None:
    quiet = [
        execution("Executing"),
        execution("Failed", "another"),
        package("Approved"),
        package("PendingManualApproval", "InProgress"),
        package("PendingManualApproval", group="another"),
        machine(documents, "RUNNING"),
        machine(documents, "SUCCEEDED"),
        pipeline("skin-lesion-delivery", "STARTED"),
        pipeline("another", "FAILED"),
        execution("Failed") | {"account": "999988887777"},
    ]
    assert [told(rules, each) for each in quiet] == [[]] * len(quiet)


def test_eventbridge_publishes_by_a_role_that_may_do_nothing_else(
    rules: list[Resource], documents: dict[str, Document]
) -> None:
    """AWS says that a condition in a topic's policy never holds for EventBridge, so that a rule needs a role."""
    targets = [target for each in rules for target in each.properties["Targets"]]
    (role,) = {target["RoleArn"] for target in targets}
    assert "notifierrole" in role
    assert all("DeadLetterConfig" in target for target in targets)
    policies = deployed(documents, "Monitoring", "AWS::IAM::Policy")
    (policy,) = [each for each in policies if each.id.startswith("NotifierRole")]
    listed = [statement["Action"] for statement in policy.properties["PolicyDocument"]["Statement"]]
    assert listed == ["sns:Publish", ["kms:Decrypt", "kms:GenerateDataKey"]]

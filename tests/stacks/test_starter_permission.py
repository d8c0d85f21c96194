# SPDX-License-Identifier: MIT-0
"""What the state machine and its function may do: exactly what a start needs."""

import fnmatch
from typing import Any

import pytest

from tests.proof.intrinsic import Documents, Resource, resources


@pytest.fixture(scope="module")
def deployed(documents: Documents) -> list[Resource]:
    return [each for each in resources(documents) if each.stack == "Retraining"]


def statements(deployed: list[Resource], role: str) -> dict[str, Any]:
    """Return the resources by action of what the role whose id begins with `role` may do."""
    found: dict[str, Any] = {}
    for each in deployed:
        if each.kind == "AWS::IAM::Policy" and each.id.startswith(role):
            for statement in each.properties["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                found |= dict.fromkeys([actions] if isinstance(actions, str) else actions, statement["Resource"])
    return found


def test_it_may_look_at_executions_of_our_pipeline_and_no_other(deployed: list[Resource]) -> None:
    allowed = statements(deployed, "StarterMachineRole")
    ours = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/skin-lesion/execution/*"
    assert allowed["sagemaker:DescribePipelineExecution"] == ours
    assert allowed["sagemaker:ListPipelineExecutionSteps"] == ours
    assert not any(action.startswith(("s3:", "iam:", "sagemaker:Start")) for action in allowed)


def test_the_function_may_start_our_pipeline_list_archives_find_the_champion_and_nothing_else(
    deployed: list[Resource],
) -> None:
    allowed = statements(deployed, "StarterStartRole")
    pipeline = ("DescribePipeline", "ListPipelineExecutions", "StartPipelineExecution")
    assert set(allowed) == {
        *(f"sagemaker:{action}" for action in pipeline),
        "sagemaker:DescribeModelPackage",
        "ssm:GetParameter",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    arn = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/skin-lesion"
    assert {allowed[f"sagemaker:{action}"] for action in pipeline} == {arn}
    assert allowed["ssm:GetParameter"] == "arn:aws:ssm:eu-west-1:111122223333:parameter/skin-lesion/champion"
    versions = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/skin-lesion/*"
    assert allowed["sagemaker:DescribeModelPackage"] == versions


def test_the_function_sees_that_predictions_are_there_and_reads_none(deployed: list[Resource]) -> None:
    """Where the layout of a run says, and by listing alone, for which it needs no key."""
    (policy,) = [
        each for each in deployed if each.kind == "AWS::IAM::Policy" and each.id.startswith("StarterStartRole")
    ]
    (key,) = (
        each["Condition"]["StringLike"]["s3:prefix"][0]
        for each in policy.properties["PolicyDocument"]["Statement"]
        if each["Action"] == "s3:ListBucket" and "sample-runs" in each["Resource"]
    )
    wanted = "runs/abc/evaluate/evaluation/predictions.csv"
    assert fnmatch.fnmatchcase(wanted, key)
    for other in ("runs/", "runs/abc/", "runs/abc/preprocess/holdout/predictions.csv", f"{wanted}/", "capture/"):
        assert not fnmatch.fnmatchcase(other, key)

# SPDX-License-Identifier: MIT-0
"""What the roles of a delivery may do, and what they may not: by each statement with samples put in."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from stacks.settings.generated_names import (
    CONFIGURATION,
    LONGEST_NAME,
    MODEL,
    generated_logical_id,
    generated_name_starts,
)
from stacks.settings.stage_placement import STAGES
from tests.proof.policy import Statement, policies
from tests.proof.sample import ACCOUNT, REGION

HERE = f"{REGION}:{ACCOUNT}"
SAGEMAKER = f"arn:aws:sagemaker:{HERE}"
RUNS = "arn:aws:s3:::sample-runse45a2291"
ARTIFACTS = "arn:aws:s3:::sample-artifacts82dd59a1"
PACKAGE = f"{SAGEMAKER}:model-package/skin-lesion/7"
SCALING = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
ALARM = f"arn:aws:cloudwatch:{HERE}:alarm"
# Role -> (action, resource) of each; the resources are what the delivery meets.
NEEDED = {
    "ProductionDeployer": [
        ("sagemaker:CreateModel", f"{SAGEMAKER}:model/skinlesionproductionmodel-a1b2c3d4e5f6"),
        # 63 characters, to which CloudFormation cuts both parts where it begins with the stack's name.
        ("sagemaker:DeleteModel", f"{SAGEMAKER}:model/skin-lesion-production-skinlesionproductionmodel-a1b2c3d4e5f6"),
        (
            "sagemaker:DeleteEndpointConfig",
            f"{SAGEMAKER}:endpoint-config/skin-lesion-production-skinlesionproductionconfigu-a1b2c3d4e5f6",
        ),
        (
            "sagemaker:DeleteEndpointConfig",
            f"{SAGEMAKER}:endpoint-config/skinlesionproductionconfiguration-a1b2c3d4e5f6",
        ),
        ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-production"),
        ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint-config/skinlesionproductionconfiguration-a1b2c3d4e5f6"),
        ("sagemaker:DescribeModelPackage", PACKAGE),
        ("sagemaker:CreateModel", PACKAGE),
        ("sagemaker:AccessModelPackage", PACKAGE),
        ("cloudwatch:PutMetricAlarm", f"{ALARM}:"),
        ("cloudwatch:DescribeAlarms", f"{ALARM}:*"),
        ("cloudwatch:PutMetricAlarm", f"{ALARM}:skin-lesion-production-Latency"),
        (
            "cloudwatch:PutMetricAlarm",
            f"{ALARM}:TargetTracking-endpoint/skin-lesion-production/variant/AllTraffic-AlarmHigh-0a1b",
        ),
        ("iam:CreateServiceLinkedRole", f"{SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"),
    ],
    "DeliveryRole": [
        ("s3:PutObject", f"{ARTIFACTS}/skin-lesion-delivery/Templates/a1b2c3d"),
        ("cloudformation:UpdateStack", f"arn:aws:cloudformation:{HERE}:stack/skin-lesion-production/0a1b"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{HERE}:stack/skin-lesion-staging/0a1b"),
    ],
    "ServingRole": [
        ("s3:GetObject", f"{RUNS}/runs/a1b2c3/train/model/job/output/model.tar.gz"),
        ("s3:PutObject", f"{RUNS}/capture/production/skin-lesion-production/AllTraffic/2026/11/02/17/1.jsonl"),
        (
            "logs:PutLogEvents",
            f"arn:aws:logs:{HERE}:log-group:/aws/sagemaker/Endpoints/skin-lesion-staging:log-stream:a",
        ),
        ("cloudwatch:DescribeAlarms", f"{ALARM}:skin-lesion-production-Latency"),
    ],
    "SmokeRole": [
        ("s3:GetObject", f"{RUNS}/runs/a1b2c3/evaluate/evaluation/predictions.csv"),
        ("s3:GetObject", f"{RUNS}/runs/a1b2c3/preprocess/holdout/ISIC_0024306.jpg"),
        ("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-staging"),
        ("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-production"),
        ("sagemaker:DescribeModelPackage", PACKAGE),
        ("codepipeline:PutJobSuccessResult", "*"),
    ],
    "PromoteRole": [
        ("sagemaker:DescribeEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-production"),
        (
            "sagemaker:DescribeEndpointConfig",
            f"{SAGEMAKER}:endpoint-config/skinlesionproductionconfiguration-a1b2c3d4e5f6",
        ),
        ("sagemaker:DescribeModel", f"{SAGEMAKER}:model/skinlesionproductionmodel-a1b2c3d4e5f6"),
        ("ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/skin-lesion/champion"),
        ("codepipeline:PutJobFailureResult", "*"),
    ],
    "ApprovalReleaseFunctionRole": [
        ("sagemaker:DescribeModelPackage", PACKAGE),
        ("codepipeline:ListPipelineExecutions", f"arn:aws:codepipeline:{HERE}:skin-lesion-delivery"),
        ("codepipeline:GetPipelineExecution", f"arn:aws:codepipeline:{HERE}:skin-lesion-delivery"),
        ("codepipeline:StartPipelineExecution", f"arn:aws:codepipeline:{HERE}:skin-lesion-delivery"),
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/skin-lesion/champion"),
    ],
    "ApprovalRejectedFunctionRole": [
        ("ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/skin-lesion/champion"),
    ],
}
FORBIDDEN = {
    "ProductionDeployer": [
        ("sagemaker:DeleteEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-staging"),
        ("sagemaker:DeleteModel", f"{SAGEMAKER}:model/somebody-elses"),
        ("cloudwatch:UntagResource", f"{ALARM}:somebody-elses"),
        ("sagemaker:DeleteModel", f"{SAGEMAKER}:model/skinlesionstagingmodel-a1b2"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("s3:GetObject", f"{RUNS}/runs/a1b2c3/preprocess/holdout/ISIC_0024306.jpg"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{HERE}:function:any"),
    ],
    "DeliveryRole": [
        ("s3:GetObject", f"{ARTIFACTS}/skin-lesion-source/Pushed/a1b2c3d"),
        ("s3:PutObject", f"{ARTIFACTS}/skin-lesion-source/Pushed/a1b2c3d"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{HERE}:stack/skin-lesion-production/0a1b"),
        ("cloudformation:UpdateStack", f"arn:aws:cloudformation:{HERE}:stack/skin-lesion-storage/0a1b"),
        ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-production"),
    ],
    "ServingRole": [
        ("s3:GetObject", f"{RUNS}/runs/a1b2c3/preprocess/holdout/ISIC_0024306.jpg"),
        ("s3:PutObject", f"{RUNS}/runs/a1b2c3/train/model/job/output/model.tar.gz"),
        ("s3:GetObject", f"{RUNS}/capture/production/skin-lesion-production/AllTraffic/1.jsonl"),
    ],
    "SmokeRole": [
        ("s3:GetObject", f"{RUNS}/capture/production/skin-lesion-production/AllTraffic/1.jsonl"),
        ("s3:GetObject", f"{RUNS}/runs/a1b2c3/train/model/job/output/model.tar.gz"),
        ("s3:GetObject", f"{RUNS}/checkpoints/a1b2c3/predictions.csv"),
        ("ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/skin-lesion/champion"),
    ],
    "PromoteRole": [("ssm:PutParameter", f"arn:aws:ssm:{HERE}:parameter/skin-lesion/other")],
    "ApprovalReleaseFunctionRole": [
        ("codepipeline:PutApprovalResult", f"arn:aws:codepipeline:{HERE}:skin-lesion-delivery/Approval/Approve"),
        ("sagemaker:UpdateModelPackage", PACKAGE),
    ],
}


@pytest.fixture(scope="module")
def allowed(documents: dict[str, Any]) -> dict[str, list[Statement]]:
    """What each role of the deployment stack is allowed, by the beginning of its policy's logical id."""
    found = [each for each in policies(documents) if each.place.startswith("Deployment/") and each.kind == "identity"]
    return {each.place.removeprefix("Deployment/").partition("DefaultPolicy")[0]: each.allowing for each in found}


def may(statements: list[Statement], action: str, resource: str) -> bool:
    """Return whether a statement allows it, whatever its condition says."""
    return any(
        any(fnmatchcase(action, each) for each in statement["Action"])
        and any(fnmatchcase(resource, each) for each in statement["Resource"])
        for statement in statements
    )


@pytest.mark.parametrize("role", NEEDED)
def test_a_role_may_do_what_the_delivery_needs_of_it(role: str, allowed: dict[str, list[Statement]]) -> None:
    assert [each for each in NEEDED[role] if not may(allowed[role], *each)] == []


@pytest.mark.parametrize("role", FORBIDDEN)
def test_a_role_may_not_do_what_is_anothers(role: str, allowed: dict[str, list[Statement]]) -> None:
    assert [each for each in FORBIDDEN[role] if may(allowed[role], *each)] == []


def test_the_two_stages_share_no_role(allowed: dict[str, list[Statement]]) -> None:
    production = ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-production")
    staging = ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/skin-lesion-staging")
    assert may(allowed["StagingDeployer"], *staging)
    assert not may(allowed["StagingDeployer"], *production)


def test_a_stage_that_does_not_scale_may_touch_no_alarm_but_its_own(allowed: dict[str, list[Statement]]) -> None:
    assert not may(allowed["StagingDeployer"], "cloudwatch:DeleteAlarms", f"{ALARM}:somebody-elses")


def test_every_pass_of_a_role_names_one_role_and_one_service(allowed: dict[str, list[Statement]]) -> None:
    passing = [each for found in allowed.values() for each in found if "iam:PassRole" in each["Action"]]
    assert len(passing) == 5
    for statement in passing:
        assert statement["Condition"]["StringEquals"].keys() == {"iam:PassedToService"}
        assert not [each for each in statement["Resource"] if "*" in each]


@pytest.mark.parametrize("name", ["a", "skin-lesion", "a" * 20, "ab-" * 6 + "c"])
def test_every_name_that_cloudformation_can_generate_has_at_most_63_characters(name: str) -> None:
    """A statement on a longer one allows nothing. Source: SageMaker API Reference, CreateEndpointConfig."""
    for stage in STAGES:
        for what in (MODEL, CONFIGURATION):
            own, from_stack = generated_name_starts(name, stage, what)
            assert own == generated_logical_id(name, stage, what)
            assert max(len(own), len(from_stack)) + len("-a1b2c3d4e5f6") <= LONGEST_NAME
            stack, id_ = f"{name}-{stage}", own
            whole = len(stack) + 1 + len(id_) + 13 <= LONGEST_NAME
            assert (from_stack == f"{stack}-{id_}") == whole
            # Half of the characters for each where both are longer, and none of them unused.
            assert whole or len(from_stack) == LONGEST_NAME - 13
            assert from_stack.startswith(stack[:24])


def test_a_stage_s_generated_names_are_no_other_stage_s() -> None:
    starts = [
        each
        for stage in STAGES
        for what in (MODEL, CONFIGURATION)
        for each in generated_name_starts("a" * 20, stage, what)
    ]
    assert [one for one in starts for other in starts if one != other and other.startswith(f"{one}-")] == []

# SPDX-License-Identifier: MIT-0
"""Mistakes that only a run would show: a role may not do what AWS does in its name for a step or a deployed model."""

from typing import Any, Final

from tests.proof.mutation import Change, Mistake, find, statement

_PIPELINE: Final = "Training IAM::Policy PipelineRole"
_JOB: Final = "Training IAM::Policy JobRoleDefaultPolicy"
_SAGEMAKER: Final = "arn:aws:sagemaker:eu-west-1:111122223333"
_GROUP: Final = f"{_SAGEMAKER}:model-package-group/skin-lesion"
_VERSION: Final = f"{_SAGEMAKER}:model-package/skin-lesion/7"
_ELSEWHERE: Final = {"StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}}


def _without(where: str, action: str) -> Change:
    """Return a change that takes `action` out of every statement of the policy."""

    def change(documents: dict[str, Any]) -> None:
        for each in find(documents, where)["Properties"]["PolicyDocument"]["Statement"]:
            actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
            each["Action"] = [one for one in actions if one != action] or ["sts:GetCallerIdentity"]

    return change


def _denied(where: str, action: str, on: str = "") -> Mistake:
    return Mistake(f"no {action} for {where}", "performed", f"does {action} on {on}", _without(where, action))


def _untagged(kept: str, on: str) -> Mistake:
    change = statement(_PIPELINE, "sagemaker:DescribeModelPackage", "Resource", kept)
    return Mistake(f"no tags on {on}", "performed", f"does sagemaker:AddTags on {on}", change)


MISTAKES: Final = (
    _denied(_PIPELINE, "sagemaker:CreateModelPackageGroup", _GROUP),
    _denied(_PIPELINE, "sagemaker:CreateModelPackage", _VERSION),
    _denied(_PIPELINE, "sagemaker:DescribeModelPackage", _VERSION),
    _untagged(_VERSION, on=_GROUP),
    _untagged(_GROUP, on=_VERSION),
    _denied(_PIPELINE, "sagemaker:StopTrainingJob"),
    _denied(_JOB, "kms:CreateGrant"),
    _denied(_JOB, "s3:GetBucketLocation"),
    _denied("Training IAM::Policy JobRoleNetworkPolicy", "ec2:CreateNetworkInterface", "arn:aws:ec2:"),
    _denied("Training IAM::Policy JobRoleNetworkPolicy", "ec2:DescribeSubnets", "*"),
    _denied("Deployment IAM::Policy ProductionDeployer", "sagemaker:AccessModelPackage"),
    Mistake(
        "pipeline that may hand its jobs' role to another service",
        "performed",
        "does iam:PassRole on",
        statement(_PIPELINE, "iam:PassRole", "Condition", _ELSEWHERE),
    ),
    Mistake(
        "pipeline that may not read property files",
        "performed",
        "Gate: pipeline role",
        statement(_PIPELINE, "s3:GetObject", "Resource", "arn:aws:s3:::sample-runse45a2291/other/*"),
    ),
    Mistake(
        "function that may not ask where a bucket is",
        "access",
        "retrain needs s3:GetBucketLocation",
        _without("Retraining IAM::Policy StarterStartRole", "s3:GetBucketLocation"),
    ),
)

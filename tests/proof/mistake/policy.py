# SPDX-License-Identifier: MIT-0
"""Mistakes in policies: widened, misspelt, or open to other accounts."""

from typing import Any, Final

from tests.proof.mutation import GONE, Change, Mistake, find, prop, statement

_JOB: Final = "Training IAM::Policy JobRoleDefaultPolicy"
_ROLE: Final = "Training IAM::Role JobRole"
_PIPELINE: Final = "Training IAM::Policy PipelineRole"
_SMOKE: Final = "Deployment IAM::Policy SmokeRole"


def _trust(key: str, value: Any) -> Change:
    return statement(_ROLE, "sts:AssumeRole", key, value, "AssumeRolePolicyDocument")


def _many(documents: Any) -> None:
    statements = find(documents, _JOB)["Properties"]["PolicyDocument"]["Statement"]
    for number in range(200):
        statements.append(
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'b' * 40}/{number}"}
        )


def _each_rule(documents: Any) -> None:
    statements = find(documents, "Monitoring SQS::QueuePolicy")["Properties"]["PolicyDocument"]["Statement"]
    statements += statements[-1:] * 20


def _job(key: str, value: Any) -> Change:
    return statement(_JOB, "s3:PutObject", key, value)


MISTAKES: Final = (
    Mistake("all of S3", "iam", "s3:* allows more", _job("Action", ["s3:*"])),
    Mistake("all of AWS", "iam", "* allows more", _job("Action", "*")),
    Mistake("every bucket", "iam", "s3:PutObject on every", _job("Resource", "*")),
    Mistake("bucket of any name", "iam", "on every arn:aws:s3", _job("Resource", "arn:aws:s3:::skin-*/*")),
    Mistake("all but", "iam", "NotResource allows all but", _job("NotResource", "arn:aws:s3:::x/*")),
    Mistake("misspelt action", "iam", "PutObjects", _job("Action", ["s3:PutObjects"])),
    Mistake(
        "action on the wrong kind of thing", "iam", "RESOURCE_MISMATCH", _job("Resource", "arn:aws:s3:::sample-runs")
    ),
    Mistake("misspelt operator", "iam", "StringLikes", _job("Condition", {"StringLikes": {"s3:prefix": "runs/*"}})),
    Mistake("job that may delete", "iam", "s3:DeleteObject is administration", _job("Action", ["s3:DeleteObject"])),
    Mistake(
        "job that may end the key",
        "iam",
        "administration",
        statement(_JOB, "kms:Decrypt", "Action", ["kms:ScheduleKeyDeletion"]),
    ),
    Mistake(
        "metrics of anybody", "iam", "every namespace", statement(_JOB, "cloudwatch:PutMetricData", "Condition", GONE)
    ),
    Mistake("role for any service", "iam", "to any service", statement(_PIPELINE, "iam:PassRole", "Condition", GONE)),
    Mistake(
        "any role",
        "iam",
        "more than one role",
        statement(_PIPELINE, "iam:PassRole", "Resource", "arn:aws:iam::111122223333:role/*"),
    ),
    Mistake(
        "every model package",
        "iam",
        "on every arn",
        statement(
            _SMOKE,
            "sagemaker:DescribeModelPackage",
            "Resource",
            "arn:aws:sagemaker:eu-west-1:111122223333:model-package/*",
        ),
    ),
    Mistake("confused deputy", "iam", "for any account", _trust("Condition", GONE)),
    Mistake("role for anyone", "iam", "anyone may assume", _trust("Principal", "*")),
    Mistake(
        "role for another account",
        "iam",
        "may assume it",
        _trust("Principal", {"AWS": "arn:aws:iam::999988887777:root"}),
    ),
    Mistake(
        "AWS's own wide policy",
        "iam",
        "write down what is needed",
        prop(_ROLE, "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]),
    ),
    Mistake(
        "topic for anybody's alarms",
        "iam",
        "for any account",
        statement("Storage SNS::TopicPolicy", "sns:Publish", "Condition", GONE),
    ),
    Mistake(
        "key for anyone",
        "iam",
        "anyone may do",
        statement("Storage KMS::Key", "kms:GenerateDataKey*", "Principal", {"AWS": "*"}, "KeyPolicy"),
    ),
    Mistake(
        "function for anybody's events",
        "iam",
        "for any account",
        prop("Deployment Lambda::Permission Approved", "SourceArn", GONE),
    ),
    Mistake("policy that grew", "policy_size", "10240 at most", _many),
    Mistake("queue that admits each rule by itself", "policy_size", "22 statements; 20 at most", _each_rule),
    Mistake(
        "queue that no rule may send to",
        "event",
        "no sqs policy lets EventBridge in",
        statement("Monitoring SQS::QueuePolicy", "sqs:SendMessage", "Principal", {"Service": "sns.amazonaws.com"}),
    ),
)

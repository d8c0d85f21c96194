# SPDX-License-Identifier: MIT-0
"""Mistakes about additional archives: a job that can export or train on none, or that writes where it should not."""

from typing import Final

from tests.proof.mutation import GONE, Mistake, statement, word

_EXPORT: Final = "Monitoring IAM::Policy ExportRoleDefaultPolicy"
_TRUST: Final = "Monitoring IAM::Role ExportRole"

MISTAKES: Final = (
    Mistake(
        "export's job that reads another stage's captures",
        "access",
        "its job needs s3:GetObject",
        word(_EXPORT, "/capture/production/*", "/capture/staging/*"),
    ),
    Mistake(
        "export's job that reads no labels",
        "access",
        "its job needs s3:GetObject",
        word(_EXPORT, "/labels/*", "/label/*"),
    ),
    Mistake(
        "export's job that may write no archive",
        "access",
        "its job needs s3:PutObject",
        statement(_EXPORT, "s3:PutObject", "Resource", "arn:aws:s3:::sample-raw/addition/*"),
    ),
    Mistake(
        "export's job whose role any account may have assumed",
        "iam",
        "for any account",
        statement(_TRUST, "sts:AssumeRole", "Condition", GONE, "AssumeRolePolicyDocument"),
    ),
    Mistake(
        "pipeline's jobs that read no additional archive",
        "access",
        "its job needs s3:GetObject",
        word("Training IAM::Policy JobRoleDefaultPolicy", "/additions/*", "/addition/*"),
    ),
    Mistake(
        "start that sees no additional archive",
        "access",
        "retrain needs s3:ListBucket",
        word("Retraining IAM::Policy StarterStartRole", "additions/*", "addition/*"),
    ),
)

# SPDX-License-Identifier: MIT-0
"""Mistakes between accounts: a side that lets in too many or reaches too far, or one that lets nobody in."""

from typing import Final

from tests.proof.mutation import GONE, Change, Mistake, statement, word

_KEY: Final = "StagingSite KMS::Key"
_BUCKET: Final = "StagingSite S3::BucketPolicy BucketPolicy"
_CAPTURES: Final = "Storage S3::BucketPolicy CapturesPolicy"
_ACCESS: Final = "StagingSite IAM::Role Access"
_IMAGES: Final = "StagingSite IAM::Role Images"
_DELIVER: Final = "StagingSite IAM::Policy DeliverDefaultPolicy"
_PUBLISH: Final = "Deployment IAM::Policy PublishRole"
_DELIVERY: Final = "Deployment IAM::Policy DeliveryRole"
_REPLICA: Final = "ProductionSite IAM::Policy Replica"
_NOBODY: Final = "nothing expected"
_UNUSED: Final = "no expected access needs it"


def _trust(key: str, value: object) -> Change:
    return statement(_ACCESS, "sts:AssumeRole", key, value, "AssumeRolePolicyDocument")


def _key(key: str, value: object) -> Change:
    return statement(_KEY, "kms:GenerateDataKey", key, value, "KeyPolicy")


MISTAKES: Final = (
    Mistake(
        "bucket for all of build's account", "account", _NOBODY, statement(_BUCKET, "PutObject", "Condition", GONE)
    ),
    Mistake(
        "bucket for whoever of another account asks",
        "iam",
        "whichever of its roles asks",
        statement(_BUCKET, "PutObject", "Condition", GONE),
    ),
    Mistake("bucket for anyone", "iam", "anyone may do", statement(_BUCKET, "PutObject", "Principal", {"AWS": "*"})),
    Mistake("bucket for models and all else", "account", _NOBODY, word(_BUCKET, "/models/*", "/*")),
    Mistake("bucket for another prefix", "account", "the resource", word(_BUCKET, "/models/*", "/model/*")),
    Mistake(
        "bucket that models can be read from",
        "account",
        _UNUSED,
        statement(_BUCKET, "PutObject", "Action", ["s3:PutObject", "s3:GetObject"]),
    ),
    Mistake(
        "publisher that writes elsewhere", "account", "the role", word(_PUBLISH, "eu-west-1/models/", "eu-west-1/")
    ),
    Mistake("publisher of another bucket", "account", _UNUSED, word(_PUBLISH, "staging-222233334444", "staging")),
    Mistake("key without the publisher's statement", "account", "the resource", _key("Action", ["kms:DescribeKey"])),
    Mistake("key that S3 elsewhere may use", "account", "the resource", word(_KEY, "s3.eu-west-1", "s3.eu-west-2")),
    Mistake("key for whatever bucket and service", "account", _NOBODY, _key("Condition", {})),
    Mistake(
        "every key of another account",
        "iam",
        "on every arn:aws:kms",
        statement(_PUBLISH, "kms:GenerateDataKey", "Condition", GONE),
    ),
    Mistake("trust of the whole account", "account", _NOBODY, _trust("Condition", GONE)),
    Mistake("trust of one more function", "account", _UNUSED, word(_ACCESS, "-smoke", "-promote")),
    Mistake("registry that another function may ask", "account", _UNUSED, word(_IMAGES, "-publish", "-smoke")),
    Mistake(
        "publisher that may take on any role there",
        "account",
        _NOBODY,
        word(_PUBLISH, "skin-lesion-staging-images", "skin-lesion-staging-*"),
    ),
    Mistake("trust of a misspelt role", "account", "the resource", word(_ACCESS, "lesion-smoke", "lesion-Smoke")),
    Mistake(
        "trust of a pattern",
        "iam",
        "whichever of its roles asks",
        word(_ACCESS, "role/skin-lesion-smoke", "role/skin-lesion-*"),
    ),
    Mistake("delivery as any role there", "account", _NOBODY, word(_DELIVERY, "skin-lesion-staging-deliver", "*")),
    Mistake(
        "push that deploys into any account",
        "account",
        _NOBODY,
        word("Retraining IAM::Policy PushBuildRoleDefaultPolicy", "iam::222233334444:role", "iam::*:role"),
    ),
    Mistake(
        "deliverer that passes any role",
        "iam",
        "PassRole of more than one role",
        statement(_DELIVER, "iam:PassRole", "Resource", "arn:aws:iam::222233334444:role/*"),
    ),
    Mistake("deliverer that reads all artifacts", "account", _NOBODY, word(_DELIVER, "skin-lesion-delivery*", "*")),
    Mistake(
        "deliverer without a key",
        "account",
        "the role",
        statement(_DELIVER, "kms:Decrypt", "Action", ["kms:DescribeKey"]),
    ),
    Mistake(
        "deliverer that asks about any key",
        "account",
        "the role",
        statement(_DELIVER, "kms:DescribeKey", "Condition", GONE),
    ),
    Mistake(
        "deliverer that asks about any key of another account",
        "iam",
        "on every arn:aws:kms",
        statement(_DELIVER, "kms:DescribeKey", "Condition", GONE),
    ),
    Mistake("captures of every stage from one", "account", _NOBODY, word(_CAPTURES, "capture/production/", "capture/")),
    Mistake(
        "replica that deletes",
        "account",
        _UNUSED,
        statement(_REPLICA, "s3:ReplicateObject", "Action", ["s3:ReplicateObject", "s3:ReplicateDelete"]),
    ),
    Mistake(
        "replica whose bucket key nobody may open",
        "account",
        "the role",
        statement(_REPLICA, "kms:Encrypt", "Action", ["kms:Encrypt"]),
    ),
)

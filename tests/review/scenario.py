# SPDX-License-Identifier: MIT-0
"""Pairs of templates with one change each, compared all at once because Node takes half a second to start."""

from typing import Any, Final

from tests.review.template import Template, allow, bucket, pipeline, policy, resource

RAW: Final = {"Fn::GetAtt": ["Raw", "Arn"]}
DENY_HTTP: Final = {
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "s3:*",
    "Resource": RAW,
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
ENCRYPTED: Final = {
    "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
}
LISTED: Final = {
    "Steps": [
        {"Name": "Train", "Type": "Training", "Arguments": {"AlgorithmSpecification": {"TrainingImage": "IMAGE"}}}
    ]
}


def function(key: str, memory: int = 128) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Function", "Start", Code={"S3Bucket": "assets", "S3Key": f"{key * 64}.zip"}, MemorySize=memory
    )


def delivery(*categories: str) -> dict[str, Any]:
    stages = [{"Name": each, "Actions": [{"Name": each, "ActionTypeId": {"Category": each}}]} for each in categories]
    return resource("AWS::CodePipeline::Pipeline", "Delivery", Stages=stages)


def log_group(days: int) -> dict[str, Any]:
    return resource("AWS::Logs::LogGroup", "Log", RetentionInDays=days)


def bucket_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    given = {"Bucket": {"Ref": "Raw"}, "PolicyDocument": {"Statement": list(statements)}}
    return resource("AWS::S3::BucketPolicy", "Raw/Policy", **given)


# name: (old resources, new resources)
SCENARIOS: Final[dict[str, tuple[Template, Template]]] = {
    "Unchanged": ({"Raw": bucket()}, {"Raw": bucket()}),
    "BucketRemoved": ({"Raw": bucket(DeletionPolicy="Delete")}, {}),
    "BucketLeft": ({"Raw": bucket(DeletionPolicy="Retain")}, {}),
    "BucketRenamed": ({"Raw": bucket(BucketName="a")}, {"Raw": bucket(BucketName="b")}),
    "BucketBare": ({"Raw": bucket(BucketEncryption=ENCRYPTED)}, {"Raw": bucket()}),
    "BucketUnkept": ({"Raw": bucket(DeletionPolicy="Retain")}, {"Raw": bucket(DeletionPolicy="Delete")}),
    "LogKeptLonger": ({"Log": log_group(7)}, {"Log": log_group(30)}),
    "AlarmRemoved": ({"Alarm": resource("AWS::CloudWatch::Alarm", "Alarm")}, {}),
    "PolicyWidened": (
        {"P": policy(allow("s3:GetObject", RAW))},
        {"P": policy(allow(["s3:GetObject", "s3:PutObject"], RAW))},
    ),
    "PolicyNarrowed": (
        {"P": policy(allow(["s3:GetObject", "s3:PutObject"], RAW))},
        {"P": policy(allow("s3:GetObject", RAW))},
    ),
    "PolicyInverted": ({}, {"P": policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})}),
    "PolicyRemoved": ({"P": policy(allow("s3:GetObject", RAW))}, {}),
    "DenialLost": ({"P": bucket_policy(DENY_HTTP)}, {"P": bucket_policy()}),
    "DenialGoneWithBucket": ({"Raw": bucket(), "P": bucket_policy(DENY_HTTP)}, {}),
    "CodeChanged": ({"Start": function("a")}, {"Start": function("b")}),
    "CodeAndMemory": ({"Start": function("a")}, {"Start": function("b", memory=256)}),
    "ApprovalRemoved": ({"D": delivery("Source", "Approval", "Deploy")}, {"D": delivery("Source", "Deploy")}),
    "ImageChanged": ({"P": pipeline(LISTED)}, {"P": pipeline(LISTED, image="Other")}),
    "Nested/Endpoint": ({"E": resource("AWS::SageMaker::Endpoint", "E", Tags=[])}, {}),
}
OLD: Final = {name: old for name, (old, _) in SCENARIOS.items()} | {
    "Gone": {"Raw": bucket()},
    "Renamed": {"Raw": bucket()},
}
NEW: Final = {name: new for name, (_, new) in SCENARIOS.items()} | {"Renamed": {"Raw": bucket()}}

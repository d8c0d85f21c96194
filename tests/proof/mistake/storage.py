# SPDX-License-Identifier: MIT-0
"""Mistakes in what must survive: key, buckets, topic, and in references between the templates."""

from typing import Final

from tests.proof.mutation import GONE, Mistake, prop, put, remove, word

_KEY: Final = "Storage KMS::Key Key"
_RAW: Final = "Storage S3::Bucket Raw"
_RUNS: Final = "Storage S3::Bucket Runs"
_TOPIC: Final = "Storage SNS::Topic Topic"
_ENCRYPTION: Final = "BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault"
_ROLE: Final = "Training IAM::Policy JobRoleDefaultPolicy"
MISTAKES: Final = (
    Mistake("key that is not rotated", "protection", "not rotated", prop(_KEY, "EnableKeyRotation", value=False)),
    Mistake("key that is deleted in a week", "protection", "thirty days", prop(_KEY, "PendingWindowInDays", 7)),
    Mistake("key that is deleted in a year", "lint", "30", prop(_KEY, "PendingWindowInDays", 365)),
    Mistake("dropped encryption", "protection", "encryption None", prop(_RUNS, "BucketEncryption", GONE)),
    Mistake("AWS's key", "protection", "AWS's key", prop(_RAW, f"{_ENCRYPTION}/KMSMasterKeyID", GONE)),
    Mistake("misspelt algorithm", "request", "none of the service's", prop(_RAW, f"{_ENCRYPTION}/SSEAlgorithm", "kms")),
    Mistake("no versions", "protection", "no versions", prop(_RAW, "VersioningConfiguration/Status", "Suspended")),
    Mistake(
        "public bucket",
        "protection",
        "is off",
        prop(_RAW, "PublicAccessBlockConfiguration/BlockPublicPolicy", value=False),
    ),
    Mistake("bucket without TLS policy", "protection", "without TLS", remove("Storage S3::BucketPolicy Runs")),
    Mistake("no access log", "protection", "no access log", prop(_RAW, "LoggingConfiguration", GONE)),
    Mistake(
        "data that goes with the stack", "protection", "goes with the stack", put(_RUNS, "DeletionPolicy", "Delete")
    ),
    Mistake(
        "registry that is replaced",
        "protection",
        "Update",
        put("Storage SageMaker::ModelPackageGroup", "UpdateReplacePolicy", GONE),
    ),
    Mistake(
        "lifecycle status",
        "request",
        "none of the service's",
        prop(_RUNS, "LifecycleConfiguration/Rules/0/Status", "On"),
    ),
    Mistake("storage class", "request", "none of the service's", word(_RUNS, "INTELLIGENT_TIERING", "INTELLIGENT")),
    Mistake(
        "misspelt property", "lint", "VersionConfiguration", prop(_RAW, "VersionConfiguration", {"Status": "Enabled"})
    ),
    Mistake("topic in plain text", "protection", "not encrypted", prop(_TOPIC, "KmsMasterKeyId", GONE)),
    Mistake("topic without TLS policy", "protection", "without TLS", remove("Storage SNS::TopicPolicy")),
    Mistake("runtime", "request", "none of the service's", prop("Retraining Lambda::Function", "Runtime", "python")),
    Mistake(
        "group name",
        "request",
        "does not match",
        prop("Storage SageMaker::ModelPackageGroup", "ModelPackageGroupName", "skin_lesion"),
    ),
    Mistake("reference to nothing", "intrinsic", "Ref Bucket", prop(_TOPIC, "TopicName", {"Ref": "Bucket"})),
    Mistake(
        "attribute that is not",
        "intrinsic",
        "KeyArn",
        prop(_TOPIC, "KmsMasterKeyId", {"Fn::GetAtt": ["Key961B73FD", "KeyArn"]}),
    ),
    Mistake(
        "export that is not",
        "intrinsic",
        "Fn::ImportValue",
        word(_ROLE, "ExportsOutputFnGetAttRaw", "ExportsOutputFnGetAttRow"),
    ),
    Mistake("unresolved token", "text", "unresolved token", prop(_TOPIC, "TopicName", "topic-${Token[TOKEN.42]}")),
    Mistake("account id", "text", "account id", prop(_RAW, "BucketName", "raw/123456789012")),
    Mistake("placeholder", "text", "placeholder", prop(_RAW, "BucketName", "your-bucket")),
    Mistake(
        "path of a machine",
        "text",
        "path of this machine",
        put("Training SageMaker::Pipeline", "Metadata", {"aws:asset:path": "/home/me/skin-lesion"}),
    ),
)

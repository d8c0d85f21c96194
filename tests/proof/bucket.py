# SPDX-License-Identifier: MIT-0
"""A bucket's properties as the requests that set them one by one; the S3 API words most of them differently.

Source: AWS::S3::Bucket in the CloudFormation Template Reference beside the Amazon S3 API Reference.
"""

from collections.abc import Callable
from typing import Any, Final

Properties = dict[str, Any]
KNOWN: Final = {
    "AbacStatus",
    "BucketEncryption",
    "BucketName",
    "LifecycleConfiguration",
    "LoggingConfiguration",
    "NotificationConfiguration",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
    "ReplicationConfiguration",
    "Tags",
    "VersioningConfiguration",
}
_RULE: Final = {"Id": "ID", "Prefix": "Prefix", "Status": "Status"}
_KEPT: Final = ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration")


def _encryption(given: Properties) -> Properties:
    rules = given.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    fitted = [{renamed.get(name, name): each for name, each in rule.items()} for rule in rules]
    return _request("ServerSideEncryptionConfiguration", {"Rules": fitted}) if fitted else {}


def _lifecycle(given: Properties) -> Properties:
    rules = [_rule(rule) for rule in given.get("LifecycleConfiguration", {}).get("Rules", [])]
    return _request("LifecycleConfiguration", {"Rules": rules}) if rules else {}


def _rule(rule: Properties) -> Properties:
    fitted = {_RULE.get(name, name): each for name, each in rule.items() if name in (*_RULE, *_KEPT)}
    fitted.setdefault("Prefix", "")
    if "ExpirationInDays" in rule:
        fitted["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "Transitions" in rule:
        fitted["Transitions"] = [
            {"Days": each["TransitionInDays"], "StorageClass": each["StorageClass"]} for each in rule["Transitions"]
        ]
    left = rule.keys() - {*_RULE, *_KEPT, "ExpirationInDays", "Transitions"}
    # What is not known here goes into the request as it is, and botocore says so.
    return {**fitted, **{name: rule[name] for name in left}}


def _logging(given: Properties) -> Properties:
    if "LoggingConfiguration" not in given:
        return {}
    renamed = {"DestinationBucketName": "TargetBucket", "LogFilePrefix": "TargetPrefix"}
    enabled = {renamed.get(name, name): each for name, each in given["LoggingConfiguration"].items()}
    return _request("BucketLoggingStatus", {"LoggingEnabled": enabled})


def _replication(given: Properties) -> Properties:
    if "ReplicationConfiguration" not in given:
        return {}
    told = dict(given["ReplicationConfiguration"])
    told["Rules"] = [{"ID" if name == "Id" else name: each for name, each in rule.items()} for rule in told["Rules"]]
    return _request("ReplicationConfiguration", told)


def _notification(given: Properties) -> Properties:
    told = dict(given.get("NotificationConfiguration", {}))
    if told.get("EventBridgeConfiguration") == {"EventBridgeEnabled": True}:
        told["EventBridgeConfiguration"] = {}
    return _request("NotificationConfiguration", told) if told else {}


def _same(name: str) -> Callable[[Properties], Properties]:
    return lambda given: _request(name, given[name]) if name in given else {}


def _unknown(given: Properties) -> Properties:
    left = {name: each for name, each in given.items() if name not in KNOWN}
    return {"Bucket": "sample", **left, **({"Bucket": given["BucketName"]} if "BucketName" in given else {})}


def _request(name: str, value: Properties) -> Properties:
    return {"Bucket": "sample", name: value}


SETTINGS: Final[dict[str, Callable[[Properties], Properties]]] = {
    "CreateBucket": _unknown,
    "PutBucketEncryption": _encryption,
    "PutBucketLifecycleConfiguration": _lifecycle,
    "PutBucketLogging": _logging,
    "PutBucketNotificationConfiguration": _notification,
    "PutBucketOwnershipControls": _same("OwnershipControls"),
    "PutBucketReplication": _replication,
    "PutBucketVersioning": _same("VersioningConfiguration"),
    "PutPublicAccessBlock": _same("PublicAccessBlockConfiguration"),
}

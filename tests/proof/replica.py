# SPDX-License-Identifier: MIT-0
"""Whether S3 replicates captured requests as it should: into a bucket that is there, under its key, all of them.

S3 refuses a replication whose destination is not there or keeps no versions, and goes on silently without objects
that the rule leaves out, and without those that it fails to replicate. Source: S3 User Guide, "Requirements for
replication", "Replicating encrypted objects", "Using S3 Replication metrics" and "Metrics and dimensions".
"""

from collections.abc import Iterator
from typing import Any

from tests.proof.intrinsic import Documents, Resource, resources


def problems(documents: Documents) -> Iterator[str]:
    """Yield what is wrong with the replications in `documents`, and which captures none brings home."""
    deployed = resources(documents)
    for resource in deployed:
        if resource.kind == "AWS::S3::Bucket" and "ReplicationConfiguration" in resource.properties:
            given = resource.properties["ReplicationConfiguration"]
            yield from (f"{resource.place}: {problem}" for problem in _bucket(resource, given, deployed))
        if resource.kind == "AWS::SageMaker::EndpointConfig" and "DataCaptureConfig" in resource.properties:
            yield from (f"{resource.place}: {problem}" for problem in _captures(resource, deployed))


def aliases(deployed: list[Resource]) -> dict[str, str]:
    """Return the ARN of the key behind the ARN of each alias."""
    return {
        f"arn:aws:kms:{each.where.region}:{each.where.account}:{each.properties['AliasName']}": str(
            each.properties["TargetKeyId"]
        )
        for each in deployed
        if each.kind == "AWS::KMS::Alias"
    }


def _bucket(bucket: Resource, given: dict[str, Any], deployed: list[Resource]) -> Iterator[str]:
    roles = {each.arn: each for each in deployed if each.kind == "AWS::IAM::Role"}
    if given["Role"] not in roles or roles[given["Role"]].where.account != bucket.where.account:
        yield f"replicates as {given['Role']}, which is no role of its account"
    if bucket.properties.get("VersioningConfiguration", {}).get("Status") != "Enabled":
        yield "replicates, and keeps no versions"
    for rule in given["Rules"]:
        if rule.get("Status") != "Enabled":
            yield f"rule {rule['Id']} is {rule.get('Status')}"
        encrypted = rule.get("SourceSelectionCriteria", {}).get("SseKmsEncryptedObjects", {})
        if encrypted.get("Status") != "Enabled":
            yield f"rule {rule['Id']} leaves out what is encrypted with a customer's key, which is all there is"
        yield from _destination(rule, deployed)
        yield from _watched(rule, bucket, deployed)


def _destination(rule: dict[str, Any], deployed: list[Resource]) -> Iterator[str]:
    target, key = rule["Destination"]["Bucket"], rule["Destination"].get("EncryptionConfiguration", {})
    found = [each for each in deployed if each.kind == "AWS::S3::Bucket" and each.arn == target]
    if not found:
        yield f"rule {rule['Id']} leads to {target}, which no stack makes"
        return
    if found[0].properties.get("VersioningConfiguration", {}).get("Status") != "Enabled":
        yield f"rule {rule['Id']} leads to {target}, which keeps no versions"
    rules = found[0].properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    own = rules[0]["ServerSideEncryptionByDefault"].get("KMSMasterKeyID")
    named = key.get("ReplicaKmsKeyID", "AWS's own key")
    if own not in (named, aliases(deployed).get(named)):
        yield f"rule {rule['Id']} encrypts with {named}, and the bucket that it leads to with {own}"


def _watched(rule: dict[str, Any], bucket: Resource, deployed: list[Resource]) -> Iterator[str]:
    """Yield if nobody is told that the rule fails; S3 counts it in the region of the bucket that it reads."""
    if rule["Destination"].get("Metrics", {}).get("Status") != "Enabled":
        yield f"rule {rule['Id']} has no metrics, so that nothing counts what fails"
    names = {"SourceBucket": bucket.arn, "DestinationBucket": rule["Destination"]["Bucket"], "RuleId": rule["Id"]}
    wanted = {name: str(value).removeprefix("arn:aws:s3:::") for name, value in names.items()}
    alarms = (each for each in deployed if each.kind == "AWS::CloudWatch::Alarm" and each.where == bucket.where)
    if not any(_is_of_failures(each.properties, wanted) for each in alarms):
        yield f"no alarm tells that rule {rule['Id']} fails"


def _is_of_failures(alarm: dict[str, Any], wanted: dict[str, str]) -> bool:
    given = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
    metric = (alarm.get("Namespace"), alarm.get("MetricName"), alarm.get("Statistic"))
    return metric == ("AWS/S3", "OperationsFailedReplication", "Sum") and given == wanted and "AlarmActions" in alarm


def _captures(configuration: Resource, deployed: list[Resource]) -> Iterator[str]:
    """Yield if what an endpoint elsewhere captures is replicated by no rule."""
    uri = str(configuration.properties["DataCaptureConfig"]["DestinationS3Uri"])
    prefix = f"{uri.removeprefix('s3://').partition('/')[2]}/"
    stage = prefix.rstrip("/").rpartition("/")[2]
    for site in deployed:
        if (
            site.kind == "AWS::S3::Bucket"
            and site.stack == f"{stage.capitalize()}Site"
            and "BucketName" in site.properties
        ):
            rules = site.properties.get("ReplicationConfiguration", {}).get("Rules", [])
            if not any(prefix.startswith(str(each.get("Filter", {}).get("Prefix", "?"))) for each in rules):
                yield f"what is captured below {prefix} is not replicated out of {site.place}"

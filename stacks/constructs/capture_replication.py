# SPDX-License-Identifier: MIT-0
"""Replication of a remote stage's captured requests to build's account by S3.

The monitor, the counts and the labels find them where they find those of a stage at home. No deletion is replicated;
the lifecycle rule of each side deletes its own copy. S3 does not retry an object that it failed to replicate, so an
alarm reports each failure. Sources: S3 User Guide, "Setting up permissions for live replication"; "Replicating
encrypted objects", with "S3 Bucket Keys and replication"; "Changing the replica owner", which a bucket
whose owner owns all objects does not need; "Using S3 Replication metrics", which need no replication time control, and
count failures in the region of the source bucket; "Metrics and dimensions".
"""

from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_iam, aws_kms, aws_s3, aws_sns
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.buckets_and_keys import DataBucket
from stacks.constructs.iam_statements import arn_of_bucket, grant_actions, grant_remote_key_use, remote_resource_arn
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import Settings

# On the objects of the bucket that replicas go to.
REPLICATE_ACTIONS: Final = ("s3:ReplicateObject",)
# On that bucket.
TARGET_BUCKET_ACTIONS: Final = ("s3:GetBucketVersioning",)
# On its key; a key that S3 has derived for the bucket is decrypted before it is used.
REPLICATION_KEY_VERBS: Final = ("Decrypt", "Encrypt")
# Objects bear no tags and no access list of their own, but S3 reads version and access list as one.
_SOURCE_READ_ACTIONS: Final = ("s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication")
_RULE_ID: Final = "Captures"


class ReplicationRole(aws_iam.Role):
    """What S3 replicates the captures of one stage as."""

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, stage: str, bucket: DataBucket, key: aws_kms.IKey
    ) -> None:
        super().__init__(
            scope,
            id_,
            role_name=stage_placement.role_name(settings, "replicate", stage),
            assumed_by=aws_iam.ServicePrincipal("s3.amazonaws.com"),
            description=f"S3, for the captured requests of {stage}",
        )
        below, target = f"{contract.CAPTURE_PREFIX}{stage}/*", stage_placement.captures_bucket_name(settings)
        grant_actions(self, "s3:GetReplicationConfiguration", "s3:ListBucket", on=[bucket.bucket_arn])
        grant_actions(self, *_SOURCE_READ_ACTIONS, on=[bucket.arn_for_objects(below)])
        grant_actions(self, "kms:Decrypt", on=[key.key_arn])
        grant_actions(self, *TARGET_BUCKET_ACTIONS, on=[arn_of_bucket(target)])
        grant_actions(self, *REPLICATE_ACTIONS, on=[f"{arn_of_bucket(target)}/{below}"])
        grant_remote_key_use(self, settings.build, target, *REPLICATION_KEY_VERBS)


class ReplicationAlarm(aws_cloudwatch.Alarm):
    """Tells the topic that S3 failed to replicate captured requests of one stage."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, stage: str, topic: aws_sns.ITopic) -> None:
        names = {
            "SourceBucket": stage_placement.stage_bucket_name(settings, stage),
            "DestinationBucket": stage_placement.captures_bucket_name(settings),
            "RuleId": _RULE_ID,
        }
        super().__init__(
            scope,
            id_,
            alarm_name=f"{settings.name}-{stage}-ReplicationFailed",
            alarm_description=f"{settings.name}-{stage}: captured requests did not get to build's account. "
            "What to do: docs/alarms.md#replicationfailed",
            metric=aws_cloudwatch.Metric(
                namespace="AWS/S3",
                metric_name="OperationsFailedReplication",
                dimensions_map=names,
                statistic="Sum",
                period=Duration.minutes(5),
            ),
            threshold=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            # Nothing is sent while nothing is replicated, and then nothing failed.
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.add_alarm_action(aws_cloudwatch_actions.SnsAction(topic))


def replicate_captures(bucket: DataBucket, role: ReplicationRole, *, settings: Settings, stage: str) -> None:
    """Have S3 replicate what is captured in `bucket`, as `role`, into the bucket of captures."""
    of = aws_s3.CfnBucket
    target = of.ReplicationDestinationProperty(
        bucket=arn_of_bucket(stage_placement.captures_bucket_name(settings)),
        encryption_configuration=of.EncryptionConfigurationProperty(
            replica_kms_key_id=remote_resource_arn(settings.build, "kms", stage_placement.key_alias(settings))
        ),
        metrics=of.MetricsProperty(status="Enabled"),
    )
    rule = of.ReplicationRuleProperty(
        id=_RULE_ID,
        status="Enabled",
        priority=1,
        filter=of.ReplicationRuleFilterProperty(prefix=f"{contract.CAPTURE_PREFIX}{stage}/"),
        delete_marker_replication=of.DeleteMarkerReplicationProperty(status="Disabled"),
        source_selection_criteria=of.SourceSelectionCriteriaProperty(
            sse_kms_encrypted_objects=of.SseKmsEncryptedObjectsProperty(status="Enabled")
        ),
        destination=target,
    )
    bucket.resource.replication_configuration = of.ReplicationConfigurationProperty(role=role.role_arn, rules=[rule])

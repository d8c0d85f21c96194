# SPDX-License-Identifier: MIT-0
"""The stack that CodePipeline needs to run an action in another region: a bucket and its key.

CodePipeline copies an action's artifacts into a bucket of the action's region, in its own account. Source: CodePipeline
User Guide, "Add a cross-Region action". The CDK library would create such a stack itself, with a policy for each
account that it meets; this one admits only the roles that need it.
"""

from typing import Any

from aws_cdk import Stack, aws_iam, aws_kms, aws_s3
from constructs import Construct

from stacks.constructs.artifact_access import (
    ARTIFACT_RETENTION_DAYS,
    BUCKET_READ_ACTIONS,
    OBJECT_READ_ACTIONS,
    ArtifactStore,
    delivery_artifact_prefix,
)
from stacks.constructs.buckets_and_keys import (
    AccessLogBucket,
    DataBucket,
    DataKey,
    data_removal_policy,
    expiration_rule,
)
from stacks.constructs.iam_statements import (
    arn_of_bucket,
    grant_actions,
    grant_describe_remote_key,
    grant_remote_key_use,
    remote_resource_arn,
)
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.storage.storage_stack import add_delivery_statements


class RemoteRegionStack(Stack):
    """The bucket for artifacts of the delivery in one region, and its key."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, region: str, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        key = DataKey(
            self, "Key", description=f"{settings.name}: templates on their way", removal=data_removal_policy(settings)
        )
        key.add_alias(stage_placement.key_alias(settings))
        bucket = DataBucket(
            self,
            "Artifacts",
            settings=settings,
            key=key,
            access=AccessLogBucket(self, "AccessLogs", settings=settings),
            rules=[expiration_rule(ARTIFACT_RETENTION_DAYS)],
            name=stage_placement.artifacts_bucket_name(settings, region),
        )
        for stage, where in stage_placement.remote_stages(settings).items():
            if where.region == region:
                add_delivery_statements(bucket, key, settings=settings, stage=stage)


def grant_remote_artifact_exchange(role: aws_iam.IGrantable, settings: Settings, region: str) -> None:
    """Let `role` take the delivery's artifacts in `region` and leave some."""
    bucket = stage_placement.artifacts_bucket_name(settings, region)
    grant_actions(role, *BUCKET_READ_ACTIONS, on=[arn_of_bucket(bucket)])
    grant_actions(
        role,
        *OBJECT_READ_ACTIONS,
        "s3:PutObject",
        on=[f"{arn_of_bucket(bucket)}/{delivery_artifact_prefix(settings)}*"],
    )
    grant_remote_key_use(role, _build_account_in(settings, region), bucket, "Decrypt", "Encrypt", "GenerateDataKey")
    grant_describe_remote_key(role, _build_account_in(settings, region), stage_placement.key_alias(settings))


def artifact_bucket_options(scope: Construct, settings: Settings, storage: ArtifactStore) -> dict[str, Any]:
    """Return the options by which a pipeline is told where its artifacts lie, region by region if there are several.

    With a stage elsewhere the buckets are such as the library knows by name only: into the policy of one that it could
    change, it would write for itself whom it lets in.
    """
    if not stage_placement.remote_stages(settings):
        return {"artifact_bucket": storage.artifacts}
    own = _artifact_bucket_by_name(scope, settings, settings.build.region, storage.key.key_arn)
    far = {
        region: _artifact_bucket_by_name(
            scope,
            settings,
            region,
            remote_resource_arn(_build_account_in(settings, region), "kms", stage_placement.key_alias(settings)),
        )
        for region in stage_placement.remote_regions(settings)
    }
    return (
        {"cross_region_replication_buckets": {settings.build.region: own, **far}} if far else {"artifact_bucket": own}
    )


def _artifact_bucket_by_name(scope: Construct, settings: Settings, region: str, key_arn: str) -> aws_s3.IBucket:
    return aws_s3.Bucket.from_bucket_attributes(
        scope,
        f"Artifacts-{region}",
        bucket_name=stage_placement.artifacts_bucket_name(settings, region),
        region=region,
        account=settings.build.account,
        encryption_key=aws_kms.Key.from_key_arn(scope, f"Key-{region}", key_arn),
    )


def _build_account_in(settings: Settings, region: str) -> AwsEnvironment:
    return AwsEnvironment(account=settings.build.account, region=region)

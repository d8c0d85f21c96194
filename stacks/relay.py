# SPDX-License-Identifier: MIT-0
"""RelayStack: what CodePipeline needs in another region than its own to run an action there: a bucket and its key.

CodePipeline copies an action's artifacts into a bucket of the action's region, in its own account. Source: CodePipeline
User Guide, "Add a cross-Region action". The library would make such a stack by itself, with a policy for each account
that it meets; this one lets in whom it has to.
"""

from typing import Any

from aws_cdk import Stack, aws_iam, aws_kms, aws_s3
from constructs import Construct

from stacks import place
from stacks.admission import admit_deliverer
from stacks.artifact import ARTIFACT_DAYS, OF_THE_BUCKET, READ, Store, delivered
from stacks.bucket import AccessLogs, DataBucket, expired
from stacks.crossing import arn_there, bucket_arn, describe_key_there, use_key_there
from stacks.grant import allow
from stacks.key import DataKey, removal
from stacks.settings import Environment, Settings


class RelayStack(Stack):
    """The bucket for artifacts of the delivery in one region, and its key."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, region: str, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        key = DataKey(self, "Key", description=f"{settings.name}: templates on their way", removal=removal(settings))
        key.add_alias(place.alias(settings))
        bucket = DataBucket(
            self,
            "Artifacts",
            settings=settings,
            key=key,
            access=AccessLogs(self, "AccessLogs", settings=settings),
            rules=[expired(ARTIFACT_DAYS)],
            name=place.artifacts_bucket(settings, region),
        )
        for stage, where in place.apart(settings).items():
            if where.region == region:
                admit_deliverer(bucket, key, settings=settings, stage=stage)


def exchange_there(role: aws_iam.IGrantable, settings: Settings, region: str) -> None:
    """Let `role` take the delivery's artifacts in `region` and leave some."""
    bucket = place.artifacts_bucket(settings, region)
    allow(role, *OF_THE_BUCKET, on=[bucket_arn(bucket)])
    allow(role, *READ, "s3:PutObject", on=[f"{bucket_arn(bucket)}/{delivered(settings)}*"])
    use_key_there(role, _in(settings, region), bucket, "Decrypt", "Encrypt", "GenerateDataKey")
    describe_key_there(role, _in(settings, region), place.alias(settings))


def stores(scope: Construct, settings: Settings, storage: Store) -> dict[str, Any]:
    """Return the options by which a pipeline is told where its artifacts lie, region by region if there are several.

    With a stage elsewhere the buckets are such as the library knows by name only: into the policy of one that it could
    change, it would write for itself whom it lets in.
    """
    if not place.apart(settings):
        return {"artifact_bucket": storage.artifacts}
    own = _known(scope, settings, settings.build.region, storage.key.key_arn)
    far = {
        region: _known(scope, settings, region, arn_there(_in(settings, region), "kms", place.alias(settings)))
        for region in place.relays(settings)
    }
    return (
        {"cross_region_replication_buckets": {settings.build.region: own, **far}} if far else {"artifact_bucket": own}
    )


def _known(scope: Construct, settings: Settings, region: str, key_arn: str) -> aws_s3.IBucket:
    return aws_s3.Bucket.from_bucket_attributes(
        scope,
        f"Artifacts-{region}",
        bucket_name=place.artifacts_bucket(settings, region),
        region=region,
        account=settings.build.account,
        encryption_key=aws_kms.Key.from_key_arn(scope, f"Key-{region}", key_arn),
    )


def _in(settings: Settings, region: str) -> Environment:
    return Environment(account=settings.build.account, region=region)

# SPDX-License-Identifier: MIT-0
"""Permissions of roles on the artifacts that CodePipeline passes from one action to the next.

The constructs of the CDK library grant more than needed (``s3:List*``, ``kms:ReEncrypt*``), so the pipelines' roles
accept no updates from them (`role_without_updates`) and get their permissions here.
Source: CodePipeline User Guide, "Manage the CodePipeline service role".
"""

from typing import Final, Protocol

from aws_cdk import aws_iam, aws_kms, aws_s3

from stacks.constructs.iam_statements import grant_actions
from stacks.settings.deployment_settings import Settings

# A stage can be started or rolled back again as long as what its actions were handed is there; production's last
# success may be more than a year old.
ARTIFACT_RETENTION_DAYS: Final = 730
BUCKET_READ_ACTIONS: Final = ("s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket")
OBJECT_READ_ACTIONS: Final = ("s3:GetObject", "s3:GetObjectVersion")
_KEY_READ_ACTIONS = ["kms:Decrypt", "kms:DescribeKey"]
# CodePipeline begins an artifact's key with so many letters of the pipeline's name.
_PREFIX_LENGTH = 20
_KEY_WRITE_ACTIONS = [*_KEY_READ_ACTIONS, "kms:Encrypt", "kms:GenerateDataKey"]


class ArtifactStore(Protocol):
    """Where artifacts lie: the stack of storage is one."""

    @property
    def artifacts(self) -> aws_s3.IBucket:
        """The bucket."""

    @property
    def key(self) -> aws_kms.IKey:
        """Its key."""


def role_without_updates(role: aws_iam.Role) -> aws_iam.IRole:
    """Return `role` in a form that constructs of the library can use but add no permission to."""
    return role.without_policy_updates()


def artifact_prefix(pipeline: str) -> str:
    """Return that with which the keys of the artifacts of `pipeline` begin."""
    return pipeline[:_PREFIX_LENGTH]


def codepipeline_name(settings: Settings, purpose: str) -> str:
    """Return the name of the pipeline of that purpose.

    What tells the pipelines of a deployment apart comes last where it is among the letters that begin the keys of
    their artifacts, and first where the deployment's name leaves no room for it: a role may touch the artifacts of its
    own pipeline alone. To put it first everywhere would replace pipelines that are deployed.
    """
    name = f"{settings.name}-{purpose}"
    return name if len(settings.name) + len("-") < _PREFIX_LENGTH else f"{purpose}-{settings.name}"


def delivery_pipeline_name(settings: Settings) -> str:
    """Return the name of the pipeline that delivers."""
    return codepipeline_name(settings, "delivery")


def delivery_artifact_prefix(settings: Settings) -> str:
    """Return that with which the keys of that pipeline's artifacts begin."""
    return artifact_prefix(delivery_pipeline_name(settings))


def grant_artifact_exchange(role: aws_iam.IGrantable, bucket: aws_s3.IBucket, key: aws_kms.IKey, below: str) -> None:
    """Let `role` take artifacts and leave some, whose keys begin with `below`: what a pipeline itself does."""
    grant_actions(role, *BUCKET_READ_ACTIONS, on=[bucket.bucket_arn])
    grant_actions(role, *OBJECT_READ_ACTIONS, "s3:PutObject", on=[bucket.arn_for_objects(f"{below}*")])
    grant_actions(role, *_KEY_WRITE_ACTIONS, on=[key.key_arn])


def grant_read_artifacts(role: aws_iam.IGrantable, storage: ArtifactStore, below: str) -> None:
    """Let `role` take artifacts whose keys begin with `below`: what an action does that leaves none."""
    grant_actions(role, *BUCKET_READ_ACTIONS, on=[storage.artifacts.bucket_arn])
    grant_actions(role, *OBJECT_READ_ACTIONS, on=[storage.artifacts.arn_for_objects(f"{below}*")])
    grant_actions(role, *_KEY_READ_ACTIONS, on=[storage.key.key_arn])


def grant_read_source_object(
    role: aws_iam.IGrantable, bucket: aws_s3.IBucket, name: str, key: aws_kms.IKey | None = None
) -> None:
    """Let `role` read the one object `name` of a versioned bucket, under `key` if any: what a source action does."""
    grant_actions(role, *BUCKET_READ_ACTIONS, on=[bucket.bucket_arn])
    tags = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
    grant_actions(role, *OBJECT_READ_ACTIONS, *tags, on=[bucket.arn_for_objects(name)])
    if key:
        grant_actions(role, *_KEY_READ_ACTIONS, on=[key.key_arn])

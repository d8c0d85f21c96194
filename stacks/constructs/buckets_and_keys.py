# SPDX-License-Identifier: MIT-0
"""The customer-managed key of one account and region, and the buckets and the topic that are encrypted with it.

Buckets are versioned, not public, TLS only, with lifecycle rules.
Source: KMS Developer Guide, "Key policies"; SNS Developer Guide, "Key management"; CloudWatch Logs User Guide,
"Encrypt log data in CloudWatch Logs using KMS".
"""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, aws_iam, aws_kms, aws_s3, aws_sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from pipeline_src import contract
from stacks.settings.deployment_settings import Settings


class DataKey(aws_kms.Key):
    """A key that CloudWatch's alarms, Budgets and CloudWatch Logs of its account may use; and roles that are let."""

    def __init__(self, scope: Construct, id_: str, *, description: str, removal: RemovalPolicy) -> None:
        super().__init__(
            scope,
            id_,
            description=description,
            enable_key_rotation=True,
            removal_policy=removal,
            pending_window=Duration.days(30),
        )
        stack = Stack.of(self)
        # CloudWatch alarms and Budgets publish to the encrypted topic in nobody's name but their own; EventBridge does
        # so as a role, see alarms_and_notifications.py.
        own = {"StringEquals": {"aws:SourceAccount": stack.account}}
        self.add_to_resource_policy(
            _resource_statement(["kms:Decrypt", "kms:GenerateDataKey*"], _publisher_principals(), own)
        )
        logs = [aws_iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")]
        groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*"
        context = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        uses = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        self.add_to_resource_policy(_resource_statement(uses, logs, context))


class EncryptedTopic(aws_sns.Topic):
    """An encrypted topic that CloudWatch's alarms and Budgets of its account may tell, and its subscriber if any."""

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, key: aws_kms.IKey, name: str | None = None
    ) -> None:
        super().__init__(scope, id_, master_key=key, enforce_ssl=True, topic_name=name)
        own = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.add_to_resource_policy(_resource_statement(["sns:Publish"], _publisher_principals(), own, self.topic_arn))
        if settings.notification.address:
            self.add_subscription(subscriptions.EmailSubscription(settings.notification.address))


def data_removal_policy(settings: Settings) -> RemovalPolicy:
    """Return what becomes of data, keys and registry when their stack is destroyed."""
    return RemovalPolicy.RETAIN if settings.retention.data == "keep" else RemovalPolicy.DESTROY


def named_removal_policy(settings: Settings) -> RemovalPolicy:
    """Return the same of what is given a name: made by a first deployment that fails, it goes with that.

    It holds nothing yet, and the next attempt would find its name taken.
    """
    kept = data_removal_policy(settings)
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if kept is RemovalPolicy.RETAIN else kept


def _publisher_principals() -> list[aws_iam.ServicePrincipal]:
    return [aws_iam.ServicePrincipal(f"{service}.amazonaws.com") for service in ("cloudwatch", "budgets")]


def _resource_statement(
    actions: list[str], principals: list[Any], conditions: dict[str, Any], resource: str = "*"
) -> aws_iam.PolicyStatement:
    return aws_iam.PolicyStatement(actions=actions, principals=principals, resources=[resource], conditions=conditions)


class AccessLogBucket(aws_s3.Bucket):
    """The bucket of the access logs of others."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings) -> None:
        # S3 delivers access logs to a bucket with its own encryption only, not to one with a customer's key.
        super().__init__(
            scope,
            id_,
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            lifecycle_rules=[cleanup_rule(settings), expiration_rule(settings.retention.log_days)],
            **_bucket_options(settings),
        )


class DataBucket(aws_s3.Bucket):
    """A bucket under a customer-managed key, whose accesses are logged; S3 asks for the key once for many objects."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        key: aws_kms.IKey,
        access: AccessLogBucket,
        rules: Sequence[aws_s3.LifecycleRule],
        name: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            bucket_name=name,
            encryption=aws_s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            server_access_logs_bucket=access,
            server_access_logs_prefix=f"{id_.lower()}/",
            lifecycle_rules=[cleanup_rule(settings), *rules],
            **_bucket_options(settings, named=name is not None),
        )

    def announce(self) -> None:
        """Have S3 tell EventBridge of each object that is put into it."""
        # The L2 option does the same through a function of its own; the resource's property needs none.
        self.resource.notification_configuration = aws_s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=aws_s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )

    @property
    def resource(self) -> aws_s3.CfnBucket:
        """What CloudFormation is told of it."""
        found = self.node.default_child
        if not isinstance(found, aws_s3.CfnBucket):
            raise TypeError(f"{self.node.path} has no AWS::S3::Bucket. Look at aws_s3.Bucket's release notes.")
        return found


def cleanup_rule(settings: Settings) -> aws_s3.LifecycleRule:
    """Return the rule by which old versions and unfinished uploads go."""
    return aws_s3.LifecycleRule(
        id="Tidy",
        noncurrent_version_expiration=Duration.days(settings.retention.noncurrent_days),
        abort_incomplete_multipart_upload_after=Duration.days(7),
    )


def expiration_rule(days: int) -> aws_s3.LifecycleRule:
    """Return the rule by which everything in a bucket goes after `days`."""
    return aws_s3.LifecycleRule(id="Expire", expiration=Duration.days(days))


def prefix_expiration_rule(id_: str, prefix: str, days: int) -> aws_s3.LifecycleRule:
    """Return the rule by which what lies below `prefix` goes after `days`."""
    return aws_s3.LifecycleRule(id=id_, prefix=prefix, expiration=Duration.days(days))


def capture_expiration_rule(settings: Settings) -> aws_s3.LifecycleRule:
    """Return the rule by which captured requests go."""
    return prefix_expiration_rule("Capture", contract.CAPTURE_PREFIX, settings.retention.capture_days)


def _bucket_options(settings: Settings, *, named: bool = False) -> dict[str, Any]:
    kept = data_removal_policy(settings)
    return {
        "versioned": True,
        "enforce_ssl": True,
        "minimum_tls_version": 1.2,
        "block_public_access": aws_s3.BlockPublicAccess.BLOCK_ALL,
        "object_ownership": aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        "removal_policy": named_removal_policy(settings) if named else kept,
        "auto_delete_objects": kept is RemovalPolicy.DESTROY,
    }

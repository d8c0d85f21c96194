# SPDX-License-Identifier: MIT-0
"""The customer-managed key of one account and region, and the topic that is encrypted with it.

Source: KMS Developer Guide, "Key policies"; SNS Developer Guide, "Key management"; CloudWatch Logs User Guide,
"Encrypt log data in CloudWatch Logs using KMS".
"""

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, aws_iam, aws_kms, aws_sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

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
        # so as a role, see event_notifications.py.
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

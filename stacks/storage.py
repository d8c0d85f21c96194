# SPDX-License-Identifier: MIT-0
"""StorageStack: the key, the buckets, the registry, the topic: all that must survive the other stacks."""

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack, aws_iam, aws_kms, aws_s3, aws_sagemaker, aws_sns, aws_ssm
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from pipeline_src import contract
from stacks.output import outputs
from stacks.settings import Settings

# A stage can be started or rolled back again as long as what its actions were handed is there; production's last
# success may be more than a year old.
ARTIFACT_DAYS = 730


class StorageStack(Stack):
    """What holds data, and what people have confirmed.

    Attributes:
        key: Customer-managed key of everything below.
        raw: Bucket that receives archives/<sha256>.zip and labels/<sha256>.csv; S3 tells EventBridge of each.
        runs: Bucket of runs/, checkpoints/, capture/ and monitor/; S3 tells EventBridge of each object, too.
        artifacts: Bucket in which CodePipeline hands things from one action to the next; kept for two years.
        access: Bucket of the access logs of the others.
        topic: Where people are told.
        registry: Model package group; its versions are the record of what was approved, by whom.
        champion: Parameter that holds the ARN of the model package that is live in production, once there is one.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        self._settings = settings
        self._keep = settings.retention.data == "keep"
        self._removal = RemovalPolicy.RETAIN if self._keep else RemovalPolicy.DESTROY
        self.key = self._key()
        self.access = self._access_logs()
        self.raw = self._bucket("Raw", self._noncurrent())
        self.runs = self._bucket("Runs", *self._runs_rules())
        self.artifacts = self._bucket("Artifacts", self._noncurrent(), _expired(ARTIFACT_DAYS))
        for told in (self.raw, self.runs):
            _announce(told)
        self.topic = self._topic()
        self.registry = self._registry()
        self.champion = self._champion()
        outputs(
            self,
            RawBucket=self.raw.bucket_name,
            RunsBucket=self.runs.bucket_name,
            KeyArn=self.key.key_arn,
            ModelPackageGroup=settings.name,
            Champion=self.champion.parameter_name,
            Topic=self.topic.topic_arn,
        )

    def _key(self) -> aws_kms.Key:
        key = aws_kms.Key(
            self,
            "Key",
            description=f"{self._settings.name}: data, models, logs and messages",
            enable_key_rotation=True,
            removal_policy=self._removal,
            pending_window=Duration.days(30),
        )
        # CloudWatch alarms and Budgets publish to the encrypted topic in nobody's name but their own; EventBridge does
        # so as a role, see notification.py.
        own = {"StringEquals": {"aws:SourceAccount": self.account}}
        key.add_to_resource_policy(_statement(["kms:Decrypt", "kms:GenerateDataKey*"], _publishers(), own))
        logs = [aws_iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")]
        groups = f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:*"
        context = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        uses = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        key.add_to_resource_policy(_statement(uses, logs, context))
        return key

    def _access_logs(self) -> aws_s3.Bucket:
        # S3 delivers access logs to a bucket with its own encryption only, not to one with a customer's key.
        return aws_s3.Bucket(
            self,
            "AccessLogs",
            encryption=aws_s3.BucketEncryption.S3_MANAGED,
            lifecycle_rules=[
                self._noncurrent(),
                _expired(self._settings.retention.log_days),
            ],
            **self._bucket_options(),
        )

    def _bucket(self, id_: str, *rules: aws_s3.LifecycleRule) -> aws_s3.Bucket:
        return aws_s3.Bucket(
            self,
            id_,
            encryption=aws_s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            server_access_logs_bucket=self.access,
            server_access_logs_prefix=f"{id_.lower()}/",
            lifecycle_rules=list(rules),
            **self._bucket_options(),
        )

    def _bucket_options(self) -> dict[str, Any]:
        return {
            "versioned": True,
            "enforce_ssl": True,
            "minimum_tls_version": 1.2,
            "block_public_access": aws_s3.BlockPublicAccess.BLOCK_ALL,
            "object_ownership": aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            "removal_policy": self._removal,
            "auto_delete_objects": not self._keep,
        }

    def _noncurrent(self) -> aws_s3.LifecycleRule:
        return aws_s3.LifecycleRule(
            id="Tidy",
            noncurrent_version_expiration=Duration.days(self._settings.retention.noncurrent_days),
            abort_incomplete_multipart_upload_after=Duration.days(7),
        )

    def _runs_rules(self) -> list[aws_s3.LifecycleRule]:
        kept = self._settings.retention
        expiration = Duration.days(kept.model_days) if kept.model_days else None
        tiering = aws_s3.Transition(
            storage_class=aws_s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(30)
        )
        # An endpoint reads its model again whenever an instance is added, so a model that may be live must not expire
        # unless somebody chose so; intelligent tiering makes an old one cheap and keeps it readable at once.
        return [
            self._noncurrent(),
            aws_s3.LifecycleRule(id="Runs", prefix=contract.RUNS_PREFIX, transitions=[tiering], expiration=expiration),
            aws_s3.LifecycleRule(id="Checkpoints", prefix=contract.CHECKPOINTS_PREFIX, expiration=Duration.days(30)),
            *(
                aws_s3.LifecycleRule(id=id_, prefix=prefix, expiration=Duration.days(kept.capture_days))
                for id_, prefix in (("Capture", contract.CAPTURE_PREFIX), ("Monitor", contract.MONITOR_PREFIX))
            ),
        ]

    def _topic(self) -> aws_sns.Topic:
        topic = aws_sns.Topic(self, "Topic", master_key=self.key, enforce_ssl=True)
        own = {"StringEquals": {"aws:SourceAccount": self.account}}
        topic.add_to_resource_policy(_statement(["sns:Publish"], _publishers(), own, topic.topic_arn))
        if self._settings.notification.address:
            topic.add_subscription(subscriptions.EmailSubscription(self._settings.notification.address))
        return topic

    def _registry(self) -> aws_sagemaker.CfnModelPackageGroup:
        registry = aws_sagemaker.CfnModelPackageGroup(
            self,
            "Registry",
            model_package_group_name=self._settings.name,
            model_package_group_description="Skin-lesion classifiers that passed the gate. Research use only.",
        )
        registry.apply_removal_policy(self._removal)
        return registry

    def _champion(self) -> aws_ssm.IStringParameter:
        # No resource of this stack: CloudFormation would put a first value back with any change of it. The delivery
        # makes it when the first model has reached production, see operations/champion.py.
        name = f"/{self._settings.name}/champion"
        return aws_ssm.StringParameter.from_string_parameter_attributes(self, "Champion", parameter_name=name)


def _announce(bucket: aws_s3.Bucket) -> None:
    """Have S3 tell EventBridge of each object that is put into `bucket`."""
    # The L2 option does the same through a function of its own; the resource's property needs none.
    resource = bucket.node.default_child
    if not isinstance(resource, aws_s3.CfnBucket):
        raise TypeError(f"{bucket.node.path} has no AWS::S3::Bucket. Look at aws_s3.Bucket's release notes.")
    resource.notification_configuration = aws_s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=aws_s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )


def _expired(days: int) -> aws_s3.LifecycleRule:
    """Return the rule by which everything in a bucket goes after `days`."""
    return aws_s3.LifecycleRule(id="Expire", expiration=Duration.days(days))


def _publishers() -> list[aws_iam.ServicePrincipal]:
    return [aws_iam.ServicePrincipal(f"{service}.amazonaws.com") for service in ("cloudwatch", "budgets")]


def _statement(
    actions: list[str], principals: list[Any], conditions: dict[str, Any], resource: str = "*"
) -> aws_iam.PolicyStatement:
    return aws_iam.PolicyStatement(actions=actions, principals=principals, resources=[resource], conditions=conditions)

# SPDX-License-Identifier: MIT-0
"""The storage stack: the key, the buckets, the registry and the topic, which outlive the other stacks.

It also holds build's side of the access of a remote stage: reading its template, writing its captured requests. The
other sides are in endpoint/endpoint_roles.py and constructs/capture_replication.py.
"""

from typing import Any

from aws_cdk import Duration, Stack, aws_kms, aws_s3, aws_sagemaker, aws_ssm
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.artifact_access import (
    ARTIFACT_RETENTION_DAYS,
    BUCKET_READ_ACTIONS,
    OBJECT_READ_ACTIONS,
    delivery_artifact_prefix,
)
from stacks.constructs.buckets_and_keys import (
    AccessLogBucket,
    DataBucket,
    DataKey,
    EncryptedTopic,
    capture_expiration_rule,
    data_removal_policy,
    expiration_rule,
    named_removal_policy,
    prefix_expiration_rule,
)
from stacks.constructs.capture_replication import REPLICATE_ACTIONS, REPLICATION_KEY_VERBS, TARGET_BUCKET_ACTIONS
from stacks.constructs.iam_statements import (
    add_bucket_statement,
    add_describe_key_statement,
    add_use_key_statement,
    arn_of_bucket,
    named_roles_principal,
)
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.stack_outputs import add_stack_outputs


def add_delivery_statements(bucket: aws_s3.Bucket, key: aws_kms.Key, *, settings: Settings, stage: str) -> None:
    """Let the role that deploys `stage` read the delivery's artifacts in `bucket`, that of the stage's region."""
    where: AwsEnvironment = getattr(settings, f"{stage}_environment")
    by = named_roles_principal(where, stage_placement.role_name(settings, "deliver", stage))
    add_bucket_statement(bucket, by, BUCKET_READ_ACTIONS)
    add_bucket_statement(bucket, by, OBJECT_READ_ACTIONS, f"{delivery_artifact_prefix(settings)}*")
    here = AwsEnvironment(account=settings.build.account, region=where.region)
    add_use_key_statement(key, by, here, stage_placement.artifacts_bucket_name(settings, where.region), "Decrypt")
    add_describe_key_statement(key, by)


def add_replication_statements(bucket: aws_s3.Bucket, key: aws_kms.Key, *, settings: Settings, stage: str) -> None:
    """Let S3, as the role that replicates `stage`'s captures, write them into `bucket`."""
    where: AwsEnvironment = getattr(settings, f"{stage}_environment")
    by = named_roles_principal(where, stage_placement.role_name(settings, "replicate", stage))
    add_bucket_statement(bucket, by, TARGET_BUCKET_ACTIONS)
    add_bucket_statement(bucket, by, REPLICATE_ACTIONS, f"{contract.CAPTURE_PREFIX}{stage}/*")
    add_use_key_statement(
        key, by, settings.build, stage_placement.captures_bucket_name(settings), *REPLICATION_KEY_VERBS
    )


class StorageStack(Stack):
    """The stack of everything that holds data.

    Attributes:
        key: Customer-managed key of everything below.
        raw: Bucket that receives archives/ and additions/ (<sha256>.zip) and labels/; S3 tells EventBridge of each.
        runs: Bucket of runs/, checkpoints/, capture/ and monitor/; S3 tells EventBridge of each object, too.
        captures: Bucket of capture/: runs, unless a stage is elsewhere; then one by itself, into which S3 replicates.
        artifacts: Bucket in which CodePipeline hands things from one action to the next; kept for two years.
        deliveries: That of the delivery: artifacts, unless a stage is elsewhere; then one by itself, which it reads.
        access: Bucket of the access logs of the others.
        topic: Where people are told.
        registry: Model package group; its versions are the record of what was approved, by whom.
        champion: Parameter that holds the ARN of the model package that is live in production, once there is one.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        self._settings, self._apart = settings, bool(stage_placement.remote_stages(settings))
        self.key = self._key()
        self.access = AccessLogBucket(self, "AccessLogs", settings=settings)
        self.raw = self._bucket("Raw")
        self.runs = self._bucket("Runs", *self._runs_rules())
        self.artifacts = self._bucket("Artifacts", expiration_rule(ARTIFACT_RETENTION_DAYS))
        self.deliveries = self._deliveries()
        self.captures = self._captures()
        for told in (self.raw, self.runs):
            told.announce()
        self.topic = EncryptedTopic(self, "Topic", settings=settings, key=self.key)
        self.registry = self._registry()
        self.champion = self._champion()
        self._outputs()

    def _outputs(self) -> None:
        add_stack_outputs(
            self,
            RawBucket=self.raw.bucket_name,
            RunsBucket=self.runs.bucket_name,
            KeyArn=self.key.key_arn,
            ModelPackageGroup=self._settings.name,
            Champion=self.champion.parameter_name,
            Topic=self.topic.topic_arn,
            **({"CapturesBucket": self.captures.bucket_name} if self._apart else {}),
        )

    def _key(self) -> DataKey:
        description = f"{self._settings.name}: data, models, logs and messages"
        key = DataKey(self, "Key", description=description, removal=data_removal_policy(self._settings))
        if self._apart:
            # By it, what is elsewhere can name the key beforehand.
            key.add_alias(stage_placement.key_alias(self._settings))
        return key

    def _bucket(self, id_: str, *rules: aws_s3.LifecycleRule, name: str | None = None) -> DataBucket:
        return DataBucket(self, id_, settings=self._settings, key=self.key, access=self.access, rules=rules, name=name)

    def _deliveries(self) -> aws_s3.IBucket:
        settings = self._settings
        if not self._apart:
            return self.artifacts
        name = stage_placement.artifacts_bucket_name(settings, settings.build.region)
        made = self._bucket("Deliveries", expiration_rule(ARTIFACT_RETENTION_DAYS), name=name)
        for stage, where in stage_placement.remote_stages(settings).items():
            if where.region == settings.build.region:
                add_delivery_statements(made, self.key, settings=settings, stage=stage)
        # The delivery of a deployment that was at home until now imports these as long as it is not deployed itself.
        for exported in (self.artifacts.bucket_arn, self.artifacts.bucket_name):
            self.export_value(exported)
        return self._by_name("Deliveries", name)

    def _captures(self) -> aws_s3.IBucket:
        settings = self._settings
        if not self._apart:
            return self.runs
        name = stage_placement.captures_bucket_name(settings)
        made = self._bucket("Captures", capture_expiration_rule(settings), name=name)
        made.announce()
        for stage in stage_placement.remote_stages(settings):
            if getattr(settings, stage).capture_percent:
                add_replication_statements(made, self.key, settings=settings, stage=stage)
        return self._by_name("Captures", name)

    def _by_name(self, id_: str, name: str) -> aws_s3.IBucket:
        # An export is not taken away as long as a stack imports it, and no stage that is elsewhere could come home.
        known = aws_s3.Bucket.from_bucket_attributes
        return known(self, f"{id_}ByName", bucket_name=name, bucket_arn=arn_of_bucket(name))

    def _runs_rules(self) -> list[aws_s3.LifecycleRule]:
        kept = self._settings.retention
        expiration = Duration.days(kept.model_days) if kept.model_days else None
        tiering = aws_s3.Transition(
            storage_class=aws_s3.StorageClass.INTELLIGENT_TIERING, transition_after=Duration.days(30)
        )
        # An endpoint reads its model again whenever an instance is added, so a model that may be live must not expire
        # unless somebody chose so; intelligent tiering makes an old one cheap and keeps it readable at once.
        return [
            aws_s3.LifecycleRule(id="Runs", prefix=contract.RUNS_PREFIX, transitions=[tiering], expiration=expiration),
            prefix_expiration_rule("Checkpoints", contract.CHECKPOINTS_PREFIX, 30),
            capture_expiration_rule(self._settings),
            prefix_expiration_rule("Monitor", contract.MONITOR_PREFIX, kept.capture_days),
        ]

    def _registry(self) -> aws_sagemaker.CfnModelPackageGroup:
        registry = aws_sagemaker.CfnModelPackageGroup(
            self,
            "Registry",
            model_package_group_name=self._settings.name,
            model_package_group_description="Skin-lesion classifiers that passed the gate. Research use only.",
        )
        registry.apply_removal_policy(named_removal_policy(self._settings))
        return registry

    def _champion(self) -> aws_ssm.IStringParameter:
        # No resource of this stack: CloudFormation would put a first value back with any change of it. The delivery
        # makes it when the first model has reached production, see operations/functions/model_delivery.py.
        name = f"/{self._settings.name}/champion"
        return aws_ssm.StringParameter.from_string_parameter_attributes(self, "Champion", parameter_name=name)

# SPDX-License-Identifier: MIT-0
"""StorageStack: the key, the buckets, the registry, the topic: all that must survive the other stacks."""

from typing import Any

from aws_cdk import Duration, Stack, aws_s3, aws_sagemaker, aws_ssm
from constructs import Construct

from pipeline_src import contract
from stacks import place
from stacks.admission import admit_deliverer, admit_replicas
from stacks.artifact import ARTIFACT_DAYS
from stacks.bucket import AccessLogs, DataBucket, captured, expired, fading
from stacks.crossing import bucket_arn
from stacks.key import DataKey, Topic, removal, removal_of_named
from stacks.output import outputs
from stacks.settings import Settings


class StorageStack(Stack):
    """What holds data, and what people have confirmed.

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
        self._settings, self._apart = settings, bool(place.apart(settings))
        self.key = self._key()
        self.access = AccessLogs(self, "AccessLogs", settings=settings)
        self.raw = self._bucket("Raw")
        self.runs = self._bucket("Runs", *self._runs_rules())
        self.artifacts = self._bucket("Artifacts", expired(ARTIFACT_DAYS))
        self.deliveries = self._deliveries()
        self.captures = self._captures()
        for told in (self.raw, self.runs):
            told.announce()
        self.topic = Topic(self, "Topic", settings=settings, key=self.key)
        self.registry = self._registry()
        self.champion = self._champion()
        self._outputs()

    def _outputs(self) -> None:
        outputs(
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
        key = DataKey(self, "Key", description=description, removal=removal(self._settings))
        if self._apart:
            # By it, what is elsewhere can name the key beforehand.
            key.add_alias(place.alias(self._settings))
        return key

    def _bucket(self, id_: str, *rules: aws_s3.LifecycleRule, name: str | None = None) -> DataBucket:
        return DataBucket(self, id_, settings=self._settings, key=self.key, access=self.access, rules=rules, name=name)

    def _deliveries(self) -> aws_s3.IBucket:
        settings = self._settings
        if not self._apart:
            return self.artifacts
        name = place.artifacts_bucket(settings, settings.build.region)
        made = self._bucket("Deliveries", expired(ARTIFACT_DAYS), name=name)
        for stage, where in place.apart(settings).items():
            if where.region == settings.build.region:
                admit_deliverer(made, self.key, settings=settings, stage=stage)
        # The delivery of a deployment that was at home until now imports these as long as it is not deployed itself.
        for exported in (self.artifacts.bucket_arn, self.artifacts.bucket_name):
            self.export_value(exported)
        return self._by_name("Deliveries", name)

    def _captures(self) -> aws_s3.IBucket:
        settings = self._settings
        if not self._apart:
            return self.runs
        name = place.captures_bucket(settings)
        made = self._bucket("Captures", captured(settings), name=name)
        made.announce()
        for stage in place.apart(settings):
            if getattr(settings, stage).capture_percent:
                admit_replicas(made, self.key, settings=settings, stage=stage)
        return self._by_name("Captures", name)

    def _by_name(self, id_: str, name: str) -> aws_s3.IBucket:
        # An export is not taken away as long as a stack imports it, and no stage that is elsewhere could come home.
        known = aws_s3.Bucket.from_bucket_attributes
        return known(self, f"{id_}ByName", bucket_name=name, bucket_arn=bucket_arn(name))

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
            fading("Checkpoints", contract.CHECKPOINTS_PREFIX, 30),
            captured(self._settings),
            fading("Monitor", contract.MONITOR_PREFIX, kept.capture_days),
        ]

    def _registry(self) -> aws_sagemaker.CfnModelPackageGroup:
        registry = aws_sagemaker.CfnModelPackageGroup(
            self,
            "Registry",
            model_package_group_name=self._settings.name,
            model_package_group_description="Skin-lesion classifiers that passed the gate. Research use only.",
        )
        registry.apply_removal_policy(removal_of_named(self._settings))
        return registry

    def _champion(self) -> aws_ssm.IStringParameter:
        # No resource of this stack: CloudFormation would put a first value back with any change of it. The delivery
        # makes it when the first model has reached production, see operations/champion.py.
        name = f"/{self._settings.name}/champion"
        return aws_ssm.StringParameter.from_string_parameter_attributes(self, "Champion", parameter_name=name)

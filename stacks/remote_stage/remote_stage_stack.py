# SPDX-License-Identifier: MIT-0
"""The stack of a remote stage: what its endpoint needs in that account and region.

Nothing in it reads the model registry, the archives or the images of build's account. `cdk deploy` pushes the images
of models here too, the delivery copies the model, S3 replicates captured requests to build's account, and the roles of
the delivery are admitted for this one endpoint only.
"""

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.buckets_and_keys import (
    AccessLogBucket,
    DataBucket,
    DataKey,
    EncryptedTopic,
    capture_expiration_rule,
    data_removal_policy,
)
from stacks.constructs.capture_replication import ReplicationAlarm, ReplicationRole, replicate_captures
from stacks.constructs.iam_statements import add_bucket_statement, add_use_key_statement, named_roles_principal
from stacks.endpoint.endpoint_roles import (
    DeliveryActionRole,
    EndpointAccessRole,
    EndpointDeploymentRole,
    ImageLookupRole,
    ServingResources,
)
from stacks.endpoint.endpoint_stack import endpoint_name
from stacks.monitoring.cloudwatch_dashboard import RemoteStageDashboard
from stacks.monitoring.monthly_budget import add_budget
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.stack_outputs import add_stack_outputs


class RemoteStageStack(Stack):
    """The key, the bucket, the topic, the roles, the log and the dashboard of one endpoint that is elsewhere.

    Attributes:
        key: Customer-managed key of everything below and of the endpoint's volumes.
        bucket: Bucket of models/ and capture/.
        topic: Where people are told of the endpoint's alarms.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, stage: str, where: AwsEnvironment, **options: Any
    ) -> None:
        super().__init__(scope, id_, **options)
        self._settings, self._stage, self._where = settings, stage, where
        self.key = DataKey(
            self,
            "Key",
            description=f"{settings.name}: models, captured requests and logs of {stage}",
            removal=data_removal_policy(settings),
        )
        self.key.add_alias(stage_placement.key_alias(settings, stage))
        self.bucket = self._bucket()
        self.topic = EncryptedTopic(
            self, "Topic", settings=settings, key=self.key, name=stage_placement.topic_name(settings, stage)
        )
        self._admit()
        self._roles()
        if getattr(settings, stage).capture_percent:
            own: dict[str, Any] = {"settings": settings, "stage": stage}
            replicate_captures(
                self.bucket, ReplicationRole(self, "Replica", bucket=self.bucket, key=self.key, **own), **own
            )
            ReplicationAlarm(self, "ReplicaAlarm", topic=self.topic, **own)
        dashboard = RemoteStageDashboard(self, "Dashboard", stage=stage, endpoint=endpoint_name(settings, stage))
        if stage_placement.has_own_budget(settings, stage):
            add_budget(self, "Budget", name=endpoint_name(settings, stage), settings=settings, topic=self.topic)
        add_stack_outputs(
            self,
            Bucket=self.bucket.bucket_name,
            KeyArn=self.key.key_arn,
            Topic=self.topic.topic_arn,
            Dashboard=dashboard.dashboard_name,
        )

    def _bucket(self) -> DataBucket:
        # A copy of a model is never taken away: an endpoint reads it whenever an instance is added, and a rollback
        # does; who wants its versions gone deletes them by hand.
        return DataBucket(
            self,
            "Bucket",
            settings=self._settings,
            key=self.key,
            access=AccessLogBucket(self, "AccessLogs", settings=self._settings),
            rules=[capture_expiration_rule(self._settings)],
            name=stage_placement.stage_bucket_name(self._settings, self._stage),
        )

    def _admit(self) -> None:
        """Let build's function put models into the bucket."""
        name = stage_placement.stage_bucket_name(self._settings, self._stage)
        by = named_roles_principal(self._settings.build, stage_placement.role_name(self._settings, "publish"))
        add_bucket_statement(self.bucket, by, ["s3:PutObject"], f"{contract.MODELS_PREFIX}*")
        add_use_key_statement(self.key, by, self._where, name, "Decrypt", "GenerateDataKey")

    def _roles(self) -> None:
        own: dict[str, Any] = {"settings": self._settings, "stage": self._stage}
        serving = ServingResources(
            self,
            "Serving",
            settings=self._settings,
            stages=[self._stage],
            key=self.key,
            models=self.bucket.arn_for_objects(f"{contract.MODELS_PREFIX}*/{contract.MODEL_ARTIFACT_FILE}"),
            captures=self.bucket,
            name=stage_placement.role_name(self._settings, "model", self._stage),
        )
        deployer = EndpointDeploymentRole(self, "Deployer", key=self.key, model_role=serving.role, **own)
        DeliveryActionRole(self, "Deliver", deployer=deployer, **own)
        EndpointAccessRole(self, "Access", **own)
        ImageLookupRole(self, "Images", **own)

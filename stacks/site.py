# SPDX-License-Identifier: MIT-0
"""SiteStack: what the endpoint of a stage needs that is elsewhere, in that account and region.

Nothing of there reads the registry, the archives or the images of build's account. The model comes as a copy, which
the delivery puts here; captured requests go home by replication; and the delivery's own roles are let in for that one
endpoint alone.
"""

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from pipeline_src import contract
from stacks import place
from stacks.bucket import AccessLogs, DataBucket, captured
from stacks.budget import add_budget
from stacks.crossing import caller, let_in, let_use_key
from stacks.dashboard import SiteDashboard
from stacks.deployer import Deployer
from stacks.endpoint import endpoint_name
from stacks.entrance import AccessRole, DeliverRole
from stacks.key import DataKey, Topic, removal
from stacks.output import outputs
from stacks.replication import ReplicaAlarm, ReplicaRole, replicate
from stacks.serving import Serving
from stacks.settings import Environment, Settings


class SiteStack(Stack):
    """The key, the bucket, the topic, the roles, the log and the dashboard of one endpoint that is elsewhere.

    Attributes:
        key: Customer-managed key of everything below and of the endpoint's volumes.
        bucket: Bucket of models/ and capture/.
        topic: Where people are told of the endpoint's alarms.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, stage: str, where: Environment, **options: Any
    ) -> None:
        super().__init__(scope, id_, **options)
        self._settings, self._stage, self._where = settings, stage, where
        self.key = DataKey(
            self,
            "Key",
            description=f"{settings.name}: models, captured requests and logs of {stage}",
            removal=removal(settings),
        )
        self.key.add_alias(place.alias(settings, stage))
        self.bucket = self._bucket()
        self.topic = Topic(self, "Topic", settings=settings, key=self.key, name=place.topic(settings, stage))
        self._admit()
        self._roles()
        if getattr(settings, stage).capture_percent:
            own: dict[str, Any] = {"settings": settings, "stage": stage}
            replicate(self.bucket, ReplicaRole(self, "Replica", bucket=self.bucket, key=self.key, **own), **own)
            ReplicaAlarm(self, "ReplicaAlarm", topic=self.topic, **own)
        dashboard = SiteDashboard(self, "Dashboard", stage=stage, endpoint=endpoint_name(settings, stage))
        if place.bills(settings, stage):
            add_budget(self, "Budget", name=endpoint_name(settings, stage), settings=settings, topic=self.topic)
        outputs(
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
            access=AccessLogs(self, "AccessLogs", settings=self._settings),
            rules=[captured(self._settings)],
            name=place.site_bucket(self._settings, self._stage),
        )

    def _admit(self) -> None:
        """Let build's function put models into the bucket."""
        name = place.site_bucket(self._settings, self._stage)
        by = caller(self._settings.build, place.role(self._settings, "publish"))
        let_in(self.bucket, by, ["s3:PutObject"], f"{contract.MODELS_PREFIX}*")
        let_use_key(self.key, by, self._where, name, "Decrypt", "GenerateDataKey")

    def _roles(self) -> None:
        own: dict[str, Any] = {"settings": self._settings, "stage": self._stage}
        serving = Serving(
            self,
            "Serving",
            settings=self._settings,
            stages=[self._stage],
            key=self.key,
            models=self.bucket.arn_for_objects(f"{contract.MODELS_PREFIX}*/{contract.MODEL_ARTIFACT}"),
            captures=self.bucket,
            name=place.role(self._settings, "model", self._stage),
        )
        deployer = Deployer(self, "Deployer", key=self.key, model_role=serving.role, **own)
        DeliverRole(self, "Deliver", deployer=deployer, **own)
        AccessRole(self, "Access", **own)

# SPDX-License-Identifier: MIT-0
"""The deployment stack: from an approval in the model registry to production.

The registry's event starts the delivery pipeline, which deploys the endpoint templates; see delivery_functions.py,
delivery_pipeline.py and endpoint/.
"""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_codepipeline_actions as actions
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.event_delivery import UndeliveredQueue
from stacks.constructs.iam_statements import remote_role_arn
from stacks.container_images import corresponding_images
from stacks.delivery.delivery_functions import ApprovalRules, PromoteFunction, PublishFunction, SmokeTestFunction
from stacks.delivery.delivery_pipeline import (
    STAGING_SMOKE_NAMESPACE,
    DeliveryPipeline,
    home_deploy_target,
    remote_deploy_target,
)
from stacks.endpoint.endpoint_roles import ServingResources
from stacks.endpoint.endpoint_stack import EndpointStage, endpoint_templates_asset
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import Settings
from stacks.stack_outputs import add_stack_outputs
from stacks.storage.lambda_function import OperationFunction
from stacks.storage.storage_stack import StorageStack


class DeploymentStack(Stack):
    """What delivers a model package.

    Attributes:
        undelivered: Queue of events of the registry that came to nothing.
        delivery: The pipeline.
        approval: What starts it.
        smoke: The function of the smoke tests.
        promote: The function that notes what is live.
        publish: The function that copies models to where endpoints are; None where both stages are at home.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        endpoints: EndpointStage,
        **options: Any,
    ) -> None:
        super().__init__(scope, id_, **options)
        self._settings, self._storage, self._endpoints = settings, storage, endpoints.stacks
        own: dict[str, Any] = {"settings": settings, "storage": storage}
        self.undelivered = UndeliveredQueue(self, "Undelivered", settings=settings)
        self._serving = self._serve(stage_placement.home_stages(settings))
        self.publish = PublishFunction(self, "Publish", **own) if stage_placement.remote_stages(settings) else None
        self.smoke = SmokeTestFunction(self, "Smoke", **own)
        self.promote = PromoteFunction(self, "Promote", **own)
        self.delivery = DeliveryPipeline(
            self, "Delivery", templates=endpoint_templates_asset(self, "Templates", endpoints), **own
        )
        self._deliver()
        self.approval = ApprovalRules(self, "Approval", delivery=self.delivery, undelivered=self.undelivered, **own)
        self._outputs()

    def _serve(self, stages: Sequence[str]) -> ServingResources | None:
        """Return what the endpoints at home run as, if one is at home."""
        if not stages:
            return None
        models = self._storage.runs.arn_for_objects(f"{contract.RUNS_PREFIX}*/{contract.MODEL_ARTIFACT_FILE}")
        storage = self._storage
        return ServingResources(
            self,
            "Serving",
            settings=self._settings,
            stages=stages,
            key=storage.key,
            models=models,
            captures=storage.captures,
        )

    def _deliver(self) -> None:
        staging, production = stage_placement.STAGES
        live_now = {"champion": self._storage.champion.parameter_name}
        tested = self._action(self.smoke, "SmokeTest", staging, 2, namespace=STAGING_SMOKE_NAMESPACE, **live_now)
        self._stage(staging, then=[tested])
        self.delivery.approval(tested)
        live = self._action(self.smoke, "SmokeTest", production, 2)
        promoted = self._action(self.promote, "Promote", production, 3, **live_now, **self._bucket(production))
        self._stage(production, then=[live, promoted])

    def _action(
        self, function: OperationFunction, name: str, stage: str, order: int, namespace: str | None = None, **given: str
    ) -> actions.LambdaInvokeAction:
        """Return an action on the endpoint of `stage`; where that is elsewhere, it is told by which way to reach it."""
        where = stage_placement.remote_environment(self._settings, stage)
        if where:
            role = remote_role_arn(where, stage_placement.role_name(self._settings, "access", stage))
            given |= {"access": role, "region": where.region}
        # A model that is elsewhere is brought there first.
        order += 1 if where else 0
        endpoint = self._endpoints[stage].name
        return self.delivery.invoke(function, name, order, namespace=namespace, endpoint=endpoint, **given)

    def _bucket(self, stage: str) -> dict[str, str]:
        return (
            {"bucket": stage_placement.stage_bucket_name(self._settings, stage)}
            if stage_placement.remote_environment(self._settings, stage)
            else {}
        )

    def _stage(self, stage: str, then: list[actions.LambdaInvokeAction]) -> None:
        name, endpoint, settings = stage.capitalize(), self._endpoints[stage], self._settings
        where = stage_placement.remote_environment(settings, stage)
        if where and self.publish:
            role = remote_role_arn(where, stage_placement.role_name(settings, "images", stage))
            images = corresponding_images(self, settings, where)
            to = {**self._bucket(stage), "region": where.region, "access": role, "images": images}
            first = self.delivery.invoke(self.publish, "Publish", 1, namespace=f"{name}Model", **to)
            there = remote_deploy_target(self, stage, settings=settings, where=where, endpoint=endpoint)
            self.delivery.stage(name, there, first=first, then=then)
        elif self._serving:
            own: dict[str, Any] = {"settings": settings, "storage": self._storage, "serving": self._serving}
            self.delivery.stage(name, home_deploy_target(self, stage, endpoint=endpoint, **own), then=then)

    def _outputs(self) -> None:
        named = {stage.capitalize(): stack.name for stage, stack in self._endpoints.items()}
        far = {stage.capitalize(): where for stage, where in stage_placement.remote_stages(self._settings).items()}
        add_stack_outputs(
            self,
            Delivery=self.delivery.name,
            **{f"{stage}Stack": name for stage, name in named.items()},
            **{f"{stage}Endpoint": name for stage, name in named.items()},
            **{f"{stage}Account": where.account for stage, where in far.items()},
            **{f"{stage}Region": where.region for stage, where in far.items()},
        )

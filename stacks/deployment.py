# SPDX-License-Identifier: MIT-0
"""DeploymentStack: from an approval in the model registry to production.

The registry's event starts the delivery pipeline, which deploys the endpoint templates; see `approval`, `delivery`,
`endpoint`.
"""

from typing import Any

from aws_cdk import Stack
from constructs import Construct

from stacks.approval import Approval
from stacks.delivery import STAGING_SMOKE, Delivery
from stacks.deployer import Deployer
from stacks.endpoint import STAGES
from stacks.invocation import PromoteFunction, SmokeFunction
from stacks.output import outputs
from stacks.serving import Serving
from stacks.settings import Settings
from stacks.stage import EndpointStage, templates
from stacks.storage import StorageStack
from stacks.trigger import UndeliveredQueue


class DeploymentStack(Stack):
    """What delivers a model package.

    Attributes:
        undelivered: Queue of events of the registry that came to nothing.
        delivery: The pipeline.
        approval: What starts it.
        smoke: The function of the smoke tests.
        promote: The function that notes what is live.
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
        own: dict[str, Any] = {"settings": settings, "storage": storage}
        self._own, self._storage, self._endpoints = own, storage, endpoints.stacks
        self.undelivered = UndeliveredQueue(self, "Undelivered")
        self._serving = Serving(self, "Serving", **own)
        self.smoke = SmokeFunction(self, "Smoke", **own)
        self.promote = PromoteFunction(self, "Promote", **own)
        self.delivery = Delivery(self, "Delivery", templates=templates(self, "Templates", endpoints), **own)
        self._deliver()
        self.approval = Approval(self, "Approval", delivery=self.delivery, undelivered=self.undelivered, **own)
        self._outputs()

    def _deliver(self) -> None:
        staging, production = (self._endpoints[stage] for stage in STAGES)
        delivery = self.delivery
        tested = delivery.invoke(self.smoke, "SmokeTest", 2, namespace=STAGING_SMOKE, endpoint=staging.name)
        self._stage("Staging", replace_broken=True, then=[tested])
        delivery.approval(tested)
        live = delivery.invoke(self.smoke, "SmokeTest", 2, endpoint=production.name)
        champion = self._storage.champion.parameter_name
        noted = delivery.invoke(self.promote, "Promote", 3, endpoint=production.name, champion=champion)
        # What serves is never deleted by a machine; a person looks at a production stack that failed for good.
        self._stage("Production", replace_broken=False, then=[live, noted])

    def _stage(self, name: str, **options: Any) -> None:
        stage = name.lower()
        deployer = Deployer(self, f"{name}Deployer", stage=stage, model_role=self._serving.role, **self._own)
        self.delivery.stage(
            name, endpoint=self._endpoints[stage], deployer=deployer, model_role=self._serving.role, **options
        )

    def _outputs(self) -> None:
        named = {stage.capitalize(): stack.name for stage, stack in self._endpoints.items()}
        outputs(
            self,
            Delivery=self.delivery.name,
            **{f"{stage}Stack": name for stage, name in named.items()},
            **{f"{stage}Endpoint": name for stage, name in named.items()},
        )

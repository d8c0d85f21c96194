# SPDX-License-Identifier: MIT-0
"""RetrainingStack: what starts the SageMaker pipeline, and what a push goes through before it does."""

from typing import Any

from aws_cdk import Annotations, Stack
from constructs import Construct

from stacks.output import outputs
from stacks.pull_request import Review
from stacks.push import PushPipeline
from stacks.settings import Settings
from stacks.source import missing
from stacks.starter import Starter
from stacks.storage import StorageStack
from stacks.training import TrainingStack
from stacks.trigger import Trigger, UndeliveredQueue


class RetrainingStack(Stack):
    """The state machine and everything that starts it.

    Attributes:
        starter: The state machine and its function.
        undelivered: Queue of the events that could not be delivered.
        push: What a push goes through; None while no repository is set.
        review: What a pull request goes through; None unless the source is CodeCommit.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        training: TrainingStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, id_, **options)
        self.undelivered = UndeliveredQueue(self, "Undelivered", settings=settings)
        self.starter = Starter(self, "Starter", settings=settings, storage=storage, training=training)
        own: dict[str, Any] = {"settings": settings, "storage": storage, "undelivered": self.undelivered}
        Trigger(self, "Trigger", machine=self.starter.machine, **own)
        self.push = self._push(own, missing(settings.source))
        self.review = Review(self, "Review", **own) if self.push and settings.source.kind == "codecommit" else None
        self._outputs()

    def _push(self, own: dict[str, Any], hint: str) -> PushPipeline | None:
        if hint:
            # An information, no warning: a deployment that is retrained by uploads alone is a whole one.
            Annotations.of(self).add_info(hint)
            return None
        return PushPipeline(self, "Push", machine=self.starter.machine, **own)

    def _outputs(self) -> None:
        given = {"StateMachine": self.starter.machine.state_machine_arn}
        if self.push:
            given["SourcePipeline"] = self.push.name
            if self.push.connection:
                given["Connection"] = self.push.connection
        outputs(self, **given)

# SPDX-License-Identifier: MIT-0
"""The retraining stack: what starts the SageMaker pipeline, and the pipeline of pushes."""

from typing import Any

from aws_cdk import Annotations, Stack
from constructs import Construct

from stacks.constructs.event_delivery import UndeliveredQueue
from stacks.retraining.codebuild_projects import PullRequestBuild
from stacks.retraining.push_pipeline import PushPipeline, missing_source_hint
from stacks.retraining.retraining_start import RetrainingStateMachine, RetrainingTriggers
from stacks.settings.deployment_settings import Settings
from stacks.stack_outputs import add_stack_outputs
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack


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
        self.starter = RetrainingStateMachine(self, "Starter", settings=settings, storage=storage, training=training)
        own: dict[str, Any] = {"settings": settings, "storage": storage, "undelivered": self.undelivered}
        RetrainingTriggers(self, "Trigger", machine=self.starter.machine, **own)
        self.push = self._push(own, missing_source_hint(settings.source))
        self.review = (
            PullRequestBuild(self, "Review", **own) if self.push and settings.source.kind == "codecommit" else None
        )
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
        add_stack_outputs(self, **given)

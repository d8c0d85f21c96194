# SPDX-License-Identifier: MIT-0
"""The rules on approvals and rejections in the model registry: start a delivery, or warn if that model is live.

Both call a function, since SageMaker sends several events for a change, and one for each edit of a package's
metadata or card, and EventBridge delivers at least once: `operations.functions.model_delivery` starts one delivery
for each approval.
Sources: SageMaker Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge", model package state
change; EventBridge User Guide, "Input transformation".
"""

from typing import Final

from aws_cdk import aws_events, aws_sqs
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks.constructs.event_delivery import keep_failed_events
from stacks.constructs.iam_statements import grant_actions, resource_arn, service_actions
from stacks.delivery.delivery_pipeline import DeliveryPipeline
from stacks.settings.deployment_settings import Settings
from stacks.storage.lambda_function import OperationFunction
from stacks.storage.storage_stack import StorageStack

_EVENT_DETAIL: Final = aws_events.EventField.from_path("$.detail")


class ApprovalRules(Construct):
    """The rules on the registry's events and their functions.

    Attributes:
        release: Starts a delivery.
        rejected: Tells the topic if what was rejected is live.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        delivery: DeliveryPipeline,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._storage, self._undelivered = settings, storage, undelivered
        self.release = self._function("Release", "Starts the delivery of an approved model package")
        self.rejected = self._function("Rejected", "Tells the topic if a rejected model package is live")
        self._allow(delivery)
        champion = storage.champion.parameter_name
        self._rule("Approved", self.release, delivery=delivery.name, champion=champion)
        self._rule("Rejected", self.rejected, champion=champion, topic=storage.topic.topic_arn)

    def _function(self, id_: str, description: str) -> OperationFunction:
        function = OperationFunction(
            self,
            f"{id_}Function",
            handler=id_.lower(),
            description=description,
            settings=self._settings,
            storage=self._storage,
        )
        keep_failed_events(function, self._undelivered)
        return function

    def _allow(self, delivery: DeliveryPipeline) -> None:
        packages = resource_arn("sagemaker", f"model-package/{self._settings.name}/*")
        grant_actions(self.release, "sagemaker:DescribeModelPackage", on=[packages])
        executions = ("GetPipelineExecution", "ListPipelineExecutions", "StartPipelineExecution")
        grant_actions(self.release, *service_actions("codepipeline", *executions), on=[delivery.arn])
        for function in (self.release, self.rejected):
            grant_actions(function, "ssm:GetParameter", on=[self._storage.champion.parameter_arn])
        grant_actions(self.rejected, "sns:Publish", on=[self._storage.topic.topic_arn])
        grant_actions(self.rejected, "kms:Decrypt", "kms:GenerateDataKey", on=[self._storage.key.key_arn])

    def _rule(self, status: str, function: OperationFunction, **payload: str) -> None:
        # The whole detail: it says what was changed in a field that may be absent, and an input transformer leaves a
        # hole where a path leads to nothing.
        given = {"detail": _EVENT_DETAIL, **payload}
        target = targets.LambdaFunction(
            function, event=aws_events.RuleTargetInput.from_object(given), dead_letter_queue=self._undelivered
        )
        aws_events.Rule(
            self,
            status,
            description=f"A model package of {self._settings.name} was set to {status}",
            event_pattern=approval_event_pattern(self._settings.name, status),
            targets=[target],
        )


def approval_event_pattern(group: str, status: str) -> aws_events.EventPattern:
    """Return the pattern of the events that tell of a version in `group` that has that approval status."""
    return aws_events.EventPattern(
        source=["aws.sagemaker"],
        detail_type=["SageMaker Model Package State Change"],
        detail={"ModelPackageGroupName": [group], "ModelApprovalStatus": [status]},
    )

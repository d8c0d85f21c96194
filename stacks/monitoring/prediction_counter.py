# SPDX-License-Identifier: MIT-0
"""Counts the answers of the endpoints: each file of captured requests starts a function that counts its answers.

It exists only if a stage captures requests. EventBridge delivers at least once, so a file may be counted twice.
Source of the event: S3 User Guide, "EventBridge event message structure". Keys of captures hold no character that a
URL would encode.
"""

from typing import Final

from aws_cdk import aws_events, aws_sqs
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.event_delivery import keep_failed_events, object_created_pattern
from stacks.constructs.iam_statements import grant_actions
from stacks.settings.deployment_settings import Settings
from stacks.settings.stage_placement import STAGES
from stacks.storage.lambda_function import OperationFunction
from stacks.storage.storage_stack import StorageStack

CAPTURE_KEY_PATTERN: Final = f"{contract.CAPTURE_PREFIX}*.jsonl"


def capture_percentages(settings: Settings) -> dict[str, int]:
    """Return the stages that capture requests, each with the share that it captures, in per cent."""
    shares = {stage: getattr(settings, stage).capture_percent for stage in STAGES}
    return {stage: share for stage, share in shares.items() if share}


class PredictionCounter(Construct):
    """The function that counts and the rule that calls it.

    Attributes:
        function: Publishes the counts, under a namespace that is called as the settings are.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack, undelivered: aws_sqs.Queue
    ) -> None:
        super().__init__(scope, id_)
        self.function = OperationFunction(
            self,
            "Function",
            handler="tally",
            description="Counts the classes that an endpoint answered",
            settings=settings,
            storage=storage,
        )
        # EventBridge is content once Lambda has taken the event; one that fails every time is kept here.
        keep_failed_events(self.function, undelivered)
        self._allow(settings.name, storage)
        self._rule(settings.name, storage, undelivered)

    def _allow(self, namespace: str, storage: StorageStack) -> None:
        grant_actions(
            self.function, "s3:GetObject", on=[storage.captures.arn_for_objects(f"{contract.CAPTURE_PREFIX}*")]
        )
        grant_actions(self.function, "kms:Decrypt", on=[storage.key.key_arn])
        own = {"StringEquals": {"cloudwatch:namespace": namespace}}
        grant_actions(self.function, "cloudwatch:PutMetricData", on=["*"], where=own)

    def _rule(self, namespace: str, storage: StorageStack, undelivered: aws_sqs.Queue) -> None:
        key = aws_events.EventField.from_path("$.detail.object.key")
        given = {"bucket": storage.captures.bucket_name, "key": key, "namespace": namespace}
        target = targets.LambdaFunction(
            self.function, event=aws_events.RuleTargetInput.from_object(given), dead_letter_queue=undelivered
        )
        aws_events.Rule(
            self,
            "Captured",
            description="Requests of an endpoint were captured: count the answers",
            event_pattern=object_created_pattern(
                storage.captures.bucket_name, aws_events.Match.wildcard(CAPTURE_KEY_PATTERN)
            ),
            targets=[target],
        )

# SPDX-License-Identifier: MIT-0
"""What starts a retraining without a push: an uploaded archive, an exported one, or a schedule.

An event that could not be delivered waits in a queue, whose alarm stands in the MonitoringStack. Source of the event:
S3 User Guide, "EventBridge event message structure".
"""

from typing import Final

from aws_cdk import Duration, aws_events, aws_iam, aws_sqs
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.iam_statements import resource_arn
from stacks.retraining.retraining_state_machine import REQUEST_DEFAULTS
from stacks.settings.deployment_settings import Settings
from stacks.storage.storage_stack import StorageStack
from stacks.training.job_roles import create_event_role

ARCHIVE_KEY_PATTERN: Final = f"{contract.ARCHIVES_PREFIX}*.zip"
ADDITION_KEY_PATTERN: Final = f"{contract.ADDITIONS_PREFIX}*.zip"
_OBJECT_CREATED: Final = "Object Created"


class UndeliveredQueue(aws_sqs.Queue):
    """Where EventBridge leaves events that it could not deliver, for two weeks.

    One statement admits the rules of the deployment. The library's targets would add one for each rule, and a queue's
    policy holds 20 (SQS Developer Guide, "Amazon SQS policy quotas").
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings) -> None:
        # SQS's own key: EventBridge then needs no leave to use one, so that nothing can be lost for want of it.
        super().__init__(
            scope,
            id_,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        # A rule's name begins with its stack's, of which CloudFormation may leave out the end.
        rules = resource_arn("events", f"rule/{settings.name}-*")
        super().add_to_resource_policy(
            aws_iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[aws_iam.ServicePrincipal("events.amazonaws.com")],
                resources=[self.queue_arn],
                conditions={"ArnLike": {"aws:SourceArn": rules}},
            )
        )

    def add_to_resource_policy(self, statement: aws_iam.PolicyStatement) -> aws_iam.AddToResourcePolicyResult:
        """Add `statement`, unless it admits a rule, as the library's targets would have it."""
        if "aws:SourceArn" in str(statement.to_statement_json().get("Condition")):
            return aws_iam.AddToResourcePolicyResult(statement_added=False)
        return super().add_to_resource_policy(statement)


class RetrainingTriggers(Construct):
    """The rules that start the state machine."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        machine: sfn.StateMachine,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        self._machine, self._undelivered = machine, undelivered
        self._role = create_event_role(self, "Starts the retraining state machine")
        if settings.retraining.on_new_data:
            self._on_new_data(storage)
        if settings.retraining.schedule:
            self._on_schedule(settings.retraining.schedule)

    def _on_new_data(self, storage: StorageStack) -> None:
        key = aws_events.EventField.from_path("$.detail.object.key")
        uploads = "An archive was uploaded: retrain on it"
        exports = "Labelled images of production were exported: retrain with them"
        self._on_object("NewData", uploads, ARCHIVE_KEY_PATTERN, storage, archive=key)
        self._on_object("NewAddition", exports, ADDITION_KEY_PATTERN, storage, addition=key)

    def _on_object(self, id_: str, description: str, keys: str, storage: StorageStack, **given: str) -> None:
        aws_events.Rule(
            self,
            id_,
            description=description,
            event_pattern=object_created_pattern(storage.raw.bucket_name, aws_events.Match.wildcard(keys)),
            targets=[self._target(**given, reason="data")],
        )

    def _on_schedule(self, expression: str) -> None:
        aws_events.Rule(
            self,
            "Schedule",
            description="It is time: retrain on the newest archive",
            schedule=aws_events.Schedule.expression(expression),
            targets=[self._target(reason="schedule")],
        )

    def _target(self, **given: str) -> targets.SfnStateMachine:
        return targets.SfnStateMachine(
            self._machine,
            input=aws_events.RuleTargetInput.from_object(REQUEST_DEFAULTS | given),
            dead_letter_queue=self._undelivered,
            role=self._role,
        )


def object_created_pattern(bucket: str, keys: list[str]) -> aws_events.EventPattern:
    """Return the pattern of an object that was put into `bucket`.

    Args:
        bucket: Its name.
        keys: Object keys, or what `aws_events.Match` makes of a pattern of keys.
    """
    return aws_events.EventPattern(
        source=["aws.s3"],
        detail_type=[_OBJECT_CREATED],
        detail={"bucket": {"name": [bucket]}, "object": {"key": keys}},
    )

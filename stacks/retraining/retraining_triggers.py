# SPDX-License-Identifier: MIT-0
"""The rules that start a retraining without a push: an uploaded archive, an exported one, or a schedule."""

from typing import Final

from aws_cdk import aws_events, aws_sqs
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.event_delivery import object_created_pattern
from stacks.constructs.iam_statements import create_event_role
from stacks.retraining.retraining_state_machine import REQUEST_DEFAULTS
from stacks.settings.deployment_settings import Settings
from stacks.storage.storage_stack import StorageStack

ARCHIVE_KEY_PATTERN: Final = f"{contract.ARCHIVES_PREFIX}*.zip"
ADDITION_KEY_PATTERN: Final = f"{contract.ADDITIONS_PREFIX}*.zip"


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

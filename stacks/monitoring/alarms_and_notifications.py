# SPDX-License-Identifier: MIT-0
"""Alarms and notifications: both send a message to the topic.

The alarms watch the functions, the state machine, the queues and drift; those of the endpoints are in
endpoint/endpoint_alarms.py. A model that the gate rejects fires no alarm: a notification reports it with its reason.

Each notification rule turns an event into one sentence. EventBridge publishes in a role, because it sends nothing that
the conditions of a topic's policy could check. Sources of the events: SageMaker Developer Guide, "Amazon EventBridge
integration"; EventBridge User Guide, "Comparison operators for use in event patterns"; Step Functions Developer Guide,
"EventBridge integration"; CodePipeline User Guide, "Monitoring CodePipeline events".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import (
    Duration,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_events,
    aws_iam,
    aws_lambda,
    aws_sns,
    aws_sqs,
)
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.artifact_access import role_without_updates
from stacks.constructs.iam_statements import grant_actions, service_principal
from stacks.storage.storage_stack import StorageStack


@dataclass(frozen=True, kw_only=True)
class EventNotice:
    """One kind of event and the sentence about it.

    Attributes:
        source: Of the event, such as ``aws.sagemaker``.
        kind: Its detail-type.
        detail: What its detail has to match.
        text: The sentence, with ``{name}`` where a value of the event stands.
        values: Where the event says each of them, as JSON paths. Names, ids and ARNs only: EventBridge escapes
            nothing, and a quote or a line break, as a cause may hold, would make the whole message invalid.
    """

    source: str
    kind: str
    detail: Mapping[str, Any]
    text: str
    values: Mapping[str, str]


_PIPELINE_EVENT: Final = "SageMaker Model Building Pipeline Execution Status Change"
_REPEAT_HINT: Final = "To do it again: docs/operate.md#deliver-again"
_RETRAINING_HINT: Final = "What to do: make next, and docs/troubleshooting.md#a-retraining-failed"
_STAGE_HINT: Final = "What to do: make next, and docs/troubleshooting.md"
_PIPELINE_VALUES: Final = {
    "execution": "$.detail.pipelineExecutionArn",
    "status": "$.detail.currentPipelineExecutionStatus",
}
_STATE_MACHINE_VALUES: Final = {
    "execution": "$.detail.name",
    "status": "$.detail.status",
}


def training_notices(name: str, pipeline_arn: str) -> dict[str, EventNotice]:
    """Return what is said of the SageMaker pipeline `name` with that ARN, and of its models' versions."""
    ours: dict[str, Any] = {"source": "aws.sagemaker", "kind": _PIPELINE_EVENT, "values": _PIPELINE_VALUES}
    package: dict[str, Any] = {
        "ModelPackageGroupName": [name],
        "ModelPackageStatus": ["Completed"],
        "ModelApprovalStatus": ["PendingManualApproval"],
        # An edit of a version that waits comes as the same event. A new version's does not say what was updated; should
        # it say so one day, the notice of its training is sent all the same.
        "$or": [
            {"UpdatedModelPackageFields": [{"exists": False}]},
            {"UpdatedModelPackageFields": ["ModelApprovalStatus"]},
        ],
    }
    return {
        "TrainingFailed": EventNotice(
            detail={"pipelineArn": [pipeline_arn], "currentPipelineExecutionStatus": ["Failed", "Stopped"]},
            text=f"SageMaker pipeline {name} ended as {{status}}: {{execution}}. "
            "Its step Reject, if that failed, says which requirement the model missed. Console: SageMaker, Pipelines. "
            f"{_RETRAINING_HINT}",
            **ours,
        ),
        "TrainingSucceeded": EventNotice(
            detail={"pipelineArn": [pipeline_arn], "currentPipelineExecutionStatus": ["Succeeded"]},
            text=f"SageMaker pipeline {name} has registered a model that passed the gate: {{execution}} ended as "
            "{status}.",
            **ours,
        ),
        "ApprovalWaiting": EventNotice(
            source="aws.sagemaker",
            kind="SageMaker Model Package State Change",
            detail=package,
            text=f"Version {{version}} of model {name} is waiting for approval: {{package}}. "
            "Approve it for staging, or reject it, in the console (SageMaker, Models, Model groups). "
            "Its report and the command: make next.",
            values={"version": "$.detail.ModelPackageVersion", "package": "$.detail.ModelPackageArn"},
        ),
    }


def state_machine_notices(name: str, machine_arn: str) -> dict[str, EventNotice]:
    """Return what is said of the state machine with that ARN, which retrains deployment `name`."""
    return {
        "RetrainingFailed": EventNotice(
            source="aws.states",
            kind="Step Functions Execution Status Change",
            detail={"stateMachineArn": [machine_arn], "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
            text=f"Retraining of {name} ended as {{status}}. Execution {{execution}} "
            f"of its state machine. Console: Step Functions. {_RETRAINING_HINT}",
            values=_STATE_MACHINE_VALUES,
        )
    }


def pipeline_notices(pipeline: str, what: str) -> dict[str, EventNotice]:
    """Return what is said of the CodePipeline with the name `pipeline`, which does `what`, such as Delivery."""
    return {
        f"{what}{ending.capitalize()}": EventNotice(
            source="aws.codepipeline",
            kind="CodePipeline Pipeline Execution State Change",
            detail={"pipeline": [pipeline], "state": [ending]},
            text=f"{what}: pipeline {pipeline} {said}: execution {{execution}}, {{state}}. Console: CodePipeline, "
            f"{pipeline}.{more}",
            values={"execution": "$.detail.execution-id", "state": "$.detail.state"},
        )
        for ending, said, more in (
            ("FAILED", "failed", f" {_STAGE_HINT}"),
            ("CANCELED", "was cancelled, because a deployment changed it meanwhile", f" {_REPEAT_HINT}"),
            ("STOPPED", "was stopped", f" {_REPEAT_HINT}"),
            ("SUCCEEDED", "has done all its stages", ""),
        )
    }


class NotificationRules(Construct):
    """Sends notices to the topic of `storage`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        storage: StorageStack,
        undelivered: aws_sqs.Queue,
        notices: Mapping[str, EventNotice],
    ) -> None:
        super().__init__(scope, id_)
        events = service_principal("events")
        role = aws_iam.Role(self, "Role", assumed_by=events, description="Sends notices to the topic")
        grant_actions(role, "sns:Publish", on=[storage.topic.topic_arn])
        grant_actions(role, "kms:Decrypt", "kms:GenerateDataKey", on=[storage.key.key_arn])
        for name, notice in notices.items():
            rule = aws_events.Rule(
                self,
                name,
                description=f"Tells the topic: {name}",
                event_pattern=aws_events.EventPattern(
                    source=[notice.source],
                    detail_type=[notice.kind],
                    account=[Stack.of(self).account],
                    detail=notice.detail,
                ),
            )
            rule.add_target(
                targets.SnsTopic(
                    storage.topic,
                    message=_notice_message(notice),
                    role=role_without_updates(role),
                    dead_letter_queue=undelivered,
                )
            )


def _notice_message(notice: EventNotice) -> aws_events.RuleTargetInput:
    values = {name: aws_events.EventField.from_path(path) for name, path in notice.values.items()}
    return aws_events.RuleTargetInput.from_text(notice.text.format(**values))


# What operations.functions.monitoring_runs publishes of the monitor's runs; a test compares the two.
VIOLATIONS_METRIC: Final = "Violations"
PRODUCTION_DIMENSIONS: Final = {"Endpoint": "production"}
_PERIOD: Final = Duration.minutes(5)


class ApplicationAlarms(Construct):
    """The alarms, each of which tells the topic.

    Attributes:
        all: All of them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        drift: bool,
        topic: aws_sns.ITopic,
        functions: Mapping[str, aws_lambda.IFunction],
        machine: sfn.StateMachine,
        queues: Mapping[str, aws_sqs.Queue],
    ) -> None:
        super().__init__(scope, id_)
        self._name, self._topic = name, topic
        ran_out = machine.metric_timed_out(period=_PERIOD, statistic="Sum")
        held_up = machine.metric_throttled(period=_PERIOD, statistic="Sum")
        self.all: Sequence[aws_cloudwatch.Alarm] = (
            self._alarm("RetrainingTimedOut", ran_out, "a retraining did not end within its time"),
            self._alarm("RetrainingThrottled", held_up, "Step Functions held a retraining up"),
            *(
                self._alarm(
                    f"{each}Errors",
                    function.metric_errors(period=_PERIOD, statistic="Sum"),
                    # By its name its log is found.
                    f"function {function.function_name} failed",
                )
                for each, function in functions.items()
            ),
            *(
                self._alarm(
                    f"{each}Undelivered", _queue_depth_metric(queue), f"an event of the {each} rules was not delivered"
                )
                for each, queue in queues.items()
            ),
            *(
                (self._alarm("Drift", _violations_metric(name), "production differs from its model's test"),)
                if drift
                else ()
            ),
        )

    def _alarm(self, id_: str, metric: aws_cloudwatch.IMetric, what: str) -> aws_cloudwatch.Alarm:
        alarm = aws_cloudwatch.Alarm(
            self,
            id_,
            alarm_name=f"{self._name}-{id_}",
            alarm_description=f"{self._name}: {what}. What to do: docs/alarms.md#{id_.lower()}",
            metric=metric,
            threshold=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            # Nothing is sent while nothing happens, and then all is well.
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(self._topic))
        return alarm


def _violations_metric(namespace: str) -> aws_cloudwatch.Metric:
    # It rings until a day is over in which no run found any.
    return aws_cloudwatch.Metric(
        namespace=namespace,
        metric_name=VIOLATIONS_METRIC,
        dimensions_map=PRODUCTION_DIMENSIONS,
        statistic="Maximum",
        period=Duration.days(1),
    )


def _queue_depth_metric(queue: aws_sqs.Queue) -> aws_cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum")

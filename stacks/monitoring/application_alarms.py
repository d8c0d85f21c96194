# SPDX-License-Identifier: MIT-0
"""The alarms over the functions, the state machine, the queues and drift.

The alarms of the endpoints are in endpoint/endpoint_alarms.py. A model that the gate rejects fires no alarm:
event_notifications.py reports it with its reason.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_lambda, aws_sns, aws_sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

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
            alarm_description=f"{self._name}: {what}. What to do: docs/operations.md, {id_}",
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

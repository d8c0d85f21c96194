# SPDX-License-Identifier: MIT-0
"""How a new model takes over an endpoint: what traffic it gets first, what is watched meanwhile, what undoes it.

Sources: SageMaker Developer Guide, "Deployment guardrails" and "Metrics for monitoring Amazon SageMaker with
CloudWatch"; SageMaker API Reference, DeploymentConfig.
"""

from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_sagemaker, aws_sns
from constructs import Construct

from stacks.settings import Endpoint

# SageMaker sends 1 for a request that failed and 0 for one that did not, so that the average is the share of failures.
SERVER_ERROR_SHARE: Final = 0.01
# These include pictures that the model refuses, which a client may send at any time.
MODEL_ERROR_SHARE: Final = 0.05
# SageMaker tells latencies in microseconds.
MICROSECONDS: Final = 1000
# Once all traffic has shifted, the old fleet stays for so long, so that a late alarm rolls back at once.
TERMINATION_SECONDS: Final = 300
# Instances that start and load a model need minutes; an hour means that there are none to be had.
_START_SECONDS: Final = 3600
_MINUTE: Final = Duration.minutes(1)


class Watch(Construct):
    """The alarms of one endpoint: they tell the topic at any time, and roll back an update while it lasts.

    Attributes:
        alarms: All of them.
    """

    def __init__(
        self, scope: Construct, id_: str, *, endpoint_name: str, variant: str, latency_ms: int, topic: aws_sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self._name, self._topic = endpoint_name, topic
        self._dimensions = {"EndpointName": endpoint_name, "VariantName": variant}
        limit = latency_ms * MICROSECONDS
        self.alarms = (
            self._alarm("ServerErrors", "Invocation5XXErrors", "Average", SERVER_ERROR_SHARE, "answers fail"),
            self._alarm("ModelErrors", "InvocationModelErrors", "Average", MODEL_ERROR_SHARE, "the model fails"),
            self._alarm("Latency", "ModelLatency", "p99", limit, f"the model takes over {latency_ms} ms"),
        )

    def _alarm(self, id_: str, metric: str, statistic: str, threshold: float, what: str) -> aws_cloudwatch.Alarm:
        alarm = aws_cloudwatch.Alarm(
            self,
            id_,
            # A name that never needs replacing, and by which the deployment's role is let change it.
            alarm_name=f"{self._name}-{id_}",
            alarm_description=f"{self._name}: {what}. What to do: docs/operations.md, {id_}",
            metric=aws_cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name=metric,
                dimensions_map=self._dimensions,
                statistic=statistic,
                period=_MINUTE,
            ),
            threshold=threshold,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            # Two bad minutes of three: one slow or refused picture in a quiet minute is no reason to roll back.
            evaluation_periods=3,
            datapoints_to_alarm=2,
            # An endpoint that nobody asks is well.
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(self._topic))
        return alarm


def deployment_config(
    settings: Endpoint, alarms: tuple[aws_cloudwatch.Alarm, ...]
) -> aws_sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Return how an update shifts traffic, how long it is watched, and which alarms undo it."""
    properties = aws_sagemaker.CfnEndpoint
    routing, wait = _routing(settings)
    return properties.DeploymentConfigProperty(
        blue_green_update_policy=properties.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=routing,
            termination_wait_in_seconds=TERMINATION_SECONDS,
            maximum_execution_timeout_in_seconds=_START_SECONDS + wait + TERMINATION_SECONDS,
        ),
        auto_rollback_configuration=properties.AutoRollbackConfigProperty(
            alarms=[properties.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in alarms]
        ),
    )


def _routing(settings: Endpoint) -> tuple[aws_sagemaker.CfnEndpoint.TrafficRoutingConfigProperty, int]:
    properties = aws_sagemaker.CfnEndpoint
    if not settings.canary_percent:
        return properties.TrafficRoutingConfigProperty(type="ALL_AT_ONCE", wait_interval_in_seconds=0), 0
    wait = settings.canary_minutes * 60
    size = properties.CapacitySizeProperty(type="CAPACITY_PERCENT", value=settings.canary_percent)
    return properties.TrafficRoutingConfigProperty(type="CANARY", wait_interval_in_seconds=wait, canary_size=size), wait

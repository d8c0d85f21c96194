# SPDX-License-Identifier: MIT-0
"""The alarms of an endpoint, and the rollout of a new model: traffic shifting, watching and rollback.

There are two sets of alarms. `EndpointAlarms` watch the whole endpoint at all times and notify the topic.
`RolloutGuard` watches the new fleet only and rolls an update back: a guard over the whole endpoint would block the
replacement of a faulty model.

Sources: SageMaker Developer Guide, "Deployment guardrails", "Auto-Rollback Configuration and Monitoring" (dimension
EndpointConfigName) and "Metrics for monitoring Amazon SageMaker with CloudWatch"; SageMaker API Reference,
DeploymentConfig; CloudFormation Template Reference, AWS::CloudWatch::Alarm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_sagemaker, aws_sns
from constructs import Construct

from stacks.settings.deployment_settings import EndpointSettings

# SageMaker sends 1 for a failed request and 0 otherwise, so the average is the share of failures.
SERVER_ERROR_SHARE: Final = 0.01
# These include images that the model rejects, which a client may send at any time.
MODEL_ERROR_SHARE: Final = 0.05
# SageMaker reports latencies in microseconds.
MICROSECONDS_PER_MILLISECOND: Final = 1000
# The old fleet is kept this long after all traffic has shifted, so that a late alarm rolls back at once.
TERMINATION_SECONDS: Final = 300
# Instances need minutes to start and load a model; after an hour no capacity is available.
_START_SECONDS: Final = 3600
_MINUTE: Final = Duration.minutes(1)


class EndpointAlarms(Construct):
    """The alarms over all answers of an endpoint: they notify the topic and roll nothing back."""

    def __init__(
        self, scope: Construct, id_: str, *, endpoint_name: str, variant: str, latency_ms: int, topic: aws_sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        dimensions = {"EndpointName": endpoint_name, "VariantName": variant}
        for signal in (*_rollback_signals(latency_ms), _MODEL_ERRORS):
            # A name that never needs replacing, and by which the deployment's role is let change it.
            signal.alarm(self, name=f"{endpoint_name}-{signal.id}", dimensions=dimensions, topic=topic)


class RolloutGuard(Construct):
    """The alarms that roll an update back: they watch the answers of the new configuration, and notify the topic.

    Requests that the model rejects do not count: any client can send bad images and would block every delivery.

    Attributes:
        alarms: All of them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        endpoint_name: str,
        variant: str,
        latency_ms: int,
        topic: aws_sns.ITopic,
        configuration: aws_sagemaker.CfnEndpointConfig,
    ) -> None:
        super().__init__(scope, id_)
        name = configuration.attr_endpoint_config_name
        dimensions = {"EndpointName": endpoint_name, "VariantName": variant, "EndpointConfigName": name}
        # The configuration is in the name, so that each configuration has alarms of its own. A changed alarm keeps
        # its state and would fire for the old model when the update begins. The alarms of the old configuration are
        # deleted after the update, so that CloudFormation can roll back to them until then.
        self.alarms = tuple(
            signal.alarm(self, name=f"{endpoint_name}-{name}-{signal.id}", dimensions=dimensions, topic=topic)
            for signal in _rollback_signals(latency_ms)
        )


@dataclass(frozen=True)
class _Signal:
    """A metric that shows a faulty model.

    Attributes:
        id: Id of its alarm.
        metric: Name of the metric in AWS/SageMaker.
        statistic: Statistic of one minute.
        threshold: The alarm fires above it.
        what: The fault, for the description.
    """

    id: str
    metric: str
    statistic: str
    threshold: float
    what: str

    def alarm(
        self, scope: Construct, *, name: str, dimensions: Mapping[str, str], topic: aws_sns.ITopic
    ) -> aws_cloudwatch.Alarm:
        """Return an alarm of that name over the metric with those dimensions, which notifies the topic."""
        endpoint = dimensions["EndpointName"]
        alarm = aws_cloudwatch.Alarm(
            scope,
            self.id,
            alarm_name=name,
            alarm_description=f"{endpoint}: {self.what}. What to do: docs/alarms.md#{self.id.lower()}",
            metric=aws_cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name=self.metric,
                dimensions_map=dimensions,
                statistic=self.statistic,
                period=_MINUTE,
            ),
            threshold=self.threshold,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            # Two bad minutes of three: one slow or rejected image in a quiet minute must not roll back.
            evaluation_periods=3,
            datapoints_to_alarm=2,
            # Without requests there is no fault.
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(topic))
        return alarm


_MODEL_ERRORS: Final = _Signal("ModelErrors", "InvocationModelErrors", "Average", MODEL_ERROR_SHARE, "the model fails")


def _rollback_signals(latency_ms: int) -> tuple[_Signal, ...]:
    """Return the metrics that roll an update back."""
    slow = f"the model takes over {latency_ms} ms"
    return (
        _Signal("ServerErrors", "Invocation5XXErrors", "Average", SERVER_ERROR_SHARE, "answers fail"),
        _Signal("Latency", "ModelLatency", "p99", latency_ms * MICROSECONDS_PER_MILLISECOND, slow),
    )


def deployment_config(
    settings: EndpointSettings, guard: RolloutGuard
) -> aws_sagemaker.CfnEndpoint.DeploymentConfigProperty:
    """Return the traffic shifting, the waiting times and the rollback alarms of an update."""
    properties = aws_sagemaker.CfnEndpoint
    routing, wait = _traffic_routing(settings)
    return properties.DeploymentConfigProperty(
        blue_green_update_policy=properties.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=routing,
            termination_wait_in_seconds=TERMINATION_SECONDS,
            maximum_execution_timeout_in_seconds=_START_SECONDS + wait + TERMINATION_SECONDS,
        ),
        auto_rollback_configuration=properties.AutoRollbackConfigProperty(
            alarms=[properties.AlarmProperty(alarm_name=alarm.alarm_name) for alarm in guard.alarms]
        ),
    )


def _traffic_routing(settings: EndpointSettings) -> tuple[aws_sagemaker.CfnEndpoint.TrafficRoutingConfigProperty, int]:
    properties = aws_sagemaker.CfnEndpoint
    if not settings.canary_percent:
        return properties.TrafficRoutingConfigProperty(type="ALL_AT_ONCE", wait_interval_in_seconds=0), 0
    wait = settings.canary_minutes * 60
    size = properties.CapacitySizeProperty(type="CAPACITY_PERCENT", value=settings.canary_percent)
    return properties.TrafficRoutingConfigProperty(type="CANARY", wait_interval_in_seconds=wait, canary_size=size), wait

# SPDX-License-Identifier: MIT-0
"""What dashboards show: graphs, and of an endpoint its row of graphs and its alarms.

Source of the metrics: SageMaker Developer Guide, "Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch".
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch
from constructs import Construct

from stacks.endpoint import VARIANT
from stacks.grant import arn

REQUESTS: Final = "AWS/SageMaker"
INSTANCES: Final = "/aws/sagemaker/Endpoints"
# The names of the alarms over all that an endpoint answers end so; a test compares them with its template.
ENDPOINT_ALARMS: Final = ("ServerErrors", "ModelErrors", "Latency")
WIDTH: Final = 24
_HEIGHT: Final = 6
_ERRORS: Final = ("Invocation4XXErrors", "Invocation5XXErrors")
_MINUTE: Final = Duration.minutes(1)


def endpoint_alarms(scope: Construct, endpoint: str) -> list[aws_cloudwatch.IAlarm]:
    """Return the alarms of `endpoint`, which its own template makes, in the account and region of `scope`."""
    names = [f"{endpoint}-{each}" for each in ENDPOINT_ALARMS]
    alarm = aws_cloudwatch.Alarm.from_alarm_arn
    return [alarm(scope, f"Alarm-{name}", arn("cloudwatch", f"alarm:{name}")) for name in names]


def alarm_row(alarms: Sequence[aws_cloudwatch.IAlarm]) -> aws_cloudwatch.IWidget:
    """Return the row that shows which of `alarms` ring."""
    return aws_cloudwatch.AlarmStatusWidget(title="Alarms", width=WIDTH, alarms=list(alarms))


def endpoint_graphs(stage: str, name: str) -> list[aws_cloudwatch.IWidget]:
    """Return the row of graphs of the endpoint `name` of `stage`."""
    own = {"EndpointName": name, "VariantName": VARIANT}
    requests = {each: metric(REQUESTS, each, own, "Sum", _MINUTE) for each in ("Invocations", *_ERRORS)}
    latencies = [_milliseconds(own, each) for each in ("p50", "p99")]
    cpu = metric(INSTANCES, "CPUUtilization", own, "Average", _MINUTE)
    return [
        graph(f"{stage}: requests a minute", [requests["Invocations"]], 4),
        graph(f"{stage}: errors a minute", [requests[each] for each in _ERRORS], 4),
        graph(f"{stage}: model latency, ms", latencies, 4),
        graph(f"{stage}: instances, CPU %", [_instances(own)], 4, right=[cpu]),
    ]


def _milliseconds(own: Mapping[str, str], statistic: str) -> aws_cloudwatch.IMetric:
    told = metric(REQUESTS, "ModelLatency", own, statistic, _MINUTE)
    return aws_cloudwatch.MathExpression(
        expression=f"{statistic} / 1000", using_metrics={statistic: told}, label=statistic, period=_MINUTE
    )


def _instances(own: Mapping[str, str]) -> aws_cloudwatch.IMetric:
    # With each request SageMaker sends one divided by the number of instances, so this shows while there are requests.
    shares = {
        name: metric(REQUESTS, "InvocationsPerInstance", own, statistic, _MINUTE)
        for name, statistic in (("requests", "SampleCount"), ("shares", "Sum"))
    }
    return aws_cloudwatch.MathExpression(
        expression="requests / shares", using_metrics=shares, label="instances", period=_MINUTE
    )


def metric(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    period: Duration,
    *,
    label: str | None = None,
) -> aws_cloudwatch.Metric:
    """Return what a graph shows."""
    return aws_cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=period,
        label=label,
    )


def graph(
    title: str,
    metrics: Sequence[aws_cloudwatch.IMetric],
    columns: int = 2,
    *,
    right: Sequence[aws_cloudwatch.IMetric] = (),
    stacked: bool = False,
) -> aws_cloudwatch.IWidget:
    """Return a graph that takes its share of a row of `columns` graphs."""
    return aws_cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        right=list(right),
        width=WIDTH // columns,
        height=_HEIGHT,
        stacked=stacked,
        left_y_axis=aws_cloudwatch.YAxisProps(min=0),
    )

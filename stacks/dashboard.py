# SPDX-License-Identifier: MIT-0
"""One page: how retrainings ended, how the endpoints answer and what, which alarms ring.

Sources of the metrics: SageMaker Developer Guide, "Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch"
and "SageMaker Pipelines metrics" (whose namespace does spell it "Sagemaker").
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.alarm import PRODUCTION, VIOLATIONS
from stacks.endpoint import VARIANT
from stacks.grant import arn
from stacks.monitor import monitoring
from stacks.settings import Settings
from stacks.tally import capturing

PIPELINES: Final = "AWS/Sagemaker/ModelBuildingPipeline"
REQUESTS: Final = "AWS/SageMaker"
INSTANCES: Final = "/aws/sagemaker/Endpoints"
OUTCOMES: Final = ("ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionStopped")
# The names of an endpoint's alarms end so; a test compares them with the template that makes them.
ENDPOINT_ALARMS: Final = ("ServerErrors", "ModelErrors", "Latency")
# What operations.tally counts; a test compares the two.
PREDICTIONS: Final = "Predictions"
UNREADABLE: Final = "Unreadable"
# What operations.judge publishes; a test compares the two.
MONITORED: Final = "MonitoredRequests"
COMPARED: Final = "Compared"
DRIFT: Final = "Drift"
TRUTH: Final = ("BalancedAccuracy", "MelanomaSensitivity")
_ERRORS: Final = ("Invocation4XXErrors", "Invocation5XXErrors")
_DAY: Final = Duration.days(1)
_HOUR: Final = Duration.hours(1)
_MINUTE: Final = Duration.minutes(1)
_WIDTH: Final = 24
_HEIGHT: Final = 6


class Dashboard(aws_cloudwatch.Dashboard):
    """The page."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        machine: sfn.StateMachine,
        endpoints: Mapping[str, str],
        alarms: Sequence[aws_cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, id_, dashboard_name=settings.name, default_interval=Duration.days(7))
        theirs = [self._existing(f"{name}-{each}") for name in endpoints.values() for each in ENDPOINT_ALARMS]
        self.add_widgets(aws_cloudwatch.AlarmStatusWidget(title="Alarms", width=_WIDTH, alarms=[*alarms, *theirs]))
        self.add_widgets(_trainings(settings.name), _retrainings(machine))
        for stage, name in endpoints.items():
            self.add_widgets(*_endpoint(stage, name))
        self.add_widgets(*_predictions(settings))
        if monitoring(settings):
            self.add_widgets(*_monitor(settings.name))

    def _existing(self, name: str) -> aws_cloudwatch.IAlarm:
        return aws_cloudwatch.Alarm.from_alarm_arn(self, f"Alarm-{name}", arn(self, "cloudwatch", f"alarm:{name}"))


def _trainings(pipeline: str) -> aws_cloudwatch.IWidget:
    own = {"PipelineName": pipeline}
    return _graph("SageMaker pipeline by outcome", [_metric(PIPELINES, name, own, "Sum", _DAY) for name in OUTCOMES])


def _retrainings(machine: sfn.StateMachine) -> aws_cloudwatch.IWidget:
    metrics = (machine.metric_started, machine.metric_succeeded, machine.metric_failed, machine.metric_timed_out)
    return _graph("Retraining state machine", [metric(period=_DAY, statistic="Sum") for metric in metrics])


def _endpoint(stage: str, name: str) -> list[aws_cloudwatch.IWidget]:
    own = {"EndpointName": name, "VariantName": VARIANT}
    requests = {each: _metric(REQUESTS, each, own, "Sum", _MINUTE) for each in ("Invocations", *_ERRORS)}
    latencies = [_milliseconds(own, each) for each in ("p50", "p99")]
    cpu = _metric(INSTANCES, "CPUUtilization", own, "Average", _MINUTE)
    return [
        _graph(f"{stage}: requests a minute", [requests["Invocations"]], 4),
        _graph(f"{stage}: errors a minute", [requests[each] for each in _ERRORS], 4),
        _graph(f"{stage}: model latency, ms", latencies, 4),
        _graph(f"{stage}: instances, CPU %", [_instances(own)], 4, right=[cpu]),
    ]


def _milliseconds(own: Mapping[str, str], statistic: str) -> aws_cloudwatch.IMetric:
    told = _metric(REQUESTS, "ModelLatency", own, statistic, _MINUTE)
    return aws_cloudwatch.MathExpression(
        expression=f"{statistic} / 1000", using_metrics={statistic: told}, label=statistic, period=_MINUTE
    )


def _instances(own: Mapping[str, str]) -> aws_cloudwatch.IMetric:
    # With each request SageMaker sends one divided by the number of instances, so this shows while there are requests.
    shares = {
        name: _metric(REQUESTS, "InvocationsPerInstance", own, statistic, _MINUTE)
        for name, statistic in (("requests", "SampleCount"), ("shares", "Sum"))
    }
    return aws_cloudwatch.MathExpression(
        expression="requests / shares", using_metrics=shares, label="instances", period=_MINUTE
    )


def _predictions(settings: Settings) -> list[aws_cloudwatch.IWidget]:
    shares = capturing(settings)
    if not shares:
        text = "No answers are counted. Set `production.capture_percent` to see here what is answered."
        return [aws_cloudwatch.TextWidget(markdown=f"### Prediction mix\n\n{text}", width=_WIDTH, height=2)]
    return [_mix(settings.name, stage, share, len(shares)) for stage, share in shares.items()]


def _mix(namespace: str, stage: str, share: int, columns: int) -> aws_cloudwatch.IWidget:
    """Return how often each class was answered; the test images' own mix stands in the report of what is live."""
    metrics = [
        _metric(namespace, PREDICTIONS, {"Endpoint": stage, "Class": label}, "Sum", _HOUR, label=label)
        for label in contract.CLASS_LABELS
    ]
    unreadable = _metric(namespace, UNREADABLE, {"Endpoint": stage}, "Sum", _HOUR)
    title = f"{stage}: answers an hour by most probable class, {share} % of the requests"
    return _graph(title, metrics, columns, right=[unreadable], stacked=True)


def _monitor(namespace: str) -> list[aws_cloudwatch.IWidget]:
    """Return how far production is from what its model was tested on, and what confirmed labels say of its answers."""
    names = (VIOLATIONS, COMPARED, MONITORED)
    found, compared, seen = (_metric(namespace, name, PRODUCTION, "Maximum", _DAY) for name in names)
    # The features are those of the job, and new ones shall be shown without a deployment.
    every = f"SEARCH('{{\"{namespace}\",Endpoint,Feature}} MetricName=\"{DRIFT}\"', 'Maximum', 86400)"
    effects = aws_cloudwatch.MathExpression(expression=every, using_metrics={}, label="", period=_DAY)
    truth = [_metric(namespace, name, PRODUCTION, "Average", _DAY) for name in TRUTH]
    return [
        _graph("production: violations, whether compared (1 or 0), and requests", [found, compared], 3, right=[seen]),
        _graph("production: distance from the baseline by feature, 0 to 1", [effects], 3),
        _graph("production: by confirmed labels", truth, 3),
    ]


def _metric(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    period: Duration,
    *,
    label: str | None = None,
) -> aws_cloudwatch.Metric:
    return aws_cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic=statistic,
        period=period,
        label=label,
    )


def _graph(
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
        width=_WIDTH // columns,
        height=_HEIGHT,
        stacked=stacked,
        left_y_axis=aws_cloudwatch.YAxisProps(min=0),
    )

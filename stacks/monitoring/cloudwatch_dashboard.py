# SPDX-License-Identifier: MIT-0
"""The dashboards: outcomes of retrainings, requests and answers of the endpoints, drift, and alarms.

Sources of the metrics: SageMaker Developer Guide, "Metrics for monitoring Amazon SageMaker AI with Amazon CloudWatch"
and "SageMaker Pipelines metrics" (whose namespace does spell it "Sagemaker").
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.iam_statements import resource_arn
from stacks.endpoint.endpoint_stack import ENDPOINT_VARIANT
from stacks.monitoring.alarms_and_notifications import PRODUCTION_DIMENSIONS, VIOLATIONS_METRIC
from stacks.monitoring.drift_detection import is_production_monitored
from stacks.monitoring.prediction_counter import capture_percentages
from stacks.settings.deployment_settings import Settings

REQUEST_NAMESPACE: Final = "AWS/SageMaker"
INSTANCE_NAMESPACE: Final = "/aws/sagemaker/Endpoints"
# The names of the alarms over all that an endpoint answers end so; a test compares them with its template.
ENDPOINT_ALARM_NAMES: Final = ("ServerErrors", "ModelErrors", "Latency")
DASHBOARD_WIDTH: Final = 24
_GRAPH_HEIGHT: Final = 6
_ERROR_METRICS: Final = ("Invocation4XXErrors", "Invocation5XXErrors")
_MINUTE: Final = Duration.minutes(1)


def endpoint_alarms_by_name(scope: Construct, endpoint: str) -> list[aws_cloudwatch.IAlarm]:
    """Return the alarms of `endpoint`, which its own template makes, in the account and region of `scope`."""
    names = [f"{endpoint}-{each}" for each in ENDPOINT_ALARM_NAMES]
    alarm = aws_cloudwatch.Alarm.from_alarm_arn
    return [alarm(scope, f"Alarm-{name}", resource_arn("cloudwatch", f"alarm:{name}")) for name in names]


def alarm_status_row(alarms: Sequence[aws_cloudwatch.IAlarm]) -> aws_cloudwatch.IWidget:
    """Return the row that shows which of `alarms` ring."""
    return aws_cloudwatch.AlarmStatusWidget(title="Alarms", width=DASHBOARD_WIDTH, alarms=list(alarms))


def endpoint_graph_row(stage: str, name: str) -> list[aws_cloudwatch.IWidget]:
    """Return the row of graphs of the endpoint `name` of `stage`."""
    own = {"EndpointName": name, "VariantName": ENDPOINT_VARIANT}
    requests = {
        each: create_metric(REQUEST_NAMESPACE, each, own, "Sum", _MINUTE) for each in ("Invocations", *_ERROR_METRICS)
    }
    latencies = [_latency_milliseconds(own, each) for each in ("p50", "p99")]
    cpu = create_metric(INSTANCE_NAMESPACE, "CPUUtilization", own, "Average", _MINUTE)
    return [
        create_graph(f"{stage}: requests a minute", [requests["Invocations"]], 4),
        create_graph(f"{stage}: errors a minute", [requests[each] for each in _ERROR_METRICS], 4),
        create_graph(f"{stage}: model latency, ms", latencies, 4),
        create_graph(f"{stage}: instances, CPU %", [_instance_count(own)], 4, right=[cpu]),
    ]


def _latency_milliseconds(own: Mapping[str, str], statistic: str) -> aws_cloudwatch.IMetric:
    told = create_metric(REQUEST_NAMESPACE, "ModelLatency", own, statistic, _MINUTE)
    return aws_cloudwatch.MathExpression(
        expression=f"{statistic} / 1000", using_metrics={statistic: told}, label=statistic, period=_MINUTE
    )


def _instance_count(own: Mapping[str, str]) -> aws_cloudwatch.IMetric:
    # With each request SageMaker sends one divided by the number of instances, so this shows while there are requests.
    shares = {
        name: create_metric(REQUEST_NAMESPACE, "InvocationsPerInstance", own, statistic, _MINUTE)
        for name, statistic in (("requests", "SampleCount"), ("shares", "Sum"))
    }
    return aws_cloudwatch.MathExpression(
        expression="requests / shares", using_metrics=shares, label="instances", period=_MINUTE
    )


def create_metric(
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


def create_graph(
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
        width=DASHBOARD_WIDTH // columns,
        height=_GRAPH_HEIGHT,
        stacked=stacked,
        left_y_axis=aws_cloudwatch.YAxisProps(min=0),
    )


PIPELINE_NAMESPACE: Final = "AWS/Sagemaker/ModelBuildingPipeline"
EXECUTION_METRICS: Final = ("ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionStopped")
# What operations.functions.prediction_counts counts; a test compares the two.
PREDICTIONS_METRIC: Final = "Predictions"
UNREADABLE_METRIC: Final = "Unreadable"
# What operations.functions.monitoring_runs publishes; a test compares the two.
MONITORED_METRIC: Final = "MonitoredRequests"
COMPARED_METRIC: Final = "Compared"
DRIFT_METRIC: Final = "Drift"
LABEL_METRICS: Final = ("BalancedAccuracy", "MelanomaSensitivity")
_DAY: Final = Duration.days(1)
_HOUR: Final = Duration.hours(1)


class DeploymentDashboard(aws_cloudwatch.Dashboard):
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
        theirs = [each for name in endpoints.values() for each in endpoint_alarms_by_name(self, name)]
        self.add_widgets(alarm_status_row([*alarms, *theirs]))
        self.add_widgets(_pipeline_graph(settings.name), _state_machine_graph(machine))
        for stage, name in endpoints.items():
            self.add_widgets(*endpoint_graph_row(stage, name))
        self.add_widgets(*_prediction_row(settings))
        if is_production_monitored(settings):
            self.add_widgets(*_drift_row(settings.name))


class RemoteStageDashboard(aws_cloudwatch.Dashboard):
    """The dashboard of one endpoint that is elsewhere, in the account and region of that."""

    def __init__(self, scope: Construct, id_: str, *, stage: str, endpoint: str) -> None:
        super().__init__(scope, id_, dashboard_name=endpoint, default_interval=Duration.days(7))
        self.add_widgets(alarm_status_row(endpoint_alarms_by_name(self, endpoint)))
        self.add_widgets(*endpoint_graph_row(stage, endpoint))


def _pipeline_graph(pipeline: str) -> aws_cloudwatch.IWidget:
    own = {"PipelineName": pipeline}
    return create_graph(
        "SageMaker pipeline by outcome",
        [create_metric(PIPELINE_NAMESPACE, name, own, "Sum", _DAY) for name in EXECUTION_METRICS],
    )


def _state_machine_graph(machine: sfn.StateMachine) -> aws_cloudwatch.IWidget:
    metrics = (machine.metric_started, machine.metric_succeeded, machine.metric_failed, machine.metric_timed_out)
    return create_graph("Retraining state machine", [metric(period=_DAY, statistic="Sum") for metric in metrics])


def _prediction_row(settings: Settings) -> list[aws_cloudwatch.IWidget]:
    shares = capture_percentages(settings)
    if not shares:
        text = "No answers are counted. Set `production.capture_percent` to see here what is answered."
        return [aws_cloudwatch.TextWidget(markdown=f"### Prediction mix\n\n{text}", width=DASHBOARD_WIDTH, height=2)]
    return [_prediction_graph(settings.name, stage, share, len(shares)) for stage, share in shares.items()]


def _prediction_graph(namespace: str, stage: str, share: int, columns: int) -> aws_cloudwatch.IWidget:
    """Return how often each class was answered; the test images' own mix stands in the report of what is live."""
    metrics = [
        create_metric(namespace, PREDICTIONS_METRIC, {"Endpoint": stage, "Class": label}, "Sum", _HOUR, label=label)
        for label in contract.CLASS_LABELS
    ]
    unreadable = create_metric(namespace, UNREADABLE_METRIC, {"Endpoint": stage}, "Sum", _HOUR)
    title = f"{stage}: answers an hour by most probable class, {share} % of the requests"
    return create_graph(title, metrics, columns, right=[unreadable], stacked=True)


def _drift_row(namespace: str) -> list[aws_cloudwatch.IWidget]:
    """Return how far production is from what its model was tested on, and what confirmed labels say of its answers."""
    names = (VIOLATIONS_METRIC, COMPARED_METRIC, MONITORED_METRIC)
    found, compared, seen = (create_metric(namespace, name, PRODUCTION_DIMENSIONS, "Maximum", _DAY) for name in names)
    # The features are those of the job, and new ones shall be shown without a deployment.
    every = f"SEARCH('{{\"{namespace}\",Endpoint,Feature}} MetricName=\"{DRIFT_METRIC}\"', 'Maximum', 86400)"
    effects = aws_cloudwatch.MathExpression(expression=every, using_metrics={}, label="", period=_DAY)
    truth = [create_metric(namespace, name, PRODUCTION_DIMENSIONS, "Average", _DAY) for name in LABEL_METRICS]
    return [
        create_graph(
            "production: violations, whether compared (1 or 0), and requests", [found, compared], 3, right=[seen]
        ),
        create_graph("production: share beyond the tested range by feature, 0 to 1", [effects], 3),
        create_graph("production: by confirmed labels", truth, 3),
    ]

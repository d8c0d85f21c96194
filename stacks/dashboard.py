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
from stacks.graph import WIDTH, alarm_row, endpoint_alarms, endpoint_graphs, graph, metric
from stacks.monitor import monitoring
from stacks.settings import Settings
from stacks.tally import capturing

PIPELINES: Final = "AWS/Sagemaker/ModelBuildingPipeline"
OUTCOMES: Final = ("ExecutionStarted", "ExecutionSucceeded", "ExecutionFailed", "ExecutionStopped")
# What operations.tally counts; a test compares the two.
PREDICTIONS: Final = "Predictions"
UNREADABLE: Final = "Unreadable"
# What operations.judge publishes; a test compares the two.
MONITORED: Final = "MonitoredRequests"
COMPARED: Final = "Compared"
DRIFT: Final = "Drift"
TRUTH: Final = ("BalancedAccuracy", "MelanomaSensitivity")
_DAY: Final = Duration.days(1)
_HOUR: Final = Duration.hours(1)


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
        theirs = [each for name in endpoints.values() for each in endpoint_alarms(self, name)]
        self.add_widgets(alarm_row([*alarms, *theirs]))
        self.add_widgets(_trainings(settings.name), _retrainings(machine))
        for stage, name in endpoints.items():
            self.add_widgets(*endpoint_graphs(stage, name))
        self.add_widgets(*_predictions(settings))
        if monitoring(settings):
            self.add_widgets(*_monitor(settings.name))


class SiteDashboard(aws_cloudwatch.Dashboard):
    """The dashboard of one endpoint that is elsewhere, in the account and region of that."""

    def __init__(self, scope: Construct, id_: str, *, stage: str, endpoint: str) -> None:
        super().__init__(scope, id_, dashboard_name=endpoint, default_interval=Duration.days(7))
        self.add_widgets(alarm_row(endpoint_alarms(self, endpoint)))
        self.add_widgets(*endpoint_graphs(stage, endpoint))


def _trainings(pipeline: str) -> aws_cloudwatch.IWidget:
    own = {"PipelineName": pipeline}
    return graph("SageMaker pipeline by outcome", [metric(PIPELINES, name, own, "Sum", _DAY) for name in OUTCOMES])


def _retrainings(machine: sfn.StateMachine) -> aws_cloudwatch.IWidget:
    metrics = (machine.metric_started, machine.metric_succeeded, machine.metric_failed, machine.metric_timed_out)
    return graph("Retraining state machine", [metric(period=_DAY, statistic="Sum") for metric in metrics])


def _predictions(settings: Settings) -> list[aws_cloudwatch.IWidget]:
    shares = capturing(settings)
    if not shares:
        text = "No answers are counted. Set `production.capture_percent` to see here what is answered."
        return [aws_cloudwatch.TextWidget(markdown=f"### Prediction mix\n\n{text}", width=WIDTH, height=2)]
    return [_mix(settings.name, stage, share, len(shares)) for stage, share in shares.items()]


def _mix(namespace: str, stage: str, share: int, columns: int) -> aws_cloudwatch.IWidget:
    """Return how often each class was answered; the test images' own mix stands in the report of what is live."""
    metrics = [
        metric(namespace, PREDICTIONS, {"Endpoint": stage, "Class": label}, "Sum", _HOUR, label=label)
        for label in contract.CLASS_LABELS
    ]
    unreadable = metric(namespace, UNREADABLE, {"Endpoint": stage}, "Sum", _HOUR)
    title = f"{stage}: answers an hour by most probable class, {share} % of the requests"
    return graph(title, metrics, columns, right=[unreadable], stacked=True)


def _monitor(namespace: str) -> list[aws_cloudwatch.IWidget]:
    """Return how far production is from what its model was tested on, and what confirmed labels say of its answers."""
    names = (VIOLATIONS, COMPARED, MONITORED)
    found, compared, seen = (metric(namespace, name, PRODUCTION, "Maximum", _DAY) for name in names)
    # The features are those of the job, and new ones shall be shown without a deployment.
    every = f"SEARCH('{{\"{namespace}\",Endpoint,Feature}} MetricName=\"{DRIFT}\"', 'Maximum', 86400)"
    effects = aws_cloudwatch.MathExpression(expression=every, using_metrics={}, label="", period=_DAY)
    truth = [metric(namespace, name, PRODUCTION, "Average", _DAY) for name in TRUTH]
    return [
        graph("production: violations, whether compared (1 or 0), and requests", [found, compared], 3, right=[seen]),
        graph("production: distance from the baseline by feature, 0 to 1", [effects], 3),
        graph("production: by confirmed labels", truth, 3),
    ]

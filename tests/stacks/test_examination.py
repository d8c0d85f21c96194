# SPDX-License-Identifier: MIT-0
"""What the monitor's job may do, and that what it finds is rung and shown under the names by which it is published."""

from operations.functions import monitoring_runs
from pipeline_src.contract import LABELS_PREFIX, MONITOR_BASELINES_PREFIX, MONITOR_HISTORY_PREFIX, MONITOR_PREFIX
from stacks.monitoring.alarms_and_notifications import VIOLATIONS_METRIC
from stacks.monitoring.cloudwatch_dashboard import COMPARED_METRIC, DRIFT_METRIC, LABEL_METRICS, MONITORED_METRIC
from tests.stacks.retraining import Document
from tests.stacks.synthesis import deployed, graphs
from tests.stacks.test_monitor import role


def test_the_job_has_no_key_to_anything_but_its_own_prefixes(documents: dict[str, Document]) -> None:
    """It can write no archive, no model and no capture, and read no archive."""
    (policy,) = [
        each
        for each in deployed(documents, "Monitoring", "AWS::IAM::Policy")
        if str(role(documents).arn).endswith(f"/{each.properties['Roles'][0]}") and "NetworkPolicy" not in each.id
    ]
    below = {
        resource.partition(":::")[2].partition("/")[2]
        for each in policy.properties["PolicyDocument"]["Statement"]
        for resource in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
        if ":s3:::" in resource and "/" in resource
    }
    assert below == {
        "capture/production/*",
        "runs/*/evaluate/evaluation/monitor_*",
        f"{LABELS_PREFIX}*",
        f"{MONITOR_PREFIX}*",
        f"{MONITOR_HISTORY_PREFIX}*",
        f"{MONITOR_BASELINES_PREFIX}*",
    }


def test_the_alarm_and_the_dashboard_name_the_metrics_as_the_function_does(documents: dict[str, Document]) -> None:
    assert (VIOLATIONS_METRIC, MONITORED_METRIC, DRIFT_METRIC) == (
        monitoring_runs.VIOLATIONS_METRIC,
        monitoring_runs.REQUESTS_METRIC,
        monitoring_runs.DRIFT_METRIC,
    )
    assert COMPARED_METRIC == monitoring_runs.COMPARED_METRIC
    assert set(LABEL_METRICS) == set(monitoring_runs.LABEL_METRICS.values())
    alarms = deployed(documents, "Monitoring", "AWS::CloudWatch::Alarm")
    (drift,) = [each.properties for each in alarms if each.properties["AlarmName"] == "skin-lesion-Drift"]
    assert (drift["Namespace"], drift["MetricName"]) == ("skin-lesion", VIOLATIONS_METRIC)
    assert drift["Dimensions"] == [{"Name": "Endpoint", "Value": "production"}]
    assert (drift["Period"], drift["Threshold"], drift["Statistic"]) == (86_400, 1, "Maximum")


def test_the_dashboard_shows_violations_distances_and_what_labels_say(documents: dict[str, Document]) -> None:
    metrics = [each for graph in graphs(documents) for each in graph["properties"].get("metrics", [])]
    named = {each[1] for each in metrics if isinstance(each[0], str) and each[0] == "skin-lesion"}
    assert {VIOLATIONS_METRIC, COMPARED_METRIC, MONITORED_METRIC, *LABEL_METRICS} <= named
    searched = [each[0]["expression"] for each in metrics if isinstance(each[0], dict)]
    (search,) = [each for each in searched if each.startswith("SEARCH")]
    assert search == """SEARCH('{"skin-lesion",Endpoint,Feature} MetricName="Drift"', 'Maximum', 86400)"""

# SPDX-License-Identifier: MIT-0
"""MonitoringStack: what rings, what is shown, what warns of a bill."""

from pathlib import Path
from typing import Any

import pytest

from stacks.monitoring.cloudwatch_dashboard import ENDPOINT_ALARM_NAMES, EXECUTION_METRICS, PIPELINE_NAMESPACE
from stacks.settings.deployment_settings import Settings
from tests.assembly import CONNECTED, application
from tests.stacks.synthesis import deployed, endpoint_of, graphs

Document = dict[str, Any]


@pytest.fixture(scope="module")
def alarms(documents: dict[str, Document]) -> list[dict[str, Any]]:
    return [each.properties for each in deployed(documents, "Monitoring", "AWS::CloudWatch::Alarm")]


def test_each_function_each_queue_and_the_machine_has_an_alarm(
    alarms: list[dict[str, Any]], documents: dict[str, Document]
) -> None:
    watched = {each["Dimensions"][0]["Value"] for each in alarms}
    kinds = ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::StepFunctions::StateMachine")
    for stack in ("Retraining", "Deployment", "Monitoring"):
        for resource in (each for kind in kinds for each in deployed(documents, stack, kind)):
            assert watched & {resource.arn, str(resource.arn).rpartition(":")[2]}, resource.place


def test_an_alarm_tells_the_topic_and_where_to_read_what_to_do_and_is_quiet_without_data(
    alarms: list[dict[str, Any]],
) -> None:
    for alarm in alarms:
        assert len(alarm["AlarmActions"]) == 1
        assert alarm["TreatMissingData"] == "notBreaching"
        anchor = alarm["AlarmName"].partition("lesion-")[2].lower()
        assert alarm["AlarmDescription"].endswith(f"docs/alarms.md#{anchor}")


def test_the_alarm_of_a_function_names_it_so_that_its_log_is_found(alarms: list[dict[str, Any]]) -> None:
    names = {each["AlarmDescription"]: each["Dimensions"][0] for each in alarms if "Errors" in each["AlarmName"]}
    assert len(names) == 8
    for said, function in names.items():
        assert function["Name"] == "FunctionName"
        assert f"function {function['Value']} failed" in said


@pytest.fixture(scope="module")
def widgets(documents: dict[str, Document]) -> list[dict[str, Any]]:
    return graphs(documents)


def test_the_dashboard_shows_every_alarm_whose_name_stays_also_those_of_the_endpoints(
    widgets: list[dict[str, Any]], alarms: list[dict[str, Any]], documents: dict[str, Document]
) -> None:
    (status,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    theirs = {
        resource["Properties"]["AlarmName"]
        for stage in ("staging", "production")
        for resource in endpoint_of(documents, stage)["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and isinstance(resource["Properties"]["AlarmName"], str)
    }
    assert len(theirs) == 2 * len(ENDPOINT_ALARM_NAMES)
    assert {arn.rpartition(":")[2] for arn in status} == theirs | {each["AlarmName"] for each in alarms}


def test_the_dashboard_shows_outcomes_requests_errors_latency_instances_and_cpu(widgets: list[dict[str, Any]]) -> None:
    graphs = [metric for each in widgets for metric in each["properties"].get("metrics", [])]
    shown = {(metric[0], metric[1], metric[3]) for metric in graphs if isinstance(metric[0], str)}
    assert {(PIPELINE_NAMESPACE, name, "skin-lesion") for name in EXECUTION_METRICS} <= shown
    for endpoint in ("skin-lesion-staging", "skin-lesion-production"):
        names = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "InvocationsPerInstance")
        assert {("AWS/SageMaker", name, endpoint) for name in names} <= shown
        assert ("/aws/sagemaker/Endpoints", "CPUUtilization", endpoint) in shown


def test_the_budget_counts_what_is_ours_and_warns_topic_and_address(documents: dict[str, Document]) -> None:
    (budget,) = [each.properties for each in deployed(documents, "Monitoring", "AWS::Budgets::Budget")]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": Settings().budget.monthly_usd, "Unit": "USD"}
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:project$skin-lesion"]}
    warnings = [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"], each["Subscribers"])
        for each in budget["NotificationsWithSubscribers"]
    ]
    assert [warning[:2] for warning in warnings] == [("ACTUAL", 80), ("FORECASTED", 100)]
    for _, _, subscribers in warnings:
        assert {each["SubscriptionType"] for each in subscribers} == {"SNS", "EMAIL"}
        assert CONNECTED["notification.address"] in {each["Address"] for each in subscribers}


def test_there_is_no_budget_where_none_is_wanted(tmp_path: Path) -> None:
    app = application(tmp_path, {"budget.monthly_usd": 0})
    assert app.node.find_child("Monitoring").node.try_find_child("Budget") is None

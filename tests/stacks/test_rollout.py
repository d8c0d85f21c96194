# SPDX-License-Identifier: MIT-0
"""How a new model takes over: a canary where there is one, and alarms that undo it."""

from typing import Any

import pytest

from stacks.settings.deployment_settings import Settings
from tests.stacks.synthesis import endpoint_of, endpoint_with, only

ALARM = "AWS::CloudWatch::Alarm"
ENDPOINT = "AWS::SageMaker::Endpoint"


@pytest.fixture(scope="module", params=["staging", "production"])
def either(request: pytest.FixtureRequest, documents: dict[str, Any]) -> dict[str, Any]:
    """The template of one of the two stages."""
    return endpoint_of(documents, request.param)


def guard(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of the alarms that undo an update, by their metrics."""
    named = only(template, ENDPOINT)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    found = [template["Resources"][each["AlarmName"]["Ref"]] for each in named]
    assert {each["Type"] for each in found} == {ALARM}
    return {each["Properties"]["MetricName"]: each["Properties"] for each in found}


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of the alarms that only tell, by their metrics."""
    undoing = [each["AlarmName"] for each in guard(template).values()]
    found = [each["Properties"] for each in template["Resources"].values() if each["Type"] == ALARM]
    return {each["MetricName"]: each for each in found if each["AlarmName"] not in undoing}


def routing(template: dict[str, Any]) -> dict[str, Any]:
    policy: dict[str, Any] = only(template, ENDPOINT)["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    return policy


def test_production_gets_a_canary_that_is_watched_before_the_rest_follows(documents: dict[str, Any]) -> None:
    policy, settings = routing(endpoint_of(documents, "production")), Settings().production
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": settings.canary_percent},
        "WaitIntervalInSeconds": settings.canary_minutes * 60,
    }


def test_an_endpoint_without_a_canary_gets_the_new_model_all_at_once(documents: dict[str, Any]) -> None:
    policy = routing(endpoint_of(documents, "staging"))
    assert policy["TrafficRoutingConfiguration"] == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}


def test_the_template_says_at_every_update_how_it_is_done(either: dict[str, Any]) -> None:
    """An update that reused the last way would keep a changed canary from ever applying."""
    endpoint = only(either, ENDPOINT)
    assert endpoint["RetainDeploymentConfig"] is False
    assert endpoint["DeploymentConfig"].keys() == {"BlueGreenUpdatePolicy", "AutoRollbackConfiguration"}


@pytest.mark.parametrize("minutes", [1, 60])
def test_a_deployment_has_an_hour_for_its_instances_besides_its_waits(minutes: int) -> None:
    """Within what the API takes: waits of up to an hour, eight hours in all."""
    policy = routing(endpoint_with("production", canary_minutes=minutes))
    waits = policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] + policy["TerminationWaitInSeconds"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == 3600 + waits <= 28_800
    assert 0 < policy["TerminationWaitInSeconds"] <= 3600


def test_the_guard_watches_the_new_configuration_alone_and_exists_before_the_update(either: dict[str, Any]) -> None:
    """Developer Guide, "Auto-Rollback Configuration and Monitoring": without that dimension the old fleet rings too."""
    endpoint = only(either, ENDPOINT)
    configuration = endpoint["EndpointConfigName"]
    for alarm in guard(either).values():
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
            "EndpointName": endpoint["EndpointName"],
            "VariantName": "AllTraffic",
            "EndpointConfigName": configuration,
        }
        assert alarm["AlarmActions"] == [{"Ref": "TopicArn"}]
        assert alarm["TreatMissingData"] == "notBreaching"


def test_each_configuration_gets_a_guard_of_its_own_so_that_none_rings_when_an_update_begins(
    either: dict[str, Any],
) -> None:
    """Another name replaces an alarm; one that is changed keeps its state, which the old model has brought about."""
    configuration = only(either, ENDPOINT)["EndpointConfigName"]
    names = [alarm["AlarmName"]["Fn::Join"][1] for alarm in guard(either).values()]
    name = only(either, ENDPOINT)["EndpointName"]
    # The deployment's role may change alarms whose names begin so.
    assert [(first, middle) for first, middle, _ in names] == [(f"{name}-", configuration)] * 2


def test_pictures_that_the_model_refuses_undo_no_delivery(either: dict[str, Any]) -> None:
    """Any client can send them, to the new fleet as to the old one."""
    assert guard(either).keys() == {"Invocation5XXErrors", "ModelLatency"}


def test_what_tells_watches_the_whole_endpoint_and_is_content_with_silence(either: dict[str, Any]) -> None:
    name = only(either, ENDPOINT)["EndpointName"]
    assert alarms(either).keys() == {"Invocation5XXErrors", "InvocationModelErrors", "ModelLatency"}
    for alarm in alarms(either).values():
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
            "EndpointName": name,
            "VariantName": "AllTraffic",
        }
        assert alarm["AlarmActions"] == [{"Ref": "TopicArn"}]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmName"].startswith(f"{name}-")


def test_a_guard_rings_at_what_tells_of_the_whole_endpoint(either: dict[str, Any]) -> None:
    def rule(alarm: dict[str, Any]) -> dict[str, Any]:
        return {key: each for key, each in alarm.items() if key not in ("AlarmName", "Dimensions")}

    for metric, alarm in guard(either).items():
        assert rule(alarm) == rule(alarms(either)[metric])


def test_errors_are_shares_and_latency_is_in_microseconds() -> None:
    found = alarms(endpoint_with("production", latency_ms=1500))
    assert (found["ModelLatency"]["ExtendedStatistic"], found["ModelLatency"]["Threshold"]) == ("p99", 1_500_000)
    errors = [found[metric] for metric in ("Invocation5XXErrors", "InvocationModelErrors")]
    assert [(each["Statistic"], each["Threshold"]) for each in errors] == [("Average", 0.01), ("Average", 0.05)]
    assert {each["ComparisonOperator"] for each in found.values()} == {"GreaterThanThreshold"}


def test_a_canary_is_watched_for_longer_than_an_alarm_needs() -> None:
    """Two minutes of three have to be bad; the settings that ship wait for several times as long."""
    alarm = alarms(endpoint_with("production"))["ModelLatency"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] < Settings().production.canary_minutes * 60

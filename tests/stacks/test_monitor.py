# SPDX-License-Identifier: MIT-0
"""The monitor: when its job is started, with what, and who hears how it ended."""

import json
from pathlib import Path
from typing import Any

import pytest

from operations.functions import function_payloads
from pipeline_src.contract import LABELS_PREFIX, MONITOR_PREFIX
from stacks.monitoring.drift_detection import is_production_monitored, monitor_notices
from stacks.settings.settings_context import settings_from_context
from tests.assembly import Assembled, application, templates_in
from tests.proof.intrinsic import Resource
from tests.proof.sample import ACCOUNT, REGION
from tests.stacks.pattern import matches, transformed
from tests.stacks.retraining import Document, bucket
from tests.stacks.synthesis import deployed
from tests.stacks.test_trigger import uploaded

JOB = "skin-lesion-monitor-20261124"
TABLE = f"{LABELS_PREFIX}{'0' * 64}.csv"
TIME = "2026-11-25T01:00:00Z"


def rule(documents: dict[str, Document], begins: str) -> Resource:
    rules = deployed(documents, "Monitoring", "AWS::Events::Rule")
    (found,) = [each for each in rules if each.id.startswith(begins)]
    return found


def target(documents: dict[str, Document], begins: str) -> dict[str, Any]:
    (found,) = rule(documents, begins).properties["Targets"]
    given: dict[str, Any] = found
    return given


def handler(documents: dict[str, Document], arn: str) -> str:
    functions = deployed(documents, "Monitoring", "AWS::Lambda::Function")
    (found,) = [each.properties["Handler"] for each in functions if each.arn == arn]
    return str(found).rpartition(".")[2]


def role(documents: dict[str, Document]) -> Resource:
    roles = deployed(documents, "Monitoring", "AWS::IAM::Role")
    (found,) = [each for each in roles if each.id.startswith("MonitorRole")]
    return found


def ended(status: str, job: str = JOB, account: str = ACCOUNT) -> dict[str, Any]:
    """SageMaker Developer Guide, "SageMaker processing job state change"; less of the detail."""
    arn = f"arn:aws:sagemaker:{REGION}:{account}:processing-job/{job}"
    return {
        "version": "0",
        "id": "0a15f67d-aa23-0123-0123-01a23w89r01t",
        "detail-type": "SageMaker Processing Job State Change",
        "source": "aws.sagemaker",
        "account": account,
        "time": "2026-11-25T01:09:54Z",
        "region": REGION,
        "resources": [arn],
        "detail": {
            "ProcessingJobName": job,
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": status,
            "FailureReason": 'AlgorithmError: See job logs; "quoted"',
        },
    }


def test_once_a_day_a_job_is_asked_for_with_the_names_of_the_deployment(documents: dict[str, Document]) -> None:
    assert rule(documents, "MonitorSchedule").properties["ScheduleExpression"] == "cron(0 1 * * ? *)"
    given = target(documents, "MonitorSchedule")
    assert handler(documents, given["Arn"]) == "monitor"
    asked = function_payloads.read_payload(
        function_payloads.MonitorRequest, json.loads(transformed(given, {"time": TIME}))
    )
    runs, raw = (bucket(documents, each) for each in ("Runs", "Raw"))
    assert (asked.name, asked.window, asked.time) == ("skin-lesion", function_payloads.DAY_WINDOW, TIME)
    assert asked.capture == f"s3://{runs}/capture/production/skin-lesion-production/AllTraffic/"
    assert (asked.labels, asked.reports) == (f"s3://{raw}/{LABELS_PREFIX}", f"s3://{runs}/{MONITOR_PREFIX}")
    assert (asked.role, asked.champion) == (role(documents).arn, "/skin-lesion/champion")


def test_what_is_read_is_what_production_captures(documents: dict[str, Document]) -> None:
    """SageMaker adds the endpoint's and the variant's name to the place that a configuration names."""
    asked = json.loads(transformed(target(documents, "MonitorSchedule"), {"time": TIME}))
    (stack,) = [each for each in documents if each.startswith("EndpointsProduction")]
    (configuration,) = deployed(documents, stack, "AWS::SageMaker::EndpointConfig")
    prefix = configuration.properties["DataCaptureConfig"]["DestinationS3Uri"].rpartition("/capture/")[2]
    variant = configuration.properties["ProductionVariants"][0]["VariantName"]
    (endpoint,) = deployed(documents, stack, "AWS::SageMaker::Endpoint")
    name = endpoint.properties["EndpointName"]
    assert asked["endpoint"] == name
    assert asked["capture"].endswith(f"/capture/{prefix}/{name}/{variant}/")


def test_uploaded_labels_start_a_run_over_all_captures(documents: dict[str, Document]) -> None:
    event = uploaded(bucket(documents, "Raw"), TABLE)
    assert matches(rule(documents, "MonitorLabelled").properties["EventPattern"], event)
    given = target(documents, "MonitorLabelled")
    assert handler(documents, given["Arn"]) == "monitor"
    asked = function_payloads.read_payload(function_payloads.MonitorRequest, json.loads(transformed(given, event)))
    assert (asked.window, asked.time) == (function_payloads.LABELS, event["time"])


@pytest.mark.parametrize("key", ["labels/readme.txt", "archives/labels.csv", f"archives/{'0' * 64}.zip"])
def test_no_other_object_does(documents: dict[str, Document], key: str) -> None:
    pattern = rule(documents, "MonitorLabelled").properties["EventPattern"]
    assert not matches(pattern, uploaded(bucket(documents, "Raw"), key))
    assert not matches(pattern, uploaded("another", TABLE))


def test_a_job_that_completed_is_judged_and_no_other_is(documents: dict[str, Document]) -> None:
    pattern = rule(documents, "MonitorCompleted").properties["EventPattern"]
    others = ("pipelines-0a1b-Evaluate-x", "skin-lesion-2-monitor-20261124")
    heard = [ended("Completed"), *(ended(status) for status in ("InProgress", "Failed", "Stopping", "Stopped"))]
    heard += [ended("Completed", job) for job in others] + [ended("Completed", account="999999999999")]
    assert [matches(pattern, each) for each in heard] == [True] + [False] * 7
    given = target(documents, "MonitorCompleted")
    asked = function_payloads.read_payload(
        function_payloads.JudgeRequest, json.loads(transformed(given, ended("Completed")))
    )
    assert handler(documents, given["Arn"]) == "judge"
    assert (asked.job, asked.namespace) == (JOB, "skin-lesion")
    assert asked.reports == f"s3://{bucket(documents, 'Runs')}/{MONITOR_PREFIX}"


def test_a_violation_starts_the_one_machine_only_where_that_is_wanted(
    documents: dict[str, Document], quiet: dict[str, Document]
) -> None:
    asked, other = (
        json.loads(transformed(target(each, "MonitorCompleted"), ended("Completed"))) for each in (documents, quiet)
    )
    (machine,) = deployed(documents, "Retraining", "AWS::StepFunctions::StateMachine")
    assert (asked["machine"], other["machine"]) == (machine.arn, "")
    assert (
        "states:StartExecution" in actions(documents, "MonitorJudge"),
        "states:StartExecution" in actions(quiet, "MonitorJudge"),
    ) == (True, False)


def actions(documents: dict[str, Document], begins: str) -> set[str]:
    found = [each for each in deployed(documents, "Monitoring", "AWS::IAM::Policy") if each.id.startswith(begins)]
    statements = [each for policy in found for each in policy.properties["PolicyDocument"]["Statement"]]
    return {
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }


@pytest.fixture(scope="module")
def quiet(assembled: Assembled) -> dict[str, Document]:
    """The application whose monitor runs each hour and starts nothing."""
    return templates_in(assembled({"monitor.every": "hour", "monitor.minutes": 30}))


def test_the_settings_choose_how_often_and_on_what(quiet: dict[str, Document]) -> None:
    assert rule(quiet, "MonitorSchedule").properties["ScheduleExpression"] == "cron(20 * * * ? *)"
    asked = json.loads(transformed(target(quiet, "MonitorSchedule"), {"time": TIME}))
    assert (asked["window"], asked["minutes"], asked["instance"]) == (
        function_payloads.HOUR_WINDOW,
        "30",
        "ml.m5.large",
    )


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_did_not_complete_is_told(documents: dict[str, Document], status: str) -> None:
    found = rule(documents, "NotifierMonitorFailed").properties
    assert matches(found["EventPattern"], ended(status))
    assert not matches(found["EventPattern"], ended(status, "pipelines-0a1b-Evaluate-x"))
    said = transformed(found["Targets"][0], ended(status))
    assert JOB in said
    assert "docs/alarms.md#monitorfailed" in said
    json.loads(said)


@pytest.mark.parametrize("context", [{"monitor.every": "never"}, {"production.capture_percent": 0}], ids=str)
def test_where_nothing_is_monitored_nothing_of_it_is_counted_or_told(context: dict[str, Any]) -> None:
    settings = settings_from_context(context)
    assert not is_production_monitored(settings)
    assert monitor_notices(settings) == {}


def test_where_nothing_is_captured_there_is_no_monitor(tmp_path: Path) -> None:
    stack = application(tmp_path, {"production.capture_percent": 0}).node.find_child("Monitoring")
    assert stack.node.try_find_child("Monitor") is None
    assert stack.node.try_find_child("ExportRole") is None
    assert stack.node.find_child("Alarms").node.try_find_child("Drift") is None

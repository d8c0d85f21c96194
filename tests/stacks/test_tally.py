# SPDX-License-Identifier: MIT-0
"""The prediction mix: which objects are counted, by whom, and that the dashboard shows what is counted."""

import json

import pytest

from operations.functions import function_payloads, prediction_counts
from pipeline_src.contract import CLASS_LABELS
from stacks.monitoring.cloudwatch_dashboard import PREDICTIONS_METRIC, UNREADABLE_METRIC
from tests.assembly import Assembled, templates_in
from tests.proof.intrinsic import Resource
from tests.stacks.pattern import matches, transformed
from tests.stacks.retraining import Document, bucket
from tests.stacks.synthesis import deployed, graphs
from tests.stacks.test_trigger import uploaded

FOLDER = "skin-lesion-production/AllTraffic/2026/11/24/09"
KEY = f"capture/production/{FOLDER}/20-18-612.jsonl"
BOTH = {"staging.capture_percent": "5", "production.capture_percent": "20"}
NEITHER = {"production.capture_percent": "0"}


def rule(documents: dict[str, Document]) -> Resource:
    rules = deployed(documents, "Monitoring", "AWS::Events::Rule")
    (found,) = [each for each in rules if each.id.startswith("TallyCaptured")]
    return found


def counter(documents: dict[str, Document]) -> Resource:
    functions = deployed(documents, "Monitoring", "AWS::Lambda::Function")
    (found,) = [each for each in functions if each.id.startswith("TallyFunction")]
    return found


def test_a_captured_file_is_counted_under_the_namespace_of_the_deployment(documents: dict[str, Document]) -> None:
    given = uploaded(bucket(documents, "Runs"), KEY)
    assert matches(rule(documents).properties["EventPattern"], given)
    (target,) = rule(documents).properties["Targets"]
    asked = function_payloads.read_payload(function_payloads.TallyRequest, json.loads(transformed(target, given)))
    assert asked == function_payloads.TallyRequest(bucket(documents, "Runs"), KEY, "skin-lesion")
    assert target["Arn"] == counter(documents).arn
    assert counter(documents).properties["Handler"] == "operations.functions.lambda_handlers.tally"


@pytest.mark.parametrize(
    "key",
    [
        "runs/abc/preprocess/holdout/ISIC_0000001.jpg",
        "runs/abc/evaluate/evaluation/predictions.csv",
        f"runs/abc/{KEY}",
        "checkpoints/abc/latest.params",
        f"capture/production/{FOLDER}/20-18-612.jsonl.tmp",
    ],
)
def test_what_jobs_put_into_the_bucket_is_not_counted(documents: dict[str, Document], key: str) -> None:
    assert not matches(rule(documents).properties["EventPattern"], uploaded(bucket(documents, "Runs"), key))


def test_no_rule_but_this_one_hears_of_the_bucket_of_runs(documents: dict[str, Document]) -> None:
    """And a like-named object in another bucket is not counted."""
    given = uploaded(bucket(documents, "Runs"), KEY)
    rules = [each for stack in documents for each in deployed(documents, stack, "AWS::Events::Rule")]
    heard = [each for each in rules if "EventPattern" in each.properties]
    assert [each.id for each in heard if matches(each.properties["EventPattern"], given)] == [rule(documents).id]
    assert not matches(rule(documents).properties["EventPattern"], uploaded(bucket(documents, "Raw"), KEY))


def test_an_event_is_kept_if_it_cannot_be_delivered_or_its_function_fails(documents: dict[str, Document]) -> None:
    (queue,) = deployed(documents, "Monitoring", "AWS::SQS::Queue")
    (target,) = rule(documents).properties["Targets"]
    assert target["DeadLetterConfig"]["Arn"] == queue.arn
    configurations = deployed(documents, "Monitoring", "AWS::Lambda::EventInvokeConfig")
    (kept,) = [each for each in configurations if each.id.startswith("TallyFunction")]
    assert kept.properties["DestinationConfig"]["OnFailure"]["Destination"] == queue.arn


def test_the_function_reads_captures_and_publishes_in_its_own_namespace_alone(documents: dict[str, Document]) -> None:
    policies = deployed(documents, "Monitoring", "AWS::IAM::Policy")
    (policy,) = [each for each in policies if each.id.startswith("TallyFunctionRole")]
    statements = {str(each["Action"]): each for each in policy.properties["PolicyDocument"]["Statement"]}
    assert set(statements) == {
        "['logs:CreateLogStream', 'logs:PutLogEvents']",
        "s3:GetObject",
        "kms:Decrypt",
        "cloudwatch:PutMetricData",
        "['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage']",
    }
    assert statements["s3:GetObject"]["Resource"] == f"arn:aws:s3:::{bucket(documents, 'Runs')}/capture/*"
    condition = statements["cloudwatch:PutMetricData"]["Condition"]
    assert condition == {"StringEquals": {"cloudwatch:namespace": "skin-lesion"}}


def test_the_dashboard_stacks_what_is_counted_for_each_stage_that_captures(assembled: Assembled) -> None:
    found = templates_in(assembled(BOTH))
    stacked = [each["properties"] for each in graphs(found) if each["properties"].get("stacked")]
    assert [each["title"].partition(":")[0] for each in stacked] == ["staging", "production"]
    assert ["5 % of" in stacked[0]["title"], "20 % of" in stacked[1]["title"]] == [True, True]
    for stage, widget in zip(("staging", "production"), stacked, strict=True):
        mixed = [metric[:6] for metric in widget["metrics"] if metric[1] == PREDICTIONS_METRIC]
        assert mixed == [
            ["skin-lesion", PREDICTIONS_METRIC, "Class", label, "Endpoint", stage] for label in CLASS_LABELS
        ]
        assert ["skin-lesion", UNREADABLE_METRIC, "Endpoint", stage] in [metric[:4] for metric in widget["metrics"]]


def test_the_dashboard_names_the_metrics_as_the_function_does() -> None:
    assert (PREDICTIONS_METRIC, UNREADABLE_METRIC) == (
        prediction_counts.PREDICTIONS_METRIC,
        prediction_counts.UNREADABLE_METRIC,
    )


def test_where_nothing_is_captured_nothing_counts_and_the_dashboard_says_what_to_set(assembled: Assembled) -> None:
    found = templates_in(assembled(NEITHER))
    assert deployed(found, "Monitoring", "AWS::Lambda::Function") == []
    (text,) = [each["properties"]["markdown"] for each in graphs(found) if each["type"] == "text"]
    assert "Set `production.capture_percent`" in text
    assert not [each for each in graphs(found) if each["properties"].get("stacked")]

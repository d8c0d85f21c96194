# SPDX-License-Identifier: MIT-0
"""The deployed rules match the events that they are for, in the services' documented form, and no other."""

import json
from typing import Any

import pytest

from tests.assembly import CONNECTED, synthesized, templates_in
from tests.emulator import sample_event
from tests.emulator.conftest import Cloud
from tests.emulator.sample_event import Event
from tests.proof.intrinsic import resources


def deployed(cloud: Cloud, stack: str, rule: str) -> str:
    """Return the pattern of the rule as the emulator has it, references resolved."""
    name = cloud.one(stack, rule).rpartition("|")[2]
    answer: dict[str, Any] = cloud.emulator.client("events").describe_rule(Name=name)
    return str(answer["EventPattern"])


def matches(cloud: Cloud, pattern: str, event: Event) -> bool:
    client = cloud.emulator.client("events")
    return bool(client.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"])


APPROVED = sample_event.package("Approved")
REJECTED = sample_event.package("Rejected")
WAITING = sample_event.package("PendingManualApproval")
OTHER_GROUP = sample_event.package("Approved", group="skin-lesion-2")
AGAIN = sample_event.package("Approved", number=2)


@pytest.mark.parametrize(
    ("rule", "event", "expected"),
    [
        ("ApprovalApproved", APPROVED, True),
        ("ApprovalApproved", AGAIN, True),
        ("ApprovalApproved", REJECTED, False),
        ("ApprovalApproved", WAITING, False),
        ("ApprovalApproved", OTHER_GROUP, False),
        ("ApprovalRejected", REJECTED, True),
        ("ApprovalRejected", APPROVED, False),
        ("ApprovalRejected", sample_event.package("Rejected", group="other"), False),
    ],
)
def test_an_approval_and_a_rejection_of_our_group_are_told_apart(
    cloud: Cloud, rule: str, event: Event, *, expected: bool
) -> None:
    """A repeated approval matches again: operations.functions.model_delivery drops it, not the rule."""
    assert matches(cloud, deployed(cloud, "deployment", rule), event) is expected


@pytest.mark.parametrize(("rule", "status"), [("ApprovalApproved", "Approved"), ("ApprovalRejected", "Rejected")])
def test_the_rules_of_an_approval_ask_for_no_field_that_may_be_absent(cloud: Cloud, rule: str, status: str) -> None:
    """operations.functions.model_delivery drops the edit, not the rule."""
    edited = sample_event.package(status, UpdatedModelPackageFields=["CustomerMetadataProperties"])
    assert matches(cloud, deployed(cloud, "deployment", rule), edited)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"UpdatedModelPackageFields": ["ModelApprovalStatus"]}, True),
        ({"UpdatedModelPackageFields": ["ModelCard", "ModelApprovalStatus"]}, True),
        ({"UpdatedModelPackageFields": ["ModelCard"]}, False),
    ],
)
def test_a_version_that_waits_is_told_of_and_an_edit_of_it_is_not(cloud: Cloud, more: Event, *, expected: bool) -> None:
    event = sample_event.package("PendingManualApproval", **more)
    assert matches(cloud, deployed(cloud, "monitoring", "NotifierApprovalWaiting"), event) is expected


@pytest.mark.parametrize(
    ("bucket", "key", "kind", "expected"),
    [
        ("Raw", "archives/0a.zip", "Object Created", True),
        ("Raw", "archives/0a.zip.tmp", "Object Created", False),
        ("Raw", "source/repository.zip", "Object Created", False),
        ("Raw", "my-archives/0a.zip", "Object Created", False),
        ("Raw", "archives/0a.zip", "Object Deleted", False),
        ("Runs", "archives/0a.zip", "Object Created", False),
    ],
)
def test_an_uploaded_archive_starts_a_retraining_and_nothing_else_does(
    cloud: Cloud, bucket: str, key: str, kind: str, *, expected: bool
) -> None:
    event = sample_event.upload(cloud.one("storage", bucket), key, kind)
    assert matches(cloud, deployed(cloud, "retraining", "TriggerNewData"), event) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [("additions/0a.zip", True), ("additions/export/job/export.json", False), ("archives/0a.zip", False)],
)
def test_an_exported_archive_starts_a_retraining_and_nothing_else_does(
    cloud: Cloud, key: str, *, expected: bool
) -> None:
    event = sample_event.upload(cloud.one("storage", "Raw"), key)
    assert matches(cloud, deployed(cloud, "retraining", "TriggerNewAddition"), event) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("capture/production/skin-lesion-production/AllTraffic/2026/01/01/00/1.jsonl", True),
        ("capture/production/1.json", False),
        ("runs/1/capture/1.jsonl", False),
    ],
)
def test_captured_requests_are_counted_and_nothing_else_is(cloud: Cloud, key: str, *, expected: bool) -> None:
    event = sample_event.upload(cloud.one("storage", "Runs"), key)
    assert matches(cloud, deployed(cloud, "monitoring", "TallyCaptured"), event) is expected


@pytest.mark.parametrize(
    ("rule", "event", "expected"),
    [
        ("MonitorCompleted", sample_event.job("skin-lesion-monitor-20261124", "Completed"), True),
        ("MonitorCompleted", sample_event.job("skin-lesion-monitor-20261124", "Failed"), False),
        ("MonitorCompleted", sample_event.job("pipelines-0a1b-Evaluate-x", "Completed"), False),
        ("NotifierMonitorFailed", sample_event.job("skin-lesion-monitor-20261124", "Failed"), True),
        ("NotifierMonitorFailed", sample_event.job("skin-lesion-monitor-20261124", "Stopped"), True),
        ("NotifierMonitorFailed", sample_event.job("skin-lesion-monitor-20261124", "Completed"), False),
    ],
)
def test_the_end_of_the_monitors_jobs_is_heard_and_of_no_other(
    cloud: Cloud, rule: str, event: Event, *, expected: bool
) -> None:
    assert matches(cloud, deployed(cloud, "monitoring", rule), event) is expected


@pytest.mark.parametrize(("key", "expected"), [("labels/0a.csv", True), ("archives/0a.zip", False)])
def test_uploaded_labels_start_the_monitor_and_nothing_else_does(cloud: Cloud, key: str, *, expected: bool) -> None:
    event = sample_event.upload(cloud.one("storage", "Raw"), key)
    assert matches(cloud, deployed(cloud, "monitoring", "MonitorLabelled"), event) is expected


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pattern of a push to CodeCommit, which the settings of the deployed stacks do not have."""
    context = {**CONNECTED, "source.kind": "codecommit", "source.repository": "skin-lesion-mlops"}
    documents = templates_in(synthesized(tmp_path_factory.mktemp("codecommit"), context))
    patterns = [each.properties.get("EventPattern", {}) for each in resources(documents) if "Rule" in each.kind]
    (found,) = (each for each in patterns if "CodeCommit Repository State Change" in each.get("detail-type", []))
    return json.dumps(found)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (sample_event.push("skin-lesion-mlops", "main"), True),
        (sample_event.push("skin-lesion-mlops", "main", "referenceCreated"), True),
        (sample_event.push("skin-lesion-mlops", "main", "referenceDeleted"), False),
        (sample_event.push("skin-lesion-mlops", "feature"), False),
        (sample_event.push("another", "main"), False),
    ],
)
def test_a_push_to_the_branch_starts_the_pipeline_and_no_other_push_does(
    cloud: Cloud, pushed: str, event: Event, *, expected: bool
) -> None:
    assert matches(cloud, pushed, event) is expected

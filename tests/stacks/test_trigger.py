# SPDX-License-Identifier: MIT-0
"""What starts a retraining: the documented events, those that must and those that must not."""

import json
from dataclasses import fields
from typing import Any

import pytest

from operations.functions import function_payloads
from tests.proof.sample import ACCOUNT, REGION
from tests.stacks.pattern import matches, transformed
from tests.stacks.retraining import Document, allowed, bucket, documents_of, part, parts

KEY = f"archives/{'0' * 64}.zip"


def uploaded(name: str, key: str) -> dict[str, Any]:
    """S3 User Guide, "EventBridge event message structure"."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2026-11-12T00:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{name}"],
        "detail": {
            "version": "0",
            "bucket": {"name": name},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "version-id": "Iy"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "reason": "CompleteMultipartUpload",
        },
    }


def pushed(repository: str, branch: str, kind: str = "branch", event: str = "referenceUpdated") -> dict[str, Any]:
    """CodeCommit User Guide, "Monitoring CodeCommit events in Amazon EventBridge"."""
    return {
        "version": "0",
        "id": "01234567-EXAMPLE",
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": ACCOUNT,
        "time": "2026-11-12T10:23:43Z",
        "region": REGION,
        "resources": [f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository}"],
        "detail": {
            "event": event,
            "repositoryName": repository,
            "repositoryId": "12345678-1234-5678-abcd-12345678abcd",
            "referenceType": kind,
            "referenceName": branch,
            "referenceFullName": f"refs/heads/{branch}",
            "commitId": "3e5983DESTINATION",
            "oldCommitId": "3e5a9bf1EXAMPLE",
        },
    }


def rule(documents: dict[str, Document], begins: str) -> dict[str, Any]:
    return part(documents, "AWS::Events::Rule", begins)


def test_an_uploaded_archive_starts_one_on_that_archive(documents: dict[str, Document]) -> None:
    raw, given = bucket(documents, "Raw"), rule(documents, "TriggerNewData")
    assert matches(given["EventPattern"], uploaded(raw, KEY))
    asked = json.loads(transformed(given["Targets"][0], uploaded(raw, KEY)))
    assert asked == {"archive": KEY, "commit": "", "reason": "data", "compare": "champion", "addition": ""}


@pytest.mark.parametrize("key", ["source/repository.zip", "archives/readme.txt", f"old/{KEY}", "archives.zip"])
def test_no_other_object_starts_one(documents: dict[str, Document], key: str) -> None:
    assert not matches(rule(documents, "TriggerNewData")["EventPattern"], uploaded(bucket(documents, "Raw"), key))


def test_no_other_bucket_starts_one(documents: dict[str, Document]) -> None:
    assert not matches(rule(documents, "TriggerNewData")["EventPattern"], uploaded("another", KEY))


def test_the_schedule_starts_one_on_the_newest_archive(documents: dict[str, Document]) -> None:
    given = rule(documents, "TriggerSchedule")
    assert given["ScheduleExpression"] == "rate(30 days)"
    asked = {"archive": "", "commit": "", "reason": "schedule", "compare": "champion", "addition": ""}
    assert json.loads(given["Targets"][0]["Input"]) == asked


def test_a_reason_that_is_sent_is_one_that_the_function_knows(documents: dict[str, Document]) -> None:
    targets = [each.properties["Targets"][0] for each in parts(documents, "AWS::Events::Rule")]
    texts = [target.get("Input") or target["InputTransformer"]["InputTemplate"] for target in targets]
    assert {
        reason for reason in function_payloads.RETRAINING_REASONS for text in texts if f'"reason":"{reason}"' in text
    } == {
        "data",
        "schedule",
    }
    assert {"archive", "commit", "reason"} < {each.name for each in fields(function_payloads.RetrainRequest)}


def test_neither_is_there_unless_it_is_wanted() -> None:
    rules = parts(documents_of("by hand"), "AWS::Events::Rule")
    assert rules == []


@pytest.mark.parametrize(
    ("event", "starts"),
    [
        (pushed("lesions", "main"), True),
        (pushed("lesions", "main", event="referenceCreated"), True),
        (pushed("lesions", "main", event="referenceDeleted"), False),
        (pushed("lesions", "feature"), False),
        (pushed("lesions", "main", kind="tag"), False),
        (pushed("another", "main"), False),
    ],
)
def test_a_push_to_the_branch_of_the_codecommit_repository_starts_the_pipeline(
    event: dict[str, Any], *, starts: bool
) -> None:
    assert matches(rule(documents_of("codecommit"), "PushPushed")["EventPattern"], event) is starts


def test_a_new_zip_of_the_source_starts_the_pipeline_and_an_archive_does_not() -> None:
    documents = documents_of("s3")
    raw, pattern = bucket(documents, "Raw"), rule(documents, "PushPushed")["EventPattern"]
    assert matches(pattern, uploaded(raw, "source/repository.zip"))
    assert not matches(pattern, uploaded(raw, KEY))
    assert not matches(rule(documents, "TriggerNewData")["EventPattern"], uploaded(raw, "source/repository.zip"))


@pytest.mark.parametrize("kind", ["codeconnections", "codecommit", "s3"])
def test_what_a_rule_cannot_deliver_is_kept_in_an_encrypted_queue(kind: str) -> None:
    """CloudFormation begins the name of a rule with its stack's, and that begins with the deployment's."""
    documents = documents_of(kind)
    queue = part(documents, "AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    (policy,) = parts(documents, "AWS::SQS::QueuePolicy")
    let_in = [
        statement["Condition"]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
        and statement["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert let_in == [{"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/skin-lesion-*"}}]
    rules = parts(documents, "AWS::Events::Rule")
    assert not any("Name" in each.properties for each in rules)
    assert all("DeadLetterConfig" in target for each in rules for target in each.properties["Targets"])


def test_a_rule_may_start_the_machine_and_nothing_else(documents: dict[str, Document]) -> None:
    assert set(allowed(documents, "TriggerEventRole")) == {"states:StartExecution"}

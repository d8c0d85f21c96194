# SPDX-License-Identifier: MIT-0
"""Changes of resources in the review, stack by stack."""

from collections.abc import Mapping

import pytest

from review import risk
from review.app_versions import BaseCommit
from review.markdown_report import review_document, stack_details
from review.stack_changes import StackChange

Changes = Mapping[str, StackChange]
POINT = BaseCommit("0" * 40, "main")


def told(change: StackChange) -> str:
    return review_document(POINT, [change], [])


def test_a_stack_without_changes_is_not_mentioned(changes: Changes) -> None:
    assert "Unchanged" not in changes


def test_a_removed_bucket_is_destroyed_with_its_data_and_shown_on_top(changes: Changes) -> None:
    text = told(changes["BucketRemoved"])
    assert changes["BucketRemoved"].needs_attention
    assert "`Stack/Raw` (AWS::S3::Bucket): **destroyed**; its content is lost" in text
    assert text.index("[!WARNING]") < text.index("<details>")


def test_a_removed_bucket_that_is_retained_is_left_behind(changes: Changes) -> None:
    assert changes["BucketLeft"].needs_attention
    assert "**left behind**; its content stays in the account" in told(changes["BucketLeft"])


def test_a_renamed_bucket_is_replaced_and_the_property_that_does_it_is_named(changes: Changes) -> None:
    assert changes["BucketRenamed"].needs_attention
    assert "**replaced** because `BucketName` `a` → `b`" in told(changes["BucketRenamed"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BucketBare", "`Stack/Raw`: `BucketEncryption`"),
        ("BucketUnkept", "`Stack/Raw`: `DeletionPolicy` `Retain` → `Delete`"),
        ("ApprovalRemoved", "`Stack/Delivery`: manual approvals removed: 1"),
        ("AlarmRemoved", "`Stack/Alarm` (AWS::CloudWatch::Alarm): destroyed"),
        ("Renamed", "stack name `before` → `after`"),
        ("Gone", "removed from the app"),
    ],
)
def test_a_lost_protection_or_service_needs_attention(changes: Changes, name: str, words: str) -> None:
    assert changes[name].needs_attention
    assert words in told(changes[name]).partition("### Needs attention")[2].partition("### Stacks")[0]


def test_protection_against_deletion_turned_off_needs_attention(changes: Changes) -> None:
    assert "termination protection is turned off" in told(changes["Renamed"])


def test_a_longer_retention_of_logs_is_shown_and_needs_no_attention(changes: Changes) -> None:
    change = changes["LogKeptLonger"]
    assert not change.needs_attention
    assert "`RetentionInDays`: `7` → `30`" in stack_details(change)
    assert "nothing destructive, nothing broadened" in told(change)


def test_new_code_is_one_remark_without_a_hash(changes: Changes) -> None:
    text = stack_details(changes["CodeChanged"])
    assert "code changed" in text
    assert "aaaa" not in text
    assert "S3Key" not in text


def test_a_setting_that_changes_with_the_code_is_still_shown(changes: Changes) -> None:
    assert "`MemorySize`: `128` → `256`<br>code changed" in stack_details(changes["CodeAndMemory"])


def test_the_stacks_of_a_stage_are_compared(changes: Changes) -> None:
    lost = [each for each in changes["Endpoint"].resources if risk.is_at_risk(each)]
    assert [each.type for each in lost] == ["AWS::SageMaker::Endpoint"]


def test_a_changed_image_of_the_pipeline_is_reported_once_and_not_as_a_property(changes: Changes) -> None:
    text = told(changes["ImageChanged"])
    assert text.count("`${Image}` → `${Other}`") == 1
    assert "definition: see the pipeline above" in text
    assert not changes["ImageChanged"].needs_attention

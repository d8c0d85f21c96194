# SPDX-License-Identifier: MIT-0
"""A statement is broader if and only if it allows something that was not allowed before."""

from collections.abc import Mapping

import pytest

from review.app_versions import BaseCommit
from review.markdown_report import review_document
from review.permissions import Statement, find_broadenings
from review.stack_changes import StackChange

READ = Statement("Allow", ("AWS:job",), ("s3:GetObject",), ("raw/*",))
DENY = Statement("Deny", ("*",), ("s3:*",), ("raw/*",))


def statement(**changes: tuple[str, ...] | str | frozenset[str]) -> Statement:
    values = {"principals": READ.principals, "actions": READ.actions, "resources": READ.resources} | changes
    return Statement("Allow", **values)  # type: ignore[arg-type]  # names and types as in Statement


def test_only_the_new_part_of_a_widened_statement_is_reported() -> None:
    wide = statement(actions=("s3:GetObject", "s3:PutObject"))
    assert [each.statement for each in find_broadenings([READ], [wide])] == [statement(actions=("s3:PutObject",))]


@pytest.mark.parametrize(
    "wider",
    [
        statement(actions=("s3:Get*",)),
        statement(resources=("*",)),
        statement(principals=("*",)),
        statement(actions=("s3:GetObject",), inverted=frozenset({"actions"})),
        Statement("Unknown", unread="${If Condition A B}"),
    ],
)
def test_a_wider_pattern_or_one_that_cannot_be_judged_broadens(wider: Statement) -> None:
    assert len(find_broadenings([READ], [wider])) == 1


@pytest.mark.parametrize(
    "same",
    [
        [READ],
        [],
        [statement(resources=("raw/archives/*",))],
        [statement(condition='{"Bool": {"aws:SecureTransport": "true"}}')],
        [statement(actions=("S3:getobject",))],
    ],
    ids=["unchanged", "removed", "fewer resources", "under a condition", "another spelling"],
)
def test_a_narrower_statement_does_not_broaden(same: list[Statement]) -> None:
    assert find_broadenings([READ], same) == []


def test_a_statement_that_is_split_does_not_broaden() -> None:
    whole = statement(actions=("s3:GetObject", "s3:PutObject"))
    assert find_broadenings([whole], [READ, statement(actions=("s3:PutObject",))]) == []


def test_a_question_mark_covers_one_character_and_no_asterisk() -> None:
    assert find_broadenings([statement(resources=("raw/?",))], [statement(resources=("raw/a",))]) == []
    assert find_broadenings([statement(resources=("raw/?",))], [statement(resources=("raw/*",))])


def test_dropping_a_condition_broadens() -> None:
    assert find_broadenings([statement(condition='{"Bool": {"aws:SecureTransport": "true"}}')], [READ])


def test_a_denial_that_is_removed_or_narrowed_broadens_and_one_that_is_added_does_not() -> None:
    assert [each.is_lost_denial for each in find_broadenings([DENY], [])] == [True]
    assert find_broadenings([DENY], [Statement("Deny", ("*",), ("s3:PutObject",), ("raw/*",))])
    assert find_broadenings([], [DENY]) == []


def test_a_widened_policy_is_reported_with_its_role_and_needs_attention(
    changes: Mapping[str, StackChange],
) -> None:
    change = changes["PolicyWidened"]
    row = "| `PolicyWidened` | `AWS:${Job}` | allowed | `s3:PutObject` | `${Raw.Arn}` |  |"
    assert change.needs_attention
    assert row in review_document(BaseCommit("0" * 40, "main"), [change], [])


def test_an_inverted_statement_is_shown_as_such(changes: Mapping[str, StackChange]) -> None:
    text = review_document(BaseCommit("0" * 40, "main"), [changes["PolicyInverted"]], [])
    assert "| `AWS:${Job}` | allowed | all but `iam:*` | `*` |" in text


@pytest.mark.parametrize("name", ["PolicyNarrowed", "PolicyRemoved"])
def test_a_policy_that_is_narrowed_or_removed_needs_no_attention(changes: Mapping[str, StackChange], name: str) -> None:
    assert not changes[name].needs_attention


def test_a_lost_denial_needs_attention_unless_its_resource_is_removed_too(changes: Mapping[str, StackChange]) -> None:
    assert [each.is_lost_denial for each in changes["DenialLost"].broadenings] == [True]
    assert changes["DenialGoneWithBucket"].broadenings == []

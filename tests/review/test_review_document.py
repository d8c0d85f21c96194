# SPDX-License-Identifier: MIT-0
"""The Markdown begins with the marker, is reproducible and limited in length, and escapes text of templates."""

from collections.abc import Mapping
from dataclasses import replace

from review.app_versions import BaseCommit
from review.markdown import code_span, folded_block, old_and_new, table_row
from review.markdown_report import MARKER, MAXIMUM_BYTES, failure_document, review_document
from review.stack_changes import StackChange
from review.template_diff import Difference

POINT = BaseCommit("0123456789abcdef" * 2 + "01234567", "main")


def test_without_changes_there_is_one_sentence() -> None:
    sentence = "Neither the infrastructure nor the pipeline changes, compared with `main (0123456789ab)`."
    assert review_document(POINT, [], []) == f"{MARKER}\n{sentence}\n"


def test_the_first_line_is_the_marker(changes: Mapping[str, StackChange]) -> None:
    every = (review_document(POINT, list(changes.values()), []), review_document(POINT, [], []), failure_document("no"))
    assert {text.splitlines()[0] for text in every} == {MARKER}


def test_an_id_given_as_the_base_is_named_once() -> None:
    assert replace(POINT, name=POINT.commit).label == "0123456789ab"


def test_sections_are_in_order_of_importance(changes: Mapping[str, StackChange]) -> None:
    text = review_document(POINT, list(changes.values()), ["A remark."])
    heads = [
        "needs attention",
        "A remark.",
        "[!WARNING]",
        "### Needs attention",
        "### Permissions",
        "### Pipeline",
        "### Stacks",
    ]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert text.count("<details>") == text.count("</details>") == len(changes)


def test_details_that_exceed_the_length_are_omitted_from_the_end_with_a_remark(
    changes: Mapping[str, StackChange],
) -> None:
    many = [replace(changes["CodeAndMemory"], name=f"Stack{number:04d}") for number in range(900)]
    text = review_document(POINT, many, [])
    assert len(text.encode()) <= MAXIMUM_BYTES
    assert "<code>Stack0000</code>" in text
    assert "<code>Stack0899</code>" not in text
    assert text.endswith("more stacks omitted: the comment would be too long.\n")


def test_the_maximum_length_can_be_smaller(changes: Mapping[str, StackChange]) -> None:
    text = review_document(POINT, list(changes.values()), [], longest=6_000)
    assert MAXIMUM_BYTES > 6_000 >= len(text.encode())
    assert text.endswith("omitted: the comment would be too long.\n")


def test_even_the_top_section_is_truncated_if_needed(changes: Mapping[str, StackChange]) -> None:
    many = [replace(changes["BucketRenamed"], name=f"Stäck{number:04d}") for number in range(900)]
    text = review_document(POINT, many, [])
    assert len(text.encode()) <= MAXIMUM_BYTES
    assert "The rest is omitted" in text
    assert text.splitlines()[-3].startswith("> - ")


def test_a_failure_is_truncated_too_and_its_code_block_is_closed() -> None:
    text = failure_document("ä" * 9_000, longest=6_000)
    assert 6_000 >= len(text.encode()) > 5_990
    assert text.splitlines()[-1] == "~~~~~~"


def test_a_value_is_shown_as_code_whatever_it_contains() -> None:
    assert code_span("a `b` @team") == "``a `b` @team``"
    assert code_span("`") == "`` ` ``"
    assert code_span("two\nlines") == "`two lines`"
    assert code_span("") == '`""`'
    assert table_row(["a|b"]) == "| a\\|b |"
    assert "<b>" not in folded_block("<b>", "<b>", "")
    assert "~~~~~~\nmarkup" not in failure_document("~~~~~~\nmarkup")


def test_of_two_long_values_the_part_that_differs_is_shown() -> None:
    text = old_and_new(Difference("", "x" * 300 + "old", "x" * 300 + "new"))
    assert "old`" in text
    assert "new`" in text
    assert len(text) < 100

# SPDX-License-Identifier: MIT-0
"""Values are compared by meaning: functions become text, JSON text is parsed, named elements are matched."""

import json
from typing import Any

import pytest

from review.template_diff import ABSENT, Difference, json_differences, resolve_intrinsics, shorten_intrinsics

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "Key"}, "${Key}"),
        ({"Fn::GetAtt": ["Key", "Arn"]}, "${Key.Arn}"),
        ({"Fn::Join": ["/", ["s3:/", {"Ref": "Raw"}, {"Ref": "AWS::NoValue"}, "x"]]}, "s3://${Raw}/x"),
        ({"Fn::Sub": "a-${AWS::Region}"}, "a-${AWS::Region}"),
        ({"Fn::Sub": ["${It}-b", {"It": {"Ref": "A"}}]}, "${A}-b"),
        ({"Fn::ImportValue": "x-storage:ExportsOutputFnGetAttKey961B73FDArn5A860C43"}, "${x-storage/Key.Arn}"),
        ({"Fn::ImportValue": "x-storage:ExportsOutputRefRaw72517081AB12CD34"}, "${x-storage/Raw}"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "account"]}, "${FindInMap Map ${AWS::Region} account}"),
        ({"Fn::Join": "no list"}, "${Join no list}"),
        ({"Fn::If": ["Here", {"Ref": "A"}, "b"]}, "${If Here ${A} b}"),
    ],
)
def test_each_function_becomes_readable_text(value: Any, text: str) -> None:
    assert resolve_intrinsics(value) == text


def test_a_document_inside_joined_text_is_parsed() -> None:
    body = {"Fn::Join": ["", ['{"States": {"Start": {"Resource": "', {"Fn::GetAtt": ["F", "Arn"]}, '"}}}']]}
    assert resolve_intrinsics(body) == {"States": {"Start": {"Resource": "${F.Arn}"}}}


def test_functions_that_the_comparing_library_leaves_in_a_text_become_text() -> None:
    assert (
        shorten_intrinsics('{"Fn::ImportValue":"s:ExportsOutputRefRaw7251708112345678"}/archives/*')
        == "${s/Raw}/archives/*"
    )


def test_one_more_named_element_is_one_difference() -> None:
    old, new = ([{"Name": each} for each in names] for names in ("bc", "abc"))
    assert json_differences(old, new, "Steps") == [Difference("Steps[a]", ABSENT, {"Name": "a"})]


def test_named_elements_in_another_order_are_one_difference() -> None:
    old, new = ([{"Name": each} for each in names] for names in ("ab", "ba"))
    assert json_differences(old, new, "Stages") == [Difference("Stages (order)", "a, b", "b, a")]


def test_one_more_unnamed_element_is_one_difference() -> None:
    assert json_differences(["--a", "1"], ["--b", "--a", "1"], "Arguments") == [
        Difference("Arguments[0]", ABSENT, "--b")
    ]


def test_a_value_of_another_type_differs_even_if_it_is_equal() -> None:
    assert json_differences({"A": 1}, {"A": True}) == [Difference("A", old=1, new=True)]


def test_only_the_hash_of_an_asset_is_content() -> None:
    other = DIGEST[::-1]
    assert Difference("S3Key", f"{DIGEST}.zip", f"{other}.zip").is_content
    assert not Difference("S3Key", f"{DIGEST}.zip", f"{other}.json").is_content
    assert not Difference("Name", "a", "b").is_content
    assert not Difference("S3Key", ABSENT, f"{other}.zip").is_content


def test_differences_come_in_the_order_of_their_paths() -> None:
    old = {"b": 1, "a": {"d": 1, "c": [1]}}
    new = json.loads('{"a": {"c": [2], "d": 2}, "b": 2}')
    assert [each.path for each in json_differences(old, new)] == ["a.c[0]", "a.d", "b"]

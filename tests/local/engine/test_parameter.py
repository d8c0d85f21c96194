# SPDX-License-Identifier: MIT-0
"""The declarations and values of pipeline parameters."""

from typing import Any

import pytest

from local.engine.pipeline_definition import (
    check_parameter_declaration,
    parse_parameter_assignments,
    resolve_parameters,
)
from local.errors import DefinitionError, UsageError

DECLARED = [
    {"Name": "Mode", "Type": "String", "DefaultValue": "repeat", "EnumValues": ["none", "repeat"]},
    {"Name": "Epochs", "Type": "Integer", "DefaultValue": 30},
    {"Name": "Rate", "Type": "Float", "DefaultValue": 0.1},
    {"Name": "Flag", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Free", "DefaultValue": "none"},
]


def test_a_parameter_that_is_not_given_has_its_default() -> None:
    assert resolve_parameters(DECLARED, {}) == {
        "Mode": "repeat",
        "Epochs": 30,
        "Rate": 0.1,
        "Flag": False,
        "Free": "none",
    }


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("Mode", "none", "none"),
        ("Epochs", "5", 5),
        ("Epochs", "-1", -1),
        ("Epochs", 5, 5),
        ("Rate", "1e-3", 0.001),
        ("Rate", "2", 2.0),
        ("Rate", 2, 2),
        ("Flag", "True", True),
        ("Flag", "false", False),
        ("Free", "a=b", "a=b"),
        ("Free", "12", "12"),
    ],
)
def test_what_is_typed_is_read_as_the_declared_type(name: str, typed: Any, value: Any) -> None:
    found = resolve_parameters(DECLARED, {name: typed})[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Epoch": "5"}, ["parameter 'Epoch'", "Did you mean 'Epochs'", "Known: Epochs, Flag, Free, Mode, Rate"]),
        ({"Epochs": "five"}, ["parameter 'Epochs'", "'five' is not a whole number"]),
        ({"Epochs": "5.0"}, ["'5.0' is not a whole number"]),
        ({"Epochs": True}, ["True is not a whole number"]),
        ({"Rate": "fast"}, ["parameter 'Rate'", "'fast' is not a number"]),
        ({"Rate": "nan"}, ["'nan' is not a number"]),
        ({"Rate": "inf"}, ["'inf' is not a number"]),
        ({"Flag": "1"}, ["parameter 'Flag'", "'1' is not true or false"]),
        ({"Free": ""}, ["parameter 'Free'", "is empty, which the service rejects"]),
        ({"Free": "x" * 1025}, ["parameter 'Free'", "has 1025 characters; the service takes 1024"]),
        ({"Epochs": str(2**63)}, ["parameter 'Epochs'", "is not a whole number"]),
        (
            {"Mode": "reapeat"},
            ["parameter 'Mode'", "'reapeat' is not allowed", "Did you mean 'repeat'", "none, repeat"],
        ),
    ],
)
def test_a_wrong_value_is_refused_with_place_value_and_what_is_allowed(given: Any, said: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_parameters(DECLARED, given)
    assert all(part in str(caught.value) for part in said), str(caught.value)


def test_a_parameter_without_default_must_be_given() -> None:
    with pytest.raises(UsageError, match="'Must': it has no default"):
        resolve_parameters([{"Name": "Must", "Type": "Integer"}], {})


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ({"Name": "A", "Type": "Long"}, "parameter.Type: 'Long': not supported"),
        ({"Name": "A", "Type": "Integer", "MinValue": 3}, "parameter.MinValue: not supported"),
        ({"Name": "A", "Type": "Integer", "DefaultValue": "3"}, "its default '3' is not a whole number"),
        ({"Name": "A", "DefaultValue": ""}, "its default is empty"),
        ({"Name": "A", "DefaultValue": None}, "its default None is not a string"),
        ({"Name": "A", "DefaultValue": "c", "EnumValues": ["a", "b"]}, "its default 'c' is not among its EnumValues"),
        ({"Name": "A", "EnumValues": "ab"}, "parameter.EnumValues: 'ab' is not a list"),
        ({"Name": "A", "EnumValues": [1]}, "parameter 'A': EnumValues: 1 is not a string"),
        ({"Type": "Integer"}, "parameter: no Name"),
        ({"Name": "../x"}, "parameter.Name: '../x': the service takes 1 to 64 letters"),
        ("A", "parameter: 'A' is not an object"),
    ],
)
def test_a_declaration_that_the_engine_does_not_know_is_refused(declaration: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        check_parameter_declaration(declaration)


def test_assignments_are_split_at_the_first_equals_sign() -> None:
    assert parse_parameter_assignments(["A=1", "B=x=y", "C="]) == {"A": "1", "B": "x=y", "C": ""}


@pytest.mark.parametrize(
    ("texts", "said"), [(["A"], "NAME=VALUE"), (["=1"], "NAME=VALUE"), (["A=1", "A=2"], "given twice")]
)
def test_what_is_no_assignment_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_parameter_assignments(texts)

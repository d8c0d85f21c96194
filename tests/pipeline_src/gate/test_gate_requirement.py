# SPDX-License-Identifier: MIT-0
"""A requirement says the same in the report, in the failure message and in the model package."""

import re

import pytest
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src.gate import (
    AT_LEAST,
    AT_MOST,
    NO_CHAMPION,
    NOT_ASKED,
    JudgedValue,
    excuse_requirement,
    judge_requirement,
)

SHAPE = Loader().load_service_model("sagemaker", "service-2")["shapes"]["CustomerMetadataValue"]
WHOLE = JudgedValue(got=0.78734, lower=0.71119, upper=0.84421, images=140, place="sex: female")


def test_every_part_stands_in_the_sentence_and_in_the_metadata() -> None:
    requirement = judge_requirement("balanced_accuracy", AT_LEAST, 0.7, WHOLE)
    assert requirement.sentence() == (
        "balanced_accuracy: wanted at least 0.7, got 0.7873 [0.7111 to 0.8443, n 140] (sex: female)"
    )
    assert requirement.metadata() == (
        "met / wanted at least 0.7 / got 0.7873 / 95 percent 0.7111 to 0.8443 / n 140 / sex: female"
    )
    assert requirement.as_json()["interval_text"] == "0.7111 to 0.8443"


@pytest.mark.parametrize(
    ("sense", "got", "shown"),
    [(AT_LEAST, 0.69999, "0.6999"), (AT_MOST, 0.15001, "0.1501"), (AT_LEAST, 0.7 - 1e-12, "0.7"), (AT_MOST, 12, "12")],
)
def test_a_miss_never_reads_as_the_value_it_missed(sense: str, got: float, shown: str) -> None:
    assert judge_requirement("x", sense, 0.7, JudgedValue(got=got)).got_text == shown


@pytest.mark.parametrize(("lower", "upper"), [(None, 0.5), (0.5, None), (None, None)])
def test_half_an_interval_is_none(lower: float | None, upper: float | None) -> None:
    requirement = judge_requirement("x", AT_LEAST, 0.5, JudgedValue(got=0.5, lower=lower, upper=upper))
    assert requirement.interval_text == ""
    assert requirement.sentence() == "x: wanted at least 0.5, got 0.5"
    assert requirement.metadata() == "met / wanted at least 0.5 / got 0.5"


@pytest.mark.parametrize("why", [NO_CHAMPION, NOT_ASKED])
def test_what_is_excused_passes_and_says_why(why: str) -> None:
    requirement = excuse_requirement("x", AT_MOST, 0.5, why)
    assert (requirement.passed, requirement.verdict, requirement.got) == (True, why, None)
    assert not excuse_requirement("x", AT_MOST, None, why).passed


def test_an_invalid_value_is_said_to_be_one() -> None:
    assert (
        judge_requirement("x", AT_LEAST, None, WHOLE)
        .sentence()
        .startswith("x: wanted at least an invalid value, got 0.7873")
    )


@given(st.text(max_size=400), st.sampled_from([AT_LEAST, AT_MOST]), st.none() | st.floats(0, 1))
def test_any_place_fits_into_the_metadata_of_a_model_package(place: str, sense: str, got: float | None) -> None:
    assert SHAPE["pattern"].startswith(r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)")
    pattern = re.compile(r"[\w\s_.:/=+\-@]*")  # the shape's, in Python's terms: \p{L} \p{N} are in \w, \p{Z} in \s
    said = judge_requirement("x", sense, 0.5, JudgedValue(got=got, place=place)).metadata()
    assert pattern.fullmatch(said)
    assert 1 <= len(said) <= SHAPE["max"]

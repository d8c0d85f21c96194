# SPDX-License-Identifier: MIT-0
"""An image's groups are read from the words of the dataset's table."""

import pytest

from pipeline_src.evaluation import study_population
from pipeline_src.evaluation.model_predictions import HoldoutImage


def image(**known: str) -> HoldoutImage:
    return HoldoutImage("i", "l", "nv", "test", **known)


@pytest.mark.parametrize(
    ("age", "band"),
    [
        *(("0.0", "0 to 29"), ("29.9", "0 to 29"), ("30.0", "30 to 44"), ("44", "30 to 44"), ("45.0", "45 to 59")),
        *(("60.0", "60 to 74"), ("74.9", "60 to 74"), ("75.0", "75 and over"), ("85", "75 and over")),
        *(("", "unknown"), ("nan", "unknown"), ("inf", "unknown"), ("-5", "unknown"), ("old", "unknown")),
    ],
)
def test_an_age_lies_in_one_band(age: str, band: str) -> None:
    assert study_population.group_of_image(image(age=age, sex="female"), "age") == band


@pytest.mark.parametrize(("sex", "band"), [("male", "0 to 29"), ("unknown", "unknown"), ("", "unknown")])
def test_age_0_of_a_patient_of_unknown_sex_is_unknown(sex: str, band: str) -> None:
    assert study_population.age_band_of_image(image(age="0.0", sex=sex)) == band


@pytest.mark.parametrize(
    ("written", "group"), [("Lower Extremity ", "lower extremity"), ("", "unknown"), (" ", "unknown")]
)
def test_other_values_are_taken_as_they_are_but_for_case_and_blanks(written: str, group: str) -> None:
    assert study_population.group_of_image(image(localization=written), "localization") == group


def test_groups_are_listed_by_name_and_the_unknown_last() -> None:
    assert study_population.order_groups(["unknown", "75 and over", "0 to 29", "unknown"]) == [
        "0 to 29",
        "75 and over",
        "unknown",
    ]
    assert study_population.order_groups(["vidir", "unknown", "rosendahl"]) == ["rosendahl", "vidir", "unknown"]

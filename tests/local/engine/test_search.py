# SPDX-License-Identifier: MIT-0
"""The hyperparameters that a tuning draws."""

import math
from typing import Any

import pytest

from local.errors import StepError
from local.steps import tuning_step

KIND = "ContinuousParameterRanges"


def config(*ranges: dict[str, Any], kind: str = KIND, jobs: int = 400, seed: int = 1) -> dict[str, Any]:
    limits = {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 1}
    return {"ResourceLimits": limits, "ParameterRanges": {kind: list(ranges)}, "RandomSeed": seed}


def given(low: str, high: str, scaling: str) -> dict[str, Any]:
    return {"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}


def drawn(*arguments: Any, **more: Any) -> list[float]:
    return [float(each["x"]) for each in tuning_step.draw_hyperparameters(config(given(*arguments), **more))]


def share_below(values: list[float], middle: float) -> float:
    return sum(value < middle for value in values) / len(values)


@pytest.mark.parametrize(
    ("scaling", "middle"),
    [("Linear", 0.5005), ("Logarithmic", math.sqrt(0.001)), ("ReverseLogarithmic", 1 - math.sqrt(0.999 * 0.01))],
)
def test_half_of_the_values_lie_below_the_middle_of_the_scale(scaling: str, middle: float) -> None:
    high = "0.99" if scaling == "ReverseLogarithmic" else "1"
    values = drawn("0.001", high, scaling)
    assert 0.001 <= min(values) < max(values) <= float(high)
    assert 0.42 < share_below(values, middle) < 0.58


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic"])
def test_whole_numbers_are_whole_and_reach_both_ends(scaling: str) -> None:
    values = drawn("2", "5", scaling, kind="IntegerParameterRanges")
    assert set(values) == {2, 3, 4, 5}
    ends = tuning_step.draw_hyperparameters(config(given("2", "5", scaling), kind="IntegerParameterRanges"))
    assert all(each["x"].isdigit() for each in ends)


def test_words_are_drawn_as_they_are() -> None:
    words = {"Name": "x", "Values": ["sgd", "adam"]}
    found = tuning_step.draw_hyperparameters(config(words, kind="CategoricalParameterRanges", jobs=30))
    assert {each["x"] for each in found} == {"sgd", "adam"}


def test_the_same_seed_draws_the_same_and_more_jobs_begin_as_fewer_do() -> None:
    whole = drawn("0.1", "0.9", "Linear", jobs=9)
    assert drawn("0.1", "0.9", "Linear", jobs=4) == whole[:4]
    assert drawn("0.1", "0.9", "Linear", jobs=9, seed=2) != whole


@pytest.mark.parametrize(
    ("range_", "said"),
    [
        (("0", "1", "Logarithmic"), "above 0"),
        (("0.5", "1", "ReverseLogarithmic"), "below 1"),
        (("2", "1", "Linear"), "MinValue must not exceed"),
        (("few", "many", "Linear"), "'few'"),
    ],
)
def test_a_range_that_is_none_is_refused_with_its_name(range_: tuple[str, str, str], said: str) -> None:
    with pytest.raises(StepError, match=said) as caught:
        drawn(*range_)
    assert "range of 'x'" in str(caught.value)

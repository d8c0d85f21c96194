# SPDX-License-Identifier: MIT-0
"""Rare classes are read more often, up to a cap, in an order that is random but always the same."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline_src.dataset import dataset_plan

COUNTS = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 7000), min_size=1)
TIMES = st.dictionaries(st.integers(0, 99), st.integers(0, 5), max_size=40)
NAMES = [f"ISIC_{number}" for number in range(100)]


def test_rare_classes_come_near_the_largest_and_stop_at_the_cap() -> None:
    images = {"nv": 6705, "mel": 1113, "bcc": 514, "df": 115}
    assert dataset_plan.records_per_image(images, dataset_plan.REPEAT_BALANCE, 10) == {
        "nv": 1,
        "mel": 6,
        "bcc": 10,
        "df": 10,
    }
    assert dataset_plan.records_per_image(images, dataset_plan.REPEAT_BALANCE, 100) == {
        "nv": 1,
        "mel": 6,
        "bcc": 13,
        "df": 58,
    }
    assert set(dataset_plan.records_per_image(images, dataset_plan.NO_BALANCE, 10).values()) == {1}


@given(COUNTS, st.integers(1, 50))
def test_every_image_is_recorded_at_least_once_and_at_most_cap_times(images: dict[str, int], cap: int) -> None:
    assert all(
        1 <= times <= cap for times in dataset_plan.records_per_image(images, dataset_plan.REPEAT_BALANCE, cap).values()
    )


@given(TIMES)
def test_the_order_holds_every_image_as_often_as_asked(times: dict[int, int]) -> None:
    order = dataset_plan.shuffle_records(times, NAMES)
    assert sorted(order) == sorted(number for number, count in times.items() for _ in range(count))


@given(TIMES, st.sets(st.integers(0, 99)))
def test_a_part_of_the_images_comes_in_the_order_that_it_has_among_all(times: dict[int, int], part: set[int]) -> None:
    whole = [number for number in dataset_plan.shuffle_records(times, NAMES) if number in part]
    assert (
        dataset_plan.shuffle_records({number: count for number, count in times.items() if number in part}, NAMES)
        == whole
    )


def test_the_order_is_not_that_of_the_numbers() -> None:
    order = dataset_plan.shuffle_records(dict.fromkeys(range(100), 2), NAMES)
    assert order != sorted(order)
    assert sum(abs(a - b) for a, b in itertools.pairwise(order)) / 199 > 20

# SPDX-License-Identifier: MIT-0
"""The rules that an endpoint's answer is held to."""

import json
import math

import pytest

from operations.functions.endpoint_answers import (
    SCORE_TOLERANCE,
    EndpointAnswer,
    GoldenImage,
    check_agreement,
    find_label_permutation,
    read_probabilities,
)
from operations.functions.errors import SmokeTestError
from pipeline_src.contract import CLASS_LABELS
from tests.class_table import CLASSES, scores

SCORES = tuple(scores(0.4, 0.2, 0.15, 0.1, 0.08, 0.05, 0.02))
OTHER = tuple(scores(0.02, 0.4, 0.05, 0.2, 0.08, 0.1, 0.15))
NO_LIST = f"not {CLASSES} numbers"
IMAGES = (GoldenImage("I1", "mel", SCORES), GoldenImage("I2", "nv", OTHER))


def _answer(body: str, status: int = 200, content_type: str = "application/json") -> EndpointAnswer:
    return EndpointAnswer(status, content_type, body.encode())


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_an_array_and_an_object_around_it_are_both_read(content_type: str) -> None:
    for body in (json.dumps(SCORES), json.dumps({"prediction": SCORES})):
        assert read_probabilities(_answer(body, content_type=content_type), "") == SCORES


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_answer("out of memory", 500), r"p: answered status 500: 'out of memory'\. Read the container's log"),
        (_answer("", 424), "answered status 424"),
        (_answer(json.dumps(SCORES), content_type="text/html"), "content type 'text/html', not application/json"),
        (_answer(json.dumps(SCORES), content_type="application/jsonlines"), "content type 'application/jsonlines'"),
        (_answer(json.dumps(SCORES), content_type=""), "content type ''"),
        (_answer("<html>"), "is not JSON"),
        (_answer(""), "is not JSON"),
        (_answer("[" * 100_000), "is not JSON"),
        (_answer("[0.5, 0.5]"), rf"answered '\[0\.5, 0\.5\]': {NO_LIST}, one for each of mel, nv"),
        (_answer(json.dumps({"predictions": scores(1)})), NO_LIST),
        (_answer(json.dumps([True, *scores()[1:]])), NO_LIST),
        (_answer(json.dumps(["1", *scores()[1:]])), NO_LIST),
        (_answer("1"), NO_LIST),
        (
            _answer(json.dumps(scores(math.nan, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1))),
            "p: answered mel: nan is not a probability",
        ),
        (_answer(json.dumps(scores(0, math.inf))), "p: answered nv: inf"),
        (_answer(json.dumps(scores(-0.1, 1.1))), "p: answered mel: -0.1"),
        (_answer(json.dumps(scores(0.4, 0.4))), "the scores add up to 0.8, not 1"),
    ],
)
def test_an_answer_that_is_not_one_probability_a_class_is_refused_with_what_it_is(
    answer: EndpointAnswer, told: str
) -> None:
    with pytest.raises(SmokeTestError, match=told):
        read_probabilities(answer, "p")


def test_a_long_answer_is_cut_in_the_message() -> None:
    with pytest.raises(SmokeTestError) as caught:
        read_probabilities(_answer("x" * 10_000, 500), "p")
    assert len(str(caught.value)) < 250


def test_equal_scores_agree_and_the_largest_difference_is_told() -> None:
    assert check_agreement([(image, image.scores) for image in IMAGES], "p") == 0
    near = tuple(value + 5e-4 * sign for value, sign in zip(SCORES, scores(1, -1), strict=True))
    assert check_agreement([(IMAGES[0], near), (IMAGES[1], OTHER)], "p") == pytest.approx(5e-4)


def test_scores_that_are_off_by_more_than_the_tolerance_are_refused_by_image_and_label() -> None:
    off = (SCORES[0] + 2e-3, SCORES[1] - 2e-3, *SCORES[2:])
    with pytest.raises(
        SmokeTestError, match=r"p: image I1 \(mel\): mel: answered 0\.4020, the evaluation has 0\.4000: .* 2\.0e-03"
    ):
        check_agreement([(IMAGES[0], off), (IMAGES[1], OTHER)], "p")
    assert SCORE_TOLERANCE == 1e-3


def test_permuted_labels_are_named_in_the_order_that_is_served() -> None:
    """A container that was trained with the labels sorted by name answers right numbers in wrong places."""
    order = tuple(sorted(CLASS_LABELS))
    permuted = [(image, tuple(image.scores[CLASS_LABELS.index(label)] for label in order)) for image in IMAGES]
    assert find_label_permutation(permuted) == order
    with pytest.raises(SmokeTestError, match=f"right but in the order {', '.join(order)}, not mel, nv, bcc"):
        check_agreement(permuted, "p")


def test_one_image_of_another_order_than_the_rest_is_no_permutation() -> None:
    swapped = (SCORES[1], SCORES[0], *SCORES[2:])
    assert find_label_permutation([(IMAGES[0], swapped), (IMAGES[1], OTHER)]) == ()


def test_of_labels_that_cannot_be_told_apart_none_is_said_to_be_moved() -> None:
    """The classes with no score fit in any order; only the two that were swapped are named as moved."""
    sure = GoldenImage("I1", "mel", tuple(scores(0.9, 0.1)))
    assert find_label_permutation([(sure, tuple(scores(0.1, 0.9)))]) == ("nv", "mel", *CLASS_LABELS[2:])

# SPDX-License-Identifier: MIT-0
"""The serving container's answers are read whole and exactly, or refused by name."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import class_probabilities
from pipeline_src.evaluation import model_predictions
from pipeline_src.runtime.errors import BadInputError
from tests.class_table import CLASSES, scores

GOOD = scores(0.1, 0.5, 0.05, 0.05, 0.1, 0.1, 0.1)
NO_LIST = f"not {CLASSES} numbers"


@pytest.mark.parametrize("answer", [GOOD, {"prediction": GOOD}])
def test_both_documented_shapes_of_an_answer_mean_the_same(answer: object) -> None:
    assert model_predictions.parse_probabilities(json.dumps(answer).encode(), "a.jpg.out") == tuple(GOOD)


@given(st.lists(st.floats(0.001, 1), min_size=CLASSES, max_size=CLASSES))
def test_probabilities_come_back_with_every_digit(values: list[float]) -> None:
    softmax = [value / math.fsum(values) for value in values]
    assert model_predictions.parse_probabilities(json.dumps(softmax).encode(), "a.jpg.out") == tuple(softmax)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"[0.1, 0.5", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"0.5", NO_LIST),
        (b"null", NO_LIST),
        (json.dumps({"predictions": GOOD}).encode(), NO_LIST),
        (json.dumps(GOOD[:-1]).encode(), NO_LIST),
        (json.dumps([*GOOD, 0.0]).encode(), NO_LIST),
        (json.dumps([math.nan, *GOOD[1:]]).encode(), "mel: nan is not a probability"),
        (json.dumps(scores(math.inf)).encode(), "mel: inf is not a probability"),
        (json.dumps(scores(-0.1, 1.1)).encode(), "mel: -0.1 is not a probability"),
        (json.dumps([True, *scores()[1:]]).encode(), NO_LIST),
        (json.dumps(["1", *scores()[1:]]).encode(), NO_LIST),
        (json.dumps(scores(*[0.2] * 7)).encode(), "add up to 1.4"),
        (json.dumps(scores()).encode(), "add up to 0"),
    ],
)
def test_what_is_no_distribution_over_the_classes_is_refused_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as caught:
        model_predictions.parse_probabilities(body, "scores/a.jpg.out")
    assert str(caught.value).startswith("scores/a.jpg.out: ")


@given(st.binary(max_size=60))
def test_any_bytes_are_either_a_distribution_or_bad_input(body: bytes) -> None:
    try:
        values = model_predictions.parse_probabilities(body, "a")
    except BadInputError:
        return
    assert len(values) == CLASSES
    assert math.isclose(math.fsum(values), 1, abs_tol=class_probabilities.PROBABILITY_SUM_TOLERANCE)


def folder(path: Path, names: list[str]) -> Path:
    for name in names:
        (path / name).write_text(json.dumps(GOOD))
    return path


def test_a_score_may_be_named_after_the_image_file_or_the_image(tmp_path: Path) -> None:
    found = model_predictions.read_scores(folder(tmp_path, ["a.jpg.out", "b.out"]), ["b", "a"])
    assert found == {"a": tuple(GOOD), "b": tuple(GOOD)}


def test_progress_counts_every_score(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    model_predictions.read_scores(
        folder(tmp_path, ["a.jpg.out", "b.jpg.out"]), ["a", "b"], lambda *step: told.append(step)
    )
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a.jpg.out"], r"b\.jpg\.out: not found; 1 of 2 images have no score"),
        ([], r"a\.jpg\.out: not found; 2 of 2 images have no score"),
        (["a.jpg.out", "b.jpg.out", "c.jpg.out"], r"c\.jpg\.out: not the score of a held-out image"),
        (["a.jpg.out", "b.jpg.out", "a.out"], "second score of a"),
        (["a.jpg.out", "b.jpg.out", "b.jpg"], r"b\.jpg: not a \.out file"),
    ],
)
def test_scores_and_images_must_match_one_to_one(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        model_predictions.read_scores(folder(tmp_path, names), ["a", "b"])


def test_a_missing_folder_is_missing_scores(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="not found"):
        model_predictions.read_scores(tmp_path / "absent", ["a"])


def test_a_broken_score_is_named_by_its_file(tmp_path: Path) -> None:
    (folder(tmp_path, ["a.jpg.out"]) / "b.jpg.out").write_text("<html>")
    with pytest.raises(BadInputError, match=r"b\.jpg\.out: .<html>. is not JSON"):
        model_predictions.read_scores(tmp_path, ["a", "b"])

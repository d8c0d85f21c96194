# SPDX-License-Identifier: MIT-0
"""predictions.csv holds every held-out image with every digit of its scores."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.evaluation import model_predictions
from pipeline_src.evaluation.model_predictions import HoldoutImage
from tests.class_table import scores
from tests.jobs.evaluation import case

SPREAD = tuple(scores(0.25, 0.25, 0.1, 0.1, 0.1, 0.1, 0.1))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_validation_and_test_image_is_listed_once_in_the_order_of_ids() -> None:
    listed = [row["image_id"] for row in rows(model_predictions.predictions_csv(case.predictions(), 0.5))]
    assert listed == sorted(image.image_id for image in case.images())


def test_the_columns_are_fixed() -> None:
    header = model_predictions.predictions_csv(case.predictions(), 0.5).splitlines()[0]
    probabilities = ",".join(f"p_{label}" for label in contract.CLASS_LABELS)
    assert header == f"image_id,lesion_id,split,label,predicted,{probabilities},melanoma_at_threshold"


@given(st.integers(0, 10_000))
def test_the_text_does_not_depend_on_the_order_of_images_and_scores(seed: int) -> None:
    listed = case.images(dict.fromkeys(contract.CLASS_LABELS, 2))
    scores = case.probabilities(listed, skill=1, seed=seed)
    backwards = model_predictions.join_predictions(listed[::-1], dict(reversed(scores.items())))
    assert model_predictions.predictions_csv(
        model_predictions.join_predictions(listed, scores), 0.5
    ) == model_predictions.predictions_csv(backwards, 0.5)


def test_probabilities_read_back_are_the_same_numbers() -> None:
    listed = case.images()
    scores = case.probabilities(listed, skill=2.5)
    for row in rows(model_predictions.predictions_csv(model_predictions.join_predictions(listed, scores), 0.5)):
        assert tuple(float(row[column]) for column in contract.PREDICTION_SCORES) == scores[row["image_id"]]


def test_of_equal_probabilities_the_first_class_is_answered() -> None:
    table = model_predictions.join_predictions([HoldoutImage("a", "L", "nv", "test")], {"a": SPREAD})
    assert rows(model_predictions.predictions_csv(table, None))[0]["predicted"] == "mel"


def test_the_melanoma_decision_is_made_at_the_threshold_inclusive() -> None:
    table = model_predictions.join_predictions([HoldoutImage("a", "L", "nv", "test")], {"a": SPREAD})
    decisions = [
        rows(model_predictions.predictions_csv(table, at))[0]["melanoma_at_threshold"] for at in (0.2, 0.25, 0.26, None)
    ]
    assert decisions == ["1", "1", "0", ""]


@pytest.mark.parametrize("split", [contract.VALIDATION, contract.TEST])
def test_a_split_is_cut_out_with_its_scores(split: str) -> None:
    part = case.predictions().of(split)
    whole = dict(zip((image.image_id for image in case.images()), case.predictions().probabilities, strict=True))
    assert {image.split for image in part.images} == {split}
    assert len(part.images) == sum(case.COUNTS.values())
    assert all((whole[image.image_id] == row).all() for image, row in zip(part.images, part.probabilities, strict=True))

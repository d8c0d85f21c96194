# SPDX-License-Identifier: MIT-0
"""Two models are compared on the test images that both were asked, and on nothing that was not the same for both."""

from dataclasses import replace

import pytest

from pipeline_src import contract
from pipeline_src.evaluation import champion_comparison
from pipeline_src.evaluation.champion_comparison import (
    CHAMPION_ABSENT,
    CHAMPION_COMPARED,
    CHAMPION_REFUSED,
    COMPARISON_WAIVED,
    MODELS_IDENTICAL,
    ChampionComparison,
)
from pipeline_src.evaluation.champion_predictions import ChampionPredictions
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES
from tests.jobs.evaluation import rival

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/skin-lesion/3"
IMAGES = rival.images()
GOOD = rival.answered(IMAGES, rival.every(0.10))
OTHER = rival.answered(IMAGES, rival.every(0.10, seed=2), sure=0.6)
BAD = rival.answered(IMAGES, rival.every(0.45, seed=3))


def compared(
    challenger: Predictions, champion: Predictions | ChampionPredictions, threshold: float | None = 0.3
) -> ChampionComparison:
    known = rival.known(champion) if isinstance(champion, Predictions) else champion
    return champion_comparison.compare_with_champion(challenger, threshold, known, ARN)


def changed(position: int, **fields: str) -> ChampionPredictions:
    """Return OTHER, whose answer to the image at `position` has other `fields`."""
    answers = dict(rival.known(OTHER).answers)
    image_id = IMAGES[position].image_id
    answers[image_id] = replace(answers[image_id], **fields)  # type: ignore[arg-type]  # text fields alone are given
    return ChampionPredictions(answers)


@pytest.mark.parametrize(
    ("package", "status", "reason"),
    [
        (
            contract.NO_PACKAGE,
            CHAMPION_ABSENT,
            "No champion was named: this is the first model, or the run was started without one.",
        ),
        (
            contract.NO_COMPARISON,
            COMPARISON_WAIVED,
            "The comparison with the model in production was switched off for this run.",
        ),
    ],
)
def test_without_a_champion_nothing_is_compared_and_it_says_why(package: str, status: str, reason: str) -> None:
    found = champion_comparison.compare_with_champion(GOOD, 0.3, None, package)
    assert (found.status, found.images, found.pairs, found.named) == (status, 0, {}, False)
    assert found.reason == reason


def test_a_champion_that_is_named_without_its_predictions_is_no_absent_one() -> None:
    found = champion_comparison.compare_with_champion(GOOD, 0.3, None, ARN)
    assert found.status == CHAMPION_REFUSED
    assert "its predictions are not given" in found.reason


def test_a_champion_whose_file_was_refused_is_refused_for_the_same_reason() -> None:
    found = compared(GOOD, ChampionPredictions(refusal="the champion's file is larger than 64 MiB."))
    assert (found.status, found.reason) == (CHAMPION_REFUSED, "the champion's file is larger than 64 MiB.")
    assert found.pairs == {}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label": "df"}, "its label is 'bkl' here and 'df' for the champion; 1 of {} shared images differ so"),
        ({"lesion_id": "HAM_9"}, "its lesion_id is 'HAM_bkl_1' here and 'HAM_9' for the champion; 1 of {}"),
        ({"split": "validation"}, "its split is 'test' here and 'validation' for the champion; 1 of {}"),
    ],
)
def test_a_shared_image_of_which_the_two_datasets_disagree_is_refused_by_name(
    fields: dict[str, str], said: str
) -> None:
    position = next(row for row, image in enumerate(IMAGES) if image.image_id == "ISIC_bkl_0003")
    found = compared(GOOD, changed(position, **fields))
    assert found.status == CHAMPION_REFUSED
    assert f"test image 'ISIC_bkl_0003': {said.format(len(IMAGES))}" in found.reason


def test_images_of_another_dataset_are_refused() -> None:
    elsewhere = {f"other_{image_id}": answer for image_id, answer in rival.known(OTHER).answers.items()}
    assert "no test image is shared" in compared(GOOD, ChampionPredictions(elsewhere)).reason


def test_a_class_without_a_shared_image_is_refused_by_name() -> None:
    some = {name: answer for name, answer in rival.known(OTHER).answers.items() if answer.label not in {"akiec", "df"}}
    found = compared(GOOD, ChampionPredictions(some))
    assert found.status == CHAMPION_REFUSED
    assert f"none of the {len(some)} shared test images is akiec (2 of {CLASSES} classes are missing)" in found.reason


def test_images_that_the_champion_was_not_asked_are_left_out_and_counted() -> None:
    some = dict(list(rival.known(OTHER).answers.items())[::3])
    found = compared(GOOD, ChampionPredictions(some))
    assert (found.status, found.images, found.left_out) == (CHAMPION_COMPARED, len(some), len(IMAGES) - len(some))
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.difference.images == len(some)


def test_validation_images_of_the_champion_that_are_not_shared_do_not_matter() -> None:
    more = changed(0).answers | {"ISIC_more": replace(changed(0).answers[IMAGES[0].image_id], split="validation")}
    assert compared(GOOD, ChampionPredictions(more)) == compared(GOOD, OTHER)
    assert compared(GOOD, OTHER).missing == 0


@pytest.mark.parametrize("part", ["challenger", "champion"])
def test_the_same_answers_to_a_part_of_either_test_set_do_not_make_one_model(part: str) -> None:
    rows = [row for row in range(len(IMAGES)) if row % 50]
    some = Predictions(tuple(IMAGES[row] for row in rows), GOOD.probabilities[rows])
    found = compared(some, GOOD) if part == "challenger" else compared(GOOD, some)
    assert (found.status, found.images, found.left_out + found.missing) == (CHAMPION_COMPARED, len(rows), 6)
    assert found.reason.endswith(f"The predictions for these {len(rows)} are the same, but the two test sets differ.")
    for pair in found.pairs.values():
        assert pair.difference.value == 0
        assert pair.difference.lower is not None
        assert pair.difference.lower < 0


def test_the_same_bytes_are_the_same_model_and_it_says_so() -> None:
    found = compared(GOOD, GOOD)
    assert found.status == MODELS_IDENTICAL
    assert "it is the same model" in found.reason
    assert list(found.pairs) == [
        "balanced_accuracy",
        "melanoma_auc_above_80",
        "melanoma_sensitivity",
        "melanoma_specificity",
    ]
    for pair in found.pairs.values():
        assert (pair.difference.value, pair.difference.lower, pair.difference.upper) == (0, 0, 0)
        assert pair.champion == pair.challenger
    assert (found.fixed, found.broken) == (0, 0)


def test_one_digit_less_makes_two_models() -> None:
    nearly = GOOD.probabilities.copy()
    nearly[0, 0] += 1e-15
    found = compared(GOOD, Predictions(IMAGES, nearly))
    assert found.status == CHAMPION_COMPARED
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.difference.value == 0
    assert found.balanced_accuracy.difference.lower is not None
    assert found.balanced_accuracy.difference.lower < 0


def test_the_same_model_at_another_operating_point_still_differs_in_melanomas() -> None:
    found = compared(GOOD, GOOD, threshold=0.9)
    assert found.status == MODELS_IDENTICAL
    assert (found.pairs["melanoma_sensitivity"].difference.upper or 0.0) < -0.5


def test_a_challenger_without_an_operating_point_is_compared_in_what_needs_none() -> None:
    found = compared(GOOD, OTHER, threshold=None)
    assert found.status == CHAMPION_COMPARED
    assert list(found.pairs) == ["balanced_accuracy", "melanoma_auc_above_80"]


@pytest.mark.parametrize(("challenger", "champion", "sign"), [(BAD, GOOD, -1), (GOOD, BAD, 1)])
def test_the_worse_of_two_is_proven_worse_whichever_is_in_production(
    challenger: Predictions, champion: Predictions, sign: int
) -> None:
    found = compared(challenger, champion)
    assert found.status == CHAMPION_COMPARED
    assert (found.broken - found.fixed) * sign < 0
    for name in ("balanced_accuracy", "melanoma_auc_above_80", "melanoma_sensitivity"):
        pair = found.pairs[name]
        assert pair.difference.lower is not None
        assert pair.difference.upper is not None
        assert sign * pair.difference.lower > 0
        assert sign * pair.difference.upper > 0
    p_value = found.pairs["melanoma_sensitivity"].p_value
    assert p_value is not None
    assert p_value < 0.01


def test_each_is_judged_at_its_own_operating_point() -> None:
    answers = {
        image.image_id: replace(answer, melanoma=False)
        for image, answer in zip(IMAGES, rival.known(OTHER).answers.values(), strict=True)
    }
    found = compared(GOOD, ChampionPredictions(answers)).melanoma_sensitivity
    assert found is not None
    assert found.champion.value == 0
    assert found.challenger.value is not None
    assert found.challenger.value > 0.8


def test_fixed_and_broken_count_images_by_the_most_probable_class() -> None:
    champion = rival.answered(IMAGES, lambda row, _: row in {1, 2, 3})
    challenger = rival.answered(IMAGES, lambda row, _: row in {3, 4})
    found = compared(challenger, champion)
    assert (found.fixed, found.broken) == (2, 1)


def test_an_image_is_only_shared_by_its_id() -> None:
    renamed = tuple(HoldoutImage(f"x{image.image_id}", image.lesion_id, image.label, image.split) for image in IMAGES)
    assert compared(Predictions(renamed, GOOD.probabilities), OTHER).status == CHAMPION_REFUSED

# SPDX-License-Identifier: MIT-0
"""A test set from which the champion's test images went is no fair ground, and the refusal counts what is gone."""

from collections.abc import Iterable

import pytest

from pipeline_src.evaluation import champion_comparison, champion_predictions
from pipeline_src.evaluation.champion_comparison import CHAMPION_COMPARED, CHAMPION_REFUSED, ChampionComparison
from pipeline_src.evaluation.model_predictions import Predictions
from tests.jobs.evaluation import rival

IMAGES = rival.images(rival.COUNTS | {"nv": 128, "vasc": 4})  # 13 are a twentieth, 14 are more
GOOD = rival.answered(IMAGES, rival.every(0.10))
OTHER = rival.answered(IMAGES, rival.every(0.10, seed=2), sure=0.6)


def without(gone: Iterable[str]) -> ChampionComparison:
    """Return the comparison of a challenger whose test set lacks the images `gone`; each is "label number"."""
    ids = {f"ISIC_{label}_{int(number):04d}" for label, number in (each.split() for each in gone)}
    rows = [row for row, image in enumerate(IMAGES) if image.image_id not in ids]
    assert len(IMAGES) - len(rows) == len(ids)
    some = Predictions(tuple(IMAGES[row] for row in rows), GOOD.probabilities[rows])
    return champion_comparison.compare_with_champion(some, rival.THRESHOLD, rival.known(OTHER), "arn:3")


def first(count: int, label: str) -> list[str]:
    return [f"{label} {number}" for number in range(count)]


@pytest.mark.parametrize(
    "gone", [first(13, "nv"), first(8, "mel"), first(1, "vasc"), [*first(1, "vasc"), *first(4, "bcc")]]
)
def test_a_few_missing_images_are_counted_and_the_others_compared(gone: list[str]) -> None:
    found = without(gone)
    assert (found.status, found.images, found.missing, found.left_out) == (
        CHAMPION_COMPARED,
        len(IMAGES) - len(gone),
        len(gone),
        0,
    )


@pytest.mark.parametrize(
    ("gone", "counts"),
    [
        (first(14, "nv"), ("14 of", "nv: 14 of 128.")),
        (first(2, "df"), ("2 of", "df: 2 of 8.")),
        ([*first(9, "mel"), *first(1, "vasc")], ("10 of", "mel: 9 of 40.")),
    ],
)
def test_more_than_a_twentieth_of_all_or_a_fifth_of_a_class_is_refused_with_counts_and_a_way_out(
    gone: list[str], counts: tuple[str, str]
) -> None:
    found = without(gone)
    assert (found.status, found.pairs) == (CHAMPION_REFUSED, {})
    all_test_images = f"the champion's {len(IMAGES)} test images are missing from this model's test images, worst of"
    assert found.reason.startswith(f"{counts[0]} {all_test_images} {counts[1]}")
    assert "Leaving out hard images favors the challenger" in found.reason
    assert "same archive" in found.reason
    assert "--no-champion" in found.reason
    assert "--champion none" in found.reason


def test_an_image_that_went_to_another_split_is_missing_too() -> None:
    answers = rival.known(OTHER).answers
    kept = [row for row, image in enumerate(IMAGES) if image.image_id not in {"ISIC_df_0000", "ISIC_df_0001"}]
    some = Predictions(tuple(IMAGES[row] for row in kept), GOOD.probabilities[kept])
    assert len(champion_predictions.missing_test_images(some.images, answers)) == 2

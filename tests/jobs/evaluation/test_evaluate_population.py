# SPDX-License-Identifier: MIT-0
"""Flow, demographics, reference standard and production images are counts of the manifest and of the card."""

from dataclasses import replace

from pipeline_src import contract
from pipeline_src.evaluation import study_population
from pipeline_src.evaluation.model_predictions import HoldoutImage

IMAGES = [
    HoldoutImage("a", "A", "mel", "train", "female", "50", "back", "histo", "vidir", contract.BASE_ORIGIN),
    HoldoutImage("b", "B", "mel", "train", "male", "80", "back", "confirmed", "practice", contract.ADDITION_ORIGIN),
    HoldoutImage("c", "C", "nv", "test", "", "", "face", "follow_up", "vidir", contract.BASE_ORIGIN),
    HoldoutImage("d", "D", "nv", "official", "male", "50", "face", "histo", "isic", contract.BASE_ORIGIN),
]
CARD = {
    "metadata_without_image": ["x", "y"],
    "images_without_metadata": {"count": 3},
    "leakage": {"dropped": ["z"]},
}


def test_the_flow_adds_up_and_a_card_that_says_nothing_leaves_gaps() -> None:
    flow = {each.step: each.images for each in study_population.describe_population(IMAGES, CARD).flow}
    assert list(flow.values()) == [9, 2, 3, 1, 3, 2, 0, 1, 1]
    bare = study_population.describe_population(IMAGES, {"leakage": None}).flow
    assert [each.images for each in bare] == [None, None, None, None, 3, 2, 0, 1, 1]


def test_demographics_are_by_split_without_the_official_images() -> None:
    found = study_population.describe_population(IMAGES, CARD).demographics
    assert found["sex"] == {
        "female": {"train": 1, "validation": 0, "test": 0},
        "male": {"train": 1, "validation": 0, "test": 0},
        "unknown": {"train": 0, "validation": 0, "test": 1},
    }
    assert list(found) == ["sex", "age", "localization", "source"]


def test_the_reference_standard_is_by_class() -> None:
    found = study_population.describe_population(IMAGES, CARD).reference_standard
    assert found["mel"] == {"confirmed": 1, "follow_up": 0, "histo": 1}
    assert set(found) == set(contract.CLASS_LABELS)


def test_production_images_have_count_share_and_classes_and_there_are_none_without_an_addition() -> None:
    (train,) = study_population.describe_population(IMAGES, CARD).production
    assert (train.split, train.images, train.share, train.by_class["mel"]) == ("train", 1, 0.5, 1)
    only_base = [replace(image, archive="") for image in IMAGES]
    assert study_population.describe_population(only_base, CARD).production == ()

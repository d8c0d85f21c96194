# SPDX-License-Identifier: MIT-0
"""A subgroup is called weak where it is proven worse on the same classes, and judged only where it is large enough."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, confidence_intervals, subgroup_metrics
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from pipeline_src.evaluation.subgroup_metrics import Subgroup
from tests.class_table import for_every_class
from tests.jobs.evaluation import rival

LABELS = contract.CLASS_LABELS
COUNTS = for_every_class({"mel": 180, "nv": 360, "bcc": 40, "akiec": 40, "bkl": 180, "df": 16, "vasc": 16}, 16)
SITES = ("back", "face", "trunk", "foot")
Rule = Callable[[int, HoldoutImage], bool]


def described(image: HoldoutImage, row: int) -> HoldoutImage:
    """Return `image` with a patient by formula: a lesion's images share theirs."""
    number = int(image.lesion_id.rpartition("_")[2])
    known = {
        "sex": ("female", "male")[number % 2],
        "age": ("20.0", "50.0", "70.0")[number % 3],
        "localization": SITES[number // 2 % len(SITES)],
        "dx_type": "histo",
    }
    return replace(image, source="vidir" if row else "rosendahl", **known)


IMAGES = tuple(described(image, row) for row, image in enumerate(rival.images(COUNTS)))


def measured(
    wrong: Rule, images: tuple[HoldoutImage, ...] = IMAGES, count: int = 500
) -> dict[tuple[str, str], Subgroup]:
    found = subgroup_metrics.measure_subgroups(
        rival.answered(images, wrong), confidence_intervals.draw_resamples(images, count)
    )
    return {(each.attribute, each.group): each for each in found}


def planted(row: int, image: HoldoutImage) -> bool:
    """Return whether the answer is wrong: on one image in ten, and on three faces in five."""
    share = np.random.default_rng(row).random()
    return bool(share < (0.6 if image.localization == "face" else 0.1))


def test_a_planted_weak_subgroup_is_weak_and_no_other_is() -> None:
    found = measured(planted)
    assert [each.group for each in found.values() if each.weak] == ["face"]
    face = found["localization", "face"]
    assert face.difference.value is not None
    assert face.difference.value < -0.3
    assert face.ceiling is not None
    assert face.ceiling < 0.75
    assert min(each.ceiling for each in found.values() if each.ceiling is not None) == face.ceiling


def test_without_a_planted_one_none_is_weak() -> None:
    assert not any(each.weak for each in measured(rival.every(0.2)).values())


def test_groups_are_listed_by_attribute_and_name() -> None:
    assert list(measured(rival.every(0.2), count=2)) == [
        *(("sex", "female"), ("sex", "male")),
        *(("age", "0 to 29"), ("age", "45 to 59"), ("age", "60 to 74")),
        *(("localization", site) for site in sorted(SITES)),
        ("dx_type", "histo"),
        *(("source", "rosendahl"), ("source", "vidir")),
    ]


def test_a_hand_computed_group() -> None:
    # Of women 20 melanomas and 20 nevi, of men 40 nevi and a melanoma. Missed: every fourth melanoma of a woman, eight
    # nevi of men, and the melanoma of one.
    kinds = [("mel", "female"), ("nv", "female"), ("nv", "male"), ("nv", "male")] * 20 + [("mel", "male")]
    images = tuple(
        HoldoutImage(f"i{row:02d}", f"l{row}", label, "test", sex=sex) for row, (label, sex) in enumerate(kinds)
    )
    missed = {*range(0, 80, 16), *range(2, 34, 4), 80}
    found = measured(lambda row, _: row in missed, images)
    female, male = found["sex", "female"], found["sex", "male"]
    assert (female.images, female.lesions, female.classes) == (40, 40, ("mel", "nv"))
    assert female.balanced_accuracy.value == pytest.approx((15 / 20 + 1) / 2)
    assert (female.malignant_sensitivity.value, female.malignant_sensitivity.images) == (0.75, 20)
    assert (male.images, male.classes, male.malignant_sensitivity.images) == (41, ("nv",), 1)
    assert male.balanced_accuracy.value == pytest.approx(32 / 40)
    for each, sign in ((female, 1), (male, -1)):
        assert each.difference.value == pytest.approx(sign * 8 / 40)
        assert (each.difference.images, each.difference.lesions) == (60, 60)
        assert each.difference.lower is not None
        assert each.difference.upper is not None
        assert each.difference.lower < each.difference.value < each.difference.upper
    assert female.difference.lower == pytest.approx(-male.difference.upper)  # type: ignore[operator]  # known above
    assert female.difference.lower is not None
    assert female.difference.lower > -0.05


@pytest.mark.parametrize(
    ("lesions", "evaluable"), [(subgroup_metrics.MINIMUM_LESIONS - 1, False), (subgroup_metrics.MINIMUM_LESIONS, True)]
)
def test_a_group_of_too_few_lesions_is_shown_and_not_judged(lesions: int, evaluable: bool) -> None:  # noqa: FBT001
    images = [replace(image, localization="ear") for image in rival.images({"nv": 2 * lesions})]
    rest = [
        replace(image, localization="back", image_id=f"x{image.image_id}", lesion_id=f"x{image.lesion_id}")
        for image in IMAGES
    ]
    ear = measured(lambda _, image: image.localization == "ear", (*images, *rest))["localization", "ear"]
    assert (ear.images, ear.lesions, ear.classes, ear.evaluable) == (2 * lesions, lesions, ("nv",), evaluable)
    assert (ear.balanced_accuracy.value, ear.weak) == ((0, True) if evaluable else (None, False))
    assert (ear.ceiling is None) == (not evaluable)


def test_many_images_of_few_lesions_are_few() -> None:
    images = rival.images({"nv": 300}, per_lesion=100)
    found = measured(rival.every(0.2), images)["sex", "unknown"]
    assert (found.images, found.lesions, found.evaluable) == (300, 3, False)


def test_a_class_of_too_few_lesions_does_not_enter_the_mean() -> None:
    images = rival.images({"nv": 80, "df": 8, "vasc": 10})
    found = measured(lambda _, image: image.label == "df", images)["sex", "unknown"]
    assert found.classes == ("nv", "vasc")
    assert found.balanced_accuracy.value == 1


def test_a_group_that_is_judged_always_has_a_class_of_enough_lesions() -> None:
    assert len(LABELS) * (subgroup_metrics.MINIMUM_CLASS_LESIONS - 1) < subgroup_metrics.MINIMUM_LESIONS


def test_a_group_is_compared_on_the_classes_that_the_others_have_too() -> None:
    # Melanomas, which are all missed, are on the face alone: that does not make it worse than the others.
    nevi = [replace(image, localization=SITES[row % 4]) for row, image in enumerate(rival.images({"nv": 300}, 1))]
    melanomas = [replace(image, localization="face") for image in rival.images({"mel": 40})]
    face = measured(lambda _, image: image.label == "mel", (*melanomas, *nevi))["localization", "face"]
    assert face.classes == ("mel", "nv")
    assert face.balanced_accuracy.value == 0.5
    assert face.difference.value == 0
    assert face.difference.images == 300
    assert not face.weak


def test_an_attribute_with_one_value_has_no_difference_and_the_figures_of_all_images() -> None:
    table, resamples = rival.answered(IMAGES, rival.every(0.2)), confidence_intervals.draw_resamples(IMAGES, 300)
    found = next(each for each in subgroup_metrics.measure_subgroups(table, resamples) if each.attribute == "dx_type")
    truth = classification_metrics.one_hot_labels(table.truth)
    right = truth & (table.truth == table.predicted)[:, np.newaxis]
    assert found.balanced_accuracy == confidence_intervals.estimate_mean_proportion(right, truth, resamples, IMAGES)
    assert (found.evaluable, found.weak) == (True, False)
    assert (found.difference.value, found.difference.lower, found.difference.images) == (None, None, 0)


def test_a_simultaneous_bound_is_no_better_than_a_single_one() -> None:
    for each in measured(rival.every(0.3)).values():
        if each.evaluable:
            assert each.balanced_accuracy.upper is not None
            assert each.ceiling is not None
            assert each.ceiling >= each.balanced_accuracy.upper


def test_only_classes_of_which_both_sides_have_twenty_lesions_are_compared() -> None:
    for lesions, compared in ((subgroup_metrics.MINIMUM_COMPARED_LESIONS, 2), (19, 1)):
        images = [
            replace(image, sex="female" if number % 2 else "male")
            for label, count in (("mel", 2 * lesions), ("nv", 200))
            for number, image in enumerate(rival.images({label: count}, 1))
        ]
        found = measured(lambda _, image: image.label == "mel" and image.sex == "female", tuple(images), 200)
        female = found["sex", "female"]
        assert female.classes == ("mel", "nv")
        assert female.difference.value == (-0.5 if compared == 2 else 0)
        assert female.weak == (compared == 2)


def test_malignant_sensitivity_and_melanoma_area_are_compared_where_both_sides_have_twenty_lesions() -> None:
    missed = measured(lambda _, image: image.label == "mel" and image.sex == "female", count=200)
    female = missed["sex", "female"]
    malignant = [image for image in IMAGES if image.label in contract.MALIGNANT and image.sex == "female"]
    melanomas = sum(image.label == "mel" for image in malignant)
    assert female.malignant_difference.value == pytest.approx(-melanomas / len(malignant))
    assert (female.malignant_difference.upper or 0) < -0.5
    assert female.melanoma_auc.value is not None
    assert female.melanoma_auc.value < 0.6
    assert set(female.deficits) == {"balanced accuracy", "malignant sensitivity", "melanoma AUC"}
    assert missed["sex", "male"].deficits == {}
    # One melanoma lesion fewer on one side than is needed.
    few = [image for image in IMAGES if image.label != "mel" or image.sex == "male"]
    some = {image.lesion_id for image in IMAGES if image.label == "mel" and image.sex == "female"}
    short = (*few, *(image for image in IMAGES if image.lesion_id in sorted(some)[:19]))
    found = measured(rival.every(0.1), tuple(sorted(short)), 50)
    assert found["sex", "female"].melanoma_auc.value is None
    assert found["sex", "male"].melanoma_auc.value is not None
    assert found["sex", "male"].melanoma_auc_difference.value is None


def test_holm_rejects_the_second_only_after_the_first() -> None:
    nothing = float("nan")
    assert subgroup_metrics.holm_rejections([0.02, 0.012]) == [True, True]
    assert subgroup_metrics.holm_rejections([0.02, 0.02]) == [False, False]
    assert subgroup_metrics.holm_rejections([nothing, 0.02]) == [False, True]
    assert subgroup_metrics.holm_rejections([0.03, 0.001, 0.5]) == [False, True, False]
    assert subgroup_metrics.holm_rejections([]) == []


def test_the_deficit_that_can_be_found_is_said_and_shrinks_with_the_images() -> None:
    found, fewer = measured(rival.every(0.2)), measured(rival.every(0.2), IMAGES[::3])
    for each in found.values():
        assert (each.detectable is None) == (each.difference.value is None)
    few, many = fewer["sex", "male"].detectable, found["sex", "male"].detectable
    assert few is not None
    assert many is not None
    assert 0.05 < many < few


def test_of_no_image_there_is_no_subgroup() -> None:
    assert measured(rival.every(0.1), ()) == {}


@settings(max_examples=3)
@given(st.permutations(range(len(IMAGES))))
def test_the_order_of_the_images_does_not_matter(order: list[int]) -> None:
    table = rival.answered(IMAGES, planted)
    turned = Predictions(tuple(IMAGES[row] for row in order), table.probabilities[order])
    again = subgroup_metrics.measure_subgroups(turned, confidence_intervals.draw_resamples(turned.images, 60))
    assert again == subgroup_metrics.measure_subgroups(table, confidence_intervals.draw_resamples(IMAGES, 60))


@settings(max_examples=4)
@given(st.integers(0, len(IMAGES) - 1), st.floats(0, 0.6))
def test_correcting_a_mistake_never_lowers_a_ceiling_of_the_group_and_never_makes_it_weak(
    mended: int, share: float
) -> None:
    rule = rival.every(share)
    before = measured(lambda row, image: row == mended or rule(row, image), count=80)
    after = measured(lambda row, image: row != mended and rule(row, image), count=80)
    for key, worse in before.items():
        better = after[key]
        assert better.evaluable == worse.evaluable
        if worse.ceiling is not None and better.ceiling is not None:
            assert better.ceiling >= worse.ceiling - 1e-12

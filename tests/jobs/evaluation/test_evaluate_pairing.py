# SPDX-License-Identifier: MIT-0
"""A difference of two models is resampled in pairs, is sure of nothing that was not seen, and never punishes a fix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline_src import contract
from pipeline_src.evaluation import champion_comparison, classification_metrics
from pipeline_src.evaluation.champion_comparison import ChampionComparison, PairedEstimate
from pipeline_src.evaluation.confidence_intervals import Estimate
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES
from tests.jobs.evaluation import rival

LABELS = contract.CLASS_LABELS
SMALL = rival.images(dict.fromkeys(LABELS, 6))
TWO = ((0.1, 1, 0.7), (0.2, 2, 0.6))  # wrong share, seed, probability
WRONG = st.frozensets(st.integers(0, len(SMALL) - 1))


def compared(challenger: Predictions, champion: Predictions) -> ChampionComparison:
    return champion_comparison.compare_with_champion(challenger, rival.THRESHOLD, rival.known(champion), "none")


def pairs(found: ChampionComparison) -> tuple[PairedEstimate, PairedEstimate, PairedEstimate]:
    balanced, _, sensitivity, specificity = found.pairs.values()
    return balanced, sensitivity, specificity


def ends(found: Estimate) -> tuple[float, float]:
    assert found.lower is not None
    assert found.upper is not None
    return found.lower, found.upper


def small(wrong: frozenset[int], sure: float = 0.7) -> Predictions:
    return rival.answered(SMALL, lambda row, _: row in wrong, sure)


def test_a_hand_computed_difference() -> None:
    # Of six images each, the champion misses one melanoma and two nevi; the challenger one of these nevi.
    places = {label: [row for row, image in enumerate(SMALL) if image.label == label] for label in LABELS}
    missed = {places["mel"][0], places["nv"][0], places["nv"][3]}
    balanced, found, _ = pairs(compared(small(frozenset(places["nv"][:1])), small(frozenset(missed), 0.6)))
    assert balanced.champion.value == pytest.approx((5 / 6 + 4 / 6 + CLASSES - 2) / CLASSES)
    assert balanced.challenger.value == pytest.approx((5 / 6 + CLASSES - 1) / CLASSES)
    assert balanced.difference.value == pytest.approx(2 / 6 / CLASSES)
    assert found.difference.value == pytest.approx(1 / 6)
    assert (balanced.difference.images, balanced.difference.lesions) == (6 * CLASSES, 3 * CLASSES)
    assert (found.difference.images, found.difference.lesions) == (6, 3)


def test_a_false_alarm_more_lowers_the_specificity_and_neither_melanomas_nor_its_counts() -> None:
    # Of the images that show no melanoma, two of one lesion are called one by the challenger alone.
    places = [row for row, image in enumerate(SMALL) if image.label == LABELS[-1]]  # the next class is melanoma again
    others = 6 * (CLASSES - 1)
    _, found, other = pairs(compared(small(frozenset(places[:2])), small(frozenset(), 0.6)))
    assert (other.champion.value, other.challenger.value) == (1, pytest.approx(1 - 2 / others))
    assert other.difference.value == pytest.approx(-2 / others)
    assert (other.difference.images, other.difference.lesions) == (others, others // 2)
    assert other.p_value == 1  # one lesion, though two images
    assert found.difference.value == 0


def test_what_both_get_wrong_cancels_out() -> None:
    images = rival.images(rival.COUNTS | {"mel": 200})
    hard = rival.every(0.4)
    one = rival.answered(images, hard)
    other = rival.answered(images, lambda row, image: hard(row, image) or image.image_id == "ISIC_mel_0000", sure=0.6)
    _, melanoma, _ = pairs(compared(one, other))
    assert np.ptp(ends(melanoma.difference)) < 0.5 * np.ptp(ends(melanoma.challenger))


def test_four_lesions_without_a_disagreement_prove_nothing() -> None:
    images = rival.images(dict.fromkeys(LABELS, 8))
    balanced, melanoma, _ = pairs(
        compared(rival.answered(images, lambda *_: False), rival.answered(images, lambda *_: False, sure=0.6))
    )
    distance = stats.norm.ppf(0.975) * np.sqrt(2 / 36)
    assert ends(melanoma.difference) == pytest.approx((-distance, distance))
    assert ends(balanced.difference) == pytest.approx((-distance / np.sqrt(CLASSES), distance / np.sqrt(CLASSES)))
    assert melanoma.p_value == 1


@given(st.integers(1, 2000))
def test_without_a_disagreement_the_interval_is_that_of_bonett_and_price(lesions: int) -> None:
    # The adjusted Wald interval, written as in the paper: one is added to both counts of disagreement.
    share = (0 + 1) / (lesions + 2)
    error = np.sqrt((share + share - (share - share) ** 2) / (lesions + 2))
    assert champion_comparison.unseen_difference_bound([lesions]) == pytest.approx(stats.norm.ppf(0.975) * error)
    assert champion_comparison.unseen_difference_bound([lesions] * 7) == pytest.approx(
        champion_comparison.unseen_difference_bound([lesions]) / np.sqrt(7)
    )


def test_the_melanoma_area_is_that_above_a_sensitivity_of_80_and_its_difference_is_paired() -> None:
    images = rival.images(rival.COUNTS)
    one, other = (rival.answered(images, rival.every(share, seed), sure) for share, seed, sure in TWO)
    found = compared(one, other).melanoma_auc_above_80
    assert found is not None
    values = [
        classification_metrics.point_metrics_per_class(table)[contract.MELANOMA].auc_above_80 for table in (other, one)
    ]
    assert [found.champion.value, found.challenger.value] == values
    assert found.difference.value == pytest.approx(np.subtract(*values[::-1]))
    assert (found.difference.images, found.p_value) == (len(images), None)


def test_of_no_disagreement_the_melanoma_area_is_as_unsure_as_a_share_of_as_many_lesions() -> None:
    images = rival.images(dict.fromkeys(LABELS, 8))
    right = [rival.answered(images, lambda *_: False, sure) for sure in (0.7, 0.6)]
    found = compared(right[0], right[1]).melanoma_auc_above_80
    assert found is not None
    distance = champion_comparison.unseen_difference_bound([4])
    assert ends(found.difference) == pytest.approx((-distance, distance))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_mcnemar_is_the_textbooks_where_each_lesion_has_one_image(answers: list[tuple[bool, bool]]) -> None:
    before, after = (np.array([pair[side] for pair in answers], dtype=bool) for side in (0, 1))
    fixed, broken = int((after & ~before).sum()), int((before & ~after).sum())
    wanted = min(1.0, 2 * stats.binom.cdf(min(fixed, broken), fixed + broken, 0.5))
    lesions = [str(number) for number in range(len(answers))]
    assert champion_comparison.mcnemar_p_value(lesions, before, after) == pytest.approx(wanted)


def test_mcnemar_takes_the_images_of_a_lesion_for_one_witness() -> None:
    before, after = np.zeros(10, dtype=bool), np.ones(10, dtype=bool)
    assert champion_comparison.mcnemar_p_value(["a"] * 10, before, after) == 1
    assert champion_comparison.mcnemar_p_value(list("abcdefghij"), before, after) == pytest.approx(2 / 2**10)


@settings(max_examples=8)
@given(WRONG, WRONG, st.integers(0, len(SMALL) - 1))
def test_correcting_a_mistake_never_lowers_either_end(
    champion: frozenset[int], challenger: frozenset[int], mended: int
) -> None:
    before = compared(small(challenger | {mended}), small(champion, 0.6))
    after = compared(small(challenger - {mended}), small(champion, 0.6))
    for worse, better in zip(before.pairs.values(), after.pairs.values(), strict=True):
        assert np.subtract(ends(better.difference), ends(worse.difference)).min() > -1e-12


@settings(max_examples=4)
@given(WRONG, WRONG)
def test_exchanging_the_two_models_turns_the_difference_round(one: frozenset[int], other: frozenset[int]) -> None:
    first, second = compared(small(one), small(other, 0.6)), compared(small(other, 0.6), small(one))
    assert (first.fixed, first.broken) == (second.broken, second.fixed)
    for there, back in zip(first.pairs.values(), second.pairs.values(), strict=True):
        assert ends(there.difference) == pytest.approx([-end for end in ends(back.difference)[::-1]])
        assert there.p_value == back.p_value


@settings(max_examples=4)
@given(WRONG, WRONG, st.permutations(range(len(SMALL))))
def test_the_order_of_the_images_does_not_matter(one: frozenset[int], other: frozenset[int], order: list[int]) -> None:
    first, second = small(one), small(other, 0.6)
    shuffled = Predictions(tuple(SMALL[row] for row in order), first.probabilities[order])
    assert compared(shuffled, second) == compared(first, second)


@settings(max_examples=4)
@given(WRONG, WRONG, st.permutations(range(len(LABELS))))
def test_renaming_the_classes_of_both_changes_no_difference_of_balanced_accuracy(
    one: frozenset[int], other: frozenset[int], order: list[int]
) -> None:
    def renamed(said: Predictions) -> Predictions:
        images = tuple(
            HoldoutImage(image.image_id, image.lesion_id, LABELS[order[LABELS.index(image.label)]], image.split)
            for image in said.images
        )
        return Predictions(images, said.probabilities[:, np.argsort(order)])

    first, second = small(one), small(other, 0.6)
    plain, turned = compared(first, second), compared(renamed(first), renamed(second))
    assert (plain.fixed, plain.broken) == (turned.fixed, turned.broken)
    assert ends(pairs(plain)[0].difference) == pytest.approx(ends(pairs(turned)[0].difference))

# SPDX-License-Identifier: MIT-0
"""Counts, predictive values, net benefit and misses at the melanoma threshold, by hand."""

import numpy as np
import pytest

from pipeline_src import contract
from pipeline_src.evaluation import clinical_measures, confidence_intervals
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES

THRESHOLD = 0.5
# Label and melanoma probability; two images of one lesion follow each other.
SCORED = (
    *(("mel", 0.9), ("mel", 0.4), ("mel", 0.3), ("mel", 0.2), ("mel", 0.5), ("mel", 0.6)),
    *(("nv", 0.7), ("nv", 0.1), ("bcc", 0.55), ("nv", 0.05), ("nv", 0.2), ("nv", 0.1)),
)


def scored(*pairs: tuple[str, float]) -> Predictions:
    listed = tuple(HoldoutImage(f"i{row:03d}", f"l{row // 2}", label, "test") for row, (label, _) in enumerate(pairs))
    rows = np.zeros((len(pairs), CLASSES))
    for row, (_, suspicion) in enumerate(pairs):
        rows[row, contract.CLASS_LABELS.index("nv")] = 1 - suspicion
        rows[row, contract.CLASS_LABELS.index("mel")] = suspicion
    return Predictions(listed, rows)


def measured(test: Predictions, threshold: float | None = THRESHOLD) -> clinical_measures.ClinicalMeasures:
    resamples = confidence_intervals.draw_resamples(test.images, 200)
    return clinical_measures.measure_threshold(test, threshold, resamples)


def test_counts_and_values_at_the_threshold_which_is_itself_suspected() -> None:
    found = measured(scored(*SCORED))
    assert found.table == clinical_measures.TwoByTwoTable(3, 3, 2, 4)
    assert (found.ppv.value, found.npv.value) == (pytest.approx(3 / 5), pytest.approx(4 / 7))
    assert (found.ppv.images, found.npv.images) == (5, 7)
    assert found.false_alarms_per_melanoma.value == pytest.approx(2 / 3)
    odds = (1 - (found.ppv.upper or 0)) / (found.ppv.upper or 1)
    assert found.false_alarms_per_melanoma.lower == pytest.approx(odds)


def test_missed_melanomas_are_listed_the_least_suspected_first_with_lesions_that_no_image_shows() -> None:
    found = measured(scored(*SCORED))
    assert [(each.image_id, each.probability, each.predicted) for each in found.missed] == [
        ("i003", 0.2, "nv"),
        ("i002", 0.3, "nv"),
        ("i001", 0.4, "nv"),
    ]
    assert found.missed_lesions == 1, "of lesion 0 one image is found, of lesion 1 none"


def test_predictive_values_follow_bayes_and_equal_those_of_the_test_images_at_their_prevalence() -> None:
    sensitivity, specificity = np.array([0.5]), np.array([4 / 6])
    ppv, npv = clinical_measures.predictive_values(sensitivity, specificity, 0.5)
    assert (ppv[0], npv[0]) == (pytest.approx(3 / 5), pytest.approx(4 / 7))
    rare = {each.prevalence: each for each in measured(scored(*SCORED)).at_prevalence}
    assert tuple(rare) == clinical_measures.PREVALENCES
    assert rare[0.01].ppv.value == pytest.approx(0.5 * 0.01 / (0.5 * 0.01 + 2 / 6 * 0.99))
    assert rare[0.01].npv.value == pytest.approx(4 / 6 * 0.99 / (4 / 6 * 0.99 + 0.5 * 0.01))
    for each in rare.values():
        assert (each.ppv.lower or 0) < (each.ppv.value or 0) < (each.ppv.upper or 0)


def test_net_benefit_weighs_a_false_alarm_by_the_odds_of_the_threshold_probability() -> None:
    curve = {round(each.threshold_probability, 2): each for each in measured(scored(*SCORED)).decision_curve}
    assert len(curve) == 50
    assert curve[0.5].model == pytest.approx((3 - 2) / 12)
    assert curve[0.2].model == pytest.approx((6 - 3 * 0.25) / 12), "0.2 itself is referred"
    assert curve[0.2].refer_all == pytest.approx((6 - 6 * 0.25) / 12)
    assert curve[0.01].model == curve[0.01].refer_all, "everybody has more than 0.01"


def test_what_is_not_there_is_undefined_and_never_zero() -> None:
    nothing = measured(scored(*SCORED), None)
    assert (nothing.table, nothing.ppv.value, nothing.at_prevalence, nothing.missed) == (None, None, (), ())
    assert nothing.decision_curve, "needs no threshold"
    assert measured(scored(("mel", 0.9), ("mel", 0.1))).at_prevalence == ()
    blind = measured(scored(("mel", 0.1), ("nv", 0.2), ("nv", 0.1)))
    assert (blind.ppv.value, blind.false_alarms_per_melanoma.value) == (None, None)
    assert blind.at_prevalence[0].ppv.value is None
    assert clinical_measures.net_benefits(scored()) == ()

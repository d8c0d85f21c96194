# SPDX-License-Identifier: MIT-0
"""Metrics are those of the textbook, computed by hand here, and None where they are not defined."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, evaluation_json
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from tests.class_table import CLASSES, scores
from tests.jobs.evaluation import case

LABELS = contract.CLASS_LABELS


def answered(*pairs: tuple[str, str]) -> Predictions:
    """Return predictions of (truth, answer), each with probability 0.4 for the answer and 0.1 for the others."""
    images = tuple(HoldoutImage(f"i{row:04d}", f"l{row}", truth, "test") for row, (truth, _) in enumerate(pairs))
    rows = [[0.4 if label == answer else 0.1 for label in LABELS] for _, answer in pairs]
    return Predictions(images, np.array(rows).reshape(-1, CLASSES))


ALL_RIGHT = [(label, label) for label in LABELS]
ANSWERS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), max_size=40)


def test_a_hand_computed_case() -> None:
    # Melanoma: 2 of 3 found, 1 false alarm among the others. Nevus: 1 of 2 found, 1 false alarm among the others.
    table = answered(*ALL_RIGHT, ("mel", "mel"), ("mel", "nv"), ("nv", "mel"), ("df", "df"))
    figures = classification_metrics.point_metrics_per_class(table)
    assert (figures["mel"].sensitivity, figures["mel"].specificity) == (2 / 3, CLASSES / (CLASSES + 1))
    assert (figures["nv"].sensitivity, figures["nv"].specificity) == (1 / 2, (CLASSES + 1) / (CLASSES + 2))
    assert figures["df"].test_images == 2
    assert classification_metrics.accuracy_score(table) == (CLASSES + 2) / (CLASSES + 4)
    assert classification_metrics.balanced_accuracy_score(table) == pytest.approx(
        (2 / 3 + 1 / 2 + CLASSES - 2) / CLASSES
    )


def test_hand_computed_predictive_values_and_average_precision() -> None:
    # Called melanoma: two melanomas and a nevus; not called: all others, of which one is a melanoma.
    table = answered(*ALL_RIGHT, ("mel", "mel"), ("mel", "nv"), ("nv", "mel"), ("df", "df"))
    found = classification_metrics.point_metrics_per_class(table)["mel"]
    assert (found.ppv, found.npv) == (2 / 3, CLASSES / (CLASSES + 1))
    # Two melanomas of three stand in a tie of three at the top, the third in a tie of all others.
    assert found.average_precision == pytest.approx(2 / 3 * 2 / 3 + 1 / 3 * 3 / (CLASSES + 4))


def test_malignant_is_malignant_whichever_it_is_taken_for() -> None:
    assert {"mel", "bcc", "akiec"} <= set(contract.MALIGNANT) <= set(LABELS) - {"nv", "bkl", "df", "vasc"}
    table = answered(("mel", "bcc"), ("akiec", "akiec"), ("bcc", "nv"), ("mel", "df"), ("nv", "mel"), ("df", "nv"))
    assert classification_metrics.malignant_sensitivity_score(table) == 2 / 4
    assert classification_metrics.malignant_specificity_score(answered(("nv", "mel"), ("nv", "bkl"))) == 1 / 2
    assert classification_metrics.malignant_sensitivity_score(answered(("nv", "mel"))) is None


def test_the_two_masks_have_a_row_an_image() -> None:
    assert classification_metrics.one_hot_labels(np.array([1, 6])).astype(int).tolist() == [
        scores(0, 1),
        scores(0, 0, 0, 0, 0, 0, 1),
    ]
    assert classification_metrics.malignant_mask(np.arange(CLASSES)).tolist() == [
        label in contract.MALIGNANT for label in LABELS
    ]


def test_a_share_counts_what_is_found_among_the_counted_alone() -> None:
    found, counted = np.array([1, 1, 0, 1], dtype=bool), np.array([1, 0, 1, 1], dtype=bool)
    assert classification_metrics.masked_share(found, counted) == 2 / 3
    assert classification_metrics.masked_share(found, np.zeros(4, dtype=bool)) is None


def test_a_curve_runs_from_0_to_1_and_needs_both_kinds() -> None:
    curve = classification_metrics.roc_curve(answered(("mel", "mel"), ("mel", "nv"), ("nv", "nv")), 0)
    assert curve is not None
    assert curve.false_positive_rate.tolist() == [0, 0, 1]
    assert curve.true_positive_rate.tolist() == [0, 0.5, 1]
    assert classification_metrics.roc_curve(answered(("mel", "mel")), 0) is None
    assert classification_metrics.roc_curve(answered(("mel", "mel")), 1) is None


def test_a_class_that_is_never_called_has_no_ppv_and_one_always_called_no_npv() -> None:
    found = classification_metrics.point_metrics_per_class(answered(("mel", "nv"), ("nv", "nv")))
    assert (found["mel"].ppv, found["mel"].npv) == (None, 1 / 2)
    assert (found["nv"].ppv, found["nv"].npv) == (1 / 2, None)


def test_rows_of_the_confusion_matrix_are_the_truth() -> None:
    matrix = classification_metrics.confusion_matrix(answered(("mel", "nv"), ("mel", "nv"), ("nv", "df")))
    assert matrix[0, 1] == 2
    assert matrix[1, 5] == 1
    assert matrix.sum() == 3


@pytest.mark.parametrize("answer", LABELS)
def test_one_answer_for_everything_scores_no_more_than_chance_however_common_it_is(answer: str) -> None:
    truths = [*LABELS, *["nv"] * 60]
    assert classification_metrics.balanced_accuracy_score(
        answered(*((truth, answer) for truth in truths))
    ) == pytest.approx(1 / CLASSES)


def test_a_hand_computed_auc_counts_ties_half() -> None:
    # Melanomas score 0.4 and 0.1; the others 0.4, 0.1, 0.1: of six pairs 2 are won, 3 tied, 1 lost.
    table = answered(("mel", "mel"), ("mel", "nv"), ("nv", "mel"), ("nv", "nv"), ("df", "df"))
    assert classification_metrics.point_metrics_per_class(table)["mel"].auc == pytest.approx((2 + 3 / 2) / 6)


def test_a_class_without_a_test_image_has_no_figures_and_there_is_no_balanced_accuracy() -> None:
    table = answered(*(pair for pair in ALL_RIGHT if pair[0] != "df"))
    missing = classification_metrics.point_metrics_per_class(table)["df"]
    assert (missing.sensitivity, missing.auc, missing.test_images) == (None, None, 0)
    assert (missing.auc_above_80, missing.average_precision) == (None, None)
    assert missing.specificity == 1
    assert classification_metrics.balanced_accuracy_score(table) is None
    assert classification_metrics.accuracy_score(table) == 1


def test_without_any_image_nothing_is_defined() -> None:
    table = answered()
    assert classification_metrics.accuracy_score(table) is None
    assert classification_metrics.balanced_accuracy_score(table) is None
    assert {figures.specificity for figures in classification_metrics.point_metrics_per_class(table).values()} == {None}
    assert evaluation_json.model_quality_report(table)["accuracy"] == {"value": None, "standard_deviation": "NaN"}


def test_with_one_class_alone_there_is_no_specificity_and_no_auc() -> None:
    figures = classification_metrics.point_metrics_per_class(answered(("nv", "nv"), ("nv", "df")))["nv"]
    assert (figures.sensitivity, figures.specificity, figures.auc) == (0.5, None, None)
    assert (figures.auc_above_80, figures.average_precision) == (None, 1)


@settings(max_examples=30)
@given(ANSWERS)
def test_figures_agree_with_scikit_learn_wherever_both_are_defined(pairs: list[tuple[str, str]]) -> None:
    table = answered(*ALL_RIGHT, *pairs)
    truth, predicted = table.truth, table.predicted
    assert classification_metrics.balanced_accuracy_score(table) == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(truth, predicted)
    )
    recalls = sklearn_metrics.recall_score(truth, predicted, average=None, labels=range(CLASSES))
    assert [
        figures.sensitivity for figures in classification_metrics.point_metrics_per_class(table).values()
    ] == pytest.approx(recalls)
    assert (
        classification_metrics.confusion_matrix(table)
        == sklearn_metrics.confusion_matrix(truth, predicted, labels=range(CLASSES))
    ).all()


@settings(max_examples=30)
@given(ANSWERS, st.randoms())
def test_the_order_of_the_images_does_not_matter(pairs: list[tuple[str, str]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's own Random
    first, second = answered(*pairs), answered(*shuffled)
    assert classification_metrics.point_metrics_per_class(first) == classification_metrics.point_metrics_per_class(
        second
    )
    assert classification_metrics.balanced_accuracy_score(first) == classification_metrics.balanced_accuracy_score(
        second
    )


@settings(max_examples=30)
@given(ANSWERS)
def test_figures_lie_between_0_and_1_and_are_strict_json(pairs: list[tuple[str, str]]) -> None:
    table = answered(*pairs)
    for figures in classification_metrics.point_metrics_per_class(table).values():
        for name in (*classification_metrics.RATE_NAMES, *classification_metrics.RANKING_NAMES):
            value = getattr(figures, name)
            assert value is None or 0 <= value <= 1
    json.dumps(evaluation_json.model_quality_report(table), allow_nan=False)


def test_auc_is_untouched_by_a_monotone_change_of_the_scores() -> None:
    table = case.predictions()
    squared = Predictions(table.images, table.probabilities**2)
    before, after = (
        classification_metrics.point_metrics_per_class(table),
        classification_metrics.point_metrics_per_class(squared),
    )
    assert [figures.auc for figures in before.values()] == pytest.approx([figures.auc for figures in after.values()])


def test_the_model_quality_report_says_actual_before_predicted() -> None:
    report = evaluation_json.model_quality_report(answered(*ALL_RIGHT, ("mel", "nv")))
    assert report["confusion_matrix"]["mel"] == {**dict.fromkeys(LABELS, 0), "mel": 1, "nv": 1}  # type: ignore[index]
    assert report["accuracy"]["value"] == CLASSES / (CLASSES + 1)  # type: ignore[index]
    assert report["weighted_recall"]["value"] == pytest.approx(CLASSES / (CLASSES + 1))  # type: ignore[index]
    assert len(report) == 13


def test_the_best_constant_classifier_answers_the_commonest_class() -> None:
    report = evaluation_json.model_quality_report(answered(*ALL_RIGHT, *[("nv", "mel")] * 13))
    share = 14 / (CLASSES + 13)
    assert report["accuracy_best_constant_classifier"]["value"] == share  # type: ignore[index]
    assert report["weighted_precision_best_constant_classifier"]["value"] == pytest.approx(share**2)  # type: ignore[index]

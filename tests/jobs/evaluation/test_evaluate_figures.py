# SPDX-License-Identifier: MIT-0
"""All figures of a set of images: each is the point metric, with an interval that fits what it was measured on."""

from dataclasses import fields

import numpy as np
import pytest

from pipeline_src import contract
from pipeline_src.evaluation import classification_metrics, confidence_intervals, ranking_metrics
from pipeline_src.evaluation.classification_metrics import MetricEstimates
from pipeline_src.evaluation.confidence_intervals import BOOTSTRAP_METHOD, EXACT_METHOD, NO_INTERVAL, Estimate
from pipeline_src.evaluation.model_predictions import Predictions
from tests.class_table import CLASSES
from tests.jobs.evaluation import cohort

TABLE = cohort.predictions()
LESION_COUNT = sum(cohort.LESIONS.values())


@pytest.fixture
def measured() -> MetricEstimates:
    return classification_metrics.estimate_metrics(TABLE, 0.3, confidence_intervals.draw_resamples(TABLE.images, 500))


def estimates(found: MetricEstimates) -> dict[str, Estimate]:
    """Return every estimate by name."""
    overall = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "per_class"}
    classes = {
        f"{label} {name}": getattr(found.per_class[label], name)
        for label in found.per_class
        for name in (*classification_metrics.RATE_NAMES, *classification_metrics.RANKING_NAMES)
    }
    return {**overall, **classes}


def test_values_are_the_point_metrics(measured: MetricEstimates) -> None:
    assert measured.accuracy.value == classification_metrics.accuracy_score(TABLE)
    assert measured.balanced_accuracy.value == pytest.approx(classification_metrics.balanced_accuracy_score(TABLE))
    assert measured.malignant_sensitivity.value == classification_metrics.malignant_sensitivity_score(TABLE)
    for label, points in classification_metrics.point_metrics_per_class(TABLE).items():
        found = measured.per_class[label]
        assert {
            name: getattr(found, name).value
            for name in (*classification_metrics.RATE_NAMES, *classification_metrics.RANKING_NAMES)
        } == {
            name: getattr(points, name)
            for name in (*classification_metrics.RATE_NAMES, *classification_metrics.RANKING_NAMES)
        }
        assert found.test_images == points.test_images
        assert found.test_lesions == cohort.LESIONS[label]


def test_melanoma_is_called_from_the_threshold_on() -> None:
    edge = float(np.sort(TABLE.melanoma[TABLE.truth == 0])[10])
    found = classification_metrics.estimate_metrics(TABLE, edge, confidence_intervals.draw_resamples(TABLE.images))
    melanoma, suspected = TABLE.truth == 0, TABLE.melanoma >= edge
    assert found.melanoma_sensitivity.value == suspected[melanoma].mean() == pytest.approx(1 - 10 / melanoma.sum())
    assert found.melanoma_specificity.value == (~suspected)[~melanoma].mean()
    assert (found.melanoma_sensitivity.images, found.melanoma_sensitivity.lesions) == (melanoma.sum(), 40)
    assert (found.melanoma_specificity.images, found.melanoma_specificity.lesions) == (
        (~melanoma).sum(),
        LESION_COUNT - 40,
    )


def test_without_a_threshold_its_two_figures_alone_are_not_defined(measured: MetricEstimates) -> None:
    found = classification_metrics.estimate_metrics(TABLE, None, confidence_intervals.draw_resamples(TABLE.images, 500))
    images, lesions = measured.melanoma_sensitivity.images, measured.melanoma_sensitivity.lesions
    assert found.melanoma_sensitivity == Estimate(None, None, None, images, lesions, NO_INTERVAL)
    assert (found.melanoma_specificity.value, found.melanoma_specificity.method) == (None, NO_INTERVAL)
    assert found.accuracy == measured.accuracy
    assert found.per_class == measured.per_class


def test_every_interval_holds_its_value_within_0_and_1(measured: MetricEstimates) -> None:
    for name, found in estimates(measured).items():
        assert found.images >= found.lesions > 0, name
        assert found.value is not None, name
        if found.method != NO_INTERVAL:
            assert 0 <= found.lower <= found.value <= found.upper <= 1, name  # type: ignore[operator]


def test_figures_of_a_class_of_few_lesions_are_exact_or_have_no_interval(measured: MetricEstimates) -> None:
    for label, found in measured.per_class.items():
        few = cohort.LESIONS[label] < 30
        assert found.sensitivity.method == found.auc.method == (EXACT_METHOD if few else BOOTSTRAP_METHOD)
        assert found.auc_above_80.method == found.average_precision.method == (NO_INTERVAL if few else BOOTSTRAP_METHOD)
        assert (found.auc_above_80.lower is None) == few
        assert found.specificity.method == BOOTSTRAP_METHOD
        assert (found.auc.images, found.auc.lesions) == (len(TABLE.images), LESION_COUNT)


def test_the_interval_of_an_area_is_that_of_the_resampled_areas(measured: MetricEstimates) -> None:
    resamples = confidence_intervals.draw_resamples(TABLE.images, 500)
    drawn = ranking_metrics.measure_ranking(TABLE.melanoma, TABLE.truth == 0, resamples.weights)
    for name in classification_metrics.RANKING_NAMES:
        found = getattr(measured.per_class["mel"], name)
        assert (found.lower, found.upper) == tuple(np.quantile(getattr(drawn, name), (0.025, 0.975)))


def test_a_perfect_ranking_of_few_pairs_is_not_sure_to_be_perfect() -> None:
    table = cohort.predictions({"mel": 40, "nv": 60})
    perfect = Predictions(table.images, np.eye(CLASSES)[table.truth])
    found = classification_metrics.estimate_metrics(
        perfect, 0.5, confidence_intervals.draw_resamples(table.images)
    ).per_class["mel"]
    assert (found.auc.value, found.auc.upper, found.auc.method) == (1, 1, EXACT_METHOD)
    pairs = confidence_intervals.effective_lesions(table.images, table.truth == 0)
    assert 25 < pairs < 35
    assert found.auc.lower == pytest.approx(0.025 ** (1 / pairs))
    assert (found.average_precision.value, found.average_precision.lower) == (1, None)


def test_a_ranking_of_nothing_but_mistakes_is_not_sure_to_be_one() -> None:
    table = cohort.predictions({"mel": 40, "nv": 60})
    worst = Predictions(table.images, 1 - np.eye(CLASSES)[table.truth])
    found = classification_metrics.estimate_metrics(
        worst, 0.5, confidence_intervals.draw_resamples(table.images)
    ).per_class["mel"]
    assert (found.auc.value, found.auc.lower, found.auc.method) == (0, 0, EXACT_METHOD)
    assert 0 < found.auc.upper < 0.2  # type: ignore[operator]


@pytest.mark.parametrize(
    ("few", "many", "method"),
    [(30, 31, BOOTSTRAP_METHOD), (31, 30, BOOTSTRAP_METHOD), (29, 40, EXACT_METHOD), (40, 29, EXACT_METHOD)],
)
def test_an_area_needs_thirty_lesions_on_either_side(few: int, many: int, method: str) -> None:
    table = cohort.predictions({"mel": few, "nv": many})
    found = (
        classification_metrics.estimate_metrics(table, 0.5, confidence_intervals.draw_resamples(table.images))
        .per_class["mel"]
        .auc
    )
    assert found.method == method
    if method == EXACT_METHOD:
        pairs = min(
            confidence_intervals.effective_lesions(table.images, side) for side in (table.truth == 0, table.truth != 0)
        )
        assert (found.lower, found.upper) == confidence_intervals.clopper_pearson_interval(found.value, pairs)  # type: ignore[arg-type]


def test_a_class_that_is_absent_has_no_sensitivity_and_the_mean_of_all_no_value() -> None:
    table = cohort.predictions({label: 5 for label in contract.CLASS_LABELS if label != "df"})
    found = classification_metrics.estimate_metrics(table, 0.3, confidence_intervals.draw_resamples(table.images))
    absent = found.per_class["df"]
    assert (absent.test_images, absent.test_lesions) == (0, 0)
    assert [getattr(absent, name).value for name in ("sensitivity", *classification_metrics.RANKING_NAMES)] == [
        None
    ] * 4
    assert absent.specificity.value is not None
    assert found.balanced_accuracy == Estimate(None, None, None, len(table.images), 5 * (CLASSES - 1), NO_INTERVAL)


def test_no_image_at_all_has_no_figures() -> None:
    found = classification_metrics.estimate_metrics(
        cohort.predictions({}), 0.5, confidence_intervals.draw_resamples([])
    )
    assert {each.value for each in estimates(found).values()} == {None}

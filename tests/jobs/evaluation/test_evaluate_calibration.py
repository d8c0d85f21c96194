# SPDX-License-Identifier: MIT-0
"""A model that is surer than it is right is seen on the test images, and one temperature would mend it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_src import contract
from pipeline_src.evaluation import confidence_intervals, probability_calibration
from pipeline_src.evaluation.model_predictions import HoldoutImage, Predictions
from pipeline_src.evaluation.probability_calibration import Calibration
from tests.class_table import CLASSES, scores

LABELS = contract.CLASS_LABELS


def honest(images: int, seed: int, split: str = "test", sharpened: float = 1.0) -> Predictions:
    """Return predictions whose truth is drawn from their own probabilities, which are then `sharpened`."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.full(CLASSES, 0.5), size=images)
    truth = (probabilities.cumsum(axis=1) > random.random((images, 1))).argmax(axis=1)
    listed = tuple(HoldoutImage(f"i{row:05d}", f"l{row}", LABELS[place], split) for row, place in enumerate(truth))
    powered = probabilities**sharpened
    return Predictions(listed, powered / powered.sum(axis=1, keepdims=True))


def measured(test: Predictions, validation: Predictions | None = None, count: int = 300) -> Calibration:
    empty = Predictions((), np.empty((0, CLASSES)))
    return probability_calibration.measure_calibration(
        validation or empty, test, confidence_intervals.draw_resamples(test.images, count)
    )


def stated(*rows: tuple[str, list[float]]) -> Predictions:
    images = tuple(HoldoutImage(f"i{row}", f"l{row}", label, "test") for row, (label, _) in enumerate(rows))
    return Predictions(images, np.array([values for _, values in rows]))


def test_a_hand_computed_case() -> None:
    sure, unsure = scores(0.9, 0.1), scores(0.5, 0.5)
    found = measured(stated(("mel", sure), ("mel", sure), ("nv", sure), ("mel", unsure))).served
    # Three images of confidence 0.9 are right on two, one of 0.5 is right.
    assert found.error.value == pytest.approx(3 / 4 * (0.9 - 2 / 3) + 1 / 4 * 0.5)
    assert found.overconfidence.value == pytest.approx(3 / 4 * (0.9 - 2 / 3))
    assert found.brier.value == pytest.approx((2 * 0.02 + 1.62 + 0.5) / 4)
    assert (found.error.images, found.error.lesions) == (4, 4)


def test_bins_are_of_equal_width_and_hold_their_upper_edge() -> None:
    rows = [("mel", scores(top, 1 - top)) for top in (0.6, 0.6 + 1e-9, 1.0)]
    bins = measured(stated(*rows)).served.bins
    assert len(bins) == 15
    assert (bins[0].lower, bins[-1].upper) == (0, 1)
    assert [found.images for found in bins] == [0] * 8 + [1, 1] + [0] * 4 + [1]
    assert (bins[8].upper, bins[8].confidence, bins[8].accuracy) == (pytest.approx(0.6), pytest.approx(0.6), 1)
    assert (bins[0].confidence, bins[0].accuracy) == (None, None)


def test_an_overconfident_model_is_seen_and_its_temperature_mends_it() -> None:
    found = measured(honest(1500, 1, sharpened=2.5), honest(1500, 2, "validation", sharpened=2.5))
    assert found.temperature == pytest.approx(2.5, abs=0.2)
    assert found.served.overconfidence.value is not None
    assert found.served.overconfidence.value > 0.08
    assert found.tempered is not None
    assert found.tempered.overconfidence.value is not None
    assert found.tempered.overconfidence.value < 0.03
    assert found.tempered.brier.value < found.served.brier.value  # type: ignore[operator]  # both are known


def test_an_unsure_model_is_no_overconfident_one() -> None:
    found = measured(honest(1500, 1, sharpened=0.5), honest(1500, 2, "validation", sharpened=0.5))
    assert found.temperature == pytest.approx(0.5, abs=0.05)
    assert found.served.error.value is not None
    assert found.served.error.value > 0.1
    assert found.served.overconfidence.value == pytest.approx(0, abs=0.01)


def test_the_error_to_which_chance_adds_has_no_interval() -> None:
    """Percentiles of a bootstrap, and their mirror, contain the true error in far fewer than 95 of 100 samples."""
    error = measured(honest(150, 1)).served.error
    assert error.value is not None
    assert (error.lower, error.upper, error.method) == (None, None, confidence_intervals.NO_INTERVAL)


@pytest.mark.parametrize("sharpened", [1, 3])
def test_an_interval_holds_its_figure_and_is_not_negative(sharpened: float) -> None:
    found = measured(honest(60, 5, sharpened=sharpened), honest(60, 6, "validation")).served
    for each in (found.brier,):
        assert each.value is not None
        assert each.lower is not None
        assert each.upper is not None
        assert 0 <= each.lower <= each.value <= each.upper <= 2


def test_the_temperature_is_fitted_on_validation_images_alone() -> None:
    validation = honest(300, 2, "validation", sharpened=2)
    first, second = measured(honest(50, 1), validation), measured(honest(50, 3, sharpened=4), validation)
    assert first.temperature == second.temperature


def test_whole_steps_are_added_up_so_that_every_order_gives_the_same_sum() -> None:
    test = honest(301, 1, sharpened=2)
    resamples = confidence_intervals.draw_resamples(test.images, 50)
    order = np.random.default_rng(7).permutation(301)
    turned = Predictions(tuple(test.images[row] for row in order), test.probabilities[order])
    assert probability_calibration.measure_reliability(
        turned, resamples.of(order)
    ) == probability_calibration.measure_reliability(test, resamples)


def test_without_a_validation_image_there_is_no_temperature() -> None:
    found = measured(honest(50, 1))
    assert (found.temperature, found.tempered) == (None, None)
    assert found.served.error.value is not None


def test_without_a_test_image_nothing_is_defined() -> None:
    found = measured(Predictions((), np.empty((0, CLASSES))), honest(50, 2, "validation"))
    assert found.served.error.value is None
    assert found.served.brier.value is None
    assert {each.images for each in found.served.bins} == {0}


def test_a_probability_of_zero_for_the_truth_has_a_temperature_all_the_same() -> None:
    rows = stated(("nv", scores(1)), ("mel", scores(1)))
    found = probability_calibration.fit_temperature(rows)
    assert found is not None
    assert 0.05 < found <= 20
    assert probability_calibration.apply_temperature(rows.probabilities, 20)[0, 1] > 0.01


def test_a_model_that_is_always_right_ends_at_the_lowest_temperature() -> None:
    assert probability_calibration.fit_temperature(stated(("mel", scores(0.7, 0.3)))) == pytest.approx(0.05, rel=1e-3)


@given(st.floats(0.05, 20))
def test_no_temperature_changes_the_most_probable_class(by: float) -> None:
    table = honest(40, 1)
    assert (probability_calibration.apply_temperature(table.probabilities, by).argmax(axis=1) == table.predicted).all()


def figures(found: Calibration) -> list[float | None]:
    assert found.tempered is not None
    estimates = [
        getattr(part, name) for part in (found.served, found.tempered) for name in ("error", "overconfidence", "brier")
    ]
    return [found.temperature, *(end for each in estimates for end in (each.value, each.lower, each.upper))]


@settings(max_examples=10)
@given(st.permutations(range(30)), st.permutations(range(CLASSES)))
def test_neither_the_order_of_images_nor_that_of_the_classes_matters(order: list[int], classes: list[int]) -> None:
    test, validation = honest(30, 1, sharpened=2), honest(30, 2, "validation", sharpened=2)
    images = [
        HoldoutImage(image.image_id, image.lesion_id, LABELS[classes[LABELS.index(image.label)]], image.split)
        for image in test.images
    ]
    probabilities = test.probabilities[:, np.argsort(classes)]
    turned = Predictions(tuple(images[row] for row in order), probabilities[order])
    assert figures(measured(turned, validation)) == pytest.approx(figures(measured(test, validation)), abs=1e-5)


@settings(max_examples=20)
@given(st.integers(0, 59), st.floats(1, 3))
def test_correcting_a_mistake_never_makes_a_model_more_overconfident(row: int, sharpened: float) -> None:
    before = honest(60, 1, sharpened=sharpened)
    probabilities = before.probabilities.copy()
    probabilities[row, [before.truth[row], before.predicted[row]]] = probabilities[
        row, [before.predicted[row], before.truth[row]]
    ]
    after = measured(Predictions(before.images, probabilities), count=2).served.overconfidence.value
    wrong = measured(before, count=2).served.overconfidence.value
    assert after is not None
    assert wrong is not None
    assert after <= wrong + 1e-12


def drawn_melanomas(slope: float, intercept: float, seed: int = 3) -> Predictions:
    """Return images whose true melanoma logit is `intercept` plus `slope` times the one that is stated."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 1.5, size=20_000)
    truth = random.random(20_000) < 1 / (1 + np.exp(-(intercept + slope * logits)))
    suspicion = 1 / (1 + np.exp(-logits))
    rows = np.zeros((20_000, len(LABELS)))
    rows[:, LABELS.index("mel")], rows[:, LABELS.index("nv")] = suspicion, 1 - suspicion
    labels = np.where(truth, "mel", "nv").tolist()
    return Predictions(
        tuple(HoldoutImage(f"i{row:05d}", f"l{row}", label, "test") for row, label in enumerate(labels)), rows
    )


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.6, 0.0), (1.0, -0.7)])
def test_slope_intercept_and_observed_to_expected_are_those_that_the_truth_was_drawn_with(
    slope: float, intercept: float
) -> None:
    test = drawn_melanomas(slope, intercept)
    found = probability_calibration.measure_melanoma(test)
    assert found.slope.lower is not None
    assert found.slope.lower < slope < (found.slope.upper or 0)
    assert found.slope.value == pytest.approx(slope, abs=0.05)
    resamples = confidence_intervals.draw_resamples(test.images, 20)
    ratio = probability_calibration.measure_classes(test, resamples)["mel"]
    assert ratio.observed == test.is_melanoma.sum()
    assert ratio.expected == pytest.approx(test.melanoma.sum())
    assert ratio.ratio.value == pytest.approx(ratio.observed / ratio.expected)
    if slope == 1:
        assert found.intercept.value == pytest.approx(intercept, abs=0.06)
    assert (ratio.ratio.value < 0.9) == (intercept < 0)
    assert [point.images for point in found.curve] == [2000] * 10
    assert [point.expected for point in found.curve] == sorted(point.expected for point in found.curve)


def test_separated_or_few_melanomas_have_no_slope_or_no_interval_of_it() -> None:
    rows = [("mel", scores(0.8, 0.2)), ("nv", scores(0.3, 0.7))] * 5
    separated = probability_calibration.measure_melanoma(stated(*rows))
    assert (separated.slope.value, separated.intercept.value) == (None, None)
    few = probability_calibration.measure_melanoma(stated(*rows, ("mel", scores(0.2, 0.8)), ("nv", scores(0.9, 0.1))))
    assert few.slope.value is not None
    assert few.slope.lower is None


def test_copies_of_an_image_in_its_lesion_do_not_narrow_the_interval_of_the_slope() -> None:
    test = Predictions(*(part[:800] for part in (drawn_melanomas(1, 0).images, drawn_melanomas(1, 0).probabilities)))
    copies = tuple(replace(image, image_id=f"{image.image_id}b") for image in test.images)
    twice = Predictions((*test.images, *copies), np.concatenate([test.probabilities] * 2))
    once, again = (probability_calibration.measure_melanoma(each).slope for each in (test, twice))
    assert again.lower == pytest.approx(once.lower, abs=2e-4)
    assert again.upper == pytest.approx(once.upper, abs=2e-4)


def test_a_temperature_at_a_bound_is_no_fit() -> None:
    sure = stated(("mel", scores(0.7, 0.3)))
    found = probability_calibration.measure_calibration(
        sure, sure, confidence_intervals.draw_resamples(sure.images, 10)
    )
    assert (found.temperature, found.tempered, found.bound) == (None, None, 0.05)

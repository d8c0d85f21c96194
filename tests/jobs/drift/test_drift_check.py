# SPDX-License-Identifier: MIT-0
"""A window is violated where it differs both significantly and by enough, and seldom where it does not."""

import numpy as np
import pytest
from scipy import stats

from pipeline_src.drift import drift_baseline, drift_tests, image_features
from pipeline_src.drift.capture_window import CaptureWindow
from pipeline_src.drift.captured_requests import CaptureError, LinePosition
from pipeline_src.drift.drift_baseline import (
    CHECK_NAMES,
    REPEATED_IMAGES,
    UNREADABLE_REQUESTS,
    DriftBaseline,
    DriftConstraints,
)
from pipeline_src.drift.drift_tests import DriftCheck
from tests.class_table import CLASSES, scores


def table(count: int, seed: int, **shifts: float) -> np.ndarray:
    """Return what is measured on `count` pictures: normal features, moved by `shifts` deviations; mostly nevi."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, image_features.FEATURE_COLUMNS)).astype(np.float32)
    rows[:, -1] = random.choice(CLASSES, count, p=scores(0.11, 0.67, 0.05, 0.03, 0.11, 0.01, 0.02))
    for name, shift in shifts.items():
        rows[:, image_features.FEATURE_NAMES.index(name)] += shift
    return rows


def known(rows: np.ndarray, effective: float = 1.0, constraints: DriftConstraints | None = None) -> DriftBaseline:
    values = {name: np.sort(rows[:, at].astype(np.float64)) for at, name in enumerate(image_features.FEATURE_NAMES)}
    count = len(rows)
    return DriftBaseline(
        values,
        image_features.count_predicted_classes(rows),
        count,
        effective * count,
        constraints or DriftConstraints(),
    )


def window(rows: np.ndarray, repeats: int = 0, unreadable: int = 0) -> CaptureWindow:
    made = CaptureWindow(requests=len(rows) + repeats)
    for number in [*range(len(rows)), *range(repeats)]:
        made.sample.add(number, rows[number])
    for line in range(unreadable):
        made.rejections.add(LinePosition("a", line), CaptureError("malformed line", "?"))
    return made


def violated(made: list[DriftCheck]) -> list[str]:
    return [each.name for each in made if each.violated]


def test_a_window_like_the_baseline_is_not_violated() -> None:
    made = drift_tests.run_drift_checks(window(table(400, 1)), known(table(900, 2)))
    assert [each.name for each in made] == list(CHECK_NAMES)
    assert violated(made) == []


@pytest.mark.parametrize("name", image_features.FEATURE_NAMES)
def test_a_feature_that_moved_is_named_and_no_other(name: str) -> None:
    made = drift_tests.run_drift_checks(window(table(400, 1, **{name: -1.0})), known(table(900, 2)))
    assert violated(made) == [name]
    direction = {each.name: each.direction for each in made}[name]
    assert direction is not None
    assert direction < -0.3


def test_a_significant_difference_too_small_to_matter_is_no_violation() -> None:
    made = drift_tests.run_drift_checks(window(table(20_000, 1, blur=0.1)), known(table(8000, 2)))
    (blur,) = [each for each in made if each.name == "blur"]
    assert blur.significant
    assert not blur.violated


def test_a_large_difference_that_may_be_chance_is_no_violation() -> None:
    made = drift_tests.run_drift_checks(window(table(100, 1)), known(table(100, 2), 0.3))
    assert any(each.effect >= each.threshold for each in made)
    assert violated(made) == []


def test_fewer_lesions_than_images_make_a_difference_less_certain() -> None:
    rows, before = table(200, 1, blur=0.5), table(300, 2)
    p_values = [
        next(
            each.p_value
            for each in drift_tests.run_drift_checks(window(rows), known(before, share))
            if each.name == "blur"
        )
        for share in (1.0, 0.5)
    ]
    assert p_values[1] > 10 * p_values[0]


def test_the_distance_and_its_p_value_are_those_of_scipy_where_every_image_is_a_lesion() -> None:
    rows, before = table(200, 1, blur=0.3), table(300, 2)
    at = image_features.FEATURE_NAMES.index("blur")
    expected = stats.ks_2samp(before[:, at], rows[:, at], method="asymp")
    (blur,) = [each for each in drift_tests.run_drift_checks(window(rows), known(before)) if each.name == "blur"]
    assert (blur.effect, blur.p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_the_adjusted_p_values_are_holms() -> None:
    assert drift_tests.holm_adjusted_p_values(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )


def test_another_class_mix_is_found_and_named() -> None:
    rows = table(300, 1)
    rows[:60, -1] = 0
    made = drift_tests.run_drift_checks(window(rows), known(table(900, 2)))
    assert violated(made) == [drift_baseline.CLASS_MIX]
    assert "mel" in {each.name: each.note for each in made}[drift_baseline.CLASS_MIX]


def test_a_class_that_neither_side_has_and_a_baseline_of_one_class_are_compared_too() -> None:
    rows, before = table(200, 1), table(200, 2)
    rows[:, -1] = before[:, -1] = 1
    made = {each.name: each for each in drift_tests.run_drift_checks(window(rows), known(before))}
    assert made[drift_baseline.CLASS_MIX].p_value == 1


def test_pictures_that_are_sent_anew_are_found_and_change_no_other_check() -> None:
    rows, before = table(300, 1), known(table(900, 2))
    once, anew = (
        drift_tests.run_drift_checks(window(rows), before),
        drift_tests.run_drift_checks(window(rows, repeats=60), before),
    )
    assert violated(anew) == [REPEATED_IMAGES]
    assert [each.effect for each in once[:-2]] == [each.effect for each in anew[:-2]]


def test_lines_that_cannot_be_used_are_a_violation_if_there_are_many() -> None:
    before = known(table(900, 2))
    assert violated(drift_tests.run_drift_checks(window(table(300, 1), unreadable=3), before)) == []
    assert violated(drift_tests.run_drift_checks(window(table(300, 1), unreadable=30), before)) == [UNREADABLE_REQUESTS]


@pytest.mark.parametrize(("images", "held_out"), [(99, 900), (400, 99)])
def test_with_too_few_images_on_either_side_pictures_are_not_compared(images: int, held_out: int) -> None:
    made = drift_tests.run_drift_checks(window(table(images, 1, blur=5), unreadable=10), known(table(held_out, 2)))
    assert {each.name for each in made} <= {REPEATED_IMAGES, UNREADABLE_REQUESTS}


def test_a_check_that_is_turned_off_is_not_made() -> None:
    limits = DriftConstraints(thresholds=dict.fromkeys(CHECK_NAMES) | {"blur": 0.2})
    made = drift_tests.run_drift_checks(window(table(300, 1)), known(table(900, 2), constraints=limits))
    assert [each.name for each in made] == ["blur"]


def test_clean_windows_alarm_at_most_at_the_stated_rate() -> None:
    """Of windows as small as can be compared, each with a baseline of its own; the benchmark has 200 and more."""
    alarms = sum(
        bool(violated(drift_tests.run_drift_checks(window(table(100, 2 * number)), known(table(300, 2 * number + 1)))))
        for number in range(50)
    )
    assert alarms <= 1

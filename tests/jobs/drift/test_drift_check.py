# SPDX-License-Identifier: MIT-0
"""A window is violated where it differs both significantly and by enough, and seldom where it does not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipeline_src.drift import drift_baseline, drift_tests, image_features
from pipeline_src.drift.capture_window import CaptureWindow, RequestOrigin
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


def window(rows: np.ndarray, repeats: int = 0, unreadable: int = 0, sessions: Sequence[str] = ()) -> CaptureWindow:
    made = CaptureWindow(requests=len(rows) + repeats)
    for number in [*range(len(rows)), *range(repeats)]:
        made.sample.add(number, rows[number], RequestOrigin(number, sessions[number] if sessions else ""))
    for line in range(unreadable):
        made.rejections.add(LinePosition("a", line), CaptureError("malformed line", "?"))
    return made


def checks(made: CaptureWindow, before: DriftBaseline) -> list[DriftCheck]:
    return drift_tests.run_drift_checks(made, made.sample.images(), before)


def check(made: CaptureWindow, before: DriftBaseline, name: str) -> DriftCheck:
    return next(each for each in checks(made, before) if each.name == name)


def violated(made: list[DriftCheck]) -> list[str]:
    return [each.name for each in made if each.violated]


def test_a_window_like_the_baseline_is_not_violated() -> None:
    made = checks(window(table(400, 1)), known(table(900, 2)))
    assert [each.name for each in made] == list(CHECK_NAMES)
    assert violated(made) == []


@pytest.mark.parametrize("name", image_features.FEATURE_NAMES)
def test_a_feature_that_moved_is_named_and_no_other_and_one_of_the_file_is_a_notice(name: str) -> None:
    made = checks(window(table(400, 1, **{name: -3.0})), known(table(900, 2)))
    assert [each.name for each in made if each.striking] == [name]
    assert violated(made) == ([] if name in image_features.FILE_FEATURES else [name])
    direction = {each.name: each.direction for each in made}[name]
    assert direction is not None
    assert direction < -0.6


@pytest.mark.parametrize(("shift", "found"), [(1.8, False), (2.8, True)])
def test_the_effect_triggers_and_not_the_p_value(shift: float, *, found: bool) -> None:
    blur = check(window(table(8000, 1, blur=shift)), known(table(8000, 2)), "blur")
    assert blur.significant
    assert blur.violated == found


def test_a_window_within_a_narrow_part_of_the_tested_range_is_no_violation() -> None:
    rows = table(400, 1)
    rows[:, image_features.FEATURE_NAMES.index("brightness")] *= 0.1
    assert violated(checks(window(rows), known(table(900, 2)))) == []


def burst(length: int, sessions: Sequence[str] = ()) -> DriftCheck:
    """Return the check of a window of 100 images of which `length` in a row are far darker."""
    rows = table(100, 1)
    rows[20 : 20 + length, image_features.FEATURE_NAMES.index("brightness")] = -9
    return check(window(rows, sessions=sessions), known(table(900, 2)), "brightness")


def test_a_burst_of_one_patient_counts_as_few_images() -> None:
    scattered = table(100, 1)
    scattered[::2, image_features.FEATURE_NAMES.index("brightness")] = -9
    assert check(window(scattered), known(table(900, 2)), "brightness").violated
    assert burst(50).effect >= 0.5
    assert burst(50).design_effect > 10
    assert not burst(50).violated


def test_sessions_that_the_caller_names_replace_blocks_of_requests() -> None:
    """The burst is one session of 20, so it counts once; where few sessions are named, blocks are used."""
    patients = [f"s{number // 4}" if not 20 <= number < 70 else "burst" for number in range(100)]
    unnamed = ["", *patients[1:]]
    few = ["all day"] * 100
    by_blocks, by_session = burst(50).design_effect, burst(50, patients).design_effect
    assert by_session > 1.5 * by_blocks
    assert burst(50, unnamed).design_effect == burst(50, few).design_effect == by_blocks


def test_the_clustered_variance_is_that_of_the_cluster_means() -> None:
    values = np.random.default_rng(3).normal(size=60)
    means = values.reshape(12, 5).mean(axis=1)
    found = drift_tests.clustered_variance(values, np.arange(60) // 5)
    assert found == pytest.approx(means.var(ddof=1) / 12)


def test_fewer_lesions_than_images_make_a_difference_less_certain() -> None:
    rows, before = table(200, 1, blur=1.0), table(300, 2)
    p_values = [check(window(rows), known(before, share), "blur").p_value for share in (1.0, 0.1)]
    assert p_values[1] > 10 * p_values[0]


def test_the_adjusted_p_values_are_holms() -> None:
    assert drift_tests.holm_adjusted_p_values(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )


def test_another_class_mix_is_a_notice_against_the_dataset_and_a_violation_against_an_accepted_baseline() -> None:
    rows, before = table(300, 1), known(table(900, 2))
    rows[::3, -1] = 0
    made = checks(window(rows), before)
    assert violated(made) == []
    assert drift_baseline.CLASS_MIX in [each.name for each in made if each.striking]
    assert "mel" in {each.name: each.note for each in made}[drift_baseline.CLASS_MIX]
    assert violated(checks(window(rows), replace(before, accepted="so it is"))) == [drift_baseline.CLASS_MIX]


def test_classes_in_a_row_count_as_few_images() -> None:
    rows = table(100, 1)
    rows[:, -1] = 0
    rows[50:, -1] = 1
    before = known(table(900, 2))
    shuffled = rows[np.random.default_rng(1).permutation(100)]
    in_a_row, scattered = (check(window(each), before, drift_baseline.CLASS_MIX) for each in (rows, shuffled))
    assert in_a_row.design_effect > 8
    assert scattered.design_effect < 3


def test_a_class_that_neither_side_has_and_a_baseline_of_one_class_are_compared_too() -> None:
    rows, before = table(200, 1), table(200, 2)
    rows[:, -1] = before[:, -1] = 1
    assert check(window(rows), known(before), drift_baseline.CLASS_MIX).p_value == 1


def test_pictures_that_are_sent_anew_are_found_and_change_no_other_check() -> None:
    rows, before = table(300, 1), known(table(900, 2))
    once, anew = checks(window(rows), before), checks(window(rows, repeats=60), before)
    assert violated(anew) == [REPEATED_IMAGES]
    assert [each.effect for each in once[:-2]] == [each.effect for each in anew[:-2]]


def test_lines_that_cannot_be_used_are_a_violation_if_there_are_many() -> None:
    before = known(table(900, 2))
    assert violated(checks(window(table(300, 1), unreadable=3), before)) == []
    assert violated(checks(window(table(300, 1), unreadable=30), before)) == [UNREADABLE_REQUESTS]


@pytest.mark.parametrize(("images", "held_out"), [(99, 900), (400, 99)])
def test_with_too_few_images_on_either_side_pictures_are_not_compared(images: int, held_out: int) -> None:
    made = checks(window(table(images, 1, blur=5), unreadable=10), known(table(held_out, 2)))
    assert {each.name for each in made} <= {REPEATED_IMAGES, UNREADABLE_REQUESTS}


def test_a_check_that_is_turned_off_is_not_made() -> None:
    limits = DriftConstraints(thresholds=dict.fromkeys(CHECK_NAMES) | {"blur": 0.2})
    made = checks(window(table(300, 1)), known(table(900, 2), constraints=limits))
    assert [each.name for each in made] == ["blur"]


def test_clean_windows_alarm_at_most_at_the_stated_rate() -> None:
    """Of windows as small as can be compared, each with a baseline of its own; the benchmark has 200 and more."""
    alarms = sum(
        bool(violated(checks(window(table(100, 2 * number)), known(table(300, 2 * number + 1)))))
        for number in range(50)
    )
    assert alarms <= 1

# SPDX-License-Identifier: MIT-0
"""Small shifts are found where they last, and a light of each day's own is not; files carry the windows over."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline_src.drift import image_features, lasting_shift, window_history
from pipeline_src.drift.capture_window import MeasuredImage, RequestOrigin, TimePeriod
from pipeline_src.drift.lasting_shift import LastingShift
from pipeline_src.drift.window_history import PastWindow
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.drift import stream
from tests.jobs.drift.test_drift_check import known, table

BASELINE = known(table(900, 2))
DAY = timedelta(days=1)


def images(count: int, seed: int, **shifts: float) -> list[MeasuredImage]:
    rows = table(count, seed, **shifts)
    return [MeasuredImage(1000 * seed + n, RequestOrigin(60.0 * n, ""), row) for n, row in enumerate(rows)]


def days(count: int, *, each: int = 60, blur: float = 0.0, since: int = 0) -> list[list[MeasuredImage]]:
    """Return `count` days, with another blur from the day `since` on."""
    return [images(each, 10 + day, blur=blur if day >= since else 0.0) for day in range(count)]


def found(windows: list[list[MeasuredImage]]) -> dict[str, LastingShift]:
    return {each.feature: each for each in lasting_shift.find_lasting_shifts(windows, BASELINE)}


def test_a_small_shift_is_found_after_some_days_and_nothing_else() -> None:
    made = found(days(16, blur=1.0, since=10))
    assert [name for name, each in made.items() if each.violated] == ["blur"]
    assert made["blur"].shift == pytest.approx(1.0, abs=0.25)
    assert made["blur"].windows in range(5, 9)
    assert made["blur"].images == 60 * made["blur"].windows
    assert not any(each.violated for each in found(days(11, blur=1.0, since=10)).values())


def test_a_shift_too_small_to_matter_is_no_violation_however_certain() -> None:
    made = found(days(16, each=300, blur=0.5))["blur"]
    assert made.statistic > lasting_shift.LIMIT
    assert not made.violated


def test_a_light_of_each_days_own_is_no_lasting_shift_though_its_mean_is_off() -> None:
    """Days of a bright and of a dark lamp in turn: the certain part is how much days differ, not their mean."""
    lamps = [images(60, 10 + day, brightness=(2.2, -0.4)[day % 2]) for day in range(12)]
    assert not found(lamps)["brightness"].violated
    steady = [images(60, 10 + day, brightness=0.9) for day in range(12)]
    assert found(steady)["brightness"].violated


def test_features_of_the_file_and_of_the_answer_are_not_checked() -> None:
    assert not {"width", "bytes_per_pixel", "melanoma_score", "confidence"} & found(days(8)).keys()


def test_small_windows_are_joined_and_too_few_give_no_result() -> None:
    assert found(days(7)) == {}
    assert found(days(15, each=10)) == {}
    assert len(found(days(16, each=10))) == len(lasting_shift.LASTING_FEATURES)


def test_normal_scores_are_0_in_the_middle_of_the_baseline_and_never_endless() -> None:
    before = np.arange(999.0)
    scores = lasting_shift.normal_scores(before, np.array([-1e9, 499.0, 839.7, 1e9]))
    assert scores == pytest.approx([-2.5, 0, 1, 2.5], abs=0.01)


def written(folder: Path, start: TimePeriod, made: list[MeasuredImage]) -> None:
    file = window_history.history_file(made, start)
    assert file is not None
    folder.mkdir(exist_ok=True)
    (folder / file[0]).write_bytes(file[1])


def period(day: int, length: int = 1) -> TimePeriod:
    start = stream.PERIOD.start
    assert start is not None
    return TimePeriod(start + day * DAY, start + (day + length) * DAY)


def test_a_window_survives_its_file_and_a_repeated_run_replaces_it(tmp_path: Path) -> None:
    made = images(30, 1)
    for _ in range(2):
        written(tmp_path, period(-1), made)
    (past,) = window_history.read_history(tmp_path, stream.PERIOD.start)
    assert (past.start, past.end) == period(-1)
    assert [(each.key, each.sent) for each in past.images] == [(each.key, each.sent) for each in made]
    assert np.array_equal([each.row for each in past.images], [each.row for each in made])


def test_session_keys_are_hashed_and_stay_apart(tmp_path: Path) -> None:
    made = [each._replace(sent=RequestOrigin(n, ("Mrs Smith", "b")[n % 2])) for n, each in enumerate(images(4, 1))]
    written(tmp_path, period(-1), made)
    assert "Smith" not in next(tmp_path.iterdir()).read_text()
    (past,) = window_history.read_history(tmp_path, stream.PERIOD.start)
    names = [each.sent.session for each in past.images]
    assert names[0] == names[2] != names[1] == names[3] != ""


def test_only_windows_before_this_one_within_30_days_that_do_not_overlap_are_read(tmp_path: Path) -> None:
    for start, length in ((-40, 1), (-30, 1), (-10, 3), (-9, 2), (-1, 1), (0, 1)):
        written(tmp_path, period(start, length), images(20, 50 + start))
    read = window_history.read_history(tmp_path, stream.PERIOD.start)
    assert [TimePeriod(each.start, each.end) for each in read] == [period(-30), period(-9, 2), period(-1)]
    assert window_history.read_history(tmp_path, None) == []
    assert window_history.read_history(tmp_path / "none", stream.PERIOD.start) == []


def test_a_file_holds_a_random_sample_of_many_images() -> None:
    made = [
        each._replace(key=key)
        for each, key in zip(images(900, 1), np.random.default_rng(1).permutation(900), strict=True)
    ]
    kept = window_history.thin_images(made)
    assert len(kept) == window_history.IMAGES_PER_WINDOW
    assert {each.key for each in kept} == set(range(500))
    assert [each.sent for each in kept] == sorted(each.sent for each in kept)


def test_earlier_windows_fill_a_small_one_up_to_500_images() -> None:
    history = [PastWindow(*period(-day), images(200, day)) for day in (4, 3, 2)]  # type: ignore[arg-type]
    joined = window_history.join_recent_images(images(40, 9), history)
    assert len(joined) == 640
    assert len(window_history.join_recent_images(images(40, 9), history[1:])) == 440
    again = window_history.join_recent_images(images(40, 2), history[2:])
    assert len(again) == 200, "the same images count once"


@pytest.mark.parametrize("content", ["{", "[]", '{"start": "2026-11-24T08:00:00+00:00"}', '{"schema": 9}'])
def test_a_file_that_is_no_window_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(BadInputError, match=r"a\.json: .*not a window that this monitor measured"):
        window_history.read_history(tmp_path, stream.PERIOD.start)


def test_image_features_are_named_in_the_file(tmp_path: Path) -> None:
    written(tmp_path, period(-1), images(2, 1))
    path = next(tmp_path.iterdir())
    path.write_text(path.read_text().replace(image_features.FEATURE_NAMES[0], "hue"))
    with pytest.raises(BadInputError, match="another version"):
        window_history.read_history(tmp_path, stream.PERIOD.start)

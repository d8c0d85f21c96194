# SPDX-License-Identifier: MIT-0
"""The drift benchmark draws the intended windows and reports detection sizes correctly."""

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from benchmarks import drift, shift
from benchmarks.traffic import BASELINES, CLEAN_PATTERNS, REPEATS, SHIFTS, DrawnImages, Traffic
from pipeline_src import contract
from pipeline_src.drift import image_features

_LESIONS = 400
_MELANOMA = contract.CLASS_LABELS.index("mel")


@pytest.fixture(scope="module")
def labels() -> shift.Names:
    return np.repeat(np.resize(np.array(contract.CLASS_LABELS), _LESIONS), 2)


@pytest.fixture(scope="module")
def traffic(labels: shift.Names) -> Traffic:
    """Two images of each lesion; instead of measurements, column 0 is the kind of shift and column 1 the image."""
    images = len(labels)
    tables = {
        kind: np.full((images, image_features.FEATURE_COLUMNS), number, np.float32)
        for number, kind in enumerate(shift.EDITS)
    }
    for table in tables.values():
        table[:, 1] = np.arange(images)
    return Traffic(tables, np.repeat(np.arange(_LESIONS).astype(str), 2), labels)


def _drawn(traffic: Traffic, kind: str, size: int = 100, number: int = 0) -> DrawnImages:
    return traffic.images(kind, size, number, np.random.default_rng(1))


def test_no_lesion_of_the_baseline_is_in_a_window(traffic: Traffic) -> None:
    for number in range(BASELINES):
        drawn = {int(row[1]) // 2 for row in _drawn(traffic, "independent lesions", number=number).table}
        held_out = {int(value) // 2 for value in traffic.baseline(number).values[image_features.FEATURE_NAMES[1]]}
        assert drawn
        assert not drawn & held_out


def test_baselines_differ(traffic: Traffic) -> None:
    first, second = (traffic.baseline(number).values[image_features.FEATURE_NAMES[1]] for number in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("kind", SHIFTS)
def test_a_window_of_an_edit_holds_nothing_else(traffic: Traffic, kind: str) -> None:
    assert set(_drawn(traffic, kind).table[:, 0]) == {list(shift.EDITS).index(kind)}


def test_the_other_mix_has_three_times_the_odds_of_melanoma(traffic: Traffic, labels: shift.Names) -> None:
    kind = next(kind for kind in CLEAN_PATTERNS if "melanomas" in kind)
    drawn = labels[_drawn(traffic, kind, 400).table[:, 1].astype(int)]
    assert 0.25 < np.mean(drawn == "mel") < 0.42  # 3 of 9, where it was 1 of 7


def _correlation(values: NDArray[np.float64], size: int) -> float:
    """Return the intraclass correlation of `values` in groups of `size`."""
    groups = values.reshape(-1, size)
    between, within = groups.mean(axis=1).var(ddof=1), groups.var(axis=1, ddof=1).mean()
    return float((between - within / size) / (between - within / size + within))


@pytest.mark.parametrize(("kind", "group", "least"), [("five images a lesion", 5, 0.6), ("independent lesions", 5, -1)])
def test_images_of_a_lesion_are_correlated_and_keep_the_distribution(
    traffic: Traffic, kind: str, group: int, least: float
) -> None:
    places = _drawn(traffic, kind, 2000).table[:, 1].astype(np.float64)
    assert least < _correlation(places, group) < least + 1.2
    assert abs(np.median(places) - 2 * _LESIONS / 2) < 0.2 * _LESIONS


def test_a_burst_is_one_session_where_the_caller_gives_keys(traffic: Traffic) -> None:
    sessions = _drawn(traffic, "the same, with session keys").sessions
    assert sessions.count("session-100") == 30
    assert set(_drawn(traffic, "a burst of one patient (30 %)").sessions) == {""}


def test_one_image_in_ten_is_repeated(traffic: Traffic) -> None:
    window = traffic.window(REPEATS, _drawn(traffic, REPEATS), np.random.default_rng(1))
    assert (len(window.sample), window.sample.requests, window.sample.most()) == (100, 110, 2)


@pytest.mark.parametrize("kind", [kind for kind in shift.EDITS if kind != shift.CLEAN])
def test_an_edit_changes_the_image_and_saves_a_jpeg(kind: str) -> None:
    noise = np.random.default_rng(3).integers(60, 200, (24, 32, 3), np.uint8)
    pixels = cv2.resize(noise, (450, 300), interpolation=cv2.INTER_CUBIC)
    source = bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), colorspace="BGR"))
    clean, edited = (
        simplejpeg.decode_jpeg(shift.encoded(source, shift.EDITS[each]), "BGR") for each in (shift.CLEAN, kind)
    )
    assert clean.shape != edited.shape or np.abs(clean.astype(int) - edited).mean() > 0.5


def test_answers_name_the_true_class_more_often_than_not(labels: shift.Names) -> None:
    answers = shift.scores(labels)
    best = np.array(contract.CLASS_LABELS)[answers.argmax(axis=1)]
    assert np.allclose(answers.sum(axis=1), 1)
    assert 0.7 < np.mean(best == labels) < 0.99


def test_a_shift_is_found_from_the_size_on_at_which_it_stays_found() -> None:
    rows = [drift.Row("blur", size, 100, alarms, {}) for size, alarms in ((100, 96), (200, 94), (300, 95), (500, 100))]
    assert drift.needed(rows, "blur") == 300
    assert drift.needed([drift.Row("blur", 100, 100, 94, {})], "blur") is None


def test_days_until_a_shift_is_found_are_those_of_95_percent(monkeypatch: pytest.MonkeyPatch, traffic: Traffic) -> None:
    """A series rings on the day of its number; of 20 series the 19th counts."""
    monkeypatch.setattr(drift, "_day", lambda *_: [])
    monkeypatch.setattr(drift, "_rings", lambda _, days, number: len(days) >= 12 + min(1 + number // 2, 9))
    assert drift.shifted(traffic, "slight blur", 20) == drift.Days("slight blur", 20, 20, 9)
    monkeypatch.setattr(drift, "_rings", lambda *given: given[2] < 18)
    assert drift.shifted(traffic, "slight blur", 20) == drift.Days("slight blur", 20, 18, None)

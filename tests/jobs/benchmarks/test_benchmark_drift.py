# SPDX-License-Identifier: MIT-0
"""The drift benchmark draws the intended windows and reports detection sizes correctly."""

import cv2
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from benchmarks import drift, shift
from benchmarks.traffic import BASELINES, MIX, PART, REPEATS, Traffic
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


def _rows(traffic: Traffic, kind: str, size: int = 100) -> NDArray[np.float32]:
    _, window = traffic.pair(kind, size, 0, np.random.default_rng(1))
    return window.sample.table()


def test_no_lesion_of_the_baseline_is_in_a_window(traffic: Traffic) -> None:
    for number in range(BASELINES):
        known, window = traffic.pair(shift.CLEAN, 100, number, np.random.default_rng(number))
        drawn = {int(row[1]) // 2 for row in window.sample.table()}
        held_out = {int(value) // 2 for value in known.values[image_features.FEATURE_NAMES[1]]}
        assert drawn
        assert not drawn & held_out


def test_baselines_differ(traffic: Traffic) -> None:
    first, second = (traffic.pair(shift.CLEAN, 10, number, np.random.default_rng(1))[0] for number in (0, 1))
    assert not np.array_equal(
        first.values[image_features.FEATURE_NAMES[1]], second.values[image_features.FEATURE_NAMES[1]]
    )


@pytest.mark.parametrize("kind", shift.EDITS)
def test_a_window_of_an_edit_holds_nothing_else(traffic: Traffic, kind: str) -> None:
    assert set(_rows(traffic, kind)[:, 0]) == {list(shift.EDITS).index(kind)}


def test_one_of_two_cameras_sends_about_half(traffic: Traffic) -> None:
    cast = list(shift.EDITS).index("colour cast")
    share = np.mean(_rows(traffic, PART)[:, 0] == cast)
    assert 0.3 < share < 0.7


def test_the_other_mix_has_three_times_the_odds_of_melanoma(traffic: Traffic, labels: shift.Names) -> None:
    drawn = labels[_rows(traffic, MIX, 400)[:, 1].astype(int)]
    assert 0.25 < np.mean(drawn == "mel") < 0.42  # 3 of 9, where it was 1 of 7


def test_one_image_in_ten_is_repeated(traffic: Traffic) -> None:
    _, window = traffic.pair(REPEATS, 100, 0, np.random.default_rng(1))
    assert (len(window.sample), window.sample.requests, window.sample.most()) == (100, 110, 2)


def test_too_few_images_for_a_window_are_refused(traffic: Traffic) -> None:
    with pytest.raises(SystemExit, match=r"left for a window of 5000. Draw more with --images"):
        traffic.pair(shift.CLEAN, 5000, 0, np.random.default_rng(1))


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

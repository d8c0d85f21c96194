# SPDX-License-Identifier: MIT-0
"""An epoch is judged by what its probabilities say."""

import math

import numpy as np
import pytest

from local.builtin_stand_in.network_training import EpochMetrics
from local.steps.tuning_step import ObjectiveLog

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.3, 0.6]], np.float32)
LABELS = np.array([0, 1, 0], np.float32)


def test_accuracy_top_k_and_cross_entropy_are_means_over_images() -> None:
    tally = EpochMetrics(top_k=2)
    tally.add(PROBABILITIES[:2], LABELS[:2])
    tally.add(PROBABILITIES[2:], LABELS[2:])
    assert tally.accuracy == pytest.approx(1 / 3)
    assert tally.correct_in_top_k == 2
    assert tally.cross_entropy == pytest.approx(-(math.log(0.7) + math.log(0.3) + math.log(0.1)) / 3)


def test_lines_are_those_that_metric_definitions_look_for() -> None:
    tally = EpochMetrics(top_k=2)
    tally.add(PROBABILITIES, LABELS)
    assert tally.lines(3, "Train")[:2] == [
        "Epoch[3] Train-accuracy=0.333333",
        "Epoch[3] Train-top_k_accuracy_2=0.666667",
    ]


def test_a_probability_of_nought_is_bad_but_finite_and_one_that_is_no_number_is_not() -> None:
    tally = EpochMetrics()
    tally.add(np.array([[1.0, 0.0]]), np.array([1.0]))
    assert 10 < tally.cross_entropy < math.inf
    tally.add(np.array([[math.nan, math.nan]]), np.array([1.0]))
    assert math.isnan(tally.cross_entropy)


def test_a_tuning_reads_the_accuracy_on_validation_out_of_the_log_and_nothing_else() -> None:
    tally = EpochMetrics(top_k=2)
    tally.add(PROBABILITIES, LABELS)
    log = ObjectiveLog("validation:accuracy", lambda _line: None)
    for line in (*tally.lines(3, "Train"), "Saved the model of epoch 3, Validation-accuracy=0.9"):
        log(line)
    assert log.value is None
    for line in tally.lines(4, "Validation"):
        log(line)
    assert log.value == pytest.approx(tally.accuracy, abs=1e-6)

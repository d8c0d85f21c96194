# SPDX-License-Identifier: MIT-0
"""The summary of evaluation.json on a terminal of 80 columns."""

import io
from typing import Any

import pytest
from rich.console import Console

from local.console import run_summary
from pipeline_src import gate, gate_thresholds
from tests.local.command.small import evaluation, figure


def shown(document: Any) -> str:
    text = io.StringIO()
    run_summary.print_evaluation(document, Console(file=text, width=80))
    return text.getvalue()


def test_the_selected_epoch_of_a_training_is_printed_with_its_figures() -> None:
    epochs = [
        {"epoch": number, "validation_balanced_accuracy": 0.6 + number / 100, "validation_loss": 1.5}
        for number in (1, 2, 3)
    ]
    training = {"selected_epoch": 2, "epochs": epochs}
    line = "Training: epoch 2 of 3 selected, validation balanced accuracy 0.6200, loss 1.5000"
    assert line in " ".join(shown(evaluation(0.6) | {"training": training}).split())
    assert "Training" not in shown(evaluation(0.6) | {"training": None})


def compared(status: str) -> dict[str, Any]:
    difference = {"value": 0.0123, "lower": -0.01, "upper": 0.0345}
    package = "arn:aws:sagemaker:us-east-1:000000000000:model-package/small/1"
    return evaluation(0.6) | {
        "champion": {
            "status": status,
            "package": package,
            "reason": "because",
            "images": 140,
            "fixed": 5,
            "broken": 3,
            "balanced_accuracy": {"difference": difference},
            "melanoma_sensitivity": None,
        }
    }


def test_the_gates_own_table_fits_into_80_columns_with_what_stands_in_the_way_first() -> None:
    report = {"balanced_accuracy": figure(0.6), "champion": {"status": "absent"}}
    judged = gate.decide_verdict(report, gate_thresholds.THRESHOLD_PROFILES["default"]).as_json()
    table = shown(evaluation(0.6) | {"gate": judged}).partition("Gate: ")[2]
    assert all(len(line) <= 80 for line in table.splitlines())
    places = [table.index(word) for word in (" missed", "not evaluable", "no champion")]
    assert places == sorted(places)


def test_the_champion_is_named_with_the_difference_its_interval_and_what_changed() -> None:
    text = " ".join(shown(compared("compared")).split())
    assert (
        "Champion: compared, small/1, on 140 shared images: balanced accuracy +0.0123 (-0.0100 to +0.0345); "
        "5 images better, 3 worse"
    ) in text


@pytest.mark.parametrize("status", ["refused", "absent"])
def test_why_nothing_was_compared_is_said_in_the_evaluations_own_words(status: str) -> None:
    document = compared(status)
    document["champion"]["balanced_accuracy"] = None
    assert f"Champion: {status}, small/1. because" in shown(document)


def test_a_miss_is_never_rounded_up_to_the_floor_that_it_missed() -> None:
    item = {"name": "balanced_accuracy", "wanted": 0.5, "got": 0.49999, "passed": False}
    older = {"balanced_accuracy": 0.49999, "gate": {"verdict": "reject", "requirements": [item]}}
    text = shown(older)
    assert "balanced accuracy  0.4999" in text
    assert "balanced accuracy  >= 0.5  0.4999" in text
    assert "missed" in text


def test_the_ends_of_an_interval_are_cut_outwards() -> None:
    measured = figure(0.6) | {"lower": 0.51239, "upper": 0.70001}
    assert "0.6000  0.5123 to 0.7001" in shown(evaluation(0.6) | {"balanced_accuracy": measured})


def test_an_evaluation_without_intervals_and_champion_as_older_runs_left_them_is_still_read() -> None:
    text = shown({"balanced_accuracy": 0.75, "gate": {"verdict": "pass", "requirements": []}})
    assert "balanced accuracy  0.7500" in text
    assert "melanoma sensitivity" not in text  # nor is any other figure that it does not have
    assert "Champion" not in text

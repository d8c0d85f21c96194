# SPDX-License-Identifier: MIT-0
"""The findings of the monitor are sentences: the melanomas that were found come first, then each violation."""

import json
from dataclasses import replace

import pytest

from pipeline_src import contract
from pipeline_src.drift import drift_baseline, drift_tests, monitor_wording
from pipeline_src.drift.drift_baseline import ApprovedSensitivity
from pipeline_src.drift.drift_tests import DriftCheck
from pipeline_src.drift.ground_truth import ProductionMetrics
from pipeline_src.drift.lasting_shift import LastingShift
from pipeline_src.evaluation.confidence_intervals import EXACT_METHOD, Estimate, undefined_estimate
from tests.jobs.drift import stream
from tests.jobs.drift.stream import Room
from tests.jobs.drift.test_drift_monitor import run, traffic
from tests.jobs.report.reader import Reader

APPROVED = ApprovedSensitivity(1.0, 0.681, 1.0, 18)
FOUND = Estimate(32 / 46, 0.5759, 0.8289, 46, 46, EXACT_METHOD)
STATEMENT = "Of 46 confirmed melanomas the model found 70 % (57 to 83 %); at approval 100 % (68 to 100 %)."


def truth(melanomas: int, found: Estimate) -> ProductionMetrics:
    labelled = dict.fromkeys(contract.CLASS_LABELS, 0) | {contract.MELANOMA: melanomas}
    return ProductionMetrics(labelled, undefined_estimate(), found, {}, {})


def test_the_statement_sets_production_beside_approval() -> None:
    assert monitor_wording.melanoma_statement(truth(46, FOUND), APPROVED) == STATEMENT


def test_a_baseline_without_the_figure_leaves_the_comparison_out() -> None:
    said = monitor_wording.melanoma_statement(truth(46, FOUND), None)
    assert said == "Of 46 confirmed melanomas the model found 70 % (57 to 83 %)."


@pytest.mark.parametrize(
    ("melanomas", "said"),
    [
        (0, "No melanoma is confirmed: too few"),
        (1, "1 melanoma is confirmed: too few"),
        (9, "9 melanomas are confirmed"),
    ],
)
def test_too_few_melanomas_give_no_figure(melanomas: int, said: str) -> None:
    assert monitor_wording.melanoma_statement(truth(melanomas, undefined_estimate()), APPROVED).startswith(said)


def test_a_model_without_an_operating_point_is_said_to_have_none_and_without_labels_nothing_is_said() -> None:
    assert "no operating point" in monitor_wording.melanoma_statement(truth(46, undefined_estimate()), APPROVED)
    assert monitor_wording.melanoma_statement(None, APPROVED) == ""


def drift(name: str, test: str, effect: float, baseline: float, window: float, **more: float | str) -> DriftCheck:
    threshold = {drift_tests.CHI_SQUARE: 0.25, drift_tests.BEYOND_RANGE: 0.5, drift_tests.BINOMIAL: 0.05}[test]
    return DriftCheck(name, test, effect, threshold, 1e-6, 0.01, baseline, window, **more)  # type: ignore[arg-type]


MIX = drift(
    drift_baseline.CLASS_MIX, drift_tests.CHI_SQUARE, 0.41, 0.6, 0.2, note="nv 60% of the baseline, 20% of the window"
)
SENTENCES = {
    "Brightness is lower: median 41.2, in the baseline 60.5. 71.2 % of the images lie beyond 99 % of the baseline; "
    "from 50 % on this is a violation.": drift(
        "brightness", drift_tests.BEYOND_RANGE, 0.712, 60.5, 41.2, direction=-0.9
    ),
    "Width is higher: median 1024, in the baseline 600. The model sees images resized to one size, so this is no "
    "violation.": drift("width", drift_tests.BEYOND_RANGE, 1.0, 600, 1024, direction=1.0, notice=True),
    "The mix of predicted classes differs: nv 60 % of the baseline, 20 % of the window. 41.0 % of the predictions are "
    "of another class than in the baseline; from 25 % on this is a violation.": MIX,
    "The mix of predicted classes differs: nv 60 % of the baseline, 20 % of the window. 41.0 % of the predictions are "
    "of another class than in the baseline; a practice has its own mix, so this is no violation.": replace(
        MIX, notice=True
    ),
    "7.5 % of the requests repeat an image that was sent before: one image was sent 9 times; 2.0 % is normal, and from "
    "5 % on this is a violation.": drift(
        drift_baseline.REPEATED_IMAGES, drift_tests.BINOMIAL, 0.075, 0.02, 0.075, note="one image was sent 9 times"
    ),
    "Black border has been lower for 6 windows with 1,312 images: by 0.62 standard deviations of the baseline; from "
    "0.75 on a lasting change is a violation.": LastingShift("black_border", -0.62, 9.0, 6, 1312),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_violation_is_one_sentence_with_both_sides_and_the_limit(sentence: str) -> None:
    assert monitor_wording.check_sentence(SENTENCES[sentence]) == sentence


def test_the_approved_sensitivity_is_part_of_the_baseline_and_an_older_baseline_has_none() -> None:
    constraints = drift_baseline.DriftConstraints(melanoma_threshold=0.2, approved_sensitivity=APPROVED)
    written = drift_baseline.constraints_json(constraints)
    assert drift_baseline.parse_constraints(written).approved_sensitivity == APPROVED
    older = {**written, "monitor": {**written["monitor"]}}  # type: ignore[dict-item]
    del older["monitor"]["approved_sensitivity"]  # type: ignore[attr-defined]
    assert drift_baseline.parse_constraints(older).approved_sensitivity is None


def test_page_log_and_summary_say_the_same_sentences_and_the_page_says_the_statement_first(room: Room) -> None:
    stream.write(room, traffic(shade=0.7))
    room.labels.mkdir(parents=True)
    rows = [f"ISIC_{number:07d},mel" for number in range(30)]
    (room.labels / "a.csv").write_text("\n".join(["image_id,label", *rows]) + "\n")
    constraints = room.baseline / drift_baseline.CONSTRAINTS_FILE
    known = drift_baseline.parse_constraints(json.loads(constraints.read_bytes()))
    limits = drift_baseline.constraints_json(replace(known, melanoma_threshold=0.2, approved_sensitivity=APPROVED))
    constraints.write_text(json.dumps(limits))
    assert run() == contract.EXIT_OK
    summary = room.document("monitor.json")
    statement = summary["statement"]
    assert statement.startswith("Of 30 confirmed melanomas the model found ")
    assert statement.endswith("; at approval 100 % (68 to 100 %).")
    text = Reader((room.output / "monitor.html").read_text()).text
    assert text.index("Research use only") < text.index(statement) < text.index("VIOLATED")
    violated = [each["sentence"] for each in summary["checks"] if each["violated"]]
    assert violated
    assert all(" ".join(sentence.split()) in text for sentence in violated)

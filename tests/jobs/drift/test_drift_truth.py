# SPDX-License-Identifier: MIT-0
"""Confirmed labels are joined with what was answered; what cannot be joined is counted and named."""

from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.drift import capture_window, ground_truth
from pipeline_src.drift.ground_truth import ConfirmedLabels
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.drift import stream


def written(folder: Path, text: str, name: str = "labels.csv") -> ConfirmedLabels:
    (folder / name).write_text(text)
    found = ground_truth.read_confirmed_labels(folder)
    assert found is not None
    return found


def case(each: int, wrong: int = 0) -> tuple[ConfirmedLabels, dict[str, tuple[float, ...]]]:
    """Return `each` labels of every class, of which `wrong` were answered with another class."""
    labels, answers = ConfirmedLabels(), {}
    for label in contract.CLASS_LABELS:
        for number in range(each):
            name = f"{label}{number}"
            labels.by_id[name] = label
            said = label if number >= wrong else ("nv" if label != "nv" else "mel")
            answers[name] = tuple(0.94 if other == said else 0.01 for other in contract.CLASS_LABELS)
    return labels, answers


def test_labels_are_read_by_any_of_their_names_from_every_table(tmp_path: Path) -> None:
    written(tmp_path, "image_id,label,date\nI1,mel,2026-12-01\n", "a.csv")
    found = written(tmp_path, "\ufeffevent_id,label\nE1, NV \n", "b.csv")
    assert found.by_id == {"I1": "mel", "E1": "nv"}


def test_without_a_table_there_are_no_labels(tmp_path: Path) -> None:
    assert ground_truth.read_confirmed_labels(tmp_path) is None
    assert ground_truth.read_confirmed_labels(tmp_path / "none") is None


def test_two_labels_for_one_id_are_a_conflict_and_none_is_used(tmp_path: Path) -> None:
    found = written(tmp_path, "id,label\nA,mel\nB,nv\nA,nv\nB,nv\n")
    assert found.by_id == {"B": "nv"}
    assert found.problems == {ground_truth.CONFLICTING_LABELS: ["A (mel and nv)"]}


def test_labels_outside_the_seven_and_rows_without_an_id_are_named(tmp_path: Path) -> None:
    found = written(tmp_path, "id,label\nA,melanoma\n,nv\nB\n")
    assert found.by_id == {}
    assert found.problems == {
        ground_truth.UNKNOWN_LABEL: ["A ('melanoma', labels.csv: line 2)", "B ('', labels.csv: line 4)"],
        ground_truth.NO_ID: ["labels.csv: line 3"],
    }


@pytest.mark.parametrize("content", [b"name,label\nA,mel\n", b"id,dx\nA,mel\n", b"", b"id,label\n\xff,mel\n"])
def test_a_table_without_its_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(BadInputError, match=r"labels\.csv"):
        ground_truth.read_confirmed_labels(tmp_path)


def test_an_id_that_was_not_captured_is_named() -> None:
    labels, answers = case(2)
    labels.by_id["X"] = "mel"
    found = ground_truth.score_answers(labels, answers, 0.5)
    assert found.problems == {ground_truth.UNMATCHED_ID: ["X"]}
    assert found.labelled == dict.fromkeys(contract.CLASS_LABELS, 2)


def test_an_id_that_was_sent_with_two_images_has_no_answer(room: stream.Room) -> None:
    """The same image sent again keeps its answer, whatever the order of the requests."""
    other = stream.captured(4, picture=stream.picture(9), answer=stream.answer(9))
    requests = [stream.captured(3), stream.captured(3), stream.captured(4), other]
    labels = ConfirmedLabels(by_id={"ISIC_0000003": "nv", "ISIC_0000004": "mel"})
    for order in (requests, requests[::-1]):
        stream.write(room, order)
        window = capture_window.read_capture_window(room.capture, stream.PERIOD, labels.by_id)
        made = ground_truth.score_answers(labels, window.answers, 0.5, window.reused)
        assert made.problems == {ground_truth.REUSED_ID: ["ISIC_0000004"]}
        assert sum(made.labelled.values()) == 1


def test_with_enough_labels_there_are_figures_with_intervals() -> None:
    found = ground_truth.score_answers(*case(20, wrong=5), 0.5)
    assert found.balanced_accuracy.value == pytest.approx(0.75)
    assert found.melanoma_sensitivity.value == pytest.approx(0.75)
    assert found.melanoma_sensitivity.lower == pytest.approx(0.509, abs=0.001)  # Clopper and Pearson, 15 of 20
    assert found.reasons == {}


def test_with_too_few_labels_a_reason_stands_instead_of_a_figure() -> None:
    found = ground_truth.score_answers(*case(ground_truth.MINIMUM_LABELS - 1), 0.5)
    assert (found.balanced_accuracy.value, found.melanoma_sensitivity.value) == (None, None)
    assert found.reasons["melanoma_sensitivity"] == "too few labels: 9 of 10 melanomas"
    assert found.reasons["balanced_accuracy"].startswith("too few labels: mel 9, nv 9")


def test_without_any_joined_label_nothing_is_measured() -> None:
    found = ground_truth.score_answers(ConfirmedLabels({"A": "mel"}), {}, 0.5)
    assert found.balanced_accuracy.images == 0
    assert set(found.reasons) == {"balanced_accuracy", "melanoma_sensitivity"}


def test_a_model_without_an_operating_point_has_no_melanoma_sensitivity() -> None:
    found = ground_truth.score_answers(*case(20), None)
    assert found.reasons == {"melanoma_sensitivity": "the model has no operating point"}


def test_the_ids_of_the_test_stream_are_those_that_labels_name() -> None:
    assert stream.captured(3)["eventMetadata"]["inferenceId"] == "ISIC_0000003"

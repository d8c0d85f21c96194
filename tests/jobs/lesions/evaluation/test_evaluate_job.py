# SPDX-License-Identifier: MIT-0
"""The Evaluate job maps folders and arguments onto the library; bad input ends with exit code 2 and nothing written."""

import errno
import json
import os
from pathlib import Path

import pytest

from pipeline_src import contract, gate
from pipeline_src.jobs import evaluate, failure
from tests.jobs.lesions.evaluation import case

ARGUMENTS = {
    "--melanoma-target-sensitivity": "0.85",
    "--gate-balanced-accuracy": "0.5",
    "--gate-melanoma-sensitivity": "0.4",
    "--gate-class-sensitivity": "0",
    "--gate-test-images": "1",
}


def run(**changes: str) -> int:
    """Run the job as its container does, with some arguments changed."""
    given = {**ARGUMENTS, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    arguments = [word for pair in given.items() for word in pair]
    return failure.run(lambda: evaluate.evaluate(evaluate.options(arguments)))


def written(room: case.Room) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(room.evaluation.iterdir())}


def test_the_outputs_are_the_promised_files_and_nothing_else(room: case.Room) -> None:
    assert run() == contract.EXIT_OK
    assert sorted(written(room)) == [
        "confusion_matrix.png",
        "evaluation.json",
        "per_class.png",
        "predictions.csv",
        "report.html",
        "roc.png",
    ]


def test_the_evaluation_has_every_key_that_others_read(room: case.Room) -> None:
    run()
    report = json.loads(written(room)["evaluation.json"], parse_constant=pytest.fail)
    assert report["schema"] == 1
    assert 0.7 < report["balanced_accuracy"] < 0.95
    assert report["accuracy"] > 0.7
    assert set(report["per_class"]["mel"]) == {"sensitivity", "specificity", "auc", "test_images"}
    assert set(report["melanoma"]) == {
        *("threshold", "target_sensitivity", "validation_sensitivity", "sensitivity", "specificity", "auc")
    }
    assert report["gate"]["verdict"] == "pass"
    assert [requirement["name"] for requirement in report["gate"]["requirements"]] == list(gate.FLOOR_PARAMETERS)
    assert all(isinstance(value, str) for value in report["headline"].values())
    assert report["headline"]["archive_sha256"] == "ab" * 32
    assert report["sources"] == {"synthetic": 216}
    assert report["counts"]["test"] == {"images": 108, "lesions": 55, "by_class": case.COUNTS}
    assert sum(map(sum, report["confusion_matrix"]["counts"])) == 108
    assert "confusion_matrix" in report["multiclass_classification_metrics"]


def test_the_same_input_gives_the_same_bytes(room: case.Room) -> None:
    run()
    first = written(room)
    run()
    assert written(room) == first


def test_each_argument_reaches_its_own_option() -> None:
    given = zip(ARGUMENTS, ("0.9", "0.1", "0.2", "0.3", "4"), strict=True)
    options = evaluate.options([word for pair in given for word in pair])
    assert options.melanoma_target_sensitivity == 0.9
    assert options.floors == gate.Floors(
        balanced_accuracy=0.1, melanoma_sensitivity=0.2, class_sensitivity=0.3, test_images=4
    )


def test_a_missed_floor_is_a_finished_job_with_a_reject(room: case.Room) -> None:
    assert run(gate_balanced_accuracy="0.999", gate_test_images="50") == contract.EXIT_OK
    verdict = json.loads(written(room)["evaluation.json"])["gate"]
    assert verdict["verdict"] == "reject"
    assert [requirement["passed"] for requirement in verdict["requirements"]] == [False, True, True, False]
    assert "wanted at least 0.999, got 0.8238; test_images: wanted at least 50, got 3 (df)" in verdict["reason"]


def test_the_target_sensitivity_reaches_the_operating_point(room: case.Room) -> None:
    thresholds = []
    for target in ("0.5", "1"):
        run(melanoma_target_sensitivity=target)
        thresholds.append(json.loads(written(room)["evaluation.json"])["melanoma"]["threshold"])
    assert thresholds[0] > thresholds[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("melanoma_target_sensitivity", "0"),
        ("melanoma_target_sensitivity", "nan"),
        ("gate_balanced_accuracy", "1.1"),
        ("gate_balanced_accuracy", "high"),
        ("gate_test_images", "-1"),
        ("gate_test_images", "2.5"),
        ("gate_surprise", "1"),
        ("gate_bal", "0.1"),
    ],
)
def test_a_wrong_argument_is_the_users_to_mend(room: case.Room, name: str, value: str) -> None:
    assert run(**{name: value}) == contract.EXIT_BAD_INPUT
    said = (room.root / "output" / "message").read_text()
    assert said.startswith("arguments: ")
    assert name.replace("_", "-") in said
    assert not room.evaluation.exists()


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(evaluate.argument.BadInputError, match="--gate-test-images"):
        evaluate.options([word for pair in list(ARGUMENTS.items())[:-1] for word in pair])


def test_a_missing_score_ends_as_bad_input_with_nothing_written(room: case.Room) -> None:
    (room.scores / "ISIC_mel_test_000.jpg.out").unlink()
    assert run() == contract.EXIT_BAD_INPUT
    assert "ISIC_mel_test_000.jpg.out: is missing" in (room.root / "output" / "failure").read_text()
    assert not room.evaluation.exists()


@pytest.mark.parametrize(("content", "said"), [(None, "is not there"), ("{", "is not JSON"), ("[]", "no JSON object")])
def test_a_broken_dataset_card_is_named(room: case.Room, content: str | None, said: str) -> None:
    path = room.dataset / contract.DATASET_CARD
    path.unlink() if content is None else path.write_text(content)
    assert run() == contract.EXIT_BAD_INPUT
    assert said in (room.root / "output" / "failure").read_text()


def test_a_class_missing_from_the_test_split_is_rejected_and_the_json_stays_strict(room: case.Room) -> None:
    listed = case.images({label: 0 if label == "df" else 4 for label in contract.CLASS_LABELS})
    for path in room.scores.iterdir():
        path.unlink()
    case.write(room, listed, case.probabilities(listed, skill=9))
    assert run(gate_test_images="0") == contract.EXIT_OK
    report = json.loads(written(room)["evaluation.json"], parse_constant=pytest.fail)
    assert report["per_class"]["df"]["sensitivity"] is None
    assert report["gate"]["verdict"] == "reject"
    assert "no valid figure (df)" in report["gate"]["reason"]


def test_a_full_disk_leaves_nothing_half_written(room: case.Room, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "report" in path.name:
            whole(path, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run() == contract.EXIT_BAD_INPUT
    assert list(room.evaluation.iterdir()) == []
    assert "the disk is full" in (room.root / "output" / "failure").read_text()

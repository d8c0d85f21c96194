# SPDX-License-Identifier: MIT-0
"""The Evaluate job maps folders and arguments onto the library; bad input ends with exit code 2 and nothing written."""

import errno
import json
import os
import re
from pathlib import Path

import pytest

from pipeline_src import contract, gate_thresholds
from pipeline_src.jobs import evaluate
from pipeline_src.runtime.errors import BadInputError
from tests.jobs.evaluation import case
from tests.jobs.evaluation.job import ARGUMENTS, evaluated, run, written

TEST_IMAGES = sum(case.COUNTS.values())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> case.Room:
    """Return the folders of a job that has run, for those who only look."""
    made = case.Room(tmp_path_factory.mktemp("finished") / "ml")
    listed = case.images()
    case.write(made, listed, case.probabilities(listed, skill=2.5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(made.root))
        assert run() == contract.EXIT_OK
    return made


def test_the_outputs_are_the_promised_files_and_nothing_else(finished: case.Room) -> None:
    pictures = {name for name in written(finished) if name.endswith(".png")}
    assert set(written(finished)) - pictures == {
        *("evaluation.json", "model_card.json", "predictions.csv", "report.html"),
        *("monitor_statistics.json", "monitor_constraints.json"),
    }
    assert {"confusion_matrix.png", "roc.png"} <= pictures


def test_the_evaluation_has_every_key_that_others_read(finished: case.Room) -> None:
    report = evaluated(finished)
    assert report["schema"] == 2
    assert 0.7 < report["balanced_accuracy"]["value"] < 0.95
    assert report["balanced_accuracy"]["lower"] < report["balanced_accuracy"]["value"]
    assert report["accuracy"]["value"] > 0.7
    assert report["melanoma"].keys() > {"threshold", "target_sensitivity", "sensitivity", "specificity", "auc"}
    assert report["gate"]["verdict"] == "pass"
    assert [requirement["name"] for requirement in report["gate"]["requirements"]] == list(
        gate_thresholds.THRESHOLD_PARAMETERS
    )
    assert list(report["gate"]["metadata"]) == list(gate_thresholds.THRESHOLD_PARAMETERS)
    assert all(isinstance(value, str) for value in report["headline"].values())
    assert report["headline"]["archive_sha256"] == "ab" * 32
    assert report["sources"] == {"synthetic": 2 * TEST_IMAGES}
    assert report["counts"]["test"] == {
        "images": TEST_IMAGES,
        "lesions": sum(-(-n // 2) for n in case.COUNTS.values()),
        "by_class": case.COUNTS,
    }
    assert sum(map(sum, report["confusion_matrix"]["counts"])) == TEST_IMAGES
    assert "confusion_matrix" in report["multiclass_classification_metrics"]


def test_the_card_in_the_evaluation_is_the_one_beside_it(finished: case.Room) -> None:
    assert evaluated(finished)["model_card"].encode() == written(finished)["model_card.json"]


def test_headlines_hold_only_what_a_model_package_may(finished: case.Room) -> None:
    for text in (*evaluated(finished)["headline"].values(), *evaluated(finished)["gate"]["metadata"].values()):
        assert re.fullmatch(r"[A-Za-z0-9 _.:/=+@-]{1,256}", text)


def test_what_the_job_is_told_to_note_stands_in_the_evaluation(room: case.Room) -> None:
    arguments = [word for pair in ARGUMENTS.items() for word in pair]
    noted = ["--noted", "SourceCommit=abc1234", "--noted", "LearningRateSteps=20,26=x", "--champion-package", "arn:1"]
    evaluate.run_evaluation(*evaluate.parse_evaluation_options([*arguments, *noted]))
    told = evaluated(room)["provenance"]
    assert told["SourceCommit"] == "abc1234"
    assert told["LearningRateSteps"] == "20,26=x"
    assert told["ChampionPackage"] == "arn:1"


@pytest.mark.parametrize(
    ("package", "begins"),
    [
        ("none", "EfficientNet-Lite"),
        ("arn:aws:sagemaker:us-east-1:111111111111:model-package/skin-lesion/3", "Trained from arn:aws:sagemaker:us-"),
    ],
)
def test_the_evaluation_and_the_card_name_the_algorithm_and_the_weights_that_it_started_from(
    room: case.Room, package: str, begins: str
) -> None:
    arguments = [word for pair in ARGUMENTS.items() for word in pair]
    noted = ["--noted", "Algorithm=linear_probe", "--noted", f"StartingPackage={package}"]
    evaluate.run_evaluation(*evaluate.parse_evaluation_options([*arguments, *noted]))
    told = evaluated(room)["provenance"]
    assert told["StartingPackage"] == package
    assert told["StartingWeights"].startswith(begins)
    assert told["Algorithm"] == "linear_probe"
    assert "EfficientNet-Lite0" in told["AlgorithmTitle"]
    assert "Apache-2.0" in told["StartingWeights"]
    details = json.loads(written(room)["model_card.json"])["additional_information"]["custom_details"]
    assert details["StartingWeights"] == told["StartingWeights"]


def test_the_same_input_gives_the_same_bytes(room: case.Room) -> None:
    run()
    first = written(room)
    run()
    assert written(room) == first


def test_each_argument_reaches_its_own_option() -> None:
    values = {name: str(number) if "images" in name else f"0.{number:02d}" for number, name in enumerate(ARGUMENTS, 1)}
    options, _ = evaluate.parse_evaluation_options([word for pair in values.items() for word in pair])
    assert options.melanoma_target_sensitivity == 0.01
    for floor in gate_thresholds.THRESHOLD_PARAMETERS:
        assert getattr(options.floors, floor) == float(values[f"--gate-{floor.replace('_', '-')}"])


def test_a_missed_floor_is_a_finished_job_with_a_reject(room: case.Room) -> None:
    assert run(gate_balanced_accuracy="0.999", gate_test_images="50") == contract.EXIT_OK
    verdict = evaluated(room)["gate"]
    assert verdict["verdict"] == "reject"
    missed = [requirement["name"] for requirement in verdict["requirements"] if not requirement["passed"]]
    assert missed == ["balanced_accuracy", "test_images"]
    assert "wanted at least 0.999, got 0.8238 [" in verdict["reason"]
    judged, advice = verdict["reason"].split(". What would help: ")
    assert judged.endswith("test_images: wanted at least 50, got 3 (df)")
    assert advice == " ".join(verdict["advice"])


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
        ("noted", "nothing"),
    ],
)
def test_a_wrong_argument_is_the_users_to_mend(room: case.Room, name: str, value: str) -> None:
    assert run(**{name: value}) == contract.EXIT_BAD_INPUT
    said = (room.root / "output" / "message").read_text()
    assert said.startswith("arguments: ")
    assert name.replace("_", "-") in said
    assert not room.evaluation.exists()


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(BadInputError, match="--gate-champion-melanoma-area-loss"):
        evaluate.parse_evaluation_options([word for pair in list(ARGUMENTS.items())[:-1] for word in pair])


def test_a_missing_score_ends_as_bad_input_with_nothing_written(room: case.Room) -> None:
    (room.scores / "ISIC_mel_test_000.jpg.out").unlink()
    assert run() == contract.EXIT_BAD_INPUT
    assert "ISIC_mel_test_000.jpg.out: not found" in (room.root / "output" / "failure").read_text()
    assert not room.evaluation.exists()


@pytest.mark.parametrize(("content", "said"), [(None, "not found"), ("{", "not JSON"), ("[]", "not a JSON object")])
def test_a_broken_dataset_card_is_named(room: case.Room, content: str | None, said: str) -> None:
    path = room.dataset / contract.DATASET_CARD_FILE
    path.unlink() if content is None else path.write_text(content)
    assert run() == contract.EXIT_BAD_INPUT
    assert said in (room.root / "output" / "failure").read_text()


def test_a_class_missing_from_the_test_split_is_rejected_and_the_json_stays_strict(room: case.Room) -> None:
    listed = case.images({label: 0 if label == "df" else 4 for label in contract.CLASS_LABELS})
    for path in room.scores.iterdir():
        path.unlink()
    case.write(room, listed, case.probabilities(listed, skill=9))
    assert run(gate_test_images="0") == contract.EXIT_OK
    report = evaluated(room)
    assert report["per_class"]["df"]["sensitivity"]["value"] is None
    assert report["gate"]["verdict"] == "reject"
    assert "no valid figure [n 0] (df)" in report["gate"]["reason"]


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

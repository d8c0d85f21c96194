# SPDX-License-Identifier: MIT-0
"""The training job of `linear_probe`: same data, same bytes; what it cannot use, it refuses by name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline_src import contract
from pipeline_src.algorithms import trained_model, training_channel
from pipeline_src.algorithms.linear_probe import backbone_network, feature_extraction
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor
from pipeline_src.dataset import recordio_format
from tests.jobs.algorithms import probe_case
from tests.jobs.algorithms.probe_case import CLASSES, SIDE, ProbeRoom

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def probe_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProbeRoom:
    monkeypatch.setenv("ML_ROOT", str(tmp_path))
    return ProbeRoom(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> ProbeRoom:
    """Return a finished job; for reading only."""
    room = ProbeRoom(tmp_path_factory.mktemp("trained"))
    room.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ML_ROOT", str(room.root))
        assert room.run() == 0
    return room


def test_the_artifact_is_what_the_server_loads_and_it_knows_the_classes(trained: ProbeRoom) -> None:
    model, manifest = onnx_artifact.read_model(trained.root / "model")
    assert (manifest.algorithm, manifest.labels, manifest.image_size) == ("linear_probe", contract.CLASS_LABELS, SIDE)
    assert manifest.weights["licence"] == "Apache-2.0"
    assert manifest.versions["onnxruntime"]
    predictor = ImagePredictor(model, manifest)
    answers = [predictor.predict(probe_case.picture(20_000 + label, label)) for label in range(CLASSES)]
    assert [int(np.argmax(answer)) for answer in answers] == list(range(CLASSES))


def test_an_artifact_that_answers_otherwise_than_the_training_is_no_result(
    trained: ProbeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_ROOT", str(trained.root))
    model, manifest = onnx_artifact.read_model(trained.root / "model")
    predictor, channel = ImagePredictor(model, manifest), training_channel.scan_channel("validation", SIDE)
    pictures = (probe_case.picture(image.number, image.label) for image in channel.images)
    answers = np.array([predictor.predict(picture) for picture in pictures])
    trained_model.check_answers(model, channel, answers, SIDE)
    for wrong in (answers + 0.01, answers * np.nan):
        with pytest.raises(ArithmeticError, match="off the training's"):
            trained_model.check_answers(model, channel, wrong, SIDE)


def test_features_and_out_of_fold_scores_are_kept_without_pickles(trained: ProbeRoom) -> None:
    with np.load(trained.root / "output/data/features.npz", allow_pickle=False) as found:
        assert found["train_features"].shape == (6 * CLASSES, backbone_network.FEATURES)
        assert found["validation_features"].shape == (2 * CLASSES, backbone_network.FEATURES)
        assert found["train_number"].tolist() == list(range(6 * CLASSES))
        assert found["train_lesion"][0] == recordio_format.lesion_number("0 0 0")
        assert found["train_sha256"].shape == (6 * CLASSES, 32)
    with np.load(trained.root / "output/data/out_of_fold.npz", allow_pickle=False) as found:
        assert found["probabilities"].sum(axis=1) == pytest.approx(np.ones(6 * CLASSES), abs=1e-5)
        assert set(found["fold"]) == set(range(5))


def test_the_report_has_every_strength_that_was_tried(trained: ProbeRoom) -> None:
    report = json.loads((trained.root / "output/data/training_report.json").read_text())
    assert report["regularization"] in [each["regularization"] for each in report["tried"]]
    assert report["images"] == {"train": 6 * CLASSES, "validation": 2 * CLASSES}


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_same_data_gives_the_same_bytes_whatever_the_number_of_threads(
    probe_room: ProbeRoom, trained: ProbeRoom, workers: int
) -> None:
    probe_room.prepare()
    assert probe_room.run(workers=workers) == 0
    assert probe_room.files("model", "output/data") == trained.files("model", "output/data")


def test_checkpoints_change_no_byte(probe_room: ProbeRoom, trained: ProbeRoom) -> None:
    """A job with fewer images goes before, and a file of its cache is damaged."""
    probe_room.prepare(per_class=5)
    assert probe_room.run() == 0
    (kept,) = (probe_room.root / "checkpoints").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    probe_room.prepare(per_class=4)
    assert probe_room.run() == 0
    probe_room.prepare()
    assert probe_room.run() == 0
    assert probe_room.files("model", "output/data") == trained.files("model", "output/data")


def test_repeated_records_change_nothing(probe_room: ProbeRoom, trained: ProbeRoom) -> None:
    probe_room.prepare()
    content = probe_case.records(6)
    probe_room.put("train", [*content, *content[:20], *content[:9]])
    probe_room.configure(len(content) + 29)
    assert probe_room.run() == 0
    assert probe_room.files("model") == trained.files("model")


def test_metrics_and_progress_are_lines_that_sagemaker_reads(
    probe_room: ProbeRoom, capsys: pytest.CaptureFixture[str]
) -> None:
    probe_room.prepare()
    assert probe_room.run() == 0
    log = capsys.readouterr().out
    values = re.findall(r"validation:balanced_accuracy=([0-9.]+);", log)
    assert [0 <= float(value) <= 1 for value in values] == [True]
    lines = [match for line in log.splitlines() if (match := contract.PROGRESS_PATTERN.fullmatch(line))]
    assert lines[-1]["done"] == lines[-1]["total"] == str(6 * CLASSES * 2 + 2 * CLASSES)


def test_a_given_strength_is_used_as_it_is(probe_room: ProbeRoom) -> None:
    probe_room.prepare(regularization="0.02")
    assert probe_room.run() == 0
    report = json.loads((probe_room.root / "output/data/training_report.json").read_text())
    assert [each["regularization"] for each in report["tried"]] == [0.02]


def test_the_command_trains_on_the_real_backbone(probe_room: ProbeRoom) -> None:
    probe_room.prepare(per_class=4)
    command = [sys.executable, "-m", "pipeline_src.algorithms.linear_probe.training_job"]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ImagePredictor(*onnx_artifact.read_model(probe_room.root / "model"))


def test_images_without_a_lesion_count_as_one_each_with_a_notice(
    probe_room: ProbeRoom, capsys: pytest.CaptureFixture[str]
) -> None:
    probe_room.prepare()
    plain = [recordio_format.encode_image_record(n % CLASSES, n, probe_case.picture(n, n % CLASSES)) for n in range(42)]
    probe_room.put("train", plain)
    assert probe_room.run() == 0
    assert "42 images name no lesion: each counts as one" in capsys.readouterr().out


def _refused(room: ProbeRoom) -> str:
    """Run the job; return why it refuses."""
    assert room.run() == contract.EXIT_BAD_INPUT
    assert not (room.root / "model").exists()
    return room.reason()


def test_more_than_one_host_is_refused(probe_room: ProbeRoom) -> None:
    probe_room.prepare()
    probe_room.configure(6 * CLASSES, hosts=2)
    assert "2 hosts (algo-1, algo-2): linear_probe trains on one. Set the number of instances" in _refused(probe_room)


def test_another_number_of_records_than_preprocess_wrote_is_refused(probe_room: ProbeRoom) -> None:
    """A file that was cut between two records looks whole."""
    probe_room.prepare()
    probe_room.configure(43)
    assert "train.rec: 42 records, but num_training_samples is 43" in _refused(probe_room)


def test_another_number_of_classes_is_refused(probe_room: ProbeRoom) -> None:
    probe_room.prepare(num_classes="6")
    assert "'num_classes': '6': must be 7" in _refused(probe_room)


def test_a_class_without_a_training_image_is_refused_before_anything_is_computed(probe_room: ProbeRoom) -> None:
    probe_room.prepare()
    content = [record for n, record in enumerate(probe_case.records(6)) if n % CLASSES != 3]
    probe_room.put("train", content)
    probe_room.configure(len(content))
    assert f"class {contract.CLASS_LABELS[3]!r}: no image" in _refused(probe_room)
    assert not (probe_room.root / "checkpoints").exists()


def test_a_class_of_one_lesion_is_trained_with_a_warning(
    probe_room: ProbeRoom, capsys: pytest.CaptureFixture[str]
) -> None:
    probe_room.prepare()
    content = [record for n, record in enumerate(probe_case.records(6)) if n % CLASSES != 3 or n < 2 * CLASSES]
    probe_room.put("train", content)
    probe_room.configure(len(content))
    assert probe_room.run() == contract.EXIT_OK
    assert f"class {contract.CLASS_LABELS[3]!r}: images of 1 lesion" in capsys.readouterr().out


@pytest.mark.parametrize("channel", ["train", "validation"])
def test_a_missing_channel_is_refused_by_name(probe_room: ProbeRoom, channel: str) -> None:
    probe_room.prepare()
    (probe_room.root / "input/data" / channel / f"{channel}.rec").unlink()
    assert f"channel {channel!r}" in _refused(probe_room)


def test_a_file_damaged_in_the_middle_is_refused_with_the_byte(probe_room: ProbeRoom) -> None:
    probe_room.prepare()
    content = probe_case.records(6)
    offset = sum(map(len, content[:20]))
    damaged = bytearray(b"".join(content))
    damaged[offset] ^= 1
    probe_room.put("train", [bytes(damaged)])
    assert f"train.rec: record 20: damaged: no record begins at byte {offset}" in _refused(probe_room)


def test_features_that_are_not_finite_are_refused(probe_room: ProbeRoom) -> None:
    probe_room.prepare()
    assert probe_room.run(scale=float("inf")) == contract.EXIT_BAD_INPUT
    assert "the backbone's features are not finite" in probe_room.reason()


def test_a_full_disk_is_for_the_user_to_mend(probe_room: ProbeRoom) -> None:
    """/dev/full takes no byte, as a full disk."""
    probe_room.prepare()
    (probe_room.root / "checkpoints").mkdir()
    (probe_room.root / "checkpoints/features.partial").symlink_to("/dev/full")
    assert "the disk is full. Free some space" in _refused(probe_room)


def test_views_are_at_most_eight(probe_room: ProbeRoom) -> None:
    probe_room.prepare(image_views=str(feature_extraction.VIEWS))
    assert probe_room.run() == 0

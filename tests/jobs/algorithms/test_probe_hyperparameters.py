# SPDX-License-Identifier: MIT-0
"""Hyperparameters are texts; an unknown or wrong one is refused by name."""

from pathlib import Path

import pytest

from pipeline_src import contract
from pipeline_src.algorithms.linear_probe import probe_hyperparameters
from pipeline_src.runtime.errors import BadInputError

CLASSES = str(len(contract.CLASS_LABELS))
REQUIRED = {"num_classes": CLASSES, "num_training_samples": "40"}
BACKBONES = ("efficientnet_lite0", "other")


def _parse(**given: object) -> probe_hyperparameters.ProbeHyperparameters:
    return probe_hyperparameters.parse_probe_hyperparameters(REQUIRED | given, "file", BACKBONES)


def test_all_but_two_have_a_default() -> None:
    found = _parse()
    assert (found.num_training_samples, found.image_side, found.backbone) == (40, 224, "efficientnet_lite0")
    assert (found.image_views, found.regularization, found.seed) == (2, None, 0)


def test_texts_become_numbers() -> None:
    found = _parse(image_shape="3,96,96", image_views="8", regularization="1e-3", seed=" 7 ", backbone="other")
    assert (found.image_side, found.image_views, found.regularization, found.seed) == (96, 8, 0.001, 7)
    assert found.backbone == "other"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("num_classes", "6", f"{CLASSES}, the number of classes in class_labels.py"),
        ("num_classes", "8", f"{CLASSES}, the number of classes"),
        ("num_training_samples", "0", "a whole number from 1"),
        ("image_shape", "3,224,225", "3,SIDE,SIDE"),
        ("image_shape", "1,224,224", "3,SIDE,SIDE"),
        ("image_shape", "224", "3,SIDE,SIDE"),
        ("image_shape", "3,7,7", "3,SIDE,SIDE with a side from 8 to 2048"),
        ("backbone", "resnet50", "one of efficientnet_lite0, other"),
        ("image_views", "9", "a whole number from 1 to 8"),
        ("image_views", "0", "a whole number from 1 to 8"),
        ("image_views", "2.5", "a whole number from 1 to 8"),
        ("regularization", "0", "auto, or a number from 1e-06 to 1e+06"),
        ("regularization", "nan", "auto, or a number"),
        ("regularization", "inf", "auto, or a number"),
        ("regularization", "automatic", "auto, or a number"),
        ("seed", "-1", "a whole number from 0 to"),
    ],
)
def test_a_wrong_value_is_refused_with_name_value_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(BadInputError) as caught:
        _parse(**{name: value})
    assert str(caught.value).startswith(f"file: {name!r}: {value!r}: must be {allowed}")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInputError, match=r"file: 'image_view': .* the nearest is 'image_views'"):
        _parse(image_view="2")


def test_a_missing_one_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match="'num_training_samples' is missing"):
        probe_hyperparameters.parse_probe_hyperparameters({"num_classes": CLASSES}, "file", BACKBONES)


def test_a_number_instead_of_a_text_is_refused() -> None:
    with pytest.raises(BadInputError, match="'seed': 7 is not a text"):
        _parse(seed=7)


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_file_that_is_no_object_is_refused_by_path(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "hyperparameters.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadInputError, match=str(path)):
        probe_hyperparameters.read_probe_hyperparameters(path, BACKBONES)

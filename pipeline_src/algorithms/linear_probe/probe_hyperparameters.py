# SPDX-License-Identifier: MIT-0
"""The hyperparameters of `linear_probe`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_src.algorithms import hyperparameter_rules
from pipeline_src.algorithms.hyperparameter_rules import Rule

AUTOMATIC: Final = "auto"
IMAGE_VIEWS: Final = range(1, 9)
REGULARIZATION_LIMITS: Final = (1e-6, 1e6)


@dataclass(frozen=True, kw_only=True)
class ProbeHyperparameters:
    """The hyperparameters of a training job.

    Attributes:
        num_classes: number of classes.
        num_training_samples: number of records in the channel `train`.
        image_side: side of the recorded images in pixels.
        backbone: name of the pretrained network.
        image_views: views of each training image, of its eight flips and quarter turns; the first is the image itself.
        regularization: inverse strength C of the head's L2 penalty; None to choose it by cross-validation.
        seed: seed of the cross-validation's folds.
    """

    num_classes: int
    num_training_samples: int
    image_side: int
    backbone: str
    image_views: int
    regularization: float | None
    seed: int


def parse_probe_hyperparameters(
    given: Mapping[str, object], place: str, backbones: tuple[str, ...]
) -> ProbeHyperparameters:
    """Return the hyperparameters in `given`, with the defaults of the others.

    Args:
        given: values by name, as in hyperparameters.json.
        place: where they stand, for messages.
        backbones: names of the backbones; the first is the default.

    Raises:
        BadInputError: a name is unknown or missing, or a value is not allowed.
    """
    strength = hyperparameter_rules.number(*REGULARIZATION_LIMITS)
    rules = hyperparameter_rules.common_rules() | {
        "backbone": hyperparameter_rules.choice(backbones),
        "image_views": hyperparameter_rules.whole_number(IMAGE_VIEWS, "2"),
        "regularization": Rule(
            lambda text: None if text == AUTOMATIC else strength.read(text),
            f"{AUTOMATIC}, or {strength.allowed}",
            AUTOMATIC,
        ),
    }
    values = hyperparameter_rules.parse_hyperparameters(given, rules, algorithm="linear_probe", place=place)
    values["image_side"] = values.pop("image_shape")
    return ProbeHyperparameters(**values)


def read_probe_hyperparameters(path: Path, backbones: tuple[str, ...]) -> ProbeHyperparameters:
    """Return the hyperparameters in the file at `path`.

    Raises:
        BadInputError: the file is missing or no JSON object, or as `parse_probe_hyperparameters`.
    """
    given = hyperparameter_rules.read_hyperparameters_file(path)
    return parse_probe_hyperparameters(given, str(path), backbones)

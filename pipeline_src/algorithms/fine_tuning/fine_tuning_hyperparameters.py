# SPDX-License-Identifier: MIT-0
"""The hyperparameters of `fine_tuning`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_src.algorithms import hyperparameter_rules
from pipeline_src.algorithms.efficientnet_lite.onnx_network import STAGES

# Images whose batch norms are computed together, on one device. A batch is several such groups.
GROUP_IMAGES: Final = 16
PRETRAINED: Final = "imagenet"
RANDOM: Final = "random"


@dataclass(frozen=True, kw_only=True)
class FineTuningHyperparameters:
    """The hyperparameters of a training job.

    Attributes:
        num_classes: Number of classes.
        num_training_samples: Number of records in the channel `train`.
        image_side: Side of the recorded images in pixels.
        seed: Seed of the order of the images, of their augmentation and of dropout.
        backbone: Name of the pretrained network.
        initial_weights: `PRETRAINED`, or `RANDOM` for a comparison.
        epochs: Passes over the training images, unless the training stops earlier.
        batch_size: Images of one step on all devices together, a multiple of `GROUP_IMAGES`.
        learning_rate: The highest of the schedule.
        weight_decay: Of AdamW, for weights and not for biases and norms.
        label_smoothing: Share of each label that is spread over all classes.
        patience: Epochs without a better balanced accuracy on validation after which the training stops.
    """

    num_classes: int
    num_training_samples: int
    image_side: int
    seed: int
    backbone: str
    initial_weights: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    patience: int


def parse_fine_tuning_hyperparameters(given: Mapping[str, object], place: str) -> FineTuningHyperparameters:
    """Return the hyperparameters in `given`, with the defaults of the others.

    Args:
        given: Texts by name, as in hyperparameters.json.
        place: Where they stand, for messages.

    Raises:
        BadInputError: A name is unknown or missing, or a value is not allowed.
    """
    batches = hyperparameter_rules.whole_number(range(GROUP_IMAGES, 1025, GROUP_IMAGES), "64")
    rules = hyperparameter_rules.common_rules() | {
        "backbone": hyperparameter_rules.choice(tuple(STAGES)),
        "initial_weights": hyperparameter_rules.choice((PRETRAINED, RANDOM)),
        "epochs": hyperparameter_rules.whole_number(range(1, 1001), "10"),
        "batch_size": batches._replace(allowed=f"a multiple of {GROUP_IMAGES} up to 1024"),
        "learning_rate": hyperparameter_rules.number(1e-7, 1.0, "0.001"),
        "weight_decay": hyperparameter_rules.number(0.0, 1.0, "0.05"),
        "label_smoothing": hyperparameter_rules.number(0.0, 0.5, "0.1"),
        "patience": hyperparameter_rules.whole_number(range(1, 1001), "5"),
    }
    values = hyperparameter_rules.parse_hyperparameters(given, rules, algorithm="fine_tuning", place=place)
    values["image_side"] = values.pop("image_shape")
    return FineTuningHyperparameters(**values)


def read_fine_tuning_hyperparameters(path: Path) -> FineTuningHyperparameters:
    """Return the hyperparameters in the file at `path`.

    Raises:
        BadInputError: The file is missing or no JSON object, or as `parse_fine_tuning_hyperparameters`.
    """
    return parse_fine_tuning_hyperparameters(hyperparameter_rules.read_hyperparameters_file(path), str(path))

# SPDX-License-Identifier: MIT-0
"""The hyperparameters of the built-in `image-classification` algorithm, as far as they are known beforehand.

Standard library only. `image_shape` and `num_training_samples` are joined and read in pipeline.py.
Source: SageMaker Developer Guide, "Image Classification Hyperparameters".
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from pipeline_src import contract

# Hyperparameters that no run changes.
# `checkpoint_frequency` stays unset, so that the artifact holds the epoch that was best on validation and no other.
FIXED: Final = {
    "num_classes": str(len(contract.CLASS_LABELS)),
    "use_pretrained_model": "0",  # weights would have to be fetched, and the job has no network
    "augmentation_type": "crop_color_transform",
    "optimizer": "sgd",
    "momentum": "0.9",
    "weight_decay": "0.0001",
    "lr_scheduler_factor": "0.1",
    "early_stopping": "True",
    "early_stopping_min_epochs": "15",
    "early_stopping_patience": "6",
}
# Tells trainings apart whose fixed hyperparameters differ, as those of two versions of this file do.
DIGEST: Final = hashlib.sha256(json.dumps(FIXED, sort_keys=True).encode()).hexdigest()[:12]
# Hyperparameter -> pipeline parameter that sets it.
PARAMETERS: Final = {
    "num_layers": "NumLayers",
    "epochs": "Epochs",
    "learning_rate": "LearningRate",
    "lr_scheduler_step": "LearningRateSteps",
    "mini_batch_size": "MiniBatchSize",
}


@dataclass(frozen=True)
class Range:
    """What a tuning tries for one hyperparameter: all from `low` to `high`, in whole numbers where both are whole.

    Attributes:
        name: Of the hyperparameter.
        noted: As what the report notes the value that was best; the pipeline parameter's name where there is one.
        low: The least.
        high: The most.
        scaling: How the values between are spread: ``Linear``, or ``Logarithmic``, by their orders of magnitude.
    """

    name: str
    noted: str
    low: float
    high: float
    scaling: str

    @property
    def kind(self) -> str:
        """The service's word for it: ``Integer`` or ``Continuous``."""
        return "Integer" if isinstance(self.low, int) and isinstance(self.high, int) else "Continuous"


# What the algorithm reports after each epoch, and a tuning looks for the most of.
OBJECTIVE: Final = "validation:accuracy"
# A decade or so around the values above, within what the Developer Guide recommends ("Tune an Image Classification
# Model": rate 1e-6 to 0.5, batch 8 to 512, momentum and weight decay 0 to 0.999). The optimizer stays: another one
# reads other hyperparameters, of which a random draw would waste most. 64 pictures fit deep networks into 16 GB.
RANGES: Final = (
    Range("learning_rate", "LearningRate", 0.001, 0.1, "Logarithmic"),
    Range("mini_batch_size", "MiniBatchSize", 16, 64, "Logarithmic"),
    Range("momentum", "Momentum", 0.8, 0.98, "Linear"),
    Range("weight_decay", "WeightDecay", 0.00001, 0.001, "Logarithmic"),
)
# Pipeline parameters that a tuning leaves nothing to say.
UNUSED_WHEN_TUNED: Final = tuple(
    parameter for name, parameter in PARAMETERS.items() if name in {each.name for each in RANGES}
)

# SPDX-License-Identifier: MIT-0
"""The parameters of the pipeline, and the hyperparameters of the built-in `image-classification` algorithm.

Standard library only. Every default works after a deployment and one upload. `InputArchive`, `AdditionalArchive` and
`ChampionPredictions` are declared in pipeline.py, because their defaults name objects of the deployment; `image_shape`
and `num_training_samples` are computed there.
Source: SageMaker Developer Guide, "Image Classification Hyperparameters".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pipeline_src import contract, gate_thresholds


@dataclass(frozen=True)
class PipelineParameter:
    """One pipeline parameter; the type of its default is its type, and `choices` are its only values if given."""

    name: str
    default: str | int | float
    choices: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Name of the SDK's class for it."""
        return {str: "ParameterString", int: "ParameterInteger", float: "ParameterFloat"}[type(self.default)]

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments by which the SDK takes it."""
        choices = {"enum_values": list(self.choices)} if self.choices else {}
        return {"name": self.name, "default_value": self.default, **choices}


_DEFAULT_THRESHOLDS: Final = asdict(gate_thresholds.THRESHOLD_PROFILES["default"])

# Which types each step can use is said in instance_types.py, against which the settings are checked.
PIPELINE_PARAMETERS: Final = (
    PipelineParameter("PreprocessInstanceType", "ml.c5.xlarge"),
    PipelineParameter("TrainInstanceType", "ml.g4dn.xlarge"),
    PipelineParameter("TrainInstanceCount", 1),
    PipelineParameter("ScoreInstanceType", "ml.c5.xlarge"),
    PipelineParameter("ScoreInstanceCount", 1),
    PipelineParameter("EvaluateInstanceType", "ml.m5.large"),
    PipelineParameter("ImageSize", 224),
    PipelineParameter("ValidationFraction", 0.15),
    PipelineParameter("TestFraction", 0.20),
    PipelineParameter("ClassBalance", "repeat", ("none", "repeat")),
    PipelineParameter("RepeatCap", 10),
    PipelineParameter("AllowedMissingImages", 0),
    # Training images that look like a held-out one: left out, only listed, or the job fails.
    PipelineParameter("NearDuplicates", "drop", ("drop", "report", "fail")),
    PipelineParameter("NumLayers", 18),
    PipelineParameter("Epochs", 30),
    PipelineParameter("LearningRate", 0.01),
    # Epochs after which the rate is divided by ten; later ones than Epochs are never reached.
    PipelineParameter("LearningRateSteps", "20,26"),
    PipelineParameter("MiniBatchSize", 32),
    PipelineParameter("MelanomaTargetSensitivity", 0.85),
    *(
        PipelineParameter(name, _DEFAULT_THRESHOLDS[floor])
        for floor, name in gate_thresholds.THRESHOLD_PARAMETERS.items()
    ),
    PipelineParameter(
        "ModelApprovalStatus", "PendingManualApproval", ("PendingManualApproval", "Approved", "Rejected")
    ),
    # The commit that the execution was started for; recorded in the report and the model package.
    PipelineParameter(contract.SOURCE_COMMIT_PARAMETER, "unknown"),
    # The model package whose predictions ChampionPredictions names; recorded in the report.
    PipelineParameter(contract.CHAMPION_PACKAGE_PARAMETER, contract.NO_PACKAGE),
)


def parameters_with_defaults(defaults: Mapping[str, str | int | float]) -> tuple[PipelineParameter, ...]:
    """Return `PIPELINE_PARAMETERS` with the defaults that `defaults` gives.

    Raises:
        ValueError: `defaults` names no parameter, or gives a value of another type or none of its choices.
    """
    unknown = sorted(defaults.keys() - {each.name for each in PIPELINE_PARAMETERS})
    if unknown:
        raise ValueError(
            f"pipeline parameters {unknown}: unknown. Known: {[each.name for each in PIPELINE_PARAMETERS]}."
        )
    return tuple(_with_default(each, defaults.get(each.name, each.default)) for each in PIPELINE_PARAMETERS)


def _with_default(given: PipelineParameter, default: str | float) -> PipelineParameter:
    if type(default) is not type(given.default):
        wanted = type(given.default).__name__
        raise ValueError(f"pipeline parameter {given.name}: {default!r} is no {wanted}. Give a {wanted}.")
    if given.choices and default not in given.choices:
        raise ValueError(f"pipeline parameter {given.name}: {default!r} is none of {given.choices}.")
    return replace(given, default=default)


# Hyperparameters that no run changes.
# `checkpoint_frequency` stays unset, so that the artifact holds the epoch that was best on validation and no other.
FIXED_HYPERPARAMETERS: Final = {
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
# Distinguishes trainings whose fixed hyperparameters differ, such as those of two versions of this file.
FIXED_HYPERPARAMETERS_DIGEST: Final = hashlib.sha256(
    json.dumps(FIXED_HYPERPARAMETERS, sort_keys=True).encode()
).hexdigest()[:12]
# Hyperparameter -> pipeline parameter that sets it.
PARAMETER_OF_HYPERPARAMETER: Final = {
    "num_layers": "NumLayers",
    "epochs": "Epochs",
    "learning_rate": "LearningRate",
    "lr_scheduler_step": "LearningRateSteps",
    "mini_batch_size": "MiniBatchSize",
}


@dataclass(frozen=True)
class HyperparameterRange:
    """The range of one hyperparameter in a tuning, from `low` to `high`; integers where both are integers.

    Attributes:
        name: Of the hyperparameter.
        noted: Name of the best value in the report; the pipeline parameter's name where there is one.
        low: Lower bound.
        high: Upper bound.
        scaling: ``Linear``, or ``Logarithmic`` for values that differ by orders of magnitude.
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


# The metric that the algorithm reports after each epoch, and that a tuning maximizes.
TUNING_OBJECTIVE: Final = "validation:accuracy"
# A decade or so around the values above, within what the Developer Guide recommends ("Tune an Image Classification
# Model": rate 1e-6 to 0.5, batch 8 to 512, momentum and weight decay 0 to 0.999). The optimizer stays: another one
# reads other hyperparameters, of which a random draw would waste most. 64 images fit deep networks into 16 GB.
TUNING_RANGES: Final = (
    HyperparameterRange("learning_rate", "LearningRate", 0.001, 0.1, "Logarithmic"),
    HyperparameterRange("mini_batch_size", "MiniBatchSize", 16, 64, "Logarithmic"),
    HyperparameterRange("momentum", "Momentum", 0.8, 0.98, "Linear"),
    HyperparameterRange("weight_decay", "WeightDecay", 0.00001, 0.001, "Logarithmic"),
)
# Pipeline parameters without effect in a tuning.
PARAMETERS_UNUSED_WHEN_TUNED: Final = tuple(
    parameter
    for name, parameter in PARAMETER_OF_HYPERPARAMETER.items()
    if name in {each.name for each in TUNING_RANGES}
)

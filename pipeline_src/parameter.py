# SPDX-License-Identifier: MIT-0
"""The parameters of the pipeline: what a run may change, with the values it takes otherwise.

Standard library only. Every default works after a deployment and one upload; `InputArchive`,
`AdditionalArchive` and `ChampionPredictions` stand in builder.py because their defaults name objects of the
deployment.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pipeline_src import contract, gate


@dataclass(frozen=True)
class Parameter:
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


_FLOORS: Final = asdict(gate.PROFILES["default"])

# Which types each step can use is said in instance_types.py, against which the settings are checked.
PARAMETERS: Final = (
    Parameter("PreprocessInstanceType", "ml.c5.xlarge"),
    Parameter("TrainInstanceType", "ml.g4dn.xlarge"),
    Parameter("TrainInstanceCount", 1),
    Parameter("ScoreInstanceType", "ml.c5.xlarge"),
    Parameter("ScoreInstanceCount", 1),
    Parameter("EvaluateInstanceType", "ml.m5.large"),
    Parameter("ImageSize", 224),
    Parameter("ValidationFraction", 0.15),
    Parameter("TestFraction", 0.20),
    Parameter("ClassBalance", "repeat", ("none", "repeat")),
    Parameter("RepeatCap", 10),
    Parameter("AllowedMissingImages", 0),
    # What becomes of training images that look the same as a held-out one: left out, listed alone, or the job fails.
    Parameter("NearDuplicates", "drop", ("drop", "report", "fail")),
    Parameter("NumLayers", 18),
    Parameter("Epochs", 30),
    Parameter("LearningRate", 0.01),
    # Epochs after which the rate is divided by ten; later ones than Epochs are never reached.
    Parameter("LearningRateSteps", "20,26"),
    Parameter("MiniBatchSize", 32),
    Parameter("MelanomaTargetSensitivity", 0.85),
    *(Parameter(name, _FLOORS[floor]) for floor, name in gate.FLOOR_PARAMETERS.items()),
    Parameter("ModelApprovalStatus", "PendingManualApproval", ("PendingManualApproval", "Approved", "Rejected")),
    # The version of this repository that the execution was started for: noted in the report and the model package.
    Parameter(contract.SOURCE_COMMIT, "unknown"),
    # The model package whose predictions ChampionPredictions names; noted in the report.
    Parameter(contract.CHAMPION_PACKAGE, contract.NO_PACKAGE),
)


def parameters(defaults: Mapping[str, str | int | float]) -> tuple[Parameter, ...]:
    """Return `PARAMETERS`, those that `defaults` names with the default it gives.

    Raises:
        ValueError: `defaults` names no parameter, or gives a value of another type or none of its choices.
    """
    unknown = sorted(defaults.keys() - {each.name for each in PARAMETERS})
    if unknown:
        raise ValueError(f"pipeline parameters {unknown}: unknown. Known: {[each.name for each in PARAMETERS]}.")
    return tuple(_with_default(each, defaults.get(each.name, each.default)) for each in PARAMETERS)


def _with_default(given: Parameter, default: str | float) -> Parameter:
    if type(default) is not type(given.default):
        wanted = type(given.default).__name__
        raise ValueError(f"pipeline parameter {given.name}: {default!r} is no {wanted}. Give a {wanted}.")
    if given.choices and default not in given.choices:
        raise ValueError(f"pipeline parameter {given.name}: {default!r} is none of {given.choices}.")
    return replace(given, default=default)

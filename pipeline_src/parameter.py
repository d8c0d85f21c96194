# SPDX-License-Identifier: MIT-0
"""The parameters of the pipeline: what a run may change, with the values it takes otherwise.

Standard library only. Every default works after a deployment and one upload; `InputArchive` stands in
pipeline.py because its default names the deployment's bucket.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from pipeline_src import gate


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

# Instances with local NVMe storage (c5d, m5d, g4dn, g5 ...) encrypt it by themselves, and the service refuses a
# volume key for them: they are for Train, which names none, and for no other step.
PARAMETERS: Final = (
    Parameter("PreprocessInstanceType", "ml.c5.xlarge"),
    Parameter("PreprocessInstanceCount", 1),
    # The built-in algorithm trains on GPU only: g4dn and g5.
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
    Parameter("NumLayers", 18),
    Parameter("Epochs", 30),
    Parameter("LearningRate", 0.01),
    # Epochs after which the rate is divided by ten; later ones than Epochs are never reached.
    Parameter("LearningRateSteps", "20,26"),
    Parameter("MiniBatchSize", 32),
    Parameter("MelanomaTargetSensitivity", 0.85),
    *(Parameter(name, _FLOORS[floor]) for floor, name in gate.FLOOR_PARAMETERS.items()),
    Parameter("ModelApprovalStatus", "PendingManualApproval", ("PendingManualApproval", "Approved", "Rejected")),
)

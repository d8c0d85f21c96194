# SPDX-License-Identifier: MIT-0
"""Parameter values by which a run suits the machine (`--scale`) and the purpose (`--profile`).

``full`` takes the definition's own values, meant for a GPU. ``laptop`` trains a small network on small pictures:
minutes on two cores.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from local.document import Json
from pipeline_src import gate

SCALES: Final[Mapping[str, Mapping[str, Json]]] = {
    "laptop": {
        "ImageSize": 28,
        "NumLayers": 20,
        "Epochs": 15,
        "LearningRate": 0.05,
        "LearningRateSteps": "10,13",
        "MiniBatchSize": 32,
    },
    "full": {},
}


def floors(profile: str) -> dict[str, Json]:
    """Return the gate's floors of `profile`, by parameter name."""
    values = asdict(gate.PROFILES[profile])
    return {name: values[floor] for floor, name in gate.FLOOR_PARAMETERS.items()}

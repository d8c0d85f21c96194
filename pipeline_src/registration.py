# SPDX-License-Identifier: MIT-0
"""What a model package says of its model, so that whoever approves, ships or audits it needs nothing else.

Standard library only: plain values, in the words of the SageMaker SDK's `register`, which pipeline.py hands them to.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pipeline_src import contract, gate, instance_types

# JPEG alone is trained on, evaluated and monitored, so no other kind of picture is promised. Instance types are those
# that the settings accept.
INFERENCE: Final = {
    "content_types": [contract.IMAGE_CONTENT_TYPE, "image/jpeg"],
    "response_types": [contract.JSON_CONTENT_TYPE],
    "inference_instances": instance_types.allowed(instance_types.ENDPOINT),
    "transform_instances": instance_types.allowed(instance_types.TRANSFORM),
    "domain": "COMPUTER_VISION",
    "task": "IMAGE_CLASSIFICATION",
}
# A person approves the package, and the card with it.
CARD_STATUS: Final = "PendingReview"
# Keys below `headline` of evaluation.json that the model package carries for whoever approves it.
HEADLINES: Final = (
    "balanced_accuracy",
    "melanoma_sensitivity",
    "melanoma_specificity",
    "melanoma_threshold",
    "test_images",
    "temperature",
    "champion_difference",
)


def metadata(evaluation: Callable[[str], Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that come from the evaluation and from the pipeline's parameters.

    Args:
        evaluation: gives the value at a path of evaluation.json.
        parameters: the pipeline's parameters by name.
    """
    requirements = {
        contract.METADATA_REQUIREMENT + name: evaluation(f"{contract.REQUIREMENT_PATH}.{name}")
        for name in gate.FLOOR_PARAMETERS
    }
    return {
        contract.METADATA_COMMIT: parameters[contract.SOURCE_COMMIT],
        contract.METADATA_CHAMPION: parameters[contract.CHAMPION_PACKAGE],
        **{name: evaluation(f"headline.{name}") for name in HEADLINES},
        **requirements,
    }

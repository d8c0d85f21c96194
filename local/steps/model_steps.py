# SPDX-License-Identifier: MIT-0
"""Executes Model and RegisterModel steps, which create descriptions and start no jobs."""

import json
from typing import Final

from local.errors import StepError
from local.json_files import JsonObject
from local.steps.step_context import StepContext, StepResult

_CARD_LENGTH: Final = 100_000  # characters; source: SageMaker API, ModelCardContent


def create_model(arguments: JsonObject, context: StepContext) -> StepResult:
    """Create a model: a container and an artifact under a name.

    Raises:
        StepError: The artifact does not exist.
    """
    _require_artifact(arguments["PrimaryContainer"], context)
    arn = context.identity.arn("model", context.job_name)
    properties = arguments | {"ModelName": context.job_name, "ModelArn": arn}
    return StepResult(properties, {"Model": {"Arn": arn}})


def register_model_package(arguments: JsonObject, context: StepContext) -> StepResult:
    """Add a version to the model package group.

    Raises:
        StepError: An artifact or a metrics file does not exist, or the model card is not valid.
    """
    _check_card(arguments.get("ModelCard", {}).get("ModelCardContent", "{}"))
    for container in arguments["InferenceSpecification"]["Containers"]:
        _require_artifact(container, context)
    for metrics in arguments.get("ModelMetrics", {}).values():
        for source in metrics.values():
            if isinstance(source, dict) and "S3Uri" in source:
                context.store.objects(source["S3Uri"])
    prefix = context.identity.arn("", "").removesuffix(":/")
    package = context.registry.create(arguments, prefix)
    return StepResult(package, {"RegisterModel": {"Arn": package["ModelPackageArn"]}})


def _require_artifact(container: JsonObject, context: StepContext) -> None:
    uri = container.get("ModelDataUrl", "")
    if not context.store.path(uri).is_file():
        raise StepError(f"ModelDataUrl {uri!r}: no such object. Use the ModelArtifacts of a Training step.")


def _check_card(text: str) -> None:
    """Check what the service requires of a model card; of its schema, only that it is an object."""
    try:
        card = json.loads(text)
    except ValueError:
        card = None
    if not isinstance(card, dict) or len(text) > _CARD_LENGTH or "\n" in text:
        raise StepError(
            f"ModelCardContent: {text[:40]!r} ({len(text)} characters): not a JSON object on one line of at most "
            f"{_CARD_LENGTH} characters. Correct the job that writes it."
        )

# SPDX-License-Identifier: MIT-0
"""The steps Model and RegisterModel: they make descriptions, no jobs."""

import json
from typing import Final

from local.errors import StepError
from local.json_files import JsonObject
from local.steps.step_context import StepContext, StepResult

_CARD_LENGTH: Final = 100_000  # characters; source: SageMaker API, ModelCardContent


def create_model(arguments: JsonObject, context: StepContext) -> StepResult:
    """Make a model: its container and artifact under a name.

    Raises:
        StepError: The artifact is not there.
    """
    _require_artifact(arguments["PrimaryContainer"], context)
    arn = context.identity.arn("model", context.job_name)
    properties = arguments | {"ModelName": context.job_name, "ModelArn": arn}
    return StepResult(properties, {"Model": {"Arn": arn}})


def register_model_package(arguments: JsonObject, context: StepContext) -> StepResult:
    """Add a version to the model package group.

    Raises:
        StepError: An artifact or a metrics file that it names is not there, or its card is none.
    """
    _check_card(arguments.get("ModelCard", {}).get("ModelCardContent", "{}"))
    for container in arguments["InferenceSpecification"]["Containers"]:
        _require_artifact(container, context)
    for uri in _metric_uris(arguments.get("ModelMetrics", {})):
        context.store.objects(uri)
    prefix = context.identity.arn("", "").removesuffix(":/")
    package = context.registry.create(arguments, prefix)
    return StepResult(package, {"RegisterModel": {"Arn": package["ModelPackageArn"]}})


def _require_artifact(container: JsonObject, context: StepContext) -> None:
    uri = container.get("ModelDataUrl", "")
    if not context.store.path(uri).is_file():
        raise StepError(f"ModelDataUrl {uri!r}: no such object. Take it from a Training step's ModelArtifacts.")


def _metric_uris(metrics: JsonObject) -> list[str]:
    found = []
    for part in metrics.values():
        found += [source["S3Uri"] for source in part.values() if isinstance(source, dict) and "S3Uri" in source]
    return found


def _check_card(text: str) -> None:
    """Refuse what the service would not take for a model card; of its schema, no more than that it is an object."""
    try:
        card = json.loads(text)
    except ValueError:
        card = None
    if not isinstance(card, dict) or len(text) > _CARD_LENGTH or "\n" in text:
        raise StepError(
            f"ModelCardContent: {text[:40]!r} ({len(text)} characters): no JSON object on one line of at most "
            f"{_CARD_LENGTH} characters. Correct the job that writes it."
        )

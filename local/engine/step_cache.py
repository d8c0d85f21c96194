# SPDX-License-Identifier: MIT-0
"""Step caching, as SageMaker Pipelines does it.

A step is reused from the most recent execution of the same pipeline in which the step of that name succeeded with the
same key, within ExpireAfter, and whose outputs are all still there. The key is made of the evaluated arguments that
the service compares (Developer Guide, "Caching pipeline steps") and of the runner's fingerprint: a job's code is in its
image, and a plain process has no image digest, so the process runner puts a digest of the job's code and of its lock
file in the digest's place. Editing a job thus invalidates what it made, just as pushing a new image does.

A Model step is never cached and names its model anew, and a Transform step is compared by its ModelName: so a Transform
behind a Model runs again every time, here as on the service.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import S3Store
from local.json_files import JsonObject, canonical_json

_KEY_ARGUMENTS: Final = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
    "Tuning": ("HyperParameterTuningJobConfig",),
}
# Of a Tuning's TrainingJobDefinition.
_TUNING_KEY_ARGUMENTS: Final = (
    "AlgorithmSpecification",
    "HyperParameterRanges",
    "InputDataConfig",
    "StaticHyperParameters",
)


def step_cache_key(kind: str, arguments: JsonObject, fingerprint: str) -> str:
    """Return what a result of a step is found again by.

    Args:
        kind: The step's type.
        arguments: Its evaluated arguments.
        fingerprint: What stands for the job's code.
    """
    compared = {name: arguments.get(name) for name in _KEY_ARGUMENTS[kind]}
    if kind == "Tuning":
        compared |= {name: arguments["TrainingJobDefinition"].get(name) for name in _TUNING_KEY_ARGUMENTS}
    return hashlib.sha256(canonical_json([kind, compared, fingerprint]).encode()).hexdigest()


def find_cached_step(
    records: Iterable[ExecutionRecord], step: str, wanted: str, *, seconds: float, store: S3Store
) -> tuple[ExecutionRecord, JsonObject] | None:
    """Return the newest reusable result, as the execution and its step's entry.

    Args:
        records: Executions of this pipeline, oldest first.
        step: The step's name.
        wanted: Its key.
        seconds: How old a result may be.
        store: Where its outputs must be as they were.
    """
    for record in reversed(list(records)):
        entry = record.step(step)
        if entry and entry.get("CacheKey") == wanted and _is_reusable(entry, seconds, store):
            return record, entry
    return None


def _is_reusable(entry: JsonObject, seconds: float, store: S3Store) -> bool:
    # A hit is no run of the job: its age is that of the result it reused, which is looked at on its own.
    if entry["StepStatus"] != "Succeeded" or "CacheHitResult" in entry:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(entry["EndTime"])
    sizes = entry["OutputSizes"]
    return age.total_seconds() <= seconds and all(list(store.size(uri)) == size for uri, size in sizes.items())

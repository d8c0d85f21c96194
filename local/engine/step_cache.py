# SPDX-License-Identifier: MIT-0
"""Finds reusable results of earlier executions, as the step caching of SageMaker Pipelines does.

A step is reused from the most recent execution of the same pipeline in which the step of that name succeeded with the
same key, within ExpireAfter, and whose outputs all still exist. The key consists of the evaluated arguments that the
service compares (Developer Guide, "Caching pipeline steps") and of the runner's fingerprint. On the service a job's
code is in its image. A process has no image digest, so the process runner uses a digest of the job's code and of its
lock file instead: editing a job invalidates its results, just as pushing a new image does.

A Model step is never cached and gives its model a new name, and a Transform step is compared by its ModelName. So a
Transform after a Model runs every time, as it does on the service.
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
        *("AlgorithmSpecification", "CheckpointConfig", "DebugHookConfig", "DebugRuleConfigurations"),
        *("Environment", "HyperParameters", "InputDataConfig"),
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
    "Tuning": ("HyperParameterTuningJobConfig",),
}
# Within the TrainingJobDefinition of a Tuning step.
_TUNING_KEY_ARGUMENTS: Final = (
    *("AlgorithmSpecification", "HyperParameterRanges", "InputDataConfig", "StaticHyperParameters"),
)


def step_cache_key(kind: str, arguments: JsonObject, fingerprint: str) -> str:
    """Return the cache key of a step.

    Args:
        kind: The step's type.
        arguments: Its evaluated arguments.
        fingerprint: Digest of the job's code or image.
    """
    compared = {name: arguments.get(name) for name in _KEY_ARGUMENTS[kind]}
    if kind == "Tuning":
        compared |= {name: arguments["TrainingJobDefinition"].get(name) for name in _TUNING_KEY_ARGUMENTS}
    return hashlib.sha256(canonical_json([kind, compared, fingerprint]).encode()).hexdigest()


def find_cached_step(
    records: Iterable[ExecutionRecord], step: str, wanted: str, *, seconds: float, store: S3Store
) -> tuple[ExecutionRecord, JsonObject] | None:
    """Return the newest reusable result as the execution and the step's entry, or None.

    Args:
        records: Executions of this pipeline, oldest first.
        step: The step's name.
        wanted: The step's cache key.
        seconds: Maximum age of a result.
        store: Must still hold the outputs, with their sizes unchanged.
    """
    for record in reversed(list(records)):
        entry = record.step(step)
        if entry and entry.get("CacheKey") == wanted and _is_reusable(entry, seconds, store):
            return record, entry
    return None


def _is_reusable(entry: JsonObject, seconds: float, store: S3Store) -> bool:
    # A cache hit, and a step taken from another execution, did not run the job; the entry that has it is considered.
    if entry["StepStatus"] != "Succeeded" or {"CacheHitResult", "SelectiveExecutionResult"} & entry.keys():
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(entry["EndTime"])
    sizes = entry["OutputSizes"]
    return age.total_seconds() <= seconds and all(list(store.size(uri)) == size for uri, size in sizes.items())

# SPDX-License-Identifier: MIT-0
"""Finds reusable results of earlier executions, as the step caching of SageMaker Pipelines does.

A step is reused from the most recent execution of the same pipeline in which the step of that name succeeded with the
same key, within ExpireAfter, and whose outputs all still exist with the content that the step wrote. The key consists
of the evaluated arguments that the service compares (Developer Guide, "Caching pipeline steps") and of the runner's
fingerprint. On the service a job's code is in its image. A process has no image digest, so the process runner uses a
digest of the job's code and of its lock file instead: editing a job invalidates its results, just as pushing a new
image does.

A Model step is never cached and gives its model a new name, and a Transform step is compared by its ModelName. So a
Transform after a Model runs every time, as it does on the service.

When a step ends, its outputs are hashed, and before they are reused, they are hashed again. SHA-256 is the fastest
cryptographic digest of the standard library on processors with SHA instructions: about 0.7 s for each GB (measured at
1.5 GiB/s), twice for a result that is reused once. Only the outputs of the step in question are read.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import S3Store, sha256_of_file
from local.errors import StepError
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
_CONTENT_KEY: Final = re.compile(r"s3://\S+/(?P<digest>[0-9a-f]{64})\.\w+")  # an object that is named by its SHA-256


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


def find_cached_step(  # noqa: PLR0913  one parameter for each condition
    records: Iterable[ExecutionRecord],
    step: str,
    wanted: str,
    *,
    seconds: float,
    store: S3Store,
    report: Callable[[str], None],
) -> tuple[ExecutionRecord, JsonObject] | None:
    """Return the newest reusable result as the execution and the step's entry, or None.

    Args:
        records: Executions of this pipeline, oldest first.
        step: The step's name.
        wanted: The step's cache key.
        seconds: Maximum age of a result.
        store: Must still hold the outputs, with unchanged content.
        report: Called with a message for the newest result that cannot be reused because its outputs changed.
    """
    reported = False
    for record in reversed(list(records)):
        entry = record.step(step)
        if not entry or entry.get("CacheKey") != wanted or not _is_candidate(entry, seconds):
            continue
        changed = _changed_output(entry, store)
        if changed is None:
            return record, entry
        if not reported:
            report(f"the result of run {record.execution_id} is not reused: {changed}")
            reported = True
    return None


def digest_of_objects(uri: str, store: S3Store) -> str:
    """Return a SHA-256 over the names and contents of the objects of `uri`, in hexadecimal.

    Args:
        uri: An object or a prefix; without objects, the digest of nothing is returned.
        store: Holds them.
    """
    whole = hashlib.sha256()
    if store.size(uri)[0]:
        for name, path in store.objects(uri):
            whole.update(canonical_json([name, sha256_of_file(path)]).encode())
    return whole.hexdigest()


def check_content_addressed_inputs(arguments: JsonObject, store: S3Store) -> None:
    """Check that the objects that a job read are still those that their keys name.

    An archive's key is its SHA-256. A job that read other content, because the file was replaced or changed in place
    during the run, must not leave a result under that key.

    Args:
        arguments: The evaluated arguments of a Processing step.
        store: Holds the objects.

    Raises:
        StepError: An object is not what its key says.
    """
    for uri, digest in _content_keys(arguments):
        path = store.path(uri)
        found = sha256_of_file(path) if path.is_file() else "missing"
        if found != digest:
            raise StepError(
                f"input {uri}: its content changed during the run (SHA-256 {found}): the result would belong to another"
                " file than its key says. Leave the file as it is while a run reads it, and run again.",
                code=2,
            )


def _content_keys(arguments: JsonObject) -> Iterator[tuple[str, str]]:
    for each in arguments.get("ProcessingInputs") or ():
        uri = str(each.get("S3Input", {}).get("S3Uri", ""))
        if match := _CONTENT_KEY.fullmatch(uri):
            yield uri, match["digest"]


def _is_candidate(entry: JsonObject, seconds: float) -> bool:
    # A cache hit, and a step taken from another execution, did not run the job; the entry that has it is considered. An
    # entry without digests was written by an earlier version.
    taken = {"CacheHitResult", "SelectiveExecutionResult"} & entry.keys()
    if entry["StepStatus"] != "Succeeded" or taken or "OutputDigests" not in entry:
        return False
    age = datetime.now(UTC) - datetime.fromisoformat(entry["EndTime"])
    return age.total_seconds() <= seconds


def _changed_output(entry: JsonObject, store: S3Store) -> str | None:
    """Return what is wrong with the outputs of `entry`; None where they are as the step wrote them."""
    for uri, size in entry["OutputSizes"].items():  # compared first, because it costs next to nothing
        if list(store.size(uri)) != size:
            return f"{store.path(uri)}: files were added, removed or changed in size. The step runs again."
    for uri, digest in entry["OutputDigests"].items():
        if digest_of_objects(uri, store) != digest:
            return f"{store.path(uri)}: the content of a file changed (SHA-256). The step runs again."
    return None

# SPDX-License-Identifier: MIT-0
"""The context and the result of a step, and helpers shared by Processing and Training steps."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity
from local.aws.s3_store import S3Store
from local.errors import StepError, StoppedError
from local.json_files import JsonObject
from local.runners.job_runner import Job, JobOutcome, JobRunner
from pipeline_src import contract

OPT_ML: Final = "/opt/ml"
_LOG_TAIL_BYTES: Final = 1024


@dataclass(frozen=True)
class StepContext:
    """The environment of a step.

    Attributes:
        step: The step's name.
        folder: ``.local/runs/<id>/<step>``.
        identity: The execution's names and ARNs.
        store: S3.
        runner: Runs the step's jobs.
        registry: Receives the step's model package.
        models: Arguments of the finished Model steps, by model name.
        stop: Set to stop the step.
        line: Receives the lines of the job's stdout.
        say: Receives messages for the user while the step runs.
    """

    step: str
    folder: Path
    identity: ExecutionIdentity
    store: S3Store
    runner: JobRunner
    registry: ModelRegistry
    models: Mapping[str, JsonObject]
    stop: threading.Event
    line: Callable[[str], None]
    say: Callable[[str], None] = lambda _text: None

    @property
    def job_name(self) -> str:
        """The job's name."""
        return self.identity.job_name(self.step)


@dataclass(frozen=True)
class StepResult:
    """The result of a step.

    Attributes:
        properties: Properties in the shape of the service's Describe answer, for ``Get Steps.<step>...``.
        metadata: The step's Metadata in ListPipelineExecutionSteps.
        outputs: S3 URIs by output name.
    """

    properties: JsonObject
    metadata: JsonObject
    outputs: Mapping[str, str] = field(default_factory=dict)


def local_job_path(root: Path, path: str, below: str) -> Path:
    """Return the path below the job's `root` that stands for the container's `path`.

    Raises:
        StepError: `path` is not below `below`, as the service requires.
    """
    if not path.startswith(f"{below}/") or ".." in Path(path).parts:
        raise StepError(f"LocalPath {path!r}: must be below {below}, as the service requires.", code=2)
    return root / Path(path).relative_to(OPT_ML)


def resource_config(instance_type: str) -> JsonObject:
    """Return the content of resourceconfig.json for a job with one host."""
    names = ["algo-1"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": names}
    return {
        "current_host": names[0],
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": names,
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


def require_job_success(job: Job, outcome: JobOutcome, message: str) -> None:
    """Raise an error unless the job succeeded.

    Args:
        job: The job.
        outcome: How it ended.
        message: File below ``output`` in which the job writes the reason of a failure.

    Raises:
        StoppedError: The job was stopped.
        StepError: The job failed or exceeded its time limit.
    """
    if outcome.stopped:
        raise StoppedError("stopped")
    if outcome.timed_out:
        raise StepError(
            f"stopped after {job.limit:g} s, the limit of its StoppingCondition. Raise the limit in the definition, "
            "or reduce the job's input."
        )
    if outcome.exit_code:
        code = contract.EXIT_BAD_INPUT if outcome.exit_code == contract.EXIT_BAD_INPUT else contract.EXIT_FAILED
        raise StepError(_failure_reason(job, outcome, job.root / "output" / message), code=code)


def _failure_reason(job: Job, outcome: JobOutcome, message: Path) -> str:
    """Return the job's own message, or else the last line of its log."""
    if message.is_file() and (text := message.read_text(encoding="utf-8", errors="replace").strip()):
        return text
    log = job.logs / "stderr.log"
    lines = log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").split("\n") if log.is_file() else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
    killed = outcome.exit_code - 128 if outcome.exit_code > 128 else 0
    cause = f"killed by signal {killed}, possibly out of memory" if killed else f"exit code {outcome.exit_code}"
    return f"{cause}: {last}. See {log}."

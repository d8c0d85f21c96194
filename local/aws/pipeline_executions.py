# SPDX-License-Identifier: MIT-0
"""Which process runs an execution, told from a later process of the same number by the time it started.

The record of an execution, in the words of DescribePipelineExecution and ListPipelineExecutionSteps.

``.local/runs/<id>/execution.json`` is rewritten whole after each change. Beside the API's fields it holds what only
this runner knows: Seconds, Outputs (folders), CacheKey and Properties of each step, and `Local` for the run itself.

All executions there are, and finding the one that a user means.
"""

import os
import re
import secrets
import string
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from local import json_files
from local.errors import UsageError
from local.json_files import Json, JsonObject
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT


def identify_this_process() -> JsonObject:
    """Return what is kept of this process."""
    return {"Pid": os.getpid(), "Started": _process_start_time(os.getpid())}


def is_process_alive(process: JsonObject) -> bool:
    """Return whether the process that `process` was kept of still runs."""
    return process["Started"] is not None and _process_start_time(process["Pid"]) == process["Started"]


def _process_start_time(pid: int) -> str | None:
    """Return the process's start time in the kernel's ticks since boot, with the boot's own id."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return None
    return f"{boot}/{ticks}"


RECORD_FILE: Final = "execution.json"
DEFINITION_FILE: Final = "definition.json"  # beside it: what was executed, whatever becomes of its source
LATEST_RUN: Final = "latest"
_ID_LENGTH: Final = 12
EXECUTION_ID_PATTERN: Final = re.compile(r"[a-z0-9]{12}")
_OPEN_STATUSES: Final = ("Starting", "Executing", "Stopping")


@dataclass(frozen=True)
class ExecutionIdentity:
    """Names and ARNs of one execution."""

    execution_id: str
    pipeline_name: str
    region: str = OFFLINE_DEPLOYMENT.region
    account: str = OFFLINE_DEPLOYMENT.role_arn.split(":")[4]

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of, for example, the `processing-job` `name`."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"

    @property
    def pipeline_arn(self) -> str:
        """ARN of the pipeline."""
        return self.arn("pipeline", self.pipeline_name)

    @property
    def execution_arn(self) -> str:
        """ARN of the execution."""
        return f"{self.pipeline_arn}/execution/{self.execution_id}"

    def job_name(self, step: str) -> str:
        """Return the name that the service would give to a step's job or model, without its random end."""
        return f"pipelines-{self.execution_id}-{step}"[:63]


def new_execution_id() -> str:
    """Return an execution id as the service makes them: 12 lower-case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_ID_LENGTH))


def utc_timestamp() -> str:
    """Return the time, in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class ExecutionRecord:
    """An execution's file; safe to use from several threads."""

    path: Path
    data: JsonObject
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def create(
        cls, runs: Path, identity: ExecutionIdentity, parameters: dict[str, Json], local: JsonObject
    ) -> "ExecutionRecord":
        """Start a record in a new folder below `runs`, and make it the latest."""
        folder = runs / identity.execution_id
        folder.mkdir(parents=True)
        created = utc_timestamp()
        data: JsonObject = {
            "PipelineArn": identity.pipeline_arn,
            "PipelineExecutionArn": identity.execution_arn,
            "PipelineExecutionStatus": "Executing",
            "CreationTime": created,
            "LastModifiedTime": created,
            "PipelineParameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
            "PipelineExecutionSteps": [],
            "Local": local | {"Process": identify_this_process()},
        }
        record = cls(folder / RECORD_FILE, data)
        record.write()
        _replace_symlink(runs / LATEST_RUN, identity.execution_id)
        return record

    def start(self, step: str, kind: str) -> None:
        """Note that `step` started."""
        with self._lock:
            entry = {"StepName": step, "StepType": kind, "StepStatus": "Executing", "StartTime": utc_timestamp()}
            self.data["PipelineExecutionSteps"].append(entry)
            self.write()

    def finish(self, step: str, status: str, **fields: Json) -> JsonObject:
        """Note how `step` ended, and return its entry."""
        with self._lock:
            entry = self.step(step) or {}
            entry |= {"StepStatus": status, "EndTime": utc_timestamp(), **fields}
            entry["Seconds"] = step_duration(entry)
            self.write()
            return entry

    def end(self, status: str, reason: str | None = None) -> None:
        """Note how the execution ended; steps still open end as Stopped."""
        with self._lock:
            self.data["PipelineExecutionStatus"] = status
            if reason:
                self.data["FailureReason"] = reason
            for entry in self.steps:
                if entry["StepStatus"] in _OPEN_STATUSES:
                    entry |= {"StepStatus": "Stopped", "EndTime": utc_timestamp()}
            self.write()

    def write(self) -> None:
        """Write the file anew."""
        self.data["LastModifiedTime"] = utc_timestamp()
        json_files.write_json(self.path, self.data)

    @property
    def execution_id(self) -> str:
        """The execution's id."""
        return self.path.parent.name

    @property
    def status(self) -> str:
        """The PipelineExecutionStatus."""
        return str(self.data["PipelineExecutionStatus"])

    @property
    def steps(self) -> list[JsonObject]:
        """The PipelineExecutionSteps: those that started, in that order."""
        found: list[JsonObject] = self.data["PipelineExecutionSteps"]
        return found

    def step(self, name: str) -> JsonObject | None:
        """Return the entry of step `name`, or None where it did not start."""
        return next((entry for entry in self.steps if entry["StepName"] == name), None)


def step_duration(entry: JsonObject) -> float:
    """Return how long a step took, in seconds, so far as it is known."""
    if "EndTime" not in entry:
        return 0.0
    took = datetime.fromisoformat(entry["EndTime"]) - datetime.fromisoformat(entry["StartTime"])
    return round(took.total_seconds(), 3)


def _replace_symlink(link: Path, target: str) -> None:
    aside = link.with_name(f".{LATEST_RUN}-{target}")
    aside.symlink_to(target)
    aside.replace(link)


_INTERRUPTED_REASON: Final = "interrupted: the process that ran it is gone. Run it again: finished steps are reused."
_NEWEST_SHOWN: Final = 5


def load_executions(runs: Path) -> list[ExecutionRecord]:
    """Return all executions, oldest first; one whose process is gone is ended as Stopped."""
    found = [
        ExecutionRecord(path, json_files.read_json(path))
        for path in runs.glob(f"*/{RECORD_FILE}")
        if EXECUTION_ID_PATTERN.fullmatch(path.parent.name)
    ]
    for record in found:
        if record.status == "Executing" and not is_process_alive(record.data["Local"]["Process"]):
            record.end("Stopped", _INTERRUPTED_REASON)
    # Two may begin within one tick of the clock: the id then keeps the order the same in every listing.
    return sorted(found, key=lambda record: (str(record.data["CreationTime"]), record.execution_id))


def find_execution(runs: Path, name: str) -> ExecutionRecord:
    """Return the execution that `name` means: an id, the unique beginning of one, or `latest`.

    Raises:
        UsageError: There is none, or more than one.
    """
    records = load_executions(runs)
    if not records:
        raise UsageError(f"run {name!r}: there are no runs in {runs}. Start one: python -m local demo")
    if name == LATEST_RUN:
        return records[-1]
    matches = [record for record in records if record.execution_id.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    ids = ", ".join(record.execution_id for record in matches or records[-_NEWEST_SHOWN:])
    problem = f"{len(matches)} runs begin so: {ids}" if matches else f"no such run. The newest: {ids}"
    raise UsageError(f"run {name!r}: {problem}. List them: python -m local runs")

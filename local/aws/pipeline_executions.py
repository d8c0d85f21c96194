# SPDX-License-Identifier: MIT-0
"""Records, lists and finds executions, with the fields of DescribePipelineExecution and ListPipelineExecutionSteps.

``.local/runs/<id>/execution.json`` is rewritten atomically after each change. In addition to the API's fields it has
Seconds, Outputs (folders), CacheKey and Properties of each step, and `Local` for the run.
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
from local.command_hints import program_command
from local.errors import UsageError
from local.json_files import Json, JsonObject
from pipeline_src.definition.pipeline_deployment import OFFLINE_DEPLOYMENT


def identify_this_process() -> JsonObject:
    """Return the id and the start time of this process; a later process with the same id has another start time."""
    return {"Pid": os.getpid(), "Started": _process_start_time(os.getpid())}


def is_process_alive(process: JsonObject) -> bool:
    """Return whether `process`, as `identify_this_process` returned it, still runs."""
    return process["Started"] is not None and _process_start_time(process["Pid"]) == process["Started"]


def _process_start_time(pid: int) -> str | None:
    """Return the process's start time in kernel ticks since boot, with the id of the boot."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        return None
    return f"{boot}/{ticks}"


RECORD_FILE: Final = "execution.json"
DEFINITION_FILE: Final = "definition.json"  # the executed definition, in the same folder
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
        """Return the service's name for a step's job or model, without the random suffix."""
        return f"pipelines-{self.execution_id}-{step}"[:63]


def new_execution_id() -> str:
    """Return a random execution id in the service's format: 12 lower-case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_ID_LENGTH))


def utc_timestamp() -> str:
    """Return the current time in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class ExecutionRecord:
    """The record of an execution; safe to use from several threads."""

    path: Path
    data: JsonObject
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def create(
        cls, runs: Path, identity: ExecutionIdentity, parameters: dict[str, Json], local: JsonObject
    ) -> "ExecutionRecord":
        """Create a record in a new folder below `runs`, and link it as the latest."""
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
        """Record that `step` started."""
        with self._lock:
            entry = {"StepName": step, "StepType": kind, "StepStatus": "Executing", "StartTime": utc_timestamp()}
            self.data["PipelineExecutionSteps"].append(entry)
            self.write()

    def finish(self, step: str, status: str, **fields: Json) -> JsonObject:
        """Record the end of `step`, and return its entry."""
        with self._lock:
            entry = self.step(step) or {}
            entry |= {"StepStatus": status, "EndTime": utc_timestamp(), **fields}
            start, end = (
                datetime.fromisoformat(str(entry.get(key, entry["EndTime"]))) for key in ("StartTime", "EndTime")
            )
            entry["Seconds"] = round((end - start).total_seconds(), 3)
            self.write()
            return entry

    def end(self, status: str, reason: str | None = None) -> None:
        """Record the end of the execution; steps still open become Stopped."""
        with self._lock:
            self.data["PipelineExecutionStatus"] = status
            if reason:
                self.data["FailureReason"] = reason
            for entry in self.steps:
                if entry["StepStatus"] in _OPEN_STATUSES:
                    entry |= {"StepStatus": "Stopped", "EndTime": utc_timestamp()}
            self.write()

    def write(self) -> None:
        """Write the file."""
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
        """The PipelineExecutionSteps: the started steps, in the order of their start."""
        found: list[JsonObject] = self.data["PipelineExecutionSteps"]
        return found

    def step(self, name: str) -> JsonObject | None:
        """Return the entry of step `name`, or None where it did not start."""
        return next((entry for entry in self.steps if entry["StepName"] == name), None)

    def output_folder(self, step: str, output: str) -> Path | None:
        """Return the folder of an output of a step, or None where there is none."""
        folder = (self.step(step) or {}).get("Outputs", {}).get(output)
        return None if folder is None else Path(folder)

    @property
    def package_arn(self) -> str | None:
        """The ARN of the model package that the execution registered, or None."""
        metadata = (entry.get("Metadata", {}) for entry in self.steps)
        return next((str(each["RegisterModel"]["Arn"]) for each in metadata if "RegisterModel" in each), None)


def link_latest(runs: Path, execution_id: str | None) -> None:
    """Make `runs`/latest name an execution; None removes the link."""
    if execution_id is None:
        (runs / LATEST_RUN).unlink(missing_ok=True)
    else:
        _replace_symlink(runs / LATEST_RUN, execution_id)


def _replace_symlink(link: Path, target: str) -> None:
    aside = link.with_name(f".{LATEST_RUN}-{target}")
    aside.symlink_to(target)
    aside.replace(link)


_INTERRUPTED_REASON: Final = "interrupted: its process no longer exists. Run it again: finished steps are reused."
_NEWEST_SHOWN: Final = 5


def load_executions(runs: Path) -> list[ExecutionRecord]:
    """Return all executions, oldest first; those whose process no longer exists become Stopped."""
    found = [
        ExecutionRecord(path, json_files.read_json(path))
        for path in runs.glob(f"*/{RECORD_FILE}")
        if EXECUTION_ID_PATTERN.fullmatch(path.parent.name)
    ]
    for record in found:
        if record.status == "Executing" and not is_process_alive(record.data["Local"]["Process"]):
            record.end("Stopped", _INTERRUPTED_REASON)
    # Executions created within one tick of the clock are sorted by id.
    return sorted(found, key=lambda record: (str(record.data["CreationTime"]), record.execution_id))


def find_execution(runs: Path, name: str) -> ExecutionRecord:
    """Return the execution with id `name`.

    Args:
        runs: Folder of the executions.
        name: An id, the unique beginning of one, or `latest`.

    Raises:
        UsageError: There is none, or more than one.
    """
    records = load_executions(runs)
    if not records:
        raise UsageError(f"run {name!r}: there are no runs in {runs}. Start one: {program_command()} demo")
    if name == LATEST_RUN:
        return records[-1]
    matches = [record for record in records if record.execution_id.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    ids = ", ".join(record.execution_id for record in matches or records[-_NEWEST_SHOWN:])
    problem = f"ambiguous, {len(matches)} runs match: {ids}" if matches else f"no such run. The newest: {ids}"
    raise UsageError(f"run {name!r}: {problem}. List them: {program_command()} runs")

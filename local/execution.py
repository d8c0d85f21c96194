# SPDX-License-Identifier: MIT-0
"""The record of an execution, in the words of DescribePipelineExecution and ListPipelineExecutionSteps.

``.local/runs/<id>/execution.json`` is rewritten whole after each change. Beside the API's fields it holds what only
this runner knows: Seconds, Outputs (folders), CacheKey and Properties of each step, and `Local` for the run itself.
"""

import re
import secrets
import string
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from local import document, owner
from local.document import Json, Object
from pipeline_src.pipeline import OFFLINE

FILE: Final = "execution.json"
DEFINITION: Final = "definition.json"  # beside it: what was executed, whatever becomes of its source
LATEST: Final = "latest"
_ID_LENGTH: Final = 12
ID: Final = re.compile(r"[a-z0-9]{12}")
_OPEN: Final = ("Starting", "Executing", "Stopping")


@dataclass(frozen=True)
class Identity:
    """Names and ARNs of one execution."""

    execution_id: str
    pipeline_name: str
    region: str = OFFLINE.region
    account: str = OFFLINE.role_arn.split(":")[4]

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


def new_id() -> str:
    """Return an execution id as the service makes them: 12 lower-case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_ID_LENGTH))


def now() -> str:
    """Return the time, in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass
class Record:
    """An execution's file; safe to use from several threads."""

    path: Path
    data: Object
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def create(cls, runs: Path, identity: Identity, parameters: dict[str, Json], local: Object) -> "Record":
        """Start a record in a new folder below `runs`, and make it the latest."""
        folder = runs / identity.execution_id
        folder.mkdir(parents=True)
        created = now()
        data: Object = {
            "PipelineArn": identity.pipeline_arn,
            "PipelineExecutionArn": identity.execution_arn,
            "PipelineExecutionStatus": "Executing",
            "CreationTime": created,
            "LastModifiedTime": created,
            "PipelineParameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
            "PipelineExecutionSteps": [],
            "Local": local | {"Process": owner.this_process()},
        }
        record = cls(folder / FILE, data)
        record.write()
        _point(runs / LATEST, identity.execution_id)
        return record

    def start(self, step: str, kind: str) -> None:
        """Note that `step` started."""
        with self._lock:
            entry = {"StepName": step, "StepType": kind, "StepStatus": "Executing", "StartTime": now()}
            self.data["PipelineExecutionSteps"].append(entry)
            self.write()

    def finish(self, step: str, status: str, **fields: Json) -> Object:
        """Note how `step` ended, and return its entry."""
        with self._lock:
            entry = self.step(step) or {}
            entry |= {"StepStatus": status, "EndTime": now(), **fields}
            entry["Seconds"] = seconds(entry)
            self.write()
            return entry

    def end(self, status: str, reason: str | None = None) -> None:
        """Note how the execution ended; steps still open end as Stopped."""
        with self._lock:
            self.data["PipelineExecutionStatus"] = status
            if reason:
                self.data["FailureReason"] = reason
            for entry in self.steps:
                if entry["StepStatus"] in _OPEN:
                    entry |= {"StepStatus": "Stopped", "EndTime": now()}
            self.write()

    def write(self) -> None:
        """Write the file anew."""
        self.data["LastModifiedTime"] = now()
        document.write(self.path, self.data)

    @property
    def execution_id(self) -> str:
        """The execution's id."""
        return self.path.parent.name

    @property
    def status(self) -> str:
        """The PipelineExecutionStatus."""
        return str(self.data["PipelineExecutionStatus"])

    @property
    def steps(self) -> list[Object]:
        """The PipelineExecutionSteps: those that started, in that order."""
        found: list[Object] = self.data["PipelineExecutionSteps"]
        return found

    def step(self, name: str) -> Object | None:
        """Return the entry of step `name`, or None where it did not start."""
        return next((entry for entry in self.steps if entry["StepName"] == name), None)


def seconds(entry: Object) -> float:
    """Return how long a step took, in seconds, so far as it is known."""
    if "EndTime" not in entry:
        return 0.0
    took = datetime.fromisoformat(entry["EndTime"]) - datetime.fromisoformat(entry["StartTime"])
    return round(took.total_seconds(), 3)


def _point(link: Path, target: str) -> None:
    aside = link.with_name(f".{LATEST}-{target}")
    aside.symlink_to(target)
    aside.replace(link)

# SPDX-License-Identifier: MIT-0
"""A `.local` of a test's own, driven through the command line that a newcomer types."""

import csv
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
APP = ROOT / ".venv/app/bin/python"
JOBS = ROOT / ".venv/jobs/bin/python"


def free_port() -> int:
    """Return a port of the loopback that nothing listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
    return port


def started_server(command: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    """Start `command`, yield once it serves, and end it as Ctrl-C does."""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if "curl" in line:
                break
        else:
            raise AssertionError("".join(said))
        yield
        os.kill(server.pid, signal.SIGINT)


@dataclass(frozen=True)
class Home:
    """A `.local` folder and the command line that works in it."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LOCAL_HOME": str(self.path)}

    def local(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(APP), "-m", "local", *map(str, arguments)]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=280, check=False
        )

    def execution(self) -> dict[str, Any]:
        """Return the newest execution's record."""
        record: dict[str, Any] = json.loads((self.path / "runs/latest/execution.json").read_text())
        return record

    def steps(self) -> dict[str, dict[str, Any]]:
        return {step["StepName"]: step for step in self.execution()["PipelineExecutionSteps"]}

    def output(self, name: str) -> Path:
        """Return the newest file called `name` in the local S3's runs."""
        found = [path for path in (self.path / "s3/local-runs/runs").rglob(name) if path.is_file()]
        return max(found, key=lambda path: path.stat().st_mtime_ns)

    def registered(self) -> str:
        """Return the id of the newest execution that registered a model."""
        records = sorted((self.path / "runs").glob("*/execution.json"), key=lambda path: path.stat().st_mtime_ns)
        done = [
            path.parent.name
            for path in records
            if json.loads(path.read_text())["PipelineExecutionStatus"] == "Succeeded"
        ]
        return [name for name in done if name != "latest"][-1]

    @contextmanager
    def served(self, run: str) -> Iterator[int]:
        """Serve the approved model of `run` and capture what it is asked; yield the port."""
        port = free_port()
        command = [str(APP), "-m", "local", "serve", run, "--capture", "--port", str(port)]
        for _ in started_server(command, self.environment):
            yield port

    def predictions(self) -> list[dict[str, str]]:
        with self.output("predictions.csv").open(newline="") as lines:
            return list(csv.DictReader(lines))


@dataclass(frozen=True)
class Loop:
    """One archive, and what came of running the loop on it."""

    home: Home
    archive: Path
    result: subprocess.CompletedProcess[str]

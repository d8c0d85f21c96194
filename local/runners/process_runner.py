# SPDX-License-Identifier: MIT-0
"""Runs a job as a process of this machine, under a guard process (`process_guard`)."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from local.errors import UsageError
from local.runners.job_runner import (
    JOBS_SOFTWARE,
    REPOSITORY,
    Job,
    JobOutcome,
    Software,
    digest_of_software,
    software_of_image,
)

ENVIRONMENTS: Final = REPOSITORY / ".venv"
_PROCESS_GUARD: Final = Path(__file__).with_name("process_guard.py")
_POLL_SECONDS: Final = 0.05
_DRAIN_SECONDS: Final = 5.0
# Variables that a job does not inherit: credentials (jobs have no AWS client) and those of this environment's Python.
_DROPPED_VARIABLES: Final = ("AWS_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass(frozen=True)
class ProcessCommand:
    """A command line, the variables it sees, and the folder it runs in."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path = REPOSITORY


class ProcessRunner:
    """Runs a job as a process.

    Args:
        interpreters: Interpreters by the name of their environment, in place of those in .venv.
        repository: Folder that holds `pipeline_src` and `local`: the job's working folder.
    """

    name = "process"
    notice = None

    def __init__(self, interpreters: Mapping[str, Path] | None = None, repository: Path = REPOSITORY) -> None:
        self.repository = repository
        self._interpreters = dict(interpreters or {})

    def check(self, images: Iterable[str] = ()) -> None:
        """Check that the environments of the jobs and of `images` are set up."""
        for software in (JOBS_SOFTWARE, *map(software_of_image, images)):
            self._interpreter(software)

    def fingerprint(self, image: str) -> str:
        """Return a digest of the code and of the lock file."""
        return f"{self.name}:{digest_of_software(self.repository, software_of_image(image))}"

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        """Run the job as a process group of its own."""
        return run_job_command(self._command(job), job, stop=stop, line=line)

    def serve(self, job: Job, *, host: str, port: int) -> "AbstractContextManager[subprocess.Popen[bytes]]":
        """Start the model server as a process group of its own."""
        return _serving(self._command(job, "--host", host, "--port", str(port)), job.logs)

    def _command(self, job: Job, *more: str) -> ProcessCommand:
        python = self._interpreter(software_of_image(job.image))
        first = str(python) if job.command[0] in {"python", "python3"} else job.command[0]
        path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        environment = (
            inherited_environment() | {"PATH": path} | dict(job.environment) | {"ML_ROOT": str(job.root.resolve())}
        )
        return ProcessCommand((first, *job.command[1:], *more), environment, self.repository)

    def _interpreter(self, software: Software) -> Path:
        name = software.environment
        python = self._interpreters.get(name, ENVIRONMENTS / name / "bin/python")
        if not python.exists():
            raise UsageError(f"{python}: the environment of {software.image} is not set up. {software.set_up}")
        return python


def inherited_environment() -> dict[str, str]:
    """Return this process's environment without the variables that a job must not see."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED_VARIABLES)}


def run_job_command(
    command: ProcessCommand, job: Job, *, stop: threading.Event, line: Callable[[str], None]
) -> JobOutcome:
    """Run `command` to its end, the job's limit or `stop`; stdout and stderr go to a log file each."""
    job.logs.mkdir(parents=True, exist_ok=True)
    with (job.logs / "stdout.log").open("wb") as stdout, (job.logs / "stderr.log").open("wb") as stderr:
        process = _start(command, subprocess.PIPE, stderr)
        tee = _LogTee(process.stdout, stdout, line)
        tee.start()
        try:
            outcome = _watch(process, job.limit, stop)
        finally:
            _stop_process(process)
        tee.join(_DRAIN_SECONDS)
    if tee.error:
        raise tee.error
    return outcome


@contextmanager
def _serving(command: ProcessCommand, logs: Path) -> "Iterator[subprocess.Popen[bytes]]":
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "stdout.log").open("wb") as stdout, (logs / "stderr.log").open("wb") as stderr:
        process = _start(command, stdout, stderr)
        try:
            yield process
        finally:
            _stop_process(process)


def _start(command: ProcessCommand, stdout: IO[bytes] | int, stderr: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_PROCESS_GUARD), str(os.getpid()), *command.arguments],
        cwd=command.folder,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def _stop_process(process: "subprocess.Popen[bytes]") -> None:
    """Stop the process and everything it started; the guard does so on SIGTERM."""
    process.terminate()
    process.wait()


def _watch(process: "subprocess.Popen[bytes]", limit: float | None, stop: threading.Event) -> JobOutcome:
    deadline = time.monotonic() + limit if limit else float("inf")
    while True:
        try:
            return JobOutcome(process.wait(_POLL_SECONDS))
        except subprocess.TimeoutExpired:
            if stop.is_set() or time.monotonic() > deadline:
                _stop_process(process)
                return JobOutcome(process.returncode, timed_out=not stop.is_set(), stopped=stop.is_set())


class _LogTee(threading.Thread):
    """Writes a job's stdout to its log and hands on each line; drains on after an error, or the job would block."""

    def __init__(self, source: IO[bytes] | None, log: IO[bytes], line: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self.source = source
        self.log = log
        self.line = line
        self.error: Exception | None = None

    def run(self) -> None:
        for raw in self.source or ():
            try:
                self.log.write(raw)
                self.log.flush()
                self.line(raw.decode(errors="replace").rstrip("\r\n"))
            except Exception as error:  # noqa: BLE001  raised again in the thread that started this one
                self.error = error

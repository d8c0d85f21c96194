# SPDX-License-Identifier: MIT-0
"""One job: what a container runs on SageMaker, and the seam behind which it runs here.

The engine hands a `Runner` a `Job` whose /opt/ml is laid out already, and reads the `Outcome`.
`local.runners.process_runner.ProcessRunner` is the default; `local.runners.container_runner.ContainerRunner` runs the
real image.

A digest of the code that a job runs, in place of the image digest that a plain process lacks.
"""

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PREPROCESSING_SOFTWARE: Final = "preprocessing"
ALGORITHM_SOFTWARE: Final = "algorithm"
_ALGORITHM_IMAGE: Final = "image-classification"


@dataclass(frozen=True)
class Job:
    """One container's run.

    Attributes:
        step: Name of the step, for messages.
        image: Image URI, as the definition names it.
        command: Entry point and arguments; the first may be ``python``.
        root: The folder that the job sees as /opt/ml.
        logs: Folder that receives stdout.log and stderr.log.
        environment: Variables that the definition sets.
        limit: Seconds after which it is stopped, None for no limit.
    """

    step: str
    image: str
    command: tuple[str, ...]
    root: Path
    logs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    limit: float | None = None


@dataclass(frozen=True)
class JobOutcome:
    """How a job ended: its exit code, and whether it was stopped by its time limit or by the user."""

    exit_code: int
    timed_out: bool = False
    stopped: bool = False


class JobRunner(Protocol):
    """Runs jobs."""

    @property
    def name(self) -> str:
        """What ``--runner`` calls it."""

    @property
    def notice(self) -> str | None:
        """What a user should know about how this runner differs from the service, if anything."""

    def check(self) -> None:
        """Refuse at once where this runner cannot work on this machine.

        Raises:
            UsageError: Something is missing; the message says how to get it.
        """

    def fingerprint(self, image: str) -> str:
        """Return what stands for the code behind `image` in the step cache."""

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        """Run the job to its end, calling `line` with each line of its stdout.

        Setting `stop` stops the job, and everything it started, within seconds.
        """

    def serve(self, job: Job, *, host: str, port: int) -> "AbstractContextManager[subprocess.Popen[bytes]]":
        """Start the algorithm's model server on `port` for the ``with`` block, and stop it whatever happens there.

        Port 0 is a free one. stdout.log in the job's logs then says which: ``Serving <model> on http://<host>:<port>``.
        """


def software_of_image(image: str) -> str:
    """Return whose code stands behind `image`: the built-in image classification's, or the preprocessing image's."""
    name = image.rpartition("/")[2].partition(":")[0]
    return ALGORITHM_SOFTWARE if name == _ALGORITHM_IMAGE else PREPROCESSING_SOFTWARE


_LOCK_FILE: Final = "containers/preprocessing/requirements.txt"
# Chosen by folder, as .dockerignore does: what the jobs run is all of pipeline_src/ but the definition.
_NOT_IN_JOBS: Final = "pipeline_src/definition"
_SOURCES: Final = {
    PREPROCESSING_SOFTWARE: ("pipeline_src", _LOCK_FILE),
    ALGORITHM_SOFTWARE: (
        "local/builtin_stand_in",
        "pipeline_src/class_labels.py",
        "pipeline_src/contract.py",
        _LOCK_FILE,
    ),
}


def digest_of_software(repository: Path, software: str) -> str:
    """Return a SHA-256 over names and bytes of all that `software` is made of.

    Args:
        repository: Folder of the sources.
        software: ``preprocessing`` or ``algorithm``.
    """
    return digest_of_sources(repository, _SOURCES[software])


def digest_of_sources(repository: Path, sources: Iterable[str]) -> str:
    """Return a SHA-256 over names and bytes of the files and folders `sources`; a missing one counts as empty."""
    total = hashlib.sha256()
    for source in sources:
        for path in _source_files(repository / source):
            content = path.read_bytes()
            total.update(f"{path.relative_to(repository).as_posix()}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _source_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(
        path
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and _NOT_IN_JOBS not in path.as_posix()
    )

# SPDX-License-Identifier: MIT-0
"""The interface of job runners, and the code behind each image.

The engine lays out a `Job`'s /opt/ml, hands the job to a `JobRunner` and reads the `JobOutcome`.
`local.runners.process_runner.ProcessRunner` is the default; `local.runners.container_runner.ContainerRunner` runs the
jobs of the preprocessing image in that image.
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
_IMAGE_KEYS: Final = ("ImageUri", "TrainingImage", "Image")  # of processing, training and model


@dataclass(frozen=True)
class Job:
    """One run of a container.

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
    """A job's exit code, and whether its time limit or the user stopped it."""

    exit_code: int
    timed_out: bool = False
    stopped: bool = False


class JobRunner(Protocol):
    """Runs jobs."""

    @property
    def name(self) -> str:
        """The value of ``--runner`` that selects it."""

    @property
    def notice(self) -> str | None:
        """A difference from the service that the user should know, or None."""

    def check(self, images: Iterable[str] = ()) -> None:
        """Check that this machine has what jobs need.

        Args:
            images: Images whose jobs will run, besides those of the preprocessing image.

        Raises:
            UsageError: Something is missing; the message says how to get it.
        """

    def fingerprint(self, image: str) -> str:
        """Return the identity of the code behind `image`, for the step cache."""

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        """Run the job to its end, calling `line` with each line of its stdout.

        Setting `stop` stops the job, and everything it started, within seconds.
        """

    def serve(self, job: Job, *, host: str, port: int) -> "AbstractContextManager[subprocess.Popen[bytes]]":
        """Start the algorithm's model server on `port` for the ``with`` block, and stop it whatever happens there.

        Port 0 is a free one. stdout.log in the job's logs then says which: ``Serving <model> on http://<host>:<port>``.
        """


def software_of_image(image: str) -> str:
    """Return the software behind `image`: `ALGORITHM_SOFTWARE` or `PREPROCESSING_SOFTWARE`."""
    name = image.rpartition("/")[2].partition(":")[0]
    return ALGORITHM_SOFTWARE if name == _ALGORITHM_IMAGE else PREPROCESSING_SOFTWARE


def images_in_arguments(arguments: object) -> set[str]:
    """Return the image URIs in the arguments of steps; an image given by a reference is left out."""
    if isinstance(arguments, Mapping):
        own = {value for key, value in arguments.items() if key in _IMAGE_KEYS and isinstance(value, str)}
        return own.union(*map(images_in_arguments, arguments.values()))
    if isinstance(arguments, Iterable) and not isinstance(arguments, str):
        return set[str]().union(*map(images_in_arguments, arguments))
    return set()


# Chosen by folder, as in .dockerignore: the jobs run all of pipeline_src/ but the definition. Lock files included.
_NOT_IN_JOBS: Final = "pipeline_src/definition"
_SOURCES: Final = {
    PREPROCESSING_SOFTWARE: ("pipeline_src", "containers/preprocessing/requirements.txt"),
    ALGORITHM_SOFTWARE: ("local/builtin_stand_in", "pipeline_src/class_labels.py", "pipeline_src/contract.py"),
}


def digest_of_software(repository: Path, software: str) -> str:
    """Return a SHA-256 over names and bytes of the sources and the lock file of `software`.

    It takes the place of an image digest, which a plain process does not have.

    Args:
        repository: Folder of the sources.
        software: `PREPROCESSING_SOFTWARE` or `ALGORITHM_SOFTWARE`.
    """
    return digest_of_sources(repository, _SOURCES[software], without=_NOT_IN_JOBS)


def digest_of_sources(repository: Path, sources: Iterable[str], *, without: str = "") -> str:
    """Return a SHA-256 over names and bytes of the files and folders `sources`; a missing one counts as empty.

    Args:
        repository: Folder that `sources` and `without` are relative to.
        sources: Files and folders.
        without: Folder whose files are left out; empty: none.
    """
    total = hashlib.sha256()
    for source in sources:
        for path in _source_files(repository / source):
            name = path.relative_to(repository).as_posix()
            if without and name.startswith(f"{without}/"):
                continue
            content = path.read_bytes()
            total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _source_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)

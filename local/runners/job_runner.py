# SPDX-License-Identifier: MIT-0
"""The interface of job runners, and the code behind each image.

The engine lays out a `Job`'s /opt/ml, hands the job to a `JobRunner` and reads the `JobOutcome`.
`local.runners.process_runner.ProcessRunner` is the default; `local.runners.container_runner.ContainerRunner` runs the
jobs of the preprocessing image in that image.
"""

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from local.errors import UsageError, suggest_known_names
from pipeline_src.algorithms.algorithm_specification import (
    JOBS_IMAGE,
    AlgorithmSpecification,
    ContainerImage,
    LocalStandIn,
)
from pipeline_src.algorithms.algorithm_table import ALGORITHMS

REPOSITORY: Final = Path(__file__).resolve().parents[2]
_OWN_REGISTRY: Final = JOBS_IMAGE.local_uri.partition("/")[0]
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
        """Start a model server on `port` for the ``with`` block, and stop it whatever happens there.

        Port 0 is a free one. stdout.log in the job's logs then says which: ``Serving <model> on http://<host>:<port>``.
        """


@dataclass(frozen=True, kw_only=True)
class Software:
    """The code that stands behind an image on this machine.

    Attributes:
        image: Name of the image's folder below containers/, or AWS's repository.
        environment: Folder below .venv of its Python.
        sources: Files and folders that it is made of, lock file included.
        set_up: What to run to get the environment.
        train: Command of a training whose request names none; empty: the image has none.
        serve: Command of the model server; empty: the image has none.
        is_stand_in: Whether it only stands for the image, which runs on SageMaker alone.
        notice: What a run says about it; empty: nothing.
    """

    image: str
    environment: str
    sources: tuple[str, ...]
    set_up: str
    train: tuple[str, ...] = ()
    serve: tuple[str, ...] = ()
    is_stand_in: bool = False
    notice: str = ""


def _built_software(image: ContainerImage) -> Software:
    # Chosen by folder, as in .dockerignore: images hold all of pipeline_src/ but the definition.
    return Software(
        image=image.folder,
        environment=image.environment,
        sources=("pipeline_src", f"containers/{image.folder}/requirements.txt"),
        set_up=f"Run: make {'setup' if image.environment == JOBS_IMAGE.environment else image.environment}",
        train=("python", "-m", "pipeline_src.algorithms.training_entry"),
        serve=image.serve,
    )


def _stand_in_software(algorithm: AlgorithmSpecification, stand_in: LocalStandIn) -> Software:
    command = ("python", "-m", stand_in.module)
    return Software(
        image=algorithm.training_image.repository,
        environment=stand_in.environment,
        sources=stand_in.sources,
        set_up=stand_in.set_up,
        train=(*command, "train"),
        serve=(*command, "serve"),
        is_stand_in=True,
        notice=stand_in.notice,
    )


def _software_of(algorithm: AlgorithmSpecification, image: ContainerImage) -> Software | None:
    if image.is_built:
        return _built_software(image)
    return _stand_in_software(algorithm, algorithm.stand_in) if algorithm.stand_in else None


def _uris_of_image(image: ContainerImage) -> Iterator[str]:
    """Yield the URI of the sample deployment, and for AWS's own images those of each region."""
    yield image.local_uri
    for region, account in image.accounts.items():
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        yield f"{account}.dkr.ecr.{region}.{suffix}/{image.repository}:{image.tag}"


JOBS_SOFTWARE: Final = _built_software(JOBS_IMAGE)
_SOFTWARE: Final = {JOBS_IMAGE.local_uri: JOBS_SOFTWARE} | {
    uri: software
    for one in ALGORITHMS.values()
    for image in one.images
    if (software := _software_of(one, image))
    for uri in _uris_of_image(image)
}


def software_of_image(image: str) -> Software:
    """Return the software behind `image`.

    The whole URI counts: an image of the same name in another registry is not ours.

    Raises:
        UsageError: It is not an image of this application.
    """
    if problem := image_problem(image):
        raise UsageError(f"image {image!r}: {problem}")
    return _SOFTWARE[image]


def image_problem(image: str) -> str:
    """Return why `image` cannot run on this machine, with those that can; empty if it can."""
    if image in _SOFTWARE:
        return ""
    own = [uri for uri in _SOFTWARE if uri.startswith(_OWN_REGISTRY)]
    return f"the code of this image is not on this machine. {suggest_known_names(image, own)}"


def images_in_arguments(arguments: object) -> set[str]:
    """Return the image URIs in the arguments of steps; an image given by a reference is left out."""
    if isinstance(arguments, Mapping):
        own = {value for key, value in arguments.items() if key in _IMAGE_KEYS and isinstance(value, str)}
        return own.union(*map(images_in_arguments, arguments.values()))
    if isinstance(arguments, Iterable) and not isinstance(arguments, str):
        return set[str]().union(*map(images_in_arguments, arguments))
    return set()


_NOT_IN_IMAGES: Final = "pipeline_src/definition"


def digest_of_software(repository: Path, software: Software) -> str:
    """Return a SHA-256 over names and bytes of the sources of `software`, below the folder `repository`.

    It takes the place of an image digest, which a plain process does not have.
    """
    return digest_of_sources(repository, software.sources, without=_NOT_IN_IMAGES)


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

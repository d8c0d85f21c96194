# SPDX-License-Identifier: MIT-0
"""Runs the jobs of the preprocessing image in that image, with podman or docker.

A container has no network, a read-only root and a user that is not root. Model servers, which need a port, run as plain
processes, and so does a stand-in for an image that runs on SageMaker alone. The runner's notice says so.

A killed engine (SIGKILL) cannot remove its container. A container of docker, whose daemon owns it, runs to its end:
``docker ps --filter name=local-`` shows it, and ``docker rm --force`` ends it.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from local.errors import UsageError
from local.runners.job_runner import JOBS_SOFTWARE, Job, JobOutcome, software_of_image
from local.runners.process_runner import ProcessCommand, ProcessRunner, inherited_environment, run_job_command

DEFAULT_IMAGE: Final = "skin-lesion-preprocessing:local"
_CONTAINER_UID: Final = 10001  # the image's own user, where this process is root


class ContainerRunner:
    """Runs a job in a container; a job of a stand-in, and every model server, as a process.

    Args:
        tool: ``podman`` or ``docker``.
        image: The preprocessing image; `make test-image` shows how it is built.
        options: Further options of the tool itself, for machines that need some.
    """

    notice = "Only the jobs of the preprocessing image run in a container. Model servers run as plain processes."

    def __init__(self, tool: str, image: str = DEFAULT_IMAGE, *, options: tuple[str, ...] = ()) -> None:
        self.name = tool
        self.image = image
        self.options = options
        self._process_runner = ProcessRunner()

    def check(self, images: Iterable[str] = ()) -> None:
        """Check that the tool, the preprocessing image and the environments of `images` are there."""
        if shutil.which(self.name) is None:
            raise UsageError(f"--runner {self.name}: it is not installed. Install it, or use --runner process.")
        self._digest()
        self._process_runner.check(images)

    def fingerprint(self, image: str) -> str:
        """Return the digest of the preprocessing image, or the digest of the code of what runs as a process."""
        if software_of_image(image).image != JOBS_SOFTWARE.image:
            return self._process_runner.fingerprint(image)
        return f"{self.name}:{self._digest()}"

    def run(self, job: Job, *, stop: threading.Event, line: Callable[[str], None]) -> JobOutcome:
        """Run the job in a container that is removed afterwards, or as a process if it is a stand-in's."""
        if software_of_image(job.image).image != JOBS_SOFTWARE.image:
            return self._process_runner.run(job, stop=stop, line=line)
        name = f"local-{job.root.resolve().parents[1].name}-{os.getpid()}-{threading.get_ident()}".lower()
        _open_to_user(job.root)
        try:
            return run_job_command(
                ProcessCommand(self.command(job, name), inherited_environment()), job, stop=stop, line=line
            )
        finally:
            self._tool("rm", "--force", name)

    def serve(self, job: Job, *, host: str, port: int) -> "AbstractContextManager[subprocess.Popen[bytes]]":
        """Start the model server as a plain process."""
        return self._process_runner.serve(job, host=host, port=port)

    def command(self, job: Job, name: str) -> tuple[str, ...]:
        """Return the command line that runs `job` in a container called `name`."""
        return (
            *(self.name, *self.options, "run", "--rm", "--name", name),
            *("--network", "none", "--read-only", "--tmpfs", "/tmp", *self._user()),  # noqa: S108  the container's own
            *("--volume", f"{job.root.resolve()}:/opt/ml"),
            *(option for key, value in job.environment.items() for option in ("--env", f"{key}={value}")),
            *("--entrypoint", job.command[0], self.image, *job.command[1:]),
        )

    def _user(self) -> tuple[str, ...]:
        uid = os.getuid()
        if uid == 0:
            return ("--user", f"{_CONTAINER_UID}:{_CONTAINER_UID}")
        keep = ("--userns", "keep-id") if self.name == "podman" else ()
        return (*keep, "--user", f"{uid}:{os.getgid()}")

    def _digest(self) -> str:
        found = self._tool("image", "inspect", "--format", "{{.Id}}", self.image)
        if found.returncode:
            raise UsageError(f"--image {self.image}: {self.name} has no such image. Build it: make test-image.")
        return found.stdout.strip()

    def _tool(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([self.name, *self.options, *arguments], capture_output=True, text=True, check=False)


def _open_to_user(root: Path) -> None:
    """Let the container's user write into the job's folders, where this process is root and it is not.

    Folders only: the files in them are links to objects of the store.
    """
    if os.getuid() != 0:
        return
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        os.chown(folder, _CONTAINER_UID, _CONTAINER_UID)

# SPDX-License-Identifier: MIT-0
"""Finds a podman or docker that really works here, and a base image for it.

A tool that is installed may still be unable to start a container, so each candidate has to run ``true`` in the base.
The base is the Dockerfile's own where its registry is reachable; otherwise a stand-in of Debian packages.
"""

import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
DOCKERFILE: Final = ROOT / "containers/preprocessing/Dockerfile"
STAND_IN: Final = "localhost/skin-lesion-base:stand-in"
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_PULL_SECONDS: Final = 300
# Debian's bookworm has Python 3.11, as the real base. pip must be let into a system that no one else manages.
_PACKAGES: Final = "ca-certificates,python3,python3-pip"
_HOOK: Final = 'rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED; ln -s python3 "$1"/usr/bin/python'


class NoBuilderError(Exception):
    """Neither podman nor docker can run a container here; the message says why, tool by tool."""


@dataclass(frozen=True)
class Builder:
    """A container tool with the environment in which it works, and a base image that it has.

    Attributes:
        tool: ``podman`` or ``docker``.
        base: Image that stands in the Dockerfile's BASE_IMAGE.
        environment: Variables that it needs besides those of this process.
    """

    tool: str
    base: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, timeout: float = 600) -> "subprocess.CompletedProcess[str]":
        """Run the tool with `arguments`; a timeout counts as exit code 124."""
        command = [self.tool, *arguments]
        environment = {**os.environ, **self.environment}
        try:
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"{self.tool} took more than {timeout} s")

    def build(self, tag: str, dockerfile: Path = DOCKERFILE, *, timeout: float = 600) -> None:
        """Build `dockerfile` with the repository as its context and call the image `tag`, within `timeout` seconds."""
        trust = (
            ("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro")
            if self.tool == "podman" and _CERTIFICATES.exists()
            else ()
        )
        options = ("--network", "host", *trust, "--build-arg", f"BASE_IMAGE={self.base}")
        before = self._identifier(tag)
        built = self("build", *options, "--tag", tag, "--file", str(dockerfile), str(ROOT), timeout=timeout)
        if built.returncode:
            raise AssertionError(
                f"{self.tool} build of {dockerfile.name}: exit code {built.returncode}\n{built.stderr}"
            )
        if before not in {"", self._identifier(tag)}:
            self("rmi", before)  # nothing else names it; what it shares with the new image stays

    def _identifier(self, image: str) -> str:
        return self("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()


def find(cache: Path) -> Builder:
    """Return a builder that works.

    Args:
        cache: Folder for what it needs; it stays between runs.

    Raises:
        NoBuilderError: None works.
    """
    cache.mkdir(parents=True, exist_ok=True)
    reasons = []
    for candidate in _candidates(cache):
        for base in (_public_base(), STAND_IN):
            problem = _fetch(candidate, base, cache) or _run_true(candidate, base)
            if not problem:
                return Builder(candidate.tool, base, candidate.environment)
            reasons.append(f"{candidate.tool}, base {base}: {problem}")
    raise NoBuilderError("\n".join(reasons) or "neither podman nor docker is installed")


def _candidates(cache: Path) -> Iterator[Builder]:
    if shutil.which("podman"):
        yield Builder("podman")
        yield Builder("podman", environment={"CONTAINERS_CONF": str(_cautious_configuration(cache))})
    if shutil.which("docker"):
        yield Builder("docker")


def _cautious_configuration(cache: Path) -> Path:
    """Return a podman configuration for a machine that is a container itself: it asks the kernel for nothing new."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    path = cache / "containers.conf"
    path.write_text(
        f'[containers]\ndefault_ulimits = ["nofile={limit}:{limit}", "nproc={limit}:{limit}"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        '[network]\nnetwork_backend = "netavark"\n'
    )
    return path


def _public_base() -> str:
    arguments = (line for line in DOCKERFILE.read_text().splitlines() if line.startswith("ARG BASE_IMAGE="))
    return next(arguments).partition("=")[2]


def _fetch(builder: Builder, base: str, cache: Path) -> str:
    """Put `base` into the builder's store unless it is there; return what prevented it."""
    if builder("image", "inspect", base).returncode == 0:
        return ""
    if base != STAND_IN:
        return _last_line(builder("pull", base, timeout=_PULL_SECONDS))
    if not shutil.which("mmdebstrap"):
        return "mmdebstrap, which makes a stand-in, is not installed"
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        tar = Path(folder) / "base.tar"
        command = ["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", f"--customize-hook={_HOOK}", "bookworm"]
        made = subprocess.run([*command, str(tar)], capture_output=True, text=True, check=False)
        return _last_line(made) or _last_line(builder("import", str(tar), base))


def _run_true(builder: Builder, base: str) -> str:
    return _last_line(builder("run", "--rm", "--network", "none", base, "true", timeout=60))


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the last line of an error, or nothing where there was none."""
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1] if done.returncode else ""

# SPDX-License-Identifier: MIT-0
"""Checks the container builder of this machine: docker, or the tool that CDK_DOCKER names.

The image is built for linux/amd64. SageMaker is reported to refuse images in the OCI format, which podman writes unless
told otherwise. Docker with containerd's image store, the default of new installations since version 29, pushes an OCI
index where a build has attestations; without them it may still push an OCI manifest. Sources: CDK Developer Guide
(CDK_DOCKER); buildah-build(1) (BUILDAH_FORMAT); Docker's manuals, "containerd image store" and "Build variables"
(BUILDX_NO_DEFAULT_ATTESTATIONS); issue 180 of aws/amazon-sagemaker-feedback, 1533 of docker/buildx.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from operations.preflight.preflight_check import PreflightFinding, failed, ok, warning

BuilderInfo: TypeAlias = dict[str, Any]

_TIMEOUT_SECONDS: Final = 30.0
_AMD64_NAMES: Final = ("amd64", "x86_64")
_CONTAINERD_STORE: Final = "io.containerd.snapshotter.v1"
_NO_ATTESTATIONS: Final = "BUILDX_NO_DEFAULT_ATTESTATIONS"
_TRUE_WORDS: Final = ("1", "t", "true")
_PODMAN_REMEDY: Final = "export CDK_DOCKER=podman BUILDAH_FORMAT=docker"


class _NoAnswerError(Exception):
    """The tool does not answer; the message gives the reason."""


def check_image_builder(
    environment: Mapping[str, str], seconds: float = _TIMEOUT_SECONDS
) -> Iterator[PreflightFinding]:
    """Yield whether the builder runs, for linux/amd64, and writes a format that SageMaker accepts.

    Args:
        environment: Variables that choose and find the tool.
        seconds: Time limit of its answer.
    """
    tool = environment.get("CDK_DOCKER", "docker")
    path = environment.get("PATH", "")
    if not shutil.which(tool, path=path):
        yield failed(f"{tool} is not installed", _install_remedy(tool, path))
        return
    try:
        told = _ask_builder(tool, environment, seconds)
    except _NoAnswerError as error:
        remedy = f"Start it (Docker Desktop; systemctl start docker; podman machine start) until {tool} info answers."
        yield failed(f"{tool} is installed but does not answer: {error}", remedy)
        return
    yield _architecture_finding(tool, told)
    yield from _format_findings(tool, told, environment)


def _install_remedy(tool: str, path: str) -> str:
    if tool != "podman" and shutil.which("podman", path=path):
        return f"podman is installed: {_PODMAN_REMEDY}"
    return f"Install Docker, or podman and {_PODMAN_REMEDY}"


def _ask_builder(tool: str, environment: Mapping[str, str], seconds: float) -> BuilderInfo:
    """Return the tool's description of itself and of its daemon.

    Raises:
        _NoAnswerError: It prints nothing, or that there is no daemon; docker then exits with 0 all the same.
    """
    command = [tool, "info", "--format", "{{json .}}"]
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False
        )
        told: BuilderInfo = json.loads(done.stdout) if done.returncode == 0 else {}
    except subprocess.TimeoutExpired:
        raise _NoAnswerError(f"no answer after {seconds:.0f} s") from None
    except (OSError, ValueError) as error:
        raise _NoAnswerError(str(error)) from None
    if told.get("ServerErrors") or not told:
        reasons = told.get("ServerErrors") or done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise _NoAnswerError(str(reasons[-1]))
    return told


def _architecture_finding(tool: str, told: BuilderInfo) -> PreflightFinding:
    # Docker has it at the top level, podman under the host.
    kind = str(told.get("Architecture") or told.get("host", {}).get("arch") or "an unknown architecture")
    if kind in _AMD64_NAMES:
        return ok(f"{tool} runs on {kind}")
    return warning(
        f"{tool} runs on {kind}: it has to emulate linux/amd64, which is slower and may not be set up",
        f"Try {tool} run --rm --platform linux/amd64 busybox uname -m, which has to print x86_64. If it does not, set "
        "up emulation (Docker Desktop: Rosetta; Linux: qemu-user-static), or deploy from an x86-64 machine.",
    )


def _format_findings(tool: str, told: BuilderInfo, environment: Mapping[str, str]) -> Iterator[PreflightFinding]:
    sentence = f"{tool} writes images in the OCI format, which SageMaker is reported to refuse"
    if "host" in told and environment.get("BUILDAH_FORMAT") != "docker":
        yield warning(sentence, "export BUILDAH_FORMAT=docker")
    if ["driver-type", _CONTAINERD_STORE] in (told.get("DriverStatus") or []):
        attested = environment.get(_NO_ATTESTATIONS, "").lower() not in _TRUE_WORDS
        if attested:
            sentence = f"{tool} writes an OCI index with attestations, which SageMaker is reported to refuse"
        remedy = (
            f"{f'export {_NO_ATTESTATIONS}=1 (make deploy does). ' if attested else ''}If SageMaker still says "
            "'Unsupported manifest media type', turn containerd's image store off (Docker Desktop: Settings, General "
            f'or {{"features": {{"containerd-snapshotter": false}}}} in /etc/docker/daemon.json), or {_PODMAN_REMEDY}'
        )
        yield warning(sentence, remedy)

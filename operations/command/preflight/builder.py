# SPDX-License-Identifier: MIT-0
"""What builds the preprocessing image on this machine: docker, or what CDK_DOCKER names.

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

from operations.command.preflight.finding import Finding, Verdict

Information: TypeAlias = dict[str, Any]

_SECONDS: Final = 30.0
_AMD64: Final = ("amd64", "x86_64")
_CONTAINERD: Final = "io.containerd.snapshotter.v1"
_NO_ATTESTATIONS: Final = "BUILDX_NO_DEFAULT_ATTESTATIONS"
_TRUE: Final = ("1", "t", "true")
_PODMAN: Final = "export CDK_DOCKER=podman BUILDAH_FORMAT=docker"


class _SilentError(Exception):
    """The tool does not answer; the message says how it fails."""


def ready(environment: Mapping[str, str], seconds: float = _SECONDS) -> Iterator[Finding]:
    """Yield how it stands with the builder.

    Args:
        environment: Variables that choose and find it.
        seconds: How long it may take to answer.
    """
    tool = environment.get("CDK_DOCKER", "docker")
    path = environment.get("PATH", "")
    if not shutil.which(tool, path=path):
        yield Finding(Verdict.FAILED, f"{tool} is not installed", _install(tool, path))
        return
    try:
        told = _asked(tool, environment, seconds)
    except _SilentError as error:
        remedy = f"Start it (Docker Desktop; systemctl start docker; podman machine start) until {tool} info answers."
        yield Finding(Verdict.FAILED, f"{tool} is installed and does not answer: {error}", remedy)
        return
    yield _architecture(tool, told)
    yield from _format(tool, told, environment)


def _install(tool: str, path: str) -> str:
    if tool != "podman" and shutil.which("podman", path=path):
        return f"podman is there: {_PODMAN}"
    return f"Install Docker, or podman and {_PODMAN}"


def _asked(tool: str, environment: Mapping[str, str], seconds: float) -> Information:
    """Return what the tool says of itself and of the daemon behind it.

    Raises:
        _SilentError: It says nothing, or that there is no daemon; docker then ends with 0 all the same.
    """
    command = [tool, "info", "--format", "{{json .}}"]
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False
        )
        told: Information = json.loads(done.stdout) if done.returncode == 0 else {}
    except subprocess.TimeoutExpired:
        raise _SilentError(f"it takes more than {seconds:.0f} s") from None
    except (OSError, ValueError) as error:
        raise _SilentError(str(error)) from None
    if told.get("ServerErrors") or not told:
        reasons = told.get("ServerErrors") or done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise _SilentError(str(reasons[-1]))
    return told


def _architecture(tool: str, told: Information) -> Finding:
    # Docker says it at the top, podman of the host.
    kind = str(told.get("Architecture") or told.get("host", {}).get("arch") or "an unknown architecture")
    if kind in _AMD64:
        return Finding(Verdict.OK, f"{tool} answers, on {kind}")
    return Finding(
        Verdict.WARNING,
        f"{tool} answers, on {kind}: it has to emulate linux/amd64, which takes longer and may not be set up",
        f"Try {tool} run --rm --platform linux/amd64 busybox uname -m, which has to print x86_64. If it does not, set "
        "up emulation (Docker Desktop: Rosetta; Linux: qemu-user-static), or deploy from an x86-64 machine.",
    )


def _format(tool: str, told: Information, environment: Mapping[str, str]) -> Iterator[Finding]:
    sentence = f"{tool} writes images in the OCI format, which SageMaker refuses in some places"
    if "host" in told and environment.get("BUILDAH_FORMAT") != "docker":
        yield Finding(Verdict.WARNING, sentence, "export BUILDAH_FORMAT=docker")
    if ["driver-type", _CONTAINERD] in (told.get("DriverStatus") or []):
        attested = environment.get(_NO_ATTESTATIONS, "").lower() not in _TRUE
        if attested:
            sentence = f"{tool} writes an OCI index with attestations, which SageMaker refuses in some places"
        remedy = (
            f"{f'export {_NO_ATTESTATIONS}=1 (make deploy does). ' if attested else ''}If SageMaker still says "
            "'Unsupported manifest media type', switch containerd's image store off (Docker Desktop: Settings, General "
            f'or {{"features": {{"containerd-snapshotter": false}}}} in /etc/docker/daemon.json), or {_PODMAN}'
        )
        yield Finding(Verdict.WARNING, sentence, remedy)

# SPDX-License-Identifier: MIT-0
"""The container builder is one that is there, answers, runs on x86-64, and writes what SageMaker takes."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from operations.preflight import image_builder_check
from operations.preflight.preflight_check import PreflightFinding, PreflightVerdict
from tests.operations.preflight import sample
from tests.operations.preflight.sample import only

ROOT = Path(__file__).parents[3]
# What the tools print, cut down to what counts; docker's from version 29, podman's from 4.3.
DOCKER: dict[str, Any] = {
    "ID": "f0c7", "Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]],
    "OSType": "linux", "Architecture": "x86_64", "ServerVersion": "29.1.3", "ClientInfo": {"Os": "linux"},
}  # fmt: skip
PODMAN: dict[str, Any] = {"host": {"arch": "amd64", "os": "linux"}, "version": {"Version": "4.3.1"}}
CONTAINERD = {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


def looked(folder: Path, said: dict[str, Any], name: str = "docker", **environment: str) -> list[PreflightFinding]:
    """Look at a tool that says `said` of itself."""
    found = sample.builder(folder, f"echo '{json.dumps(said)}'", name)
    return list(image_builder_check.check_image_builder(found | environment))


def test_docker_on_x86_64_is_well(tmp_path: Path) -> None:
    finding = only(looked(tmp_path, DOCKER))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.OK, "docker runs on x86_64")


def test_podman_is_well_where_cdk_docker_names_it_and_it_writes_docker_s_format(tmp_path: Path) -> None:
    finding = only(looked(tmp_path, PODMAN, "podman", CDK_DOCKER="podman", BUILDAH_FORMAT="docker"))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.OK, "podman runs on amd64")


def test_it_is_asked_for_what_it_says_in_one_call(tmp_path: Path) -> None:
    found = sample.builder(tmp_path, f"echo \"$@\" > {tmp_path}/asked; echo '{json.dumps(DOCKER)}'")
    only(image_builder_check.check_image_builder(found))
    assert (tmp_path / "asked").read_text() == "info --format {{json .}}\n"


def test_without_any_the_remedy_is_to_install_one(tmp_path: Path) -> None:
    finding = only(image_builder_check.check_image_builder({"PATH": str(tmp_path)}))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.FAILED, "docker is not installed")
    assert finding.remedy == "Install Docker, or podman and export CDK_DOCKER=podman BUILDAH_FORMAT=docker"


def test_without_docker_but_with_podman_the_remedy_is_to_name_it(tmp_path: Path) -> None:
    finding = only(looked(tmp_path, PODMAN, "podman"))
    assert finding.verdict is PreflightVerdict.FAILED
    assert finding.remedy == "podman is installed: export CDK_DOCKER=podman BUILDAH_FORMAT=docker"


def test_what_cdk_docker_names_is_looked_for_and_nothing_else(tmp_path: Path) -> None:
    finding = only(looked(tmp_path, DOCKER, CDK_DOCKER="finch"))
    assert (finding.verdict, finding.sentence) == (PreflightVerdict.FAILED, "finch is not installed")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (f"echo '{json.dumps({'Architecture': '', 'ServerErrors': [DOWN]})}'", DOWN),
        (f"echo '{DOWN}' >&2; exit 1", DOWN),
        ("exit 125", "exit code 125"),
        ("echo no json", "Expecting value"),
        ("exec /bin/sleep 60", "no answer after 0 s"),
    ],
    ids=["docker without a daemon ends with 0", "and elsewhere with 1", "silently", "no JSON", "hanging"],
)
def test_one_that_does_not_answer_is_to_be_started(tmp_path: Path, said: str, reason: str) -> None:
    finding = only(image_builder_check.check_image_builder(sample.builder(tmp_path, said), seconds=0.3))
    assert finding.verdict is PreflightVerdict.FAILED
    assert finding.sentence.startswith(f"docker is installed but does not answer: {reason}")
    assert "systemctl start docker" in finding.remedy


def test_one_that_cannot_be_started_at_all_is_said(tmp_path: Path) -> None:
    found = sample.builder(tmp_path, "")
    (tmp_path / "docker").write_text("#!/nowhere/sh\n", encoding="utf-8")
    finding = only(image_builder_check.check_image_builder(found))
    assert finding.verdict is PreflightVerdict.FAILED
    assert "No such file or directory" in finding.sentence


@pytest.mark.parametrize(
    ("said", "name"), [(DOCKER | {"Architecture": "aarch64"}, "docker"), ({"host": {"arch": "arm64"}}, "podman")]
)
def test_on_arm_the_image_is_emulated_and_the_remedy_tries_that(
    tmp_path: Path, said: dict[str, Any], name: str
) -> None:
    finding = only(looked(tmp_path, said, name, CDK_DOCKER=name, BUILDAH_FORMAT="docker"))
    assert finding.verdict is PreflightVerdict.WARNING
    assert "it has to emulate linux/amd64" in finding.sentence
    assert finding.remedy.startswith(f"Try {name} run --rm --platform linux/amd64 ")


def test_podman_writes_the_oci_format_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    _, finding = looked(tmp_path, PODMAN, "podman", CDK_DOCKER="podman")
    assert (finding.verdict, finding.remedy) == (PreflightVerdict.WARNING, "export BUILDAH_FORMAT=docker")


@pytest.mark.parametrize(("value", "attested"), [("", True), ("0", True), ("1", False), ("true", False)])
def test_docker_writes_the_oci_format_with_containerd_s_store(tmp_path: Path, value: str, *, attested: bool) -> None:
    _, finding = looked(tmp_path, DOCKER | CONTAINERD, BUILDX_NO_DEFAULT_ATTESTATIONS=value)
    assert finding.verdict is PreflightVerdict.WARNING
    assert ("an OCI index with attestations" in finding.sentence) is attested
    assert finding.remedy.startswith("export BUILDX_NO_DEFAULT_ATTESTATIONS=1 ") is attested
    assert "If SageMaker still says 'Unsupported manifest media type'" in finding.remedy
    assert '{"features": {"containerd-snapshotter": false}}' in finding.remedy


def test_the_makefile_builds_without_attestations() -> None:
    words = ["make", "--dry-run", "--print-data-base", "help"]
    clean = {name: value for name, value in os.environ.items() if name != "BUILDX_NO_DEFAULT_ATTESTATIONS"}
    printed = subprocess.run(words, cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout
    assert "\nBUILDX_NO_DEFAULT_ATTESTATIONS = 1\n" in printed

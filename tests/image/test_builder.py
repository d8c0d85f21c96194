# SPDX-License-Identifier: MIT-0
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image import builder as builders


def _tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_tool_that_is_installed_but_cannot_run_a_container_is_no_builder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tool(tmp_path, "podman", 'case "$1" in run) echo "cannot set rlimits" >&2; exit 126;; esac')
    _tool(tmp_path, "docker", 'echo "no daemon" >&2; exit 1')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(builders.NoBuilderError) as caught:
        builders.find(tmp_path / "cache")
    assert "podman, base public.ecr.aws/docker/library/python:3.11-slim-bookworm: cannot set rlimits" in str(
        caught.value
    )
    assert "docker, base public.ecr.aws/docker/library/python:3.11-slim-bookworm: no daemon" in str(caught.value)


def test_docker_is_taken_where_podman_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tmp_path, "podman", 'case "$1" in run) exit 126;; esac')
    _tool(tmp_path, "docker", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert builders.find(tmp_path / "cache").tool == "docker"


def test_podman_is_taken_with_cautious_limits_where_it_cannot_run_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _tool(tmp_path, "podman", 'case "$1" in run) test -n "$CONTAINERS_CONF";; esac')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONTAINERS_CONF", raising=False)
    found = builders.find(tmp_path / "cache")
    assert found.tool == "podman"
    assert "nofile" in Path(found.environment["CONTAINERS_CONF"]).read_text()


@pytest.mark.parametrize(("continuous_integration", "closing"), [("true", "1 error in"), ("", "1 skipped, ")])
def test_without_a_builder_the_tests_fail_in_ci_and_are_skipped_elsewhere(
    continuous_integration: str, closing: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "tests/image/test_image.py"]
    environment = {**os.environ, "PATH": str(tmp_path), "CI": continuous_integration}
    done = subprocess.run(
        [*command, "-k", "names_a_user"],
        cwd=builders.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert closing in done.stdout
    assert "neither podman nor docker is installed" in done.stdout

# SPDX-License-Identifier: MIT-0
"""The command line by which podman and docker run a job."""

import sys
import threading
from pathlib import Path

import pytest

from local.errors import UsageError
from local.runners.container_runner import ContainerRunner
from local.runners.job_runner import Job, JobOutcome
from local.runners.process_runner import ProcessRunner
from tests.local.fake import ALGORITHM, IMAGE


def command(tool: str, image: str, tmp_path: Path) -> list[str]:
    job = Job("A", image, ("python", "-m", "job", "--x", "1"), tmp_path / "opt/ml", tmp_path, {"K": "v"})
    return list(ContainerRunner(tool, "the-image:local", options=("--log-level", "error")).command(job, "name"))


@pytest.mark.parametrize("tool", ["podman", "docker"])
def test_a_container_has_no_network_a_read_only_root_and_no_root_user(tool: str, tmp_path: Path) -> None:
    line = command(tool, IMAGE, tmp_path)
    text = " ".join(line)
    assert line[:4] == [tool, "--log-level", "error", "run"]
    assert "--network none" in text
    assert "--read-only" in line
    assert "--tmpfs /tmp" in text
    assert f"--volume {tmp_path}/opt/ml:/opt/ml " in text
    assert "--env K=v" in text
    assert line[line.index("--user") + 1].partition(":")[0] not in {"0", "root"}
    assert text.endswith("--entrypoint python the-image:local -m job --x 1")


def test_the_stand_in_runs_as_a_process_and_the_notice_says_so(tmp_path: Path) -> None:
    """The tool is one that would fail; the fingerprint and the outcome are the process runner's."""
    runner = ContainerRunner("no-such-tool")
    runner._process_runner = ProcessRunner({"stand-in": Path(sys.executable)})
    job = Job("Train", ALGORITHM, ("python", "-c", "print('trained')"), tmp_path / "opt/ml", tmp_path)
    job.root.mkdir(parents=True)
    lines: list[str] = []
    assert runner.run(job, stop=threading.Event(), line=lines.append) == JobOutcome(0)
    assert lines == ["trained"]
    assert runner.fingerprint(ALGORITHM) == ProcessRunner().fingerprint(ALGORITHM)
    assert "only the jobs of the preprocessing image run in a container" in runner.notice.lower()


def test_a_tool_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="--runner podman: it is not installed"):
        ContainerRunner("podman").check()


def test_an_image_that_is_not_there_is_named_with_how_to_build_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "podman"
    tool.write_text("#!/bin/sh\nexit 125\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UsageError, match=r"podman has no such image\. Build it: make test-image"):
        ContainerRunner("podman", "absent:local").check()

# SPDX-License-Identifier: MIT-0
"""The pre-commit hooks are the linters of ``make check``, and the dev container has what ``make test`` needs."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
DEV_IMAGE = (ROOT / ".devcontainer/Dockerfile").read_text()


def _hooks() -> list[dict[str, Any]]:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    return list(repository["hooks"])


def _tools(commands: list[str]) -> list[str]:
    """Return the program of each command with the subcommand of ruff, and whether mypy checks the jobs."""
    found = []
    for command in commands:
        words = re.split(r"\.venv/app/bin/|\$\(VENV\)/app/bin/", command)[1].split()
        found.append(
            " ".join(words[:2]) if words[0] == "ruff" else words[0] + " jobs" * ("--python-executable" in words)
        )
    return sorted(found)


def test_the_hooks_call_the_locked_linters_of_make_check_and_no_other() -> None:
    recipe = re.findall(r"^\t@(.*)$", MAKEFILE.partition("\ncheck:")[2].partition("\n\n")[0], re.MULTILINE)
    assert _tools([hook["entry"] for hook in _hooks()]) == _tools(recipe)
    assert {hook["language"] for hook in _hooks()} == {"system"}


def test_the_jobs_hook_checks_the_folders_that_make_check_does() -> None:
    (entry,) = (hook["entry"] for hook in _hooks() if hook["id"] == "mypy-jobs")
    listed = re.sub(r"exec \S+ --python-executable \S+", "echo", shlex.split(entry)[2])
    printed = subprocess.run(["bash", "-c", listed], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    folders = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("pipeline_src/*/__init__.py")}
    assert set(printed.split()) == folders - {"pipeline_src/definition"} | {"local/builtin_stand_in", "benchmarks"}


def test_the_dev_container_has_python_node_and_the_packages_that_the_checks_install() -> None:
    oldest = re.search(r"^NODE_OLDEST := (\d+)\.", MAKEFILE, re.MULTILINE)
    assert oldest
    job_image = (ROOT / "containers/preprocessing/Dockerfile").read_text()
    assert set(re.findall(r"python:3\S+", job_image)) == set(re.findall(r"python:3\S+", DEV_IMAGE))
    assert f"node:{oldest[1]}-bookworm" in DEV_IMAGE
    installed = set(re.findall(r"--no-install-recommends (.*) \\", DEV_IMAGE)[0].split())
    packages = re.findall(r"^packages=\((.*)\)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)[0].split()
    # The others build and run the image and look at the report, and take the network away.
    assert installed >= set(packages) - {
        *("chromium", "fonts-dejavu-core", "iproute2", "mmdebstrap", "netavark", "podman", "runc")
    }


def test_the_dev_container_builds_its_dockerfile_and_passes_hadolint() -> None:
    described = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    path = ROOT / ".devcontainer" / described["build"]["dockerfile"]
    linted = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), path], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("name", ["bug.yml", "belief.yml", "feature.yml"])
def test_an_issue_form_has_what_github_requires(name: str) -> None:
    """Source: GitHub Docs, syntax for issue forms: name, description and body, and one field that takes input."""
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE" / name).read_text())
    assert {"name", "description", "body"} <= set(form)
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert fields
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)

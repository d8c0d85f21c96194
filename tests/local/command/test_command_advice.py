# SPDX-License-Identifier: MIT-0
"""The settings and the next command in the summary."""

import io
import json
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.console import run_summary
from local.console.command_frame import next_command
from tests.local.command.small import Shell


def _next(stdout: str) -> list[str]:
    """Return the arguments of the command line that the summary proposes."""
    (line,) = (line for line in stdout.splitlines() if line.startswith("Next "))
    return shlex.split(line.partition(" -m local ")[2])


def test_following_what_until_proposes_reuses_the_steps_that_are_done(shell: Shell) -> None:
    first = shell.run("--until", "Preprocess", "--scale", "full", "--profile", "demo", "-p", "Epochs=5")
    proposed = _next(first.stdout)
    assert proposed[0] == "run"
    for typed in ("--scale full", "--profile demo", "--parameter Epochs=5", "--runner process"):
        assert typed in " ".join(proposed)
    again = shell(*proposed)
    assert again.exit_code == 0, again.output
    assert "Preprocess  cached" in again.stdout
    values = {item["Name"]: item["Value"] for item in shell.record()["PipelineParameters"]}
    assert values["Epochs"] == 5


def test_an_archive_of_the_store_is_proposed_again_by_its_parameter(shell: Shell) -> None:
    shell.run("--quiet")
    uri = next(item["Value"] for item in shell.record()["PipelineParameters"] if item["Name"] == "InputArchive")
    options = ("--definition", shell.definition(0.6), "-p", f"InputArchive={uri}", "--until", "Preprocess")
    proposed = _next(shell("run", *options).stdout)
    assert f"InputArchive={uri}" in proposed
    assert "Preprocess  cached" in shell(*proposed).stdout


def test_a_containers_image_is_proposed_again(tmp_path: Path) -> None:
    notes = {"Until": "A", "Profile": "demo", "Archive": "a b.zip", "Runner": "podman", "Image": "mine:1"}
    data = {"PipelineExecutionSteps": [], "PipelineExecutionStatus": "Succeeded", "Local": notes}
    said = next_command(ExecutionRecord(tmp_path / "x/execution.json", data), "")
    assert said.endswith("run --archive 'a b.zip' --profile demo --runner podman --image mine:1")


def test_the_summary_names_the_parameters_that_differ_from_the_definitions_own_and_no_other(shell: Shell) -> None:
    assert "\nParameters: Epochs 5\n" in shell.run("-p", "Epochs=5", "--scale", "full").stdout
    assert "Parameters:" not in shell.run("-p", "Epochs=3", "--scale", "full").stdout


@pytest.mark.parametrize("terminal", [True, False])
def test_the_table_of_runs_cuts_nothing_however_long(shell: Shell, *, terminal: bool) -> None:
    shell.run("--quiet")
    path = shell.home / "runs/latest/execution.json"
    data = json.loads(path.read_text()) | {"PipelineExecutionStatus": "Succeeded"}
    data["Local"]["Profile"] = "a-profile-with-a-name-of-forty-letters--"
    record = ExecutionRecord(path, data)
    screen = Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None)
    run_summary.print_run_list([record], LocalHome(shell.home), screen)
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().splitlines()
    assert "…" not in "".join(lines)
    assert "Succeeded" in lines[1]
    if terminal:
        assert all(len(line) <= 80 for line in lines)
    else:
        assert len(lines) == 2
        assert f"{data['Local']['Profile']}  Succeeded" in lines[1]
        assert lines[1].rstrip().endswith("1 pending")

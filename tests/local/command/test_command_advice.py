# SPDX-License-Identifier: MIT-0
"""The settings and the next command in the summary."""

import shlex
from pathlib import Path

from local.aws.pipeline_executions import ExecutionRecord
from local.console.command_frame import next_command
from tests.local.command.small import ADVICE, Shell


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


def test_after_a_rejection_the_next_step_is_the_advice_of_its_evaluation_and_is_said_once(shell: Shell) -> None:
    said = shell.run(got=0.4).stdout
    assert said.splitlines()[-1] == f"Next      {ADVICE}"
    assert said.count(ADVICE) == 1


def test_a_rejection_without_advice_as_of_an_older_job_points_to_the_report(tmp_path: Path) -> None:
    failed = {"StepName": "Reject", "StepType": "Fail", "StepStatus": "Failed"}
    evaluated = {"StepName": "Evaluate", "StepType": "Processing", "StepStatus": "Succeeded"}
    data = {"PipelineExecutionSteps": [evaluated, failed], "PipelineExecutionStatus": "Failed", "Local": {}}
    said = next_command(ExecutionRecord(tmp_path / "x/execution.json", data), "")
    assert said == "read the report's missed requirements"

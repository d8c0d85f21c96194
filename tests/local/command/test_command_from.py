# SPDX-License-Identifier: MIT-0
"""``run --from STEP --of ID``, and definitions that are not the project's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local.command.small import Shell
from tests.local.fake import definition, equals, fail, gate, processing


def test_it_runs_with_the_definition_the_settings_and_the_parameters_of_the_run(shell: Shell) -> None:
    shell.run("--profile", "demo", "-p", "Epochs=5", "--scale", "full")
    first = shell.run_id()
    result = shell("run", "--from", "Evaluate", "--of", first)
    assert result.exit_code == 0, result.output
    assert "Preprocess  taken" in result.stdout
    assert "Evaluate    succeeded" in result.stdout
    assert f"profile demo, algorithm linear_probe, scale full, runner process, from Evaluate of {first}" in " ".join(
        result.stdout.split()
    )
    assert "Preprocess: taken from the earlier run" in result.stderr
    assert shell.parameter("Epochs") == 5
    assert shell.parameter("InputArchive").startswith("s3://local-raw/archives/")
    assert "approve" in result.stdout


def test_a_parameter_can_be_changed_and_the_run_be_named_by_latest(shell: Shell) -> None:
    shell.run("-p", "Epochs=5")
    assert shell("run", "--from", "Gate", "--of", "latest", "-p", "Epochs=7").exit_code == 0
    assert shell.parameter("Epochs") == 7


def test_another_definition_can_be_given(shell: Shell) -> None:
    shell.run()
    result = shell("run", "--from", "Evaluate", "--of", "latest", "--definition", shell.definition(0.4))
    assert result.exit_code == 1
    assert "Failed in Reject" in result.stdout


def test_what_it_proposes_after_until_continues_the_same_way(shell: Shell) -> None:
    shell.run()
    first = shell.run_id()
    result = shell("run", "--from", "Evaluate", "--of", first, "--until", "Evaluate")
    assert result.exit_code == 0, result.output
    assert f"-m local run --from Evaluate --of {first} --definition " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "Evaluate"], "--from STEP and --of ID: one of them is missing"),
        (["--of", "latest"], "--from STEP and --of ID: one of them is missing"),
        (["--from", "Evaluate", "--of", "nothing"], "run 'nothing': no such run"),
        (["--from", "Evaluat", "--of", "latest"], "Did you mean 'Evaluate'?"),
        (["--from", "Evaluate", "--of", "latest", "--profile", "demo"], "--profile and --of latest: the run has"),
        (["--from", "Evaluate", "--of", "latest", "--archive", "x.zip"], "--archive and --of latest: the run has"),
        (["--from", "Evaluate", "--of", "latest", "-p", "Epoch=1"], "parameter 'Epoch': no such pipeline parameter"),
    ],
)
def test_bad_usage_is_exit_code_2_and_starts_nothing(shell: Shell, arguments: list[str], said: str) -> None:
    shell.run("--quiet")
    result = shell("run", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert len(list((shell.home / "runs").glob("*/execution.json"))) == 2, "one run, and the link to the latest"


def foreign(shell: Shell, document: Any) -> Path:
    """Return a file with a definition of somebody else."""
    path = shell.home.parent / "foreign.json"
    path.write_text(json.dumps(document))
    return path


FREE = definition(processing("Work"), gate("Check", [equals(1, 2)], [], [fail("Halt", "The data are too old.")]))
FREE["Steps"][0]["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["python", "-c", "print('done')"]


def test_a_definition_without_the_archives_parameter_needs_no_archive(shell: Shell) -> None:
    result = shell("run", "--definition", foreign(shell, FREE))
    assert (
        "Work        succeeded" in result.stdout.replace("Work   ", "Work        ", 1) or "succeeded" in result.stdout
    )
    assert "Failed in Halt: The data are too old." in result.stdout


def test_an_archive_for_a_definition_that_takes_none_is_refused(shell: Shell) -> None:
    result = shell("run", "--definition", foreign(shell, FREE), "--archive", shell.archive())
    assert result.exit_code == 2
    assert "--archive: this definition has no parameter 'InputArchive'. Leave the option out." in result.stderr


def test_a_definition_with_the_parameter_still_asks_for_the_archive(shell: Shell) -> None:
    result = shell("run", "--definition", shell.definition(0.6))
    assert result.exit_code == 2
    assert "no archive. Give --archive PATH" in result.stderr


def test_after_the_fail_step_of_another_pipeline_the_advice_names_that_step_and_no_report(shell: Shell) -> None:
    result = shell("run", "--definition", foreign(shell, FREE))
    assert result.exit_code == 1
    assert "Next      Halt has ended the pipeline: do as its message says" in result.stdout
    assert "Add training lesions" not in result.stdout
    assert "Add training lesions" in shell.run(got=0.4).stdout


def test_an_empty_parameter_is_refused_as_by_the_service(shell: Shell) -> None:
    result = shell.run("-p", "SourceCommit=")
    assert result.exit_code == 2
    assert "parameter 'SourceCommit': is empty, which the service rejects" in result.stderr


@pytest.mark.parametrize("content", ["[" * 100_000, '{"Steps": [NaN]}', '{"Steps": "\\ud800"}', '["x"]', "3"])
def test_a_file_that_holds_no_definition_is_exit_code_2(shell: Shell, content: str) -> None:
    path = shell.home.parent / "odd.json"
    path.write_text(content)
    result = shell("run", "--definition", path)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert not shell.home.exists()

# SPDX-License-Identifier: MIT-0
"""Several runs: listed, compared, opened and removed."""

import csv
import io
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from local.cli.pipeline_commands import main
from local.console.run_summary import print_table, table_of
from local.runners.job_runner import REPOSITORY
from pipeline_src import contract
from tests.local.command.small import Shell

OUTPUT = f"local-runs/runs/{{}}/evaluate/{contract.EVALUATION_OUTPUT}"


@pytest.fixture
def two(shell: Shell) -> tuple[str, str]:
    """The ids of a run that passed and of one that the gate rejected, with other epochs."""
    shell.run("--quiet", "--scale", "full")
    first = shell.run_id()
    shell.run("--quiet", "--scale", "full", "-p", "Epochs=5", got=0.4)
    return first, shell.run_id()


def listed(shell: Shell, *options: str) -> list[dict[str, Any]]:
    return json.loads(shell("runs", "--json", *options).stdout)


def write_predictions(shell: Shell, run: str, wrong: int) -> None:
    """Write predictions of ten test images a class, of which `wrong` of the first class are missed."""
    labels = contract.CLASS_LABELS
    (folder,) = {path.parent for path in (shell.home / "s3").rglob("evaluation.json") if f"/{run}/" in str(path)}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(contract.PREDICTION_COLUMNS)
    for position, label in enumerate(labels):
        for number in range(10):
            answered = labels[position - 1] if position == 0 and number < wrong else label
            scores = [0.9 if each == answered else 0.1 / (len(labels) - 1) for each in labels]
            name = f"{label}{number}"
            called = int(scores[labels.index(contract.MELANOMA)] >= 0.3)
            writer.writerow((name, f"lesion {name}", contract.TEST, label, answered, *map(repr, scores), called))
    (folder / contract.PREDICTIONS_FILE).unlink()
    (folder / contract.PREDICTIONS_FILE).write_text(text.getvalue())


def test_passed_rejected_crashed_and_partial_are_four_outcomes(shell: Shell, two: tuple[str, str]) -> None:
    shell.run("--quiet", script="raise SystemExit(1)")
    shell.run("--quiet", "--no-cache", "--until", contract.PREPROCESS_STEP)
    assert [each["outcome"] for each in listed(shell)] == ["passed", "rejected", "crashed", "partial"]
    assert [each["run"] for each in listed(shell, "--outcome", "rejected")] == [two[1]]


def test_runs_are_sorted_by_a_metric_with_the_best_first(shell: Shell, two: tuple[str, str]) -> None:
    shell.run("--quiet", got=0.9)
    best = shell.run_id()
    assert [each["run"] for each in listed(shell, "--sort", "balanced-accuracy")] == [best, *two]


def test_the_list_shows_only_the_parameters_that_changed(shell: Shell, two: tuple[str, str]) -> None:
    first, second = listed(shell)
    assert (first["parameters"], second["parameters"]) == ({}, {"Epochs": 5})
    assert shell.parameter(contract.EARLIER_EVALUATIONS_PARAMETER) == "1", "the first run evaluated on the same images"
    assert two == (first["run"], second["run"])


def test_a_comparison_shows_what_differs_and_the_paired_difference(shell: Shell, two: tuple[str, str]) -> None:
    write_predictions(shell, two[0], wrong=0)
    write_predictions(shell, two[1], wrong=5)
    found = shell("compare", *two)
    assert found.exit_code == 0, found.output
    assert "Epochs     3" in found.stdout
    assert "SourceCommit" not in found.stdout
    assert contract.EARLIER_EVALUATIONS_PARAMETER not in found.stdout
    assert "0.6000 (0.5000 to 0.7000)" in found.stdout
    lost = 0.5 / len(contract.CLASS_LABELS)
    assert f"balanced accuracy: -{lost:.4f}" in found.stdout
    assert "0 only right in" in found.stdout
    assert "5 only in" in found.stdout
    document = json.loads(shell("compare", "--json", *two).stdout)
    assert document["parameters"] == {"Epochs": [3, 5]}
    assert document["differences"][0]["balanced_accuracy"]["difference"]["value"] == pytest.approx(-lost)


def test_one_run_or_one_without_an_evaluation_is_not_compared(shell: Shell, two: tuple[str, str]) -> None:
    alone = shell("compare", two[0])
    assert (alone.exit_code, "Name two or more" in alone.stderr) == (2, True)
    shell.run("--quiet", script="raise SystemExit(1)")
    crashed = shell("compare", two[0], "latest")
    assert (crashed.exit_code, "it has no evaluation (crashed)" in crashed.stderr) == (2, True)


def test_open_prints_the_newest_report(shell: Shell, two: tuple[str, str]) -> None:
    shown = shell("open", "--print")
    assert shown.exit_code == 0
    path = Path(shown.stdout.strip().splitlines()[-1])
    assert path.name == contract.REPORT_FILE
    assert two[1] in str(path)


@pytest.mark.parametrize(
    ("typed", "pasted"), [("a home", "--home 'a home' approve"), ("h", "--home h approve"), ("", "-m local approve")]
)
def test_a_proposed_command_can_be_pasted_with_the_home_that_was_typed(
    shell: Shell, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch, *, typed: str, pasted: str
) -> None:
    monkeypatch.chdir(shell.home.parent)
    shown = shell("show", two[0])
    if typed:
        shell.home.rename(typed)
        shown = shell("--home", typed, "show", two[0])
    assert f"{pasted} {two[0]}" in shown.stdout


def test_the_shell_completes_the_ids_of_runs(shell: Shell, two: tuple[str, str]) -> None:
    asked = {"_LESIONS_COMPLETE": "bash_complete", "COMP_WORDS": "lesions show ", "COMP_CWORD": "2"}
    found = CliRunner().invoke(main, env={"LOCAL_HOME": str(shell.home), **asked}, prog_name="lesions")
    assert [line.partition(",")[2] for line in found.stdout.splitlines()] == sorted([*two, "latest"])


def test_the_version_is_that_of_the_project() -> None:
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert CliRunner().invoke(main, ["--version"]).stdout.startswith(f"lesions {declared}")


def test_the_page_of_all_runs_follows_runs_decisions_and_removals(shell: Shell, two: tuple[str, str]) -> None:
    page = shell.home / "runs/index.html"
    assert all(f">{run}</a>" in page.read_text() for run in two)
    assert "champion <b>none" in page.read_text()
    shell("approve", two[0])
    assert f"champion <b>{two[0]}" in page.read_text()
    shell("rm", two[1], "--yes")
    assert two[1] not in page.read_text()
    page.unlink()
    written = shell("history")
    assert (written.exit_code, Path(written.stdout.strip())) == (0, page)
    (link,) = re.findall(r'href="([^"#]+)"', page.read_text())
    assert (page.parent / link).read_text() == "report"


def test_rm_asks_and_removes_logs_outputs_and_the_link_to_the_newest(shell: Shell, two: tuple[str, str]) -> None:
    declined = shell("rm", two[1])
    assert declined.exit_code == 1
    assert (shell.home / "runs" / two[1]).is_dir()
    removed = shell("rm", two[1], "--yes")
    assert removed.exit_code == 0, removed.output
    assert [each["run"] for each in listed(shell)] == [two[0]]
    assert not [path for path in (shell.home / "s3").rglob("*") if two[1] in str(path)]
    assert shell.run_id() == two[0]


def test_what_is_approved_or_used_by_another_run_is_not_removed(shell: Shell, two: tuple[str, str]) -> None:
    shell("approve", two[0])
    approved = shell("rm", two[0], "--yes")
    assert (approved.exit_code, "its model is approved" in approved.stderr) == (2, True)
    shell("reject", two[0])
    shell.run("--quiet", "--scale", "full", "-p", "Epochs=4")  # takes Preprocess from the first
    used = shell("rm", two[0], "--yes")
    assert (used.exit_code, "uses its results; remove that one too" in used.stderr) == (2, True)
    assert (shell.home / "runs" / two[0]).is_dir()


def test_prune_keeps_the_newest_and_what_they_use(shell: Shell, two: tuple[str, str]) -> None:
    shell.run("--quiet", "--no-cache", "--scale", "full")
    last = shell.run_id()
    done = shell("prune", "--keep", "1", "--yes")
    assert done.exit_code == 0, done.output
    assert [each["run"] for each in listed(shell)] == [last]
    assert two[0] in done.stdout


@pytest.mark.parametrize("command", [("sample", "{}", "--images", "21"), ("show", "latest", "--evidence", "{}")])
def test_an_existing_file_is_not_replaced_silently(
    shell: Shell, two: tuple[str, str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert two
    path = tmp_path / "kept.zip"
    path.write_text("kept")
    refused = shell(*(each.format(path) for each in command))
    assert refused.exit_code == 2
    assert "already exists" in refused.stderr
    assert path.read_text() == "kept"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_wraps_no_name_and_is_as_wide_as_it_needs_in_a_pipe(*, terminal: bool) -> None:
    table = table_of("run", "parameters")
    table.add_row("a-name-of-forty-letters-----------------", ", ".join(["x" * 20] * 7))
    screen = Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None)
    print_table(table, screen)
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().splitlines()
    assert "a-name-of-forty-letters-----------------" in lines[1]
    assert "…" not in "".join(lines)
    assert all(len(line) <= 80 for line in lines) if terminal else len(lines) == 2

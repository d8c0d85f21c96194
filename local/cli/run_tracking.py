# SPDX-License-Identifier: MIT-0
"""The commands that look at several runs, or remove some: runs, compare, history, open, rm, prune."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from local import json_files
from local.aws import model_registry, pipeline_executions
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome, files_below
from local.cli import mlflow_export
from local.command_hints import program_command, short_path
from local.console.command_frame import complete_run, error_console, output_console, run_argument
from local.console.history_page import write_history_page
from local.console.recorded_runs import approval_status, evaluation_folder, run_facts, run_history, run_outcome
from local.console.run_summary import estimate_texts, print_table, table_of
from local.console.step_progress import format_duration
from local.endpoint import run_selection, window_predictions
from local.errors import UsageError
from local.json_files import Json, JsonObject
from local.runners.job_runner import JOBS_SOFTWARE, REPOSITORY
from local.runners.process_runner import ENVIRONMENTS, ProcessRunner
from pipeline_src import contract
from pipeline_src.run_facts import (
    APPROVAL_WORDS,
    BALANCED_ACCURACY,
    CRASHED,
    HISTORY_FILE,
    MELANOMA_SENSITIVITY,
    METRIC_PLACES,
    OUTCOMES,
    PASSED,
    REJECTED,
    STOPPED,
    RunFacts,
    RunHistory,
)

_OUTCOME_STYLES: Final = {PASSED: "green", REJECTED: "red", CRASHED: "bold red", STOPPED: "yellow"}
_LISTED: Final = (BALANCED_ACCURACY, MELANOMA_SENSITIVITY)


def _metric_value(facts: RunFacts, title: str) -> float:
    """Return a metric for sorting; runs without it come last."""
    figure = facts.metrics.get(title)
    value = figure.get("value") if isinstance(figure, dict) else figure
    return -1.0 if value is None else float(value)


def _best_first(title: str) -> Callable[[RunFacts], Any]:
    return lambda facts: (-_metric_value(facts, title), facts.started)


_ORDERS: Final[Mapping[str, Callable[[RunFacts], Any]]] = {
    "started": lambda facts: facts.started,
    **{title.replace(" ", "-"): _best_first(title) for title in _LISTED},
}


@click.command()
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only runs that ended so.")
@click.option("--algorithm", metavar="NAME", help="Only runs of this algorithm.")
@click.option("--sort", type=click.Choice(list(_ORDERS)), default="started", show_default=True, help="Best first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--mlflow", metavar="URI", help="Also export these runs to an MLflow tracking server.")
@click.pass_obj
def runs(  # noqa: PLR0913  one parameter for each option
    home: LocalHome, /, *, outcome: str | None, algorithm: str | None, sort: str, as_json: bool, mlflow: str | None
) -> None:
    """List the runs with their metrics and outcome."""
    found = [run_facts(record, home) for record in pipeline_executions.load_executions(home.runs)]
    chosen = [
        each
        for each in sorted(found, key=_ORDERS[sort])
        if outcome in (None, each.outcome) and algorithm in (None, each.algorithm)
    ]
    if mlflow is not None:
        _export(RunHistory("", "", tuple(sorted(chosen, key=_ORDERS["started"]))), mlflow)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in chosen], indent=2))
        return
    shown = output_console()
    if not chosen:
        text = "No runs match." if found else f"No runs yet. Start one: {program_command()} demo"
        shown.print(text, soft_wrap=True)
        return
    table = table_of("run", "started", "outcome", "algorithm", *_LISTED, "time", "package", "parameters")
    for each in chosen:
        table.add_row(*_run_row(each))
    print_table(table, shown)


def _export(found: RunHistory, uri: str) -> None:
    done = mlflow_export.export_to_mlflow(found, uri)
    counts = f"{len(done.made)} new, {len(done.updated)} updated, {len(done.unchanged)} unchanged"
    error_console().print(f"MLflow {uri}, experiment {mlflow_export.EXPERIMENT}: {counts}", soft_wrap=True)


def _run_row(facts: RunFacts) -> list[str | Text]:
    approval = APPROVAL_WORDS.get(facts.approval, facts.approval)
    package = f"{facts.package.rpartition('/')[2]} {approval}" if facts.package else "none"
    thresholds = {name for name in facts.parameters if name.startswith("Gate")}
    changed = ", ".join(f"{name}={value}" for name, value in facts.parameters.items() if name not in thresholds)
    return [
        facts.run,
        datetime.fromisoformat(facts.started).astimezone().strftime("%Y-%m-%d %H:%M"),
        Text(facts.outcome, style=_OUTCOME_STYLES.get(facts.outcome, "")),
        facts.algorithm,
        *(estimate_texts(facts.metrics.get(title))[0] if title in facts.metrics else "" for title in _LISTED),
        "" if facts.seconds is None else format_duration(facts.seconds),
        package,
        changed,
    ]


@click.command()
@click.argument("names", metavar="ID ID...", nargs=-1, required=True, shell_complete=complete_run)
@click.option(
    "--images",
    "archive",
    metavar="ZIP",
    type=click.Path(path_type=Path),
    help="Also compare on an archive of `export` that no run trained on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def compare(home: LocalHome, /, *, names: tuple[str, ...], archive: Path | None, as_json: bool) -> None:
    """Compare runs with the first one.

    Parameters, metrics, and the paired difference on shared test images; with --images also on confirmed images of
    production, which the models are asked about.
    """
    if len(names) < 2:
        raise UsageError(f"compare {names[0]}: one run. Name two or more: {program_command()} runs lists them.")
    records = [pipeline_executions.find_execution(home.runs, name) for name in names]
    folders = [_evaluated_folder(record) for record in records]
    facts = [run_facts(record, home) for record in records]
    differences = [paired_difference(folders[0], folder) for folder in folders[1:]]
    parameters = _differing_parameters(records)
    production = None if archive is None else _compare_on_images(records, archive, home)
    if as_json:
        document = {"runs": [asdict(each) for each in facts], "parameters": parameters, "differences": differences}
        click.echo(json.dumps(document if production is None else document | {"production": production}, indent=2))
        return
    shown = output_console()
    _print_comparison(facts, parameters, differences, shown)
    if production is not None:
        _print_production(facts, production, shown)


def _compare_on_images(records: Sequence[ExecutionRecord], archive: Path, home: LocalHome) -> JsonObject:
    """Return the paired differences on the images of `archive`, and how many images were used and left out."""
    with tempfile.TemporaryDirectory() as folder:
        found = window_predictions.write_window_predictions(archive, records, home, ProcessRunner(), Path(folder))
        first, *others = found.folders
        differences = [paired_difference(first, each) for each in others]
    answers = [asdict(each) for each in found.answers]
    return {"used": found.used, "left_out": found.left_out, "answers": answers, "differences": differences}


def _print_production(facts: Sequence[RunFacts], production: JsonObject, shown: Console) -> None:
    left_out = production["left_out"]
    cause = f"; {left_out} left out, which one learned from" if left_out else ""
    shown.print(f"\nOn {production['used']} confirmed images of production that no run learned from{cause}")
    for each in production["answers"]:
        found = (
            ""
            if each["melanomas_found"] is None
            else f", found {each['melanomas_found']} of {each['melanomas']} melanomas"
        )
        shown.print(f"  {each['run']}: {each['correct']} of {production['used']} correct{found}", soft_wrap=True)
    for each, found in zip(facts[1:], production["differences"], strict=True):
        # The remedy in the reason is that of a champion's file.
        problem = "" if found["images"] else f" {found['reason'].partition('. ')[0]}. Confirm more images."
        shown.print(f"{each.run} minus {facts[0].run}, paired:{problem}", soft_wrap=True)
        _print_differences(facts[0].run, each.run, found, shown)


def _evaluated_folder(record: ExecutionRecord) -> Path:
    folder = evaluation_folder(record)
    if folder is None:
        raise UsageError(
            f"run {record.execution_id}: it has no evaluation ({run_outcome(record)}). Take a run that was evaluated: "
            f"{program_command()} runs"
        )
    return folder


def paired_difference(first: Path, second: Path) -> JsonObject:
    """Return the comparison of two evaluations, computed in the jobs' environment; the module compare.py says more.

    Raises:
        UsageError: The environment is not set up, or a file cannot be used.
    """
    python = ENVIRONMENTS / JOBS_SOFTWARE.environment / "bin/python"
    if not python.exists():
        raise UsageError(f"{python}: the jobs' environment is not set up. {JOBS_SOFTWARE.set_up}")
    command = [str(python), "-m", "pipeline_src.jobs.compare", str(first), str(second)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(done.stderr.strip().rpartition("\n")[2] or "the comparison failed")
    found: JsonObject = json.loads(done.stdout)
    return found


def _differing_parameters(records: Sequence[ExecutionRecord]) -> dict[str, list[Json]]:
    """Return the values of each parameter that is not the same in all runs, in their order; None: unknown."""
    values = [{each["Name"]: each["Value"] for each in record.data["PipelineParameters"]} for record in records]
    names = dict.fromkeys(name for each in values for name in each if name != contract.EARLIER_EVALUATIONS_PARAMETER)
    algorithms = [str(record.data["Local"].get("Algorithm", "")) for record in records]
    found = {"Algorithm": algorithms} | {name: [each.get(name) for each in values] for name in names}
    return {name: each for name, each in found.items() if any(value != each[0] for value in each)}


def _print_comparison(
    facts: Sequence[RunFacts], parameters: Mapping[str, list[Json]], differences: Sequence[JsonObject], shown: Console
) -> None:
    names = [each.run for each in facts]
    if parameters:
        table = table_of("parameter", *names)
        for name, values in parameters.items():
            table.add_row(name, *("" if value is None else str(value) for value in values))
        print_table(table, shown)
    else:
        shown.print("All parameters are the same.")
    shown.print("\nOn the test images, with the 95 % interval")
    table = table_of("metric", *names)
    table.add_row("gate", *(each.outcome for each in facts))
    for title in METRIC_PLACES:
        cells = [estimate_texts(each.metrics.get(title)) for each in facts]
        table.add_row(title, *(f"{value} ({interval})" if interval else value for value, interval, _ in cells))
    print_table(table, shown)
    for each, found in zip(facts[1:], differences, strict=True):
        shown.print(f"\n{each.run} minus {names[0]}, paired: {found['reason']}", soft_wrap=True)
        _print_differences(names[0], each.run, found, shown)


def _print_differences(first: str, second: str, found: JsonObject, shown: Console) -> None:
    for name, pair in found.items():
        if isinstance(pair, dict) and "difference" in pair:
            before, after = (pair[model]["value"] for model in ("champion", "challenger"))
            values = "" if None in (before, after) else f", from {before:.4f} to {after:.4f}"
            difference = _difference_text(pair["difference"])
            shown.print(f"  {name.replace('_', ' ')}: {difference}{values}", soft_wrap=True)
    if found["images"]:
        shown.print(f"  images: {found['fixed']} only right in {second}, {found['broken']} only in {first}")


def _difference_text(figure: Mapping[str, Json]) -> str:
    value, lower, upper = (figure.get(name) for name in ("value", "lower", "upper"))
    if value is None:
        return "not defined"
    if lower is None or upper is None:
        return f"{value:+.4f}"
    clear = "" if lower <= 0 <= upper else "; the interval leaves out 0"
    return f"{value:+.4f} ({lower:+.4f} to {upper:+.4f}){clear}"


def update_history(home: LocalHome) -> Path:
    """Write the page of all runs anew, and return its path."""
    return write_history_page(run_history(home), home.runs)


@click.command()
@click.option(
    "--fetched",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Instead of the runs on this machine, those that `make history` fetched into FOLDER.",
)
@click.option("--open", "open_page", is_flag=True, help="Open it in the browser.")
@click.pass_obj
def history(home: LocalHome, /, *, fetched: Path | None, open_page: bool) -> None:
    """Write the page of all runs."""
    if fetched is None:
        page = update_history(home)
    else:
        found = _fetched_history(fetched)
        page = write_history_page(found, fetched)
        if found.mlflow:
            _export(found, found.mlflow)
    click.echo(short_path(page))
    if open_page:
        click.launch(str(page))


def _fetched_history(folder: Path) -> RunHistory:
    """Return the runs that were fetched; the paths of their reports are relative to the folder."""
    path = folder / HISTORY_FILE
    try:
        found = RunHistory.of(json_files.read_json(path))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"--fetched {folder}: {path.name} cannot be read ({error}). Fetch it: make history") from None
    runs = (replace(each, report=str(folder / each.report) if each.report else "") for each in found.runs)
    return replace(found, runs=tuple(runs))


@click.command("open")
@run_argument()
@click.option("--print", "print_only", is_flag=True, help="Only print the path.")
@click.pass_obj
def open_report(home: LocalHome, /, *, name: str, print_only: bool) -> None:
    """Open a run's report in the browser."""
    record = run_selection.select_run(name, home, error_console(), run_selection.EVALUATED_RUN)
    report = _evaluated_folder(record) / contract.REPORT_FILE
    click.echo(short_path(report))
    if not print_only:
        click.launch(str(report))


@click.command()
@click.argument("names", metavar="ID...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def rm(home: LocalHome, /, *, names: tuple[str, ...], yes: bool) -> None:
    """Remove runs with their logs, outputs and models. Approved models stay."""
    records = [pipeline_executions.find_execution(home.runs, name) for name in names]
    unique = list({record.execution_id: record for record in records}.values())
    texts = _record_texts(home)
    for record in unique:
        why = reason_to_keep(record, home, {each.execution_id for each in unique}, texts)
        if why:
            raise UsageError(f"run {record.execution_id}: {why}. Nothing was removed.")
    _remove_runs(unique, home, yes=yes)


@click.command()
@click.option("--keep", type=click.IntRange(0), required=True, metavar="N", help="Number of newest runs to keep.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def prune(home: LocalHome, /, *, keep: int, yes: bool) -> None:
    """Remove all but the newest N runs.

    It also keeps those that are approved, running, or used by a run that stays.
    """
    records = pipeline_executions.load_executions(home.runs)
    going = records[: len(records) - keep] if keep else list(records)
    texts = _record_texts(home)
    while True:  # a run that stays may use the results of one that would go
        ids = {each.execution_id for each in going}
        staying = [each for each in going if reason_to_keep(each, home, ids, texts)]
        if not staying:
            break
        going = [each for each in going if each not in staying]
    if not going:
        output_console().print("Nothing to remove.")
        return
    _remove_runs(going, home, yes=yes)


def _record_texts(home: LocalHome) -> dict[str, str]:
    """Return the content of each run's record, which names the runs whose results it uses, by the run's id."""
    return {each.execution_id: json.dumps(each.data) for each in pipeline_executions.load_executions(home.runs)}


def reason_to_keep(record: ExecutionRecord, home: LocalHome, going: Container[str], texts: Mapping[str, str]) -> str:
    """Return why a run cannot be removed together with those in `going`; empty if it can.

    Args:
        record: The run.
        home: Folder of the model registry.
        going: Ids of the runs that are removed.
        texts: Content of the record of every run, by its id.
    """
    if record.status == "Executing":
        return "it is running; stop it first"
    if record.package_arn and approval_status(record.package_arn, home, "") == model_registry.APPROVED:
        return f"its model is approved; take that back first: {program_command()} reject {record.execution_id}"
    marker = f"/{record.execution_id}/"
    for other, text in texts.items():
        if other not in going and marker in text:
            return f"run {other} uses its results; remove that one too"
    return ""


def _remove_runs(records: Sequence[ExecutionRecord], home: LocalHome, *, yes: bool) -> None:
    folders = [folder for record in records for folder in _folders(record, home)]
    size = sum(path.stat().st_size for folder in folders for path in files_below(folder) if path.stat().st_nlink == 1)
    names = ", ".join(record.execution_id for record in records)
    text = f"Remove {len(records)} run{'s' * (len(records) > 1)} ({names}), at least {size / 1e6:.0f} MB?"
    if not yes:
        click.confirm(text, abort=True)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    left = pipeline_executions.load_executions(home.runs)
    pipeline_executions.link_latest(home.runs, left[-1].execution_id if left else None)
    update_history(home)
    output_console().print(f"Removed {names}.", soft_wrap=True)


def _folders(record: ExecutionRecord, home: LocalHome) -> list[Path]:
    """Return the folders of a run: its outputs in S3 first, so that an interrupted removal can be repeated."""
    outputs = [Path(path) for entry in record.steps for path in entry.get("Outputs", {}).values()]
    own = {parent for path in outputs for parent in path.parents if parent.name == record.execution_id}
    return [*sorted(each for each in own if each.is_relative_to(home.s3)), record.path.parent]


RUN_COMMANDS: Final = (runs, compare, history, open_report, rm, prune)

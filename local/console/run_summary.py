# SPDX-License-Identifier: MIT-0
"""Prints the summary of a run: steps, tuning jobs, dataset, metrics, gate, next command."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import json_files
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.command_hints import short_path
from local.console.command_frame import next_command
from local.console.recorded_runs import approval_status
from local.console.step_progress import format_duration
from local.json_files import Json, JsonObject
from local.steps.tuning_step import round_hyperparameter
from pipeline_src import contract
from pipeline_src.run_facts import evaluated_metrics

_JOB_STYLES: Final = {"Completed": "", "Failed": "red"}
# The maximum of several scores is, on average, above the expected score of its job.
_OPTIMISTIC_SCORE: Final = (
    "The best score is optimistic because it was used for selection. Test images were not used to choose it."
)


_UNBOUNDED_WIDTH: Final = 10_000


def table_of(*columns: str) -> Table:
    """Return an empty table whose columns are aligned left; its first never wraps, so that a name stays whole."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    return table


def print_table(table: Table, console: Console) -> None:
    """Print a table; for another program, which reads a pipe or a file, each row on one line however long."""
    if not console.is_terminal:
        wide = console.options.update(max_width=_UNBOUNDED_WIDTH)
        console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)


def _table(*columns: str, no_wrap: bool = False) -> Table:
    """Return an empty table whose first column is aligned left and the others right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        right = number > 0
        table.add_column(column, justify="right" if right else "left", no_wrap=no_wrap and right)
    return table


def print_tuning_jobs(record: ExecutionRecord, console: Console) -> None:
    """Print the jobs of each Tuning step of an execution."""
    for entry in record.steps:
        if jobs := entry.get("Properties", {}).get("TrainingJobSummaries"):
            config = entry["Properties"]["HyperParameterTuningJobConfig"]
            objective = config["HyperParameterTuningJobObjective"]["MetricName"]
            console.print(f"\n{entry['StepName']}: {len(jobs)} jobs, the best by {objective} first")
            console.print(_tuning_table(jobs))
            console.print(_OPTIMISTIC_SCORE, style="dim")


def _tuning_table(jobs: list[JsonObject]) -> Table:
    names = (name.replace("_", " ") for name in jobs[0]["TunedHyperParameters"])
    table = _table("job", *names, "objective", "time", "")
    for number, job in enumerate(jobs):
        values = [round_hyperparameter(value) for value in job["TunedHyperParameters"].values()]
        status = job["TrainingJobStatus"]
        mark = "best" if number == 0 else "" if status == "Completed" else status.lower()
        metric = job.get("FinalHyperParameterTuningJobObjectiveMetric")
        objective = f"{metric['Value']:.4f}" if metric else "none"
        started, ended = (datetime.fromisoformat(job[f"Training{name}Time"]) for name in ("Start", "End"))
        duration = format_duration((ended - started).total_seconds())
        cells = [job["TrainingJobName"].rpartition("-")[2], *values, objective, duration]
        table.add_row(*cells, Text(mark, style=_JOB_STYLES[status]), style="bold" if number == 0 else None)
    return table


_GATE_STYLES: Final = {contract.VERDICT_PASS: "green", contract.VERDICT_REJECT: "red"}
# The verdicts in the order of the table: missed requirements come first.
_REQUIREMENT_STYLES: Final = {
    "missed": "bold red",
    "not evaluable": "bold red",
    "no champion": "yellow",
    "not compared": "yellow",
    "not asked for": "yellow",
    "met": "green",
}
_SENSE_SIGNS: Final = {"at least": ">=", "at most": "<="}


def print_evaluation(evaluation: Mapping[str, Json], console: Console) -> None:
    """Print the content of evaluation.json, also of older ones without intervals and champion."""
    console.print("\nOn the test images")
    console.print(_metrics_table(evaluation))
    if evaluation.get("training"):
        console.print(_training_text(evaluation["training"]))
    if "champion" in evaluation:
        console.print(_champion_text(evaluation["champion"]))
    gate = evaluation.get("gate", {})
    verdict = str(gate.get("verdict"))
    console.print(Text.assemble("\nGate: ", (verdict, f"bold {_GATE_STYLES.get(verdict, '')}")))
    console.print(_requirements_table(gate.get("requirements", [])))


def format_figure(value: Json) -> str:
    """Return a figure as text; truncated, so that a missed threshold never appears met."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  NaN alone differs from itself
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{int(value * 10_000 + 1e-6) / 10_000:.4f}"


def _metrics_table(evaluation: Mapping[str, Json]) -> Table:
    table = _table("metric", "value", "95 % interval", "images", no_wrap=True)
    for name, figure in evaluated_metrics(evaluation).items():
        table.add_row(name, *estimate_texts(figure))
    return table


def estimate_texts(figure: Json) -> tuple[str, str, str]:
    """Return value, interval and number of images; in older evaluations the figure is a number without the others."""
    if not isinstance(figure, dict):
        return format_figure(figure), "", ""
    return format_figure(figure.get("value")), _interval_text(figure), format_figure(figure.get("images"))


def _interval_text(figure: Mapping[str, Json]) -> str:
    """Return the interval with its ends rounded outwards, as in the gate's own table."""
    lower, upper = figure.get("lower"), figure.get("upper")
    if lower is None or upper is None:
        return ""
    return f"{format_figure(lower)} to {math.ceil(upper * 10_000 - 1e-6) / 10_000:.4f}"


def _training_text(training: Mapping[str, Json]) -> str:
    """Return the epoch whose weights the model has, with its figures on the validation images."""
    number, epochs = training["selected_epoch"], training["epochs"]
    epoch = next(each for each in epochs if each["epoch"] == number)
    accuracy, loss = (format_figure(epoch[f"validation_{name}"]) for name in ("balanced_accuracy", "loss"))
    return f"Training: epoch {number} of {len(epochs)} selected, validation balanced accuracy {accuracy}, loss {loss}"


def _champion_text(found: Mapping[str, Json]) -> Text:
    """Return the champion with the differences to it, or the reason why nothing was compared."""
    status, package = str(found.get("status")), str(found.get("package"))
    named = package.partition(":model-package/")[2] or package
    style = {"refused": "bold red", "absent": "yellow", "waived": "yellow"}.get(status, "bold")
    differences = list(_champion_differences(found))
    if not differences:
        return Text.assemble("Champion: ", (f"{status}, {named}", style), f". {found.get('reason')}")
    counts = f"{format_figure(found.get('fixed'))} images better, {format_figure(found.get('broken'))} worse"
    compared = f", on {format_figure(found.get('images'))} shared images: {'; '.join(differences)}; {counts}"
    return Text.assemble("Champion: ", (f"{status}, {named}", style), compared)


def _champion_differences(found: Mapping[str, Json]) -> Iterator[str]:
    for name in ("balanced_accuracy", "melanoma_sensitivity", "melanoma_specificity"):
        difference = (found.get(name) or {}).get("difference") or {}
        value, lower, upper = (difference.get(part) for part in ("value", "lower", "upper"))
        if value is not None:
            interval = "" if lower is None or upper is None else f" ({lower:+.4f} to {upper:+.4f})"
            yield f"{name.replace('_', ' ')} {value:+.4f}{interval}"


def _requirements_table(items: list[JsonObject]) -> Table:
    table = _table("requirement", "wanted", "got", "95 % interval", "n", "", no_wrap=True)
    for item in sorted(items, key=lambda item: list(_REQUIREMENT_STYLES).index(_requirement_verdict(item))):
        verdict = _requirement_verdict(item)
        table.add_row(*_requirement_row(item), Text(verdict, style=_REQUIREMENT_STYLES[verdict]))
    return table


def _requirement_row(item: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the cells of a requirement; its name has spaces so that it wraps on a narrow terminal."""
    name = str(item["name"]).replace("_", " ") + (f", {item['place']}" if item.get("place") else "")
    sense = _SENSE_SIGNS.get(str(item.get("sense")), ">=")
    wanted = "none" if item["wanted"] is None else f"{sense} {item['wanted']:g}"
    got = format_figure(item["got"]) if "got_text" not in item or item["got"] is None else str(item["got_text"])
    images = "" if item.get("images") is None else format_figure(item["images"])
    return name, wanted, got, str(item.get("interval_text") or ""), images


def _requirement_verdict(item: Mapping[str, Json]) -> str:
    verdict = str(item.get("verdict"))
    return verdict if verdict in _REQUIREMENT_STYLES else "met" if item["passed"] else "missed"


_STEP_STYLES: Final = {"Succeeded": "green", "Failed": "red", "Stopped": "yellow"}
_REUSED_LABELS: Final = {"CacheHitResult": "cached", "SelectiveExecutionResult": "taken"}
_WARNINGS_SHOWN: Final = 3
_ADVICE_IN_REASON: Final = f". {contract.ADVICE_LEAD}"


def print_run_summary(record: ExecutionRecord, home: LocalHome, console: Console) -> None:
    """Print the summary of an execution; its model package is registered in `home`."""
    notes = record.data["Local"]
    settings = [f"{key.lower()} {notes[key]}" for key in ("Profile", "Algorithm", "Scale", "Runner") if notes.get(key)]
    if notes.get("From"):
        settings.append(f"from {notes['From']} of {notes['Of']}")
    console.print(Text.assemble("\nRun ", (record.execution_id, "bold"), f"  {', '.join(settings)}"))
    changed = ", ".join(f"{name} {value}" for name, value in notes.get("Changed", {}).items())
    if changed:
        console.print(Text(f"Parameters: {changed}"))
    console.print(_steps_table(record))
    print_tuning_jobs(record, console)
    card = _read_step_output(record, contract.PREPROCESS_STEP, contract.DATASET_OUTPUT, contract.DATASET_CARD_FILE)
    evaluation = _read_step_output(record, contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT, contract.EVALUATION_FILE)
    if card:
        _print_dataset(card, console)
    if evaluation:
        print_evaluation(evaluation, console)
    console.print()
    for label, value in _last_lines(record, home):
        console.print(Text.assemble((f"{label:<9} ", "bold"), value), soft_wrap=True)


def _steps_table(record: ExecutionRecord) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("step")
    table.add_column("status")
    table.add_column("time", justify="right")
    for entry in record.steps:
        status = entry["StepStatus"]
        label = next((text for field, text in _REUSED_LABELS.items() if field in entry), str(status).lower())
        style = "cyan" if label in _REUSED_LABELS.values() else _STEP_STYLES.get(status, "")
        table.add_row(entry["StepName"], Text(label, style=style), format_duration(entry.get("Seconds", 0.0)))
    return table


def _read_step_output(record: ExecutionRecord, step: str, output: str, name: str) -> JsonObject | None:
    """Return the JSON document `name` of a step's output, or None where there is none."""
    try:
        found: JsonObject = json_files.read_json((record.output_folder(step, output) or Path()) / name)
    except (OSError, ValueError):
        return None
    return found


def _print_dataset(card: Mapping[str, Json], console: Console) -> None:
    images = card["images"]
    sources = ", ".join(card.get("sources", {}))
    lesions = card.get("lesions", {}).get("total")
    console.print(f"\nDataset: {images['total']:,} images of {lesions or 0:,} lesions, source {sources or 'unknown'}")
    added = card.get("addition", {}).get("images", 0)
    if added:
        console.print(f"Of them from the additional archive: {added:,}, none of them in {contract.TEST}")
    table = _table("class", *contract.SPLITS)
    for label in contract.CLASS_LABELS:
        splits = images["by_class_and_split"].get(label, {})
        table.add_row(f"{label}", *(f"{splits.get(split, 0):,}" for split in contract.SPLITS))
    table.add_row("all", *(f"{images['by_split'].get(split, 0):,}" for split in contract.SPLITS), style="bold")
    console.print(table)
    warnings = card.get("warnings", [])
    for warning in warnings[:_WARNINGS_SHOWN]:
        console.print(Text.assemble(("warning: ", "yellow"), str(warning)))
    if len(warnings) > _WARNINGS_SHOWN:
        console.print(f"... and {len(warnings) - _WARNINGS_SHOWN} more in {contract.DATASET_CARD_FILE}", style="dim")


def _last_lines(record: ExecutionRecord, home: LocalHome) -> Iterator[tuple[str, str]]:
    """Yield label and text of the last lines of the summary."""
    reason = str(record.data.get("FailureReason") or "").partition(_ADVICE_IN_REASON)[0]  # `Next` has the advice
    failed = next((entry["StepName"] for entry in record.steps if entry["StepStatus"] == "Failed"), None)
    yield "Status", f"{record.status}{f' in {failed}' if failed else ''}{f': {reason}' if reason else ''}"
    arn = record.package_arn
    approval = approval_status(arn, home, "no longer in the registry") if arn else ""
    if arn:
        yield "Model", f"{arn} ({approval})"
    report = record.output_folder(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT)
    if report:
        yield "Report", short_path(report / contract.REPORT_FILE)
    yield "Record", short_path(record.path)
    yield "Next", next_command(record, approval)

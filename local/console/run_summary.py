# SPDX-License-Identifier: MIT-0
"""What a tuning found: a table of its jobs, the best first, and what its figures are worth.

What evaluation.json says, on a terminal: the figures, the champion, and the gate's table with what matters first.

What a run leaves to read: steps, dataset, metrics, the gate's verdict, the report, and what to type next.

The table of all runs.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import json_files
from local.aws.model_registry import APPROVED, PENDING, REJECTED, ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.console import command_frame
from local.console.command_frame import program_command, short_path
from local.console.step_progress import format_duration
from local.errors import LocalError
from local.json_files import Json, JsonObject
from local.steps.tuning_step import round_hyperparameter
from pipeline_src import contract

_JOB_STYLES: Final = {"Completed": "", "Failed": "red"}
# The highest of several figures is, on average, higher than what its job is worth.
_OPTIMISTIC_SCORE: Final = "It was chosen as the best by this figure, which flatters it. No job saw the test images."


def print_tuning_jobs(record: ExecutionRecord, console: Console) -> None:
    """Print the jobs of each Tuning step of an execution.

    Args:
        record: The execution.
        console: Where to.
    """
    for entry in record.steps:
        if jobs := entry.get("Properties", {}).get("TrainingJobSummaries"):
            config = entry["Properties"]["HyperParameterTuningJobConfig"]
            objective = config["HyperParameterTuningJobObjective"]["MetricName"]
            console.print(f"\n{entry['StepName']}: {len(jobs)} jobs, the best by {objective} first")
            console.print(_tuning_table(jobs))
            console.print(_OPTIMISTIC_SCORE, style="dim")


def _tuning_table(jobs: list[JsonObject]) -> Table:
    names = list(jobs[0]["TunedHyperParameters"])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("job")
    for column in (*names, "objective", "time", ""):
        table.add_column(column.replace("_", " "), justify="right")
    for number, job in enumerate(jobs):
        values = [round_hyperparameter(value) for value in job["TunedHyperParameters"].values()]
        status = job["TrainingJobStatus"]
        mark = "best" if number == 0 else "" if status == "Completed" else status.lower()
        cells = [job["TrainingJobName"].rpartition("-")[2], *values, _objective_text(job), _job_duration(job)]
        table.add_row(*cells, Text(mark, style=_JOB_STYLES[status]), style="bold" if number == 0 else None)
    return table


def _objective_text(job: JsonObject) -> str:
    metric = job.get("FinalHyperParameterTuningJobObjectiveMetric")
    return f"{metric['Value']:.4f}" if metric else "none"


def _job_duration(job: JsonObject) -> str:
    started, ended = (datetime.fromisoformat(job[f"Training{name}Time"]) for name in ("Start", "End"))
    return format_duration((ended - started).total_seconds())


_GATE_STYLES: Final = {contract.VERDICT_PASS: "green", contract.VERDICT_REJECT: "red"}
# The gate's verdicts in the order in which a reader wants them: what stands in the way comes first.
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
    """Print the content of evaluation.json; older ones, without intervals and champion, are read too."""
    console.print("\nOn the test images")
    console.print(_metrics_table(evaluation))
    if "champion" in evaluation:
        console.print(_champion_text(evaluation["champion"]))
    gate = evaluation.get("gate", {})
    verdict = str(gate.get("verdict"))
    console.print(Text.assemble("\nGate: ", (verdict, f"bold {_GATE_STYLES.get(verdict, '')}")))
    console.print(_requirements_table(gate.get("requirements", [])))


def format_figure(value: Json) -> str:
    """Return a figure for reading; cut, not rounded, so that a miss never reads as the floor that it missed."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  NaN alone differs from itself
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{int(value * 10_000 + 1e-6) / 10_000:.4f}"


def _metrics_table(evaluation: Mapping[str, Json]) -> Table:
    table = _evaluation_table("metric", "value", "95 % interval", "images")
    melanoma = evaluation.get("melanoma", {})
    measured = {name: evaluation.get(name.replace(" ", "_")) for name in ("balanced accuracy", "accuracy")}
    if "malignant_sensitivity" in evaluation:
        measured["malignant sensitivity"] = evaluation["malignant_sensitivity"]
    measured |= {f"melanoma {name}": melanoma.get(name) for name in ("sensitivity", "specificity", "auc")}
    for name, figure in measured.items():
        table.add_row(name, *_estimate_texts(figure))
    return table


def _estimate_texts(figure: Json) -> tuple[str, str, str]:
    """Return value, interval and number of images; a bare number, as an older evaluation has it, has no more."""
    if not isinstance(figure, dict):
        return format_figure(figure), "", ""
    return format_figure(figure.get("value")), _interval_text(figure), format_figure(figure.get("images"))


def _interval_text(figure: Mapping[str, Json]) -> str:
    """Return the interval with its ends cut outwards, as the gate's own table has it."""
    lower, upper = figure.get("lower"), figure.get("upper")
    if lower is None or upper is None:
        return ""
    return f"{format_figure(lower)} to {math.ceil(upper * 10_000 - 1e-6) / 10_000:.4f}"


def _champion_text(found: Mapping[str, Json]) -> Text:
    """Return with which model this one was compared and what came of it, or why there was nothing to compare."""
    status, package = str(found.get("status")), str(found.get("package"))
    named = package.partition(":model-package/")[2] or package
    style = {"refused": "bold red", "absent": "yellow", "waived": "yellow"}.get(status, "bold")
    differences = list(_champion_differences(found))
    if not differences:
        return Text.assemble("Champion: ", (f"{status}, {named}", style), f". {found.get('reason')}")
    counts = f"{format_figure(found.get('fixed'))} images better, {format_figure(found.get('broken'))} worse"
    said = f", on {format_figure(found.get('images'))} shared images: {'; '.join(differences)}; {counts}"
    return Text.assemble("Champion: ", (f"{status}, {named}", style), said)


def _champion_differences(found: Mapping[str, Json]) -> Iterator[str]:
    for name in ("balanced_accuracy", "melanoma_sensitivity", "melanoma_specificity"):
        difference = (found.get(name) or {}).get("difference") or {}
        value, lower, upper = (difference.get(part) for part in ("value", "lower", "upper"))
        if value is not None:
            interval = "" if lower is None or upper is None else f" ({lower:+.4f} to {upper:+.4f})"
            yield f"{name.replace('_', ' ')} {value:+.4f}{interval}"


def _requirements_table(items: list[JsonObject]) -> Table:
    table = _evaluation_table("requirement", "wanted", "got", "95 % interval", "n", "")
    for item in sorted(items, key=lambda item: list(_REQUIREMENT_STYLES).index(_requirement_verdict(item))):
        table.add_row(
            *_requirement_row(item),
            Text(_requirement_verdict(item), style=_REQUIREMENT_STYLES[_requirement_verdict(item)]),
        )
    return table


def _requirement_row(item: Mapping[str, Json]) -> tuple[str, ...]:
    """Return a row of words; the name in words too, so that it folds between them on a narrow terminal."""
    name = str(item["name"]).replace("_", " ") + (f", {item['place']}" if item.get("place") else "")
    sense = _SENSE_SIGNS.get(str(item.get("sense")), ">=")
    wanted = "none" if item["wanted"] is None else f"{sense} {item['wanted']:g}"
    got = format_figure(item["got"]) if "got_text" not in item or item["got"] is None else str(item["got_text"])
    images = "" if item.get("images") is None else format_figure(item["images"])
    return name, wanted, got, str(item.get("interval_text") or ""), images


def _requirement_verdict(item: Mapping[str, Json]) -> str:
    said = str(item.get("verdict"))
    return said if said in _REQUIREMENT_STYLES else "met" if item["passed"] else "missed"


def _evaluation_table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right", no_wrap=True)
    return table


_STEP_STYLES: Final = {"Succeeded": "green", "Failed": "red", "Stopped": "yellow"}
_WARNINGS_SHOWN: Final = 3


def print_run_summary(record: ExecutionRecord, home: LocalHome, console: Console) -> None:
    """Print the summary of an execution.

    Args:
        record: The execution.
        home: Where its model package is registered.
        console: Where to.
    """
    notes = record.data["Local"]
    told = [f"{key.lower()} {notes[key]}" for key in ("Profile", "Scale", "Runner") if notes.get(key)]
    console.print(Text.assemble("\nRun ", (record.execution_id, "bold"), f"  {', '.join(told)}"))
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
    for label, value in _closing_lines(record, home):
        console.print(Text.assemble((f"{label:<9} ", "bold"), value), soft_wrap=True)


def registered_package_arn(record: ExecutionRecord) -> str | None:
    """Return the ARN of the model package that the execution registered, if it did."""
    for entry in record.steps:
        if "RegisterModel" in entry.get("Metadata", {}):
            return str(entry["Metadata"]["RegisterModel"]["Arn"])
    return None


def _dataset_table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _steps_table(record: ExecutionRecord) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("step")
    table.add_column("status")
    table.add_column("time", justify="right")
    for entry in record.steps:
        status = entry["StepStatus"]
        label = "cached" if "CacheHitResult" in entry else str(status).lower()
        style = "cyan" if label == "cached" else _STEP_STYLES.get(status, "")
        table.add_row(entry["StepName"], Text(label, style=style), format_duration(entry.get("Seconds", 0.0)))
    return table


def _read_step_output(record: ExecutionRecord, step: str, output: str, name: str) -> JsonObject | None:
    """Return the JSON document `name` among a step's outputs, or None where there is none."""
    entry = record.step(step) or {}
    path = Path(entry.get("Outputs", {}).get(output, "")) / name
    try:
        found: JsonObject = json_files.read_json(path)
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
    table = _dataset_table("class", *contract.SPLITS)
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


def _closing_lines(record: ExecutionRecord, home: LocalHome) -> Iterator[tuple[str, str]]:
    """Yield what stands at the end, line by line."""
    yield "Status", _run_status(record)
    arn = registered_package_arn(record)
    if arn:
        yield "Model", f"{arn} ({_approval_status(arn, home)})"
    report = (record.step(contract.EVALUATE_STEP) or {}).get("Outputs", {}).get(contract.EVALUATION_OUTPUT)
    if report:
        yield "Report", short_path(Path(report) / contract.REPORT_FILE)
    yield "Record", short_path(record.path)
    yield "Next", command_frame.next_command(record, _approval_status(arn, home) if arn else "")


def _run_status(record: ExecutionRecord) -> str:
    reason = record.data.get("FailureReason")
    failed = next((entry["StepName"] for entry in record.steps if entry["StepStatus"] == "Failed"), None)
    return f"{record.status}{f' in {failed}' if failed else ''}{f': {reason}' if reason else ''}"


def _approval_status(arn: str, home: LocalHome) -> str:
    try:
        return str(ModelRegistry(home.registry).describe(arn)["ModelApprovalStatus"])
    except LocalError:
        return "no longer in the registry"


_APPROVAL_WORDS: Final = {PENDING: "pending", APPROVED: "approved", REJECTED: "rejected"}
_UNBOUNDED_WIDTH: Final = 10_000


def print_run_list(records: Sequence[ExecutionRecord], home: LocalHome, console: Console) -> None:
    """Print the table, oldest first."""
    if not records:
        console.print(f"No runs yet. Start one: {program_command()} demo", soft_wrap=True)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("run", "started", "profile", "status", "time", "package"):
        folded = column in {"profile", "package"}  # The longest texts; the other columns stay whole.
        table.add_column(column, no_wrap=not folded, overflow="fold", justify="right" if column == "time" else "left")
    for record in records:
        table.add_row(*_run_row(record, home))
    if not console.is_terminal:  # Another program reads it: one line a run, however long.
        wide = console.options.update(max_width=_UNBOUNDED_WIDTH)
        console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)


def _run_row(record: ExecutionRecord, home: LocalHome) -> tuple[str, ...]:
    created = datetime.fromisoformat(record.data["CreationTime"])
    ended = datetime.fromisoformat(record.data["LastModifiedTime"])
    took = "" if record.status == "Executing" else format_duration((ended - created).total_seconds())
    started = created.astimezone().strftime("%Y-%m-%d %H:%M")
    profile = str(record.data["Local"].get("Profile", ""))
    return record.execution_id, started, profile, record.status, took, _package_text(record, home)


def _package_text(record: ExecutionRecord, home: LocalHome) -> str:
    arn = registered_package_arn(record)
    if arn is None:
        return "none"
    try:
        status = ModelRegistry(home.registry).describe(arn)["ModelApprovalStatus"]
    except LocalError:
        status = "gone"
    return f"{arn.rpartition('/')[2]} {_APPROVAL_WORDS.get(status, status)}"

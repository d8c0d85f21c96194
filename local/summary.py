# SPDX-License-Identifier: MIT-0
"""What a run leaves to read: steps, dataset, metrics, the gate's verdict, the report, and what to type next."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import advice, document, tuned, verdict
from local.advice import short
from local.column import clock
from local.document import Json, Object
from local.error import LocalError
from local.execution import Record
from local.home import Home
from local.registry import Registry
from pipeline_src import contract

_STYLES: Final = {"Succeeded": "green", "Failed": "red", "Stopped": "yellow"}
_WARNINGS: Final = 3


def show(record: Record, home: Home, console: Console) -> None:
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
    console.print(_steps(record))
    tuned.show(record, console)
    card = _output(record, contract.PREPROCESS, contract.DATASET_OUTPUT, contract.DATASET_CARD)
    evaluation = _output(record, contract.EVALUATE, contract.EVALUATION_OUTPUT, contract.EVALUATION)
    if card:
        _show_dataset(card, console)
    if evaluation:
        verdict.show(evaluation, console)
    console.print()
    for label, value in _facts(record, home):
        console.print(Text.assemble((f"{label:<9} ", "bold"), value), soft_wrap=True)


def package_arn(record: Record) -> str | None:
    """Return the ARN of the model package that the execution registered, if it did."""
    for entry in record.steps:
        if "RegisterModel" in entry.get("Metadata", {}):
            return str(entry["Metadata"]["RegisterModel"]["Arn"])
    return None


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _steps(record: Record) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("step")
    table.add_column("status")
    table.add_column("time", justify="right")
    for entry in record.steps:
        status = entry["StepStatus"]
        label = "cached" if "CacheHitResult" in entry else str(status).lower()
        style = "cyan" if label == "cached" else _STYLES.get(status, "")
        table.add_row(entry["StepName"], Text(label, style=style), clock(entry.get("Seconds", 0.0)))
    return table


def _output(record: Record, step: str, output: str, name: str) -> Object | None:
    """Return the JSON document `name` among a step's outputs, or None where there is none."""
    entry = record.step(step) or {}
    path = Path(entry.get("Outputs", {}).get(output, "")) / name
    try:
        found: Object = document.read(path)
    except (OSError, ValueError):
        return None
    return found


def _show_dataset(card: Mapping[str, Json], console: Console) -> None:
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
    for warning in warnings[:_WARNINGS]:
        console.print(Text.assemble(("warning: ", "yellow"), str(warning)))
    if len(warnings) > _WARNINGS:
        console.print(f"... and {len(warnings) - _WARNINGS} more in {contract.DATASET_CARD}", style="dim")


def _facts(record: Record, home: Home) -> Iterator[tuple[str, str]]:
    """Yield what stands at the end, line by line."""
    yield "Status", _status(record)
    arn = package_arn(record)
    if arn:
        yield "Model", f"{arn} ({_approval(arn, home)})"
    report = (record.step(contract.EVALUATE) or {}).get("Outputs", {}).get(contract.EVALUATION_OUTPUT)
    if report:
        yield "Report", short(Path(report) / contract.REPORT)
    yield "Record", short(record.path)
    yield "Next", advice.following(record, _approval(arn, home) if arn else "")


def _status(record: Record) -> str:
    reason = record.data.get("FailureReason")
    failed = next((entry["StepName"] for entry in record.steps if entry["StepStatus"] == "Failed"), None)
    return f"{record.status}{f' in {failed}' if failed else ''}{f': {reason}' if reason else ''}"


def _approval(arn: str, home: Home) -> str:
    try:
        return str(Registry(home.registry).describe(arn)["ModelApprovalStatus"])
    except LocalError:
        return "no longer in the registry"

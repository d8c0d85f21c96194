# SPDX-License-Identifier: MIT-0
"""The table of all runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from local.advice import program
from local.column import clock
from local.error import LocalError
from local.execution import Record
from local.home import Home
from local.registry import APPROVED, PENDING, REJECTED, Registry
from local.summary import package_arn

_WORDS: Final = {PENDING: "pending", APPROVED: "approved", REJECTED: "rejected"}
_UNBOUNDED: Final = 10_000


def show(records: Sequence[Record], home: Home, console: Console) -> None:
    """Print the table, oldest first."""
    if not records:
        console.print(f"No runs yet. Start one: {program()} demo", soft_wrap=True)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("run", "started", "profile", "status", "time", "package"):
        folded = column in {"profile", "package"}  # The longest texts; the other columns stay whole.
        table.add_column(column, no_wrap=not folded, overflow="fold", justify="right" if column == "time" else "left")
    for record in records:
        table.add_row(*_row(record, home))
    if not console.is_terminal:  # Another program reads it: one line a run, however long.
        wide = console.options.update(max_width=_UNBOUNDED)
        console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)


def _row(record: Record, home: Home) -> tuple[str, ...]:
    created = datetime.fromisoformat(record.data["CreationTime"])
    ended = datetime.fromisoformat(record.data["LastModifiedTime"])
    took = "" if record.status == "Executing" else clock((ended - created).total_seconds())
    started = created.astimezone().strftime("%Y-%m-%d %H:%M")
    profile = str(record.data["Local"].get("Profile", ""))
    return record.execution_id, started, profile, record.status, took, _package(record, home)


def _package(record: Record, home: Home) -> str:
    arn = package_arn(record)
    if arn is None:
        return "none"
    try:
        status = Registry(home.registry).describe(arn)["ModelApprovalStatus"]
    except LocalError:
        status = "gone"
    return f"{arn.rpartition('/')[2]} {_WORDS.get(status, status)}"

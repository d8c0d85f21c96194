# SPDX-License-Identifier: MIT-0
"""The commands that operate a model: ``monitor``, ``export`` and ``drill``; ``traffic`` has a module of its own."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import choice, dispatch, drill, execution, export, monitoring
from local.advice import program, short
from local.home import Home
from local.process import ProcessRunner
from local.terminal import console


@click.command("monitor")
@click.argument("name", metavar="ID", default=execution.LATEST)
@click.option("--since", metavar="TIME", help="From when on: 90m, 2h or 3d ago, or a time in ISO 8601.")
@click.option(
    "--labels",
    metavar="LABELS.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Confirmed classes: a table with the columns id (as the request was named) and label.",
)
@click.pass_obj
def monitor(home: Home, /, *, name: str, since: str | None, labels: Path | None) -> None:
    """Compare what was captured of run ID's model with its baseline.

    Exit code 0: no violation; 1: violations; 2: bad input, or too little was captured to compare.
    """
    now = datetime.now(UTC)
    request = monitoring.Request(monitoring.moment(since, now) if since else None, now, labels)
    record = choice.run(name, home, console(), choice.CAPTURED, choice.REGISTERED)
    finding = monitoring.monitor(request, record, home, ProcessRunner())
    _show(finding, console())
    sys.exit(finding.exit_code)


def _show(finding: monitoring.Finding, shown: Console) -> None:
    if finding.violations:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("violated", "baseline", "window", "effect", "allowed", "p"):
            table.add_column(column, justify="left" if column == "violated" else "right")
        for each in finding.violations:
            values = (f"{each[part]:.4g}" for part in ("baseline", "window", "effect", "threshold"))
            table.add_row(Text(each["name"], style="red"), *values, f"{each['adjusted']:.2g}")
        shown.print(table)
    for label, value in finding.truth:
        shown.print(f"{label}: {value}", soft_wrap=True)
    shown.print(finding.summary["message"], soft_wrap=True)
    shown.print(f"Report    {short(finding.report)}", soft_wrap=True)
    if finding.violations:
        shown.print(
            f"Next      read the report; then retrain with newer pictures: {program()} run --archive PATH",
            soft_wrap=True,
        )


@click.command("export")
@click.argument("name", metavar="ID", default=execution.LATEST)
@click.option(
    "--labels",
    metavar="LABELS.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Confirmed classes by the ids of requests.  [default: those that `monitor` was given]",
)
@click.option(
    "--add",
    "earlier",
    metavar="FILE.zip",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An earlier additional archive: the new one holds it too.",
)
@click.pass_obj
def take(home: Home, /, *, name: str, labels: Path | None, earlier: Path | None) -> None:
    """Make an additional archive of what was captured of run ID's model and confirmed since.

    Exit code 2 where there is nothing to export; no archive is written then.
    """
    record = choice.run(name, home, console(), choice.CAPTURED)
    made = export.export(export.Request(datetime.now(UTC), labels, earlier), record, home, ProcessRunner())
    shown, exported = console(), made.report["exported"]
    mix = ", ".join(f"{label} {count}" for label, count in exported["by_class"].items() if count)
    shown.print(f"{exported['images']} images were exported, {exported['new']} of them new: {mix}", soft_wrap=True)
    shown.print(f"{made.report['captured']} requests were captured, {made.report['labelled']} are labelled")
    for reason, left in made.report["left_out"].items():
        first = ", ".join(left["first"])
        shown.print(f"Left out, {reason}: {left['count']} ({first})", style="yellow", markup=False, soft_wrap=True)
    shown.print(f"Archive   {short(made.archive)}", soft_wrap=True)
    shown.print(
        f"Next      {program()} demo --add {short(made.archive)}  (or run --archive PATH --add ...)", soft_wrap=True
    )


@click.command("drill")
@click.argument("names", metavar="[ID ID]", nargs=-1)
@click.pass_obj
def rehearse(home: Home, /, *, names: tuple[str, ...]) -> None:
    """Rehearse a rollback between two registered versions, on a copy of the registry: exit code 1 if it fails."""
    first, second = drill.versions(names, home)
    shown = console()
    for number, stop in enumerate(drill.walk(first, second, home, ProcessRunner()), 1):
        shown.print(f"{number}. {stop.what}", soft_wrap=True)
        shown.print(f"   {stop.version} answers, {stop.away:.1g} from what its run wrote down", soft_wrap=True)
        shown.print(Text(f"   on AWS: {stop.on_aws}", style="dim"), soft_wrap=True)
    shown.print(drill.ON_AWS, soft_wrap=True)


COMMANDS: Final = (dispatch.send, monitor, take, rehearse)

# SPDX-License-Identifier: MIT-0
"""Walks a fresh deployment through its first run, from wherever it stands; starts the pipeline after asking."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from operations.account import cloudformation_stacks, terminal_output
from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.commands import retraining_execution
from operations.first_run import first_run_report
from operations.first_run.first_run_milestones import MilestoneStatus, may_start_pipeline
from operations.first_run.first_run_observations import FirstRunObservations
from operations.first_run.first_run_report import FirstRun
from operations.functions import aws_clients
from operations.functions.errors import AccountError, StoppedError

FIRST_RUN_FILE: Final = Path(".local/first-run.json")
_SECONDS: Final = 30.0


@click.command("first-run")
@click.option("--yes", is_flag=True, help="Start the pipeline without asking.")
@click.option("--wait", is_flag=True, help="Follow it until nothing goes on by itself.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=FIRST_RUN_FILE,
    show_default=True,
    help="Where what was seen is kept.",
)
@click.pass_context
def walk_first_run(context: click.Context, path: Path, *, yes: bool, wait: bool) -> None:
    """Walk through a first run, and say which beliefs about AWS held (docs/beliefs.md).

    It reads, and starts the pipeline on the uploaded archive where it never ran, after asking. Run it again at any
    time. Exit codes: 0 nothing failed, 1 a step or a belief failed, 2 bad usage, credentials or nothing deployed.
    """
    account: Account = context.obj
    console = terminal_output.output_console()
    _offer_start(account, console, None if yes else click.confirm)
    found = _followed(account, path, terminal_output.error_console()) if wait else _look(account, path)
    first_run_report.print_first_run(found, console)
    print_line(
        console, f"Kept in {path}. {'It goes on by itself; look again' if found.is_moving else 'Next'}: {_next(found)}"
    )
    context.exit(found.exit_code)


def _offer_start(account: Account, console: Console, ask: Callable[[str], bool] | None) -> None:
    """Start the pipeline where an archive is there and it never ran, unless the user says no."""
    seen = FirstRunObservations(account)
    if not may_start_pipeline(seen):
        return
    if ask is None or ask(f"Start the pipeline on {seen.archive}? It trains a model; make cost says what it costs."):
        print_line(
            console,
            "Started: "
            f"{aws_clients.execution_console_url(retraining_execution.start_retraining_execution(account, ''))}",
        )


def _look(account: Account, path: Path) -> FirstRun:
    """Look once, and keep what was seen."""
    storage = cloudformation_stacks.describe_stack(account.client("cloudformation"), account.stack_name("storage"))
    if storage is None:
        raise AccountError(f"deployment {account.name!r}: nothing is deployed in {account.region}. Run make deploy.")
    earlier = first_run_report.read_earlier(path)
    found = first_run_report.look_at_first_run(FirstRunObservations(account), storage.arn, earlier)
    first_run_report.write_first_run(found, path)
    return found


def _followed(account: Account, path: Path, console: Console) -> FirstRun:
    """Look until nothing goes on by itself, and say each milestone that has changed.

    Raises:
        StoppedError: Ctrl-C; what runs goes on.
    """
    said: set[tuple[str, MilestoneStatus]] = set()
    try:
        while (found := _look(account, path)).is_moving:
            for each in found.milestones:
                if each.progress is not MilestoneStatus.OPEN and (each.name, each.progress) not in said:
                    said.add((each.name, each.progress))
                    print_line(console, f"{each.name}: {each.progress}")
            account.sleep(_SECONDS)
    except KeyboardInterrupt:
        raise StoppedError("stopped looking; what runs goes on. Look again: make first-run") from None
    return found


def _next(found: FirstRun) -> str:
    return "make first-run" if found.is_moving or found.exit_code else "make next"

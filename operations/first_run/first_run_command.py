# SPDX-License-Identifier: MIT-0
"""Reports the progress of a first run, and starts the pipeline after asking."""

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
@click.option("--wait", is_flag=True, help="Follow it until it needs you or has ended.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=FIRST_RUN_FILE,
    show_default=True,
    help="File that keeps the state.",
)
@click.pass_context
def walk_first_run(context: click.Context, path: Path, *, yes: bool, wait: bool) -> None:
    """Report the progress of a first run, and which beliefs about AWS held (docs/beliefs.md).

    If the pipeline has never run, the command asks and starts it on the uploaded archive. Run it again at any time.
    Exit codes: 0 nothing failed, 1 a step or a belief failed, 2 bad usage, credentials or nothing deployed.
    """
    account: Account = context.obj
    console = terminal_output.output_console()
    _offer_start(account, console, None if yes else click.confirm)
    found = _followed(account, path, terminal_output.error_console()) if wait else _look(account, path)
    first_run_report.print_first_run(found, console)
    print_line(console, f"Saved in {path}. {'It continues; look again' if found.is_moving else 'Next'}: {_next(found)}")
    context.exit(found.exit_code)


def _offer_start(account: Account, console: Console, ask: Callable[[str], bool] | None) -> None:
    """Start the pipeline if there is an archive and it has never run, unless the user says no."""
    seen = FirstRunObservations(account)
    if not may_start_pipeline(seen):
        return
    if ask is None or ask(f"Start the pipeline on {seen.archive}? It trains a model; make cost estimates the cost."):
        print_line(
            console,
            "Started: "
            f"{aws_clients.execution_console_url(retraining_execution.start_retraining_execution(account, ''))}",
        )


def _look(account: Account, path: Path) -> FirstRun:
    """Read the state and save it."""
    storage = cloudformation_stacks.describe_stack(account.client("cloudformation"), account.stack_name("storage"))
    if storage is None:
        raise AccountError(f"deployment {account.name!r}: nothing is deployed in {account.region}. Run make deploy.")
    earlier = first_run_report.read_earlier(path)
    found = first_run_report.look_at_first_run(FirstRunObservations(account), storage.arn, earlier)
    first_run_report.write_first_run(found, path)
    return found


def _followed(account: Account, path: Path, console: Console) -> FirstRun:
    """Print each change of a milestone until nothing continues without the user.

    Raises:
        StoppedError: Ctrl-C; running work continues.
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
        raise StoppedError("stopped waiting; running work continues. Look again: make first-run") from None
    return found


def _next(found: FirstRun) -> str:
    return "make first-run" if found.is_moving or found.exit_code else "make next"

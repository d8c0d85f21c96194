# SPDX-License-Identifier: MIT-0
"""Walks a fresh deployment through its first run, from wherever it stands; starts the pipeline after asking."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from operations import link
from operations.command import machine, stack, terminal
from operations.command.account import Account
from operations.command.terminal import say
from operations.error import AccountError, StoppedError
from operations.first_run import first_run_report
from operations.first_run.first_run_report import FirstRun
from operations.first_run.milestones import Progress, may_start
from operations.first_run.observations import Observations

STATE: Final = Path(".local/first-run.json")
_SECONDS: Final = 30.0


@click.command("first-run")
@click.option("--yes", is_flag=True, help="Start the pipeline without asking.")
@click.option("--wait", is_flag=True, help="Follow it until nothing goes on by itself.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=STATE,
    show_default=True,
    help="Where what was seen is kept.",
)
@click.pass_context
def command(context: click.Context, path: Path, *, yes: bool, wait: bool) -> None:
    """Walk through a first run, and say which beliefs about AWS held (docs/beliefs.md).

    It reads, and starts the pipeline on the uploaded archive where it never ran, after asking. Run it again at any
    time. Exit codes: 0 nothing failed, 1 a step or a belief failed, 2 bad usage, credentials or nothing deployed.
    """
    account: Account = context.obj
    console = terminal.console()
    _offer_start(account, console, None if yes else click.confirm)
    found = _followed(account, path, terminal.errors()) if wait else _look(account, path)
    first_run_report.show(found, console)
    say(console, f"Kept in {path}. {'It goes on by itself; look again' if found.is_moving else 'Next'}: {_next(found)}")
    context.exit(found.exit_code)


def _offer_start(account: Account, console: Console, ask: Callable[[str], bool] | None) -> None:
    """Start the pipeline where an archive is there and it never ran, unless the user says no."""
    seen = Observations(account)
    if not may_start(seen):
        return
    if ask is None or ask(f"Start the pipeline on {seen.archive}? It trains a model; make cost says what it costs."):
        say(console, f"Started: {link.of_execution(machine.start(account, ''))}")


def _look(account: Account, path: Path) -> FirstRun:
    """Look once, and keep what was seen."""
    storage = stack.described(account.client("cloudformation"), account.stack_name("storage"))
    if storage is None:
        raise AccountError(f"deployment {account.name!r}: nothing is deployed in {account.region}. Run make deploy.")
    earlier = first_run_report.read_earlier(path)
    found = first_run_report.looked(Observations(account), storage.arn, earlier)
    first_run_report.write(found, path)
    return found


def _followed(account: Account, path: Path, console: Console) -> FirstRun:
    """Look until nothing goes on by itself, and say each milestone that has changed.

    Raises:
        StoppedError: Ctrl-C; what runs goes on.
    """
    said: set[tuple[str, Progress]] = set()
    try:
        while (found := _look(account, path)).is_moving:
            for each in found.milestones:
                if each.progress is not Progress.OPEN and (each.name, each.progress) not in said:
                    said.add((each.name, each.progress))
                    say(console, f"{each.name}: {each.progress}")
            account.sleep(_SECONDS)
    except KeyboardInterrupt:
        raise StoppedError("stopped looking; what runs goes on. Look again: make first-run") from None
    return found


def _next(found: FirstRun) -> str:
    return "make first-run" if found.is_moving or found.exit_code else "make next"

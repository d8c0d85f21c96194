# SPDX-License-Identifier: MIT-0
"""What a command writes to, and how its errors read.

Ctrl-C and SIGTERM: what runs is stopped in order, instead of dying of them.

What to type next, in a form that can be pasted.
"""

import errno
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import click
from rich.console import Console

from local.aws.model_registry import APPROVED, PENDING
from local.aws.pipeline_executions import ExecutionRecord
from local.errors import LocalError, StoppedError, UsageError, describe_os_error
from local.json_files import JsonObject


class CommandGroup(click.Group):
    """A group whose errors are one line on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LocalError as error:
            exit_with_error(str(error), error.exit_code)
        except KeyboardInterrupt:
            exit_with_error("stopped by the user", StoppedError.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # Whoever read stdout has gone: click ends quietly.
                raise
            exit_with_error(describe_os_error(error, ctx.obj.root if ctx.obj else Path.cwd()), UsageError.exit_code)


def exit_with_error(message: str, code: int) -> NoReturn:
    """Say why on stderr, and leave with `code`."""
    error_console().print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def output_console() -> Console:
    """Return what the result is printed on."""
    return Console(highlight=False)


def error_console() -> Console:
    """Return what progress and errors are printed on."""
    return Console(stderr=True, highlight=False)


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C and on SIGTERM for the ``with`` block, instead of dying of them.

    One that the parent has switched off, as a shell does for what runs in the background, stays switched off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone.
        return
    heard = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop()) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_NEXT_VERBS: Final = {PENDING: "approve", APPROVED: "serve"}
_REJECTED_ADVICE: Final = "Read the report's worst mistakes; then more data, or --parameter Epochs=N"


def program_command() -> str:
    """Return how to type this command line here: ``python -m local``, by the interpreter's path unless it is first."""
    found = shutil.which("python")
    if (
        found
        and Path(found).resolve() == Path(sys.executable).resolve()
        and Path(found).parent == Path(sys.executable).parent
    ):
        return "python -m local"
    return f"{short_path(Path(sys.executable))} -m local"


def short_path(path: Path) -> str:
    """Return `path` from here where it lies below, else in full."""
    full = Path(os.path.abspath(path))  # noqa: PTH100  not resolve(): a link's own name is what a user knows
    here = Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def next_command(record: ExecutionRecord, approval: str) -> str:
    """Return what to do after an execution.

    Args:
        record: The execution.
        approval: ModelApprovalStatus of the model package that it registered, empty where it registered none.
    """
    if approval in _NEXT_VERBS:
        return f"{program_command()} {_NEXT_VERBS[approval]} {record.execution_id}"
    failed = next((entry for entry in record.steps if entry["StepStatus"] == "Failed"), None)
    if failed:
        logs = short_path(record.path.parent / failed["StepName"])
        return (
            _REJECTED_ADVICE if failed["StepType"] == "Fail" else f"read the logs in {logs}, mend the cause, run again"
        )
    if record.status == "Stopped":
        return "run it again: finished steps are reused"
    notes = record.data["Local"]
    if notes.get("Until") and notes.get("Profile"):
        return f"{program_command()} {shlex.join(_resumed_run_arguments(notes))}"
    return f"{program_command()} runs"


def _resumed_run_arguments(notes: JsonObject) -> Iterator[str]:
    """Yield the command that goes on after `--until`: with all that was typed, or it would reuse no step."""
    yield "run"
    for option in ("Archive", "Add", "Definition", "Profile", "Scale", "Runner", "Image", "Champion"):
        if notes.get(option):
            yield from (f"--{option.lower()}", str(notes[option]))
    for option, value in zip(("--tune", "--parallel"), notes.get("Tuning", ()), strict=False):
        yield from (option, str(value))
    for name, value in notes.get("Typed", {}).items():
        yield from ("--parameter", f"{name}={value}")

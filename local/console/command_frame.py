# SPDX-License-Identifier: MIT-0
"""The frame of all commands: consoles, errors, signals, and the next command to type."""

import errno
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click
from rich.console import Console

from local import json_files
from local.aws.model_registry import APPROVED, PENDING
from local.aws.pipeline_executions import LATEST_RUN, RECORD_FILE, ExecutionRecord
from local.aws.s3_store import LocalHome
from local.command_hints import HOME_OPTION, program_command, short_path
from local.errors import LocalError, StoppedError, UsageError, describe_os_error
from local.json_files import JsonObject
from pipeline_src import contract

_Command = TypeVar("_Command", bound=Callable[..., Any])


class CommandGroup(click.Group):
    """A command group that reports errors as one line on stderr and an exit code, never as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LocalError as error:
            exit_with_error(str(error), error.exit_code)
        except KeyboardInterrupt:
            exit_with_error("stopped by the user", StoppedError.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # The reader of stdout has ended; click exits quietly.
                raise
            exit_with_error(describe_os_error(error, ctx.obj.root if ctx.obj else Path.cwd()), UsageError.exit_code)


def complete_run(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of runs that begin with `incomplete`, for the shell."""
    runs = LocalHome(Path(context.find_root().params[HOME_OPTION])).runs
    names = (path.parent.name for path in runs.glob(f"*/{RECORD_FILE}"))
    return sorted(name for name in {*names, LATEST_RUN} if name.startswith(incomplete))


def run_argument(*, required: bool = False) -> Callable[[_Command], _Command]:
    """Return the decorator for the argument that names a run; where it is optional, the default is the newest."""
    if required:
        return click.argument("name", metavar="ID", shell_complete=complete_run)
    return click.argument("name", metavar="[ID]", default=LATEST_RUN, shell_complete=complete_run)


def exit_with_error(message: str, code: int) -> NoReturn:
    """Print an error to stderr and exit with `code`."""
    error_console().print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def output_console() -> Console:
    """Return the console for results, on stdout."""
    return Console(highlight=False)


def error_console() -> Console:
    """Return the console for progress and errors, on stderr."""
    return Console(stderr=True, highlight=False)


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on SIGINT and SIGTERM during the ``with`` block, instead of ending the process.

    A signal that the parent ignores, as a shell does for background processes, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread can handle signals.
        return
    handled = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop()) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_NEXT_VERBS: Final = {PENDING: "approve", APPROVED: "serve"}
_NO_ADVICE: Final = "read the report's missed requirements"  # of an evaluation that has no advice, as older ones


def require_writable_file(option: str, path: Path, *, force: bool) -> None:
    """Check, before any work is done, that a command may write `path`.

    Raises:
        UsageError: It exists and `force` is False, or its folder does not exist or is a file.
    """
    if path.exists() and not force:
        raise UsageError(f"{option} {short_path(path)}: already exists. Give another name, or --force to replace it.")
    if path.parent.exists() and not path.parent.is_dir():
        raise UsageError(f"{path.parent}: expected a directory, found a file. Use another path.")
    if not path.parent.is_dir():
        folder = short_path(path.parent)
        make = f"mkdir -p {shlex.quote(folder)}"
        raise UsageError(f"{option} {short_path(path)}: there is no folder {folder}. Make it first: {make}")


def next_command(record: ExecutionRecord, approval: str) -> str:
    """Return the next command or advice after an execution.

    Args:
        record: The execution.
        approval: ModelApprovalStatus of its model package, empty for none.
    """
    if approval in _NEXT_VERBS:
        return f"{program_command()} {_NEXT_VERBS[approval]} {record.execution_id}"
    failed = next((entry for entry in record.steps if entry["StepStatus"] == "Failed"), None)
    if failed:
        logs = short_path(record.path.parent / failed["StepName"])
        if failed["StepType"] == "Fail":
            # Another pipeline's step of that type says what its author means by it, and there is no report to read.
            is_own = failed["StepName"] == contract.REJECT_STEP and record.step(contract.EVALUATE_STEP)
            other = f"{failed['StepName']} has ended the pipeline: do as its message says"
            return _rejection_advice(record) if is_own else other
        return f"read the logs in {logs}, fix the cause and rerun"
    if record.status == "Stopped":
        return "run it again: finished steps are reused"
    notes = record.data["Local"]
    if notes.get("Until") and notes.get("Profile"):
        return f"{program_command()} {shlex.join(_resumed_run_arguments(notes))}"
    return f"{program_command()} runs"


def _rejection_advice(record: ExecutionRecord) -> str:
    """Return what would help, which Evaluate derived from the missed requirements."""
    folder = record.output_folder(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT) or Path()
    try:
        advice = json_files.read_json(folder / contract.EVALUATION_FILE)["gate"]["advice"]
    except (OSError, ValueError, KeyError, TypeError):
        return _NO_ADVICE
    return " ".join(str(sentence) for sentence in advice) or _NO_ADVICE


def _resumed_run_arguments(notes: JsonObject) -> Iterator[str]:
    """Yield the arguments that continue a run after `--until`, the same ones so that finished steps are reused."""
    yield "run"
    if notes.get("From"):
        yield from ("--from", str(notes["From"]), "--of", str(notes["Of"]))
    settled = ("Archive", "Add", "Profile", "Algorithm", "Scale", "Champion", "Tuning") if notes.get("From") else ()
    for option in ("Archive", "Add", "Definition", "Profile", "Algorithm", "Scale", "Runner", "Image", "Champion"):
        if notes.get(option) and option not in settled:
            yield from (f"--{option.lower()}", str(notes[option]))
    if notes.get("WarmStart") and not notes.get("From"):
        yield from ("--warm-start", str(notes["WarmStart"]))
    tuning = () if "Tuning" in settled else notes.get("Tuning", ())
    for option, value in zip(("--tune", "--parallel"), tuning, strict=False):
        yield from (option, str(value))
    for name, value in notes.get("Typed", {}).items():
        yield from ("--parameter", f"{name}={value}")

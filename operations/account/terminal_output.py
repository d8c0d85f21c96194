# SPDX-License-Identifier: MIT-0
"""What a command writes to, and how its errors read.

How far something long is: a bar in a terminal, a line now and then elsewhere.
"""

import errno
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from operations.account.aws_errors import AWS_ERRORS, explain_aws_error
from operations.functions.errors import OperationError, StoppedError, UsageError


class CommandGroup(click.Group):
    """A group whose errors are one line on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OperationError as error:
            exit_with_error(str(error), error.exit_code)
        except AWS_ERRORS as error:
            told = explain_aws_error(error)
            exit_with_error(str(told), told.exit_code)
        except KeyboardInterrupt:
            exit_with_error("stopped by the user", StoppedError.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # Whoever read stdout has gone: click ends quietly.
                raise
            exit_with_error(
                f"{error.filename or 'file'}: {error.strerror or error}. Name another.", UsageError.exit_code
            )


def exit_with_error(message: str, code: int) -> NoReturn:
    """Say why on stderr, and leave with `code`."""
    print_line(error_console(), f"error: {message}", style="red")
    sys.exit(code)


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """Print `text` as it is: unbroken, so that it can be pasted, and with no markup of its own."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def output_console() -> Console:
    """Return what the result is printed on."""
    return Console(highlight=False)


def error_console() -> Console:
    """Return what progress and errors are printed on."""
    return Console(stderr=True, highlight=False)


_PLAIN_INTERVAL_SECONDS: Final = 10.0
_BYTES_PER_MB: Final = 1_000_000


@contextmanager
def show_byte_progress(console: Console, title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give the `with` block a function to be called with the number of bytes done since its last call.

    Args:
        console: Where to.
        title: What is done, for example ``Uploading``.
        total: Bytes in all.
    """
    if not console.is_terminal:
        yield _PlainByteProgress(console, title, total).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)


class _PlainByteProgress:
    """A line every ten seconds, and one at the end: for logs."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        self._console, self._title, self._total, self._done = console, title, total, 0
        self._next = time.monotonic() + _PLAIN_INTERVAL_SECONDS

    def advance(self, done: int) -> None:
        self._done += done
        if self._done >= self._total or time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_INTERVAL_SECONDS
            print_line(
                self._console,
                f"{self._title}: {self._done / _BYTES_PER_MB:,.1f} of {self._total / _BYTES_PER_MB:,.1f} MB",
            )

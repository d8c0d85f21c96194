# SPDX-License-Identifier: MIT-0
"""Prints results, errors and progress of the commands."""

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

_PLAIN_INTERVAL_SECONDS: Final = 10.0
_BYTES_PER_MB: Final = 1_000_000


class CommandGroup(click.Group):
    """A command group that prints errors as one line on stderr, without a traceback."""

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
            if error.errno == errno.EPIPE:  # The reader of stdout has ended: click exits silently.
                raise
            exit_with_error(
                f"{error.filename or 'file'}: {error.strerror or error}. Name another file.", UsageError.exit_code
            )


def exit_with_error(message: str, code: int) -> NoReturn:
    """Print an error on stderr and exit with `code`."""
    print_line(error_console(), f"error: {message}", style="red")
    sys.exit(code)


def print_line(console: Console, text: str, style: str | None = None) -> None:
    """Print `text` without markup and without line breaks, so that it can be copied."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def output_console() -> Console:
    """Return the console for results."""
    return Console(highlight=False)


def error_console() -> Console:
    """Return the console for progress and errors."""
    return Console(stderr=True, highlight=False)


@contextmanager
def show_byte_progress(console: Console, title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Provide a function that the `with` block calls with the number of bytes since its last call.

    A terminal shows a bar; another output gets a line every ten seconds.

    Args:
        console: Where to print.
        title: For example ``Uploading``.
        total: Number of bytes.
    """
    if not console.is_terminal:
        yield _PlainByteProgress(console, title, total).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)


class _PlainByteProgress:
    """Prints a line every ten seconds and at the end."""

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

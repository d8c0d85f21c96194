# SPDX-License-Identifier: MIT-0
"""What a command writes to, and how its errors read."""

import errno
import sys
from typing import NoReturn

import click
from rich.console import Console

from operations.command.refusal import REFUSALS, explained
from operations.error import OperationError, StoppedError, UsageError


class Group(click.Group):
    """A group whose errors are one line on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OperationError as error:
            fail(str(error), error.exit_code)
        except REFUSALS as error:
            told = explained(error)
            fail(str(told), told.exit_code)
        except KeyboardInterrupt:
            fail("stopped by the user", StoppedError.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # Whoever read stdout has gone: click ends quietly.
                raise
            fail(f"{error.filename or 'file'}: {error.strerror or error}. Name another.", UsageError.exit_code)


def fail(message: str, code: int) -> NoReturn:
    """Say why on stderr, and leave with `code`."""
    say(errors(), f"error: {message}", style="red")
    sys.exit(code)


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print `text` as it is: unbroken, so that it can be pasted, and with no markup of its own."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def console() -> Console:
    """Return what the result is printed on."""
    return Console(highlight=False)


def errors() -> Console:
    """Return what progress and errors are printed on."""
    return Console(stderr=True, highlight=False)

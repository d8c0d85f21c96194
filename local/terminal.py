# SPDX-License-Identifier: MIT-0
"""What a command writes to, and how its errors read."""

import errno
import sys
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console

from local.error import LocalError, StoppedError, UsageError, told


class Group(click.Group):
    """A group whose errors are one line on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LocalError as error:
            fail(str(error), error.exit_code)
        except KeyboardInterrupt:
            fail("stopped by the user", StoppedError.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # Whoever read stdout has gone: click ends quietly.
                raise
            fail(told(error, ctx.obj.root if ctx.obj else Path.cwd()), UsageError.exit_code)


def fail(message: str, code: int) -> NoReturn:
    """Say why on stderr, and leave with `code`."""
    errors().print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


def console() -> Console:
    """Return what the result is printed on."""
    return Console(highlight=False)


def errors() -> Console:
    """Return what progress and errors are printed on."""
    return Console(stderr=True, highlight=False)

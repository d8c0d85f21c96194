# SPDX-License-Identifier: MIT-0
"""How far something long is: a bar in a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from operations.command.terminal import say

_PLAIN_SECONDS: Final = 10.0
_MB: Final = 1_000_000


@contextmanager
def meter(console: Console, title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give the `with` block a function to be called with the number of bytes done since its last call.

    Args:
        console: Where to.
        title: What is done, for example ``Uploading``.
        total: Bytes in all.
    """
    if not console.is_terminal:
        yield _Lines(console, title, total).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.advance(task, done)


class _Lines:
    """A line every ten seconds, and one at the end: for logs."""

    def __init__(self, console: Console, title: str, total: int) -> None:
        self._console, self._title, self._total, self._done = console, title, total, 0
        self._next = time.monotonic() + _PLAIN_SECONDS

    def advance(self, done: int) -> None:
        self._done += done
        if self._done >= self._total or time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            say(self._console, f"{self._title}: {self._done / _MB:,.1f} of {self._total / _MB:,.1f} MB")

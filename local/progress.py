# SPDX-License-Identifier: MIT-0
"""What a run shows while it goes: a live list of steps in a terminal, plain lines elsewhere, nothing with --quiet."""

import threading
import time
from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID, TextColumn
from rich.text import Text

from local.column import Bar, Clock, Mark, clock
from pipeline_src import contract

_PLAIN_SECONDS: Final = 10.0


class Reporter(Protocol):
    """Is told what happens; called from several threads."""

    def begin(self, steps: Sequence[str]) -> None:
        """The run starts, with these steps."""

    def started(self, step: str) -> None:
        """A step starts."""

    def line(self, step: str, line: str) -> None:
        """A step's job wrote `line` to its stdout."""

    def said(self, step: str, text: str) -> None:
        """A step has something for the user to read."""

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """A step ended."""

    def end(self) -> None:
        """The run is over."""


class Quiet:
    """Says nothing."""

    def begin(self, steps: Sequence[str]) -> None:
        """Say nothing."""

    def started(self, step: str) -> None:
        """Say nothing."""

    def line(self, step: str, line: str) -> None:
        """Say nothing."""

    def said(self, step: str, text: str) -> None:
        """Say nothing."""

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


class Plain(Quiet):
    """A line when something happens, and a step's progress every ten seconds: for logs.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next: dict[str, float] = {}

    def started(self, step: str) -> None:
        """Say so."""
        self._next[step] = time.monotonic() + _PLAIN_SECONDS
        self._say(f"{step}: started")

    def line(self, step: str, line: str) -> None:
        """Say how far the step is, now and then."""
        progress = contract.PROGRESS.match(line)
        if progress and time.monotonic() >= self._next.get(step, 0):
            self._next[step] = time.monotonic() + _PLAIN_SECONDS
            self._say(f"{step}: {progress['done']} of {progress['total']} {progress['unit']}")

    def said(self, step: str, text: str) -> None:
        """Say it."""
        self._say(f"{step}: {text}")

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Say so."""
        self._say(f"{step}: {'reused from the cache' if cached else status} ({clock(seconds)})")

    def _say(self, text: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


class Live:
    """A list of the steps with spinner, bar, count and time, redrawn in place.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            Mark(),
            TextColumn("{task.description}"),
            Bar(bar_width=18),
            TextColumn("{task.fields[text]}", style="dim"),
            Clock(),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def begin(self, steps: Sequence[str]) -> None:
        """Draw the list."""
        for step in steps:
            self._tasks[step] = self._progress.add_task(escape(step), start=False, total=1, text="", state="waiting")
        self._progress.start()

    def started(self, step: str) -> None:
        """Set the step's spinner going."""
        with self._lock:
            self._progress.start_task(self._task(step))
            self._progress.update(self._task(step), total=None, state="Executing")

    def line(self, step: str, line: str) -> None:
        """Move the step's bar, or show the line where it tells no progress."""
        if progress := contract.PROGRESS.match(line):
            done, total = int(progress["done"]), int(progress["total"])
            text = f"{done:,}/{total:,} {progress['unit']}"
            self._progress.update(self._task(step), completed=done, total=total, text=escape(text))

    def said(self, step: str, text: str) -> None:
        """Say it above the list, where it stays."""
        self._progress.console.print(Text(f"{step}: {text}", style="dim"))

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Mark the step."""
        state = "cached" if cached else status
        with self._lock:
            task = self._task(step)
            self._progress.update(task, state=state, took=seconds, text="cached" if cached else "")
            self._progress.update(task, total=1, completed=1 if status == "Succeeded" else None)
            self._progress.stop_task(task)

    def end(self) -> None:
        """Take the list off the screen; the summary follows."""
        self._progress.stop()

    def _task(self, step: str) -> TaskID:
        return self._tasks[step]


def reporter(console: Console, *, quiet: bool) -> Reporter:
    """Return what suits the console: live in a terminal, plain lines elsewhere, nothing when quiet."""
    if quiet:
        return Quiet()
    return Live(console) if console.is_terminal else Plain(console)

# SPDX-License-Identifier: MIT-0
"""The columns of the live list of steps: mark, bar and clock.

What a run shows while it goes: a live list of steps in a terminal, plain lines elsewhere, nothing with --quiet.
"""

import threading
import time
from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.text import Text

from pipeline_src import contract

_STATUS_MARKS: Final = {
    "waiting": ("·", "dim"),
    "cached": ("✓", "cyan"),
    "Succeeded": ("✓", "green"),
    "Failed": ("✗", "red"),
    "Stopped": ("■", "yellow"),
}


class StatusColumn(ProgressColumn):
    """A spinner while the step runs, else a mark."""

    def __init__(self) -> None:
        super().__init__()
        self._spinner = Spinner("dots", style="cyan")

    def render(self, task: Task) -> RenderableType:
        """Return the mark."""
        state = task.fields["state"]
        if state in _STATUS_MARKS:
            mark, style = _STATUS_MARKS[state]
            return Text(mark, style=style)
        return self._spinner.render(task.get_time())


class StepBarColumn(BarColumn):
    """A bar, but for a step that waits."""

    def render(self, task: Task) -> ProgressBar:
        """Return the bar."""
        bar = super().render(task)
        bar.pulse = task.fields["state"] == "Executing" and task.total is None
        return bar


class DurationColumn(ProgressColumn):
    """How long the step takes or took."""

    def render(self, task: Task) -> Text:
        """Return the time."""
        took = task.fields.get("took", task.elapsed)
        return Text("" if took is None else format_duration(took), style="dim")


def format_duration(seconds: float) -> str:
    """Return a duration for reading: ``0.4 s``, ``12.3 s`` or ``2:05 min``."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


_PLAIN_INTERVAL_SECONDS: Final = 10.0


class ProgressReporter(Protocol):
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


class QuietReporter:
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


class PlainReporter(QuietReporter):
    """A line when something happens, and a step's progress every ten seconds: for logs.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next: dict[str, float] = {}

    def started(self, step: str) -> None:
        """Say so."""
        self._next[step] = time.monotonic() + _PLAIN_INTERVAL_SECONDS
        self._say(f"{step}: started")

    def line(self, step: str, line: str) -> None:
        """Say how far the step is, now and then."""
        progress = contract.PROGRESS_PATTERN.match(line)
        if progress and time.monotonic() >= self._next.get(step, 0):
            self._next[step] = time.monotonic() + _PLAIN_INTERVAL_SECONDS
            self._say(f"{step}: {progress['done']} of {progress['total']} {progress['unit']}")

    def said(self, step: str, text: str) -> None:
        """Say it."""
        self._say(f"{step}: {text}")

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Say so."""
        self._say(f"{step}: {'reused from the cache' if cached else status} ({format_duration(seconds)})")

    def _say(self, text: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


class LiveReporter:
    """A list of the steps with spinner, bar, count and time, redrawn in place.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            StatusColumn(),
            TextColumn("{task.description}"),
            StepBarColumn(bar_width=18),
            TextColumn("{task.fields[text]}", style="dim"),
            DurationColumn(),
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
        if progress := contract.PROGRESS_PATTERN.match(line):
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


def select_reporter(console: Console, *, quiet: bool) -> ProgressReporter:
    """Return what suits the console: live in a terminal, plain lines elsewhere, nothing when quiet."""
    if quiet:
        return QuietReporter()
    return LiveReporter(console) if console.is_terminal else PlainReporter(console)

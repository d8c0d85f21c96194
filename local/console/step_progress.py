# SPDX-License-Identifier: MIT-0
"""Shows the progress of a run: a live list of steps in a terminal, plain lines elsewhere, nothing with --quiet."""

import threading
import time
from collections.abc import Sequence
from typing import Final

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
    """Shows a spinner while the step runs, else a mark."""

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
    """Shows a bar, which moves while the total is unknown."""

    def render(self, task: Task) -> ProgressBar:
        """Return the bar."""
        bar = super().render(task)
        bar.pulse = task.fields["state"] == "Executing" and task.total is None
        return bar


class TimeLeftColumn(ProgressColumn):
    """Shows how long a step that reports its progress still takes."""

    def render(self, task: Task) -> Text:
        """Return the duration."""
        return Text(_time_left(task), style="dim")


class DurationColumn(ProgressColumn):
    """Shows the step's duration."""

    def render(self, task: Task) -> Text:
        """Return the duration."""
        took = task.fields.get("took", task.elapsed)
        return Text("" if took is None else format_duration(took), style="dim")


def format_duration(seconds: float) -> str:
    """Return a duration as text: ``0.4 s``, ``12.3 s`` or ``2:05 min``."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def _time_left(task: Task) -> str:
    """Return the time left as text; empty before two reports of progress, and at the end."""
    seconds = task.time_remaining
    if not seconds:
        return ""
    return f"{seconds:.0f} s left" if seconds < 100 else f"{format_duration(seconds)} left"


_PLAIN_INTERVAL_SECONDS: Final = 10.0
# Long enough to hold the pauses of a training, in which it measures the model after an epoch.
_SPEED_SECONDS: Final = 120.0


class ProgressReporter:
    """Receives the events of a run, from several threads; this one shows nothing."""

    def begin(self, steps: Sequence[str]) -> None:
        """Handle the start of a run with these steps."""

    def started(self, step: str) -> None:
        """Handle the start of a step."""

    def line(self, step: str, line: str) -> None:
        """Handle a line that a step's job wrote to its stdout."""

    def said(self, step: str, text: str) -> None:
        """Handle a message of a step to the user."""

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Handle the end of a step."""

    def end(self) -> None:
        """Handle the end of the run."""


class PlainReporter(ProgressReporter):
    """Prints a line for each event and the progress of a step every ten seconds, for logs.

    Args:
        console: Receives the lines.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next: dict[str, float] = {}
        # Estimates the time left, and draws nothing.
        self._progress = Progress(console=console, disable=True, speed_estimate_period=_SPEED_SECONDS)
        self._tasks: dict[str, TaskID] = {}

    def started(self, step: str) -> None:
        """Print the start."""
        self._tasks[step] = self._progress.add_task(step, total=None)
        self._next[step] = time.monotonic() + _PLAIN_INTERVAL_SECONDS
        self._say(f"{step}: started")

    def line(self, step: str, line: str) -> None:
        """Print each epoch of the step, and its progress every ten seconds."""
        if epoch := contract.EPOCH_PATTERN.match(line):
            self._say(f"{step}: {epoch['epoch']}")
        if progress := contract.PROGRESS_PATTERN.match(line):
            task = self._tasks[step]
            self._progress.update(task, completed=int(progress["done"]), total=int(progress["total"]))
            if time.monotonic() >= self._next.get(step, 0):
                self._next[step] = time.monotonic() + _PLAIN_INTERVAL_SECONDS
                left = _time_left(self._progress.tasks[task])
                self._say(f"{step}: {progress['done']} of {progress['total']} {progress['unit']}{left and f', {left}'}")

    def said(self, step: str, text: str) -> None:
        """Print the message."""
        self._say(f"{step}: {text}")

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Print the end."""
        self._say(f"{step}: {'reused from the cache' if cached else status} ({format_duration(seconds)})")

    def _say(self, text: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {text}", markup=False, highlight=False, soft_wrap=True)


class LiveReporter(ProgressReporter):
    """Shows a list of the steps with spinner, bar, count and time, redrawn in place.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            StatusColumn(),
            TextColumn("{task.description}"),
            StepBarColumn(bar_width=18),
            TextColumn("{task.fields[text]}", style="dim"),
            TimeLeftColumn(),
            DurationColumn(),
            console=console,
            transient=True,
            speed_estimate_period=_SPEED_SECONDS,
        )
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def begin(self, steps: Sequence[str]) -> None:
        """Draw the list."""
        for step in steps:
            self._tasks[step] = self._progress.add_task(escape(step), start=False, total=1, text="", state="waiting")
        self._progress.start()

    def started(self, step: str) -> None:
        """Start the step's spinner."""
        with self._lock:
            self._progress.start_task(self._tasks[step])
            self._progress.update(self._tasks[step], total=None, state="Executing")

    def line(self, step: str, line: str) -> None:
        """Move the step's bar if the line reports progress; print an epoch above the list."""
        if epoch := contract.EPOCH_PATTERN.match(line):
            self.said(step, epoch["epoch"])
        if progress := contract.PROGRESS_PATTERN.match(line):
            done, total = int(progress["done"]), int(progress["total"])
            text = f"{done:,}/{total:,} {progress['unit']}"
            self._progress.update(self._tasks[step], completed=done, total=total, text=escape(text))

    def said(self, step: str, text: str) -> None:
        """Print the message above the list."""
        self._progress.console.print(Text(f"{step}: {text}", style="dim"))

    def finished(self, step: str, status: str, seconds: float, *, cached: bool) -> None:
        """Mark the step."""
        state = "cached" if cached else status
        with self._lock:
            task = self._tasks[step]
            self._progress.update(task, state=state, took=seconds, text="cached" if cached else "")
            self._progress.update(task, total=1, completed=1 if status == "Succeeded" else None)
            self._progress.stop_task(task)

    def end(self) -> None:
        """Remove the list from the screen."""
        self._progress.stop()


def select_reporter(console: Console, *, quiet: bool) -> ProgressReporter:
    """Return the reporter for the console: live in a terminal, plain lines elsewhere, none with `quiet`."""
    if quiet:
        return ProgressReporter()
    return LiveReporter(console) if console.is_terminal else PlainReporter(console)

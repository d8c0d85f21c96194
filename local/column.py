# SPDX-License-Identifier: MIT-0
"""The columns of the live list of steps: mark, bar and clock."""

from typing import Final

from rich.console import RenderableType
from rich.progress import BarColumn, ProgressColumn, Task
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.text import Text

_MARKS: Final = {
    "waiting": ("·", "dim"),
    "cached": ("✓", "cyan"),
    "Succeeded": ("✓", "green"),
    "Failed": ("✗", "red"),
    "Stopped": ("■", "yellow"),
}


class Mark(ProgressColumn):
    """A spinner while the step runs, else a mark."""

    def __init__(self) -> None:
        super().__init__()
        self._spinner = Spinner("dots", style="cyan")

    def render(self, task: Task) -> RenderableType:
        """Return the mark."""
        state = task.fields["state"]
        if state in _MARKS:
            mark, style = _MARKS[state]
            return Text(mark, style=style)
        return self._spinner.render(task.get_time())


class Bar(BarColumn):
    """A bar, but for a step that waits."""

    def render(self, task: Task) -> ProgressBar:
        """Return the bar."""
        bar = super().render(task)
        bar.pulse = task.fields["state"] == "Executing" and task.total is None
        return bar


class Clock(ProgressColumn):
    """How long the step takes or took."""

    def render(self, task: Task) -> Text:
        """Return the time."""
        took = task.fields.get("took", task.elapsed)
        return Text("" if took is None else clock(took), style="dim")


def clock(seconds: float) -> str:
    """Return a duration for reading: ``0.4 s``, ``12.3 s`` or ``2:05 min``."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"

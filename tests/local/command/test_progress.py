# SPDX-License-Identifier: MIT-0
"""The progress of a run."""

import io

import pytest
from rich.console import Console

from local.console.step_progress import LiveReporter, PlainReporter, ProgressReporter, format_duration, select_reporter
from local.steps.tuning_step import JobsProgress


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=80)


def test_a_terminal_gets_a_live_list_anything_else_plain_lines_and_quiet_nothing() -> None:
    assert isinstance(select_reporter(console(terminal=True), quiet=False), LiveReporter)
    assert isinstance(select_reporter(console(terminal=False), quiet=False), PlainReporter)
    assert type(select_reporter(console(terminal=True), quiet=True)) is ProgressReporter


def test_the_live_list_shows_a_steps_own_progress_inside() -> None:
    screen = console(terminal=True)
    live = LiveReporter(screen)
    live.begin(["Preprocess", "Train"])
    live.started("Preprocess")
    live.line("Preprocess", "progress: 40/700 images")
    live.line("Preprocess", "just a line")
    live._progress.refresh()
    live.started("Train")
    live.finished("Preprocess", "Succeeded", 1.25, cached=False)
    live.finished("Train", "Succeeded", 0.0, cached=True)
    live._progress.refresh()
    live.end()
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    assert "40/700 images" in shown
    assert "1.2 s" in shown
    assert "cached" in shown


def test_a_plain_log_tells_a_steps_progress_now_and_then_not_line_by_line() -> None:
    screen = console(terminal=False)
    plain = PlainReporter(screen)
    plain.started("Train")
    for number in range(100):
        plain.line("Train", f"progress: {number}/100 images")
    plain._next["Train"] = 0.0
    plain.line("Train", "progress: 100/100 images")
    assert isinstance(screen.file, io.StringIO)
    assert screen.file.getvalue().count("images") == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_a_step_that_reports_progress_shows_the_time_left(*, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = console(terminal=terminal)
    shown = select_reporter(screen, quiet=False)
    now = 100.0
    monkeypatch.setattr(shown._progress, "get_time", lambda: now)  # type: ignore[attr-defined]
    monkeypatch.setattr("local.console.step_progress.time.monotonic", lambda: now)
    shown.begin(["Train"])
    shown.started("Train")
    for done in (0, 40, 60):
        now += 20
        shown.line("Train", f"progress: {done}/100 images")
    shown.line("Train", "epoch 2/3: validation balanced accuracy 0.91 (0.80 to 0.95); 3 s, at most 0 min left")
    shown._progress.refresh()  # type: ignore[attr-defined]
    shown.end()
    assert isinstance(screen.file, io.StringIO)
    text = " ".join(screen.file.getvalue().split())
    assert "40 s left" in text
    assert "Train: epoch 2/3: validation balanced accuracy 0.91 (0.80 to 0.95)" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (12.34, "12.3 s"), (100.0, "1:40 min"), (3725, "62:05 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_step_says_stays_on_the_screen(*, terminal: bool) -> None:
    screen = console(terminal=terminal)
    shown = select_reporter(screen, quiet=False)
    shown.begin(["Train"])
    shown.started("Train")
    shown.said("Train", "job 1 of 4: 0.9717")
    shown.end()
    assert isinstance(screen.file, io.StringIO)
    assert "Train: job 1 of 4: 0.9717" in screen.file.getvalue()


def test_the_progress_of_several_jobs_is_summed_and_a_job_that_ended_counts_as_whole() -> None:
    lines: list[str] = []
    share = JobsProgress(3, lines.append)
    share.take(0, "progress: 20/100 images")
    share.take(1, "a line of another kind")
    share.end(0)
    share.take(1, "progress: 50/100 images")
    assert lines == ["progress: 20/300 images of 3 jobs", "progress: 150/300 images of 3 jobs"]

# SPDX-License-Identifier: MIT-0
"""Progress is a bar in a terminal and a plain line in a log."""

import io

from rich.console import Console

from operations.account.terminal_output import show_byte_progress


def drawn(*, terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100, color_system=None)
    with show_byte_progress(console, "Uploading", 20_000_000) as advance:
        advance(10_000_000)
        advance(10_000_000)
    return file.getvalue()


def test_a_log_gets_no_more_than_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    assert drawn(terminal=False) == "Uploading: 20.0 of 20.0 MB\n"


def test_a_terminal_gets_a_bar() -> None:
    assert "20.0/20.0 MB" in drawn(terminal=True)
    assert "\r" in drawn(terminal=True) or "\x1b[" in drawn(terminal=True)

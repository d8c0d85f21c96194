# SPDX-License-Identifier: MIT-0
"""Without a run's id, a command takes the newest run that it can use, and says which."""

import io
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from local import capture, choice
from local.__main__ import main
from local.choice import Wish
from local.error import UsageError
from local.execution import Identity, Record
from local.home import Home
from local.registry import APPROVED, Registry
from local.store import Store
from local.traffic import simulate
from tests.local.operation import registered
from tests.local.operation.server import SCORES
from tests.local.operation.test_traffic import PICTURES

OLD, NEW, FAILED = "a" * 12, "b" * 12, "c" * 12


@pytest.fixture
def place(tmp_path: Path) -> Home:
    """An approved run, of which something was captured, then one that awaits approval, then one that failed."""
    home = Home(tmp_path)
    for run in (OLD, NEW):
        registered.run(home, run, SCORES)
    Registry(home.registry).decide("model-package/small/1", APPROVED, "test")
    at = datetime(2026, 11, 25, 15, tzinfo=UTC)
    simulate(PICTURES, lambda _: SCORES, at, capture.endpoint_name(OLD), Store(home.s3))
    Record.create(home.runs, Identity(FAILED, "test"), {}, {"Profile": "demo"}).end("Failed")
    return home


def chosen(home: Home, name: str, *wishes: Wish) -> tuple[str, str]:
    """Return the id of the run that is taken, and what is said of it."""
    said = io.StringIO()
    return choice.run(name, home, Console(file=said), *wishes).execution_id, said.getvalue()


@pytest.mark.parametrize(
    ("wish", "run"),
    [(choice.APPROVED, OLD), (choice.CAPTURED, OLD), (choice.REGISTERED, NEW), (choice.JUDGED, NEW)],
)
def test_the_newest_that_can_be_used_is_taken_and_named(place: Home, wish: Wish, run: str) -> None:
    assert chosen(place, "latest", wish) == (run, f"Run {run}, the newest that {wish.words}\n")


def test_a_later_wish_counts_where_no_run_has_the_earlier(place: Home) -> None:
    nobody = Wish("is nobody", lambda _record, _home: False)
    assert chosen(place, "latest", nobody, choice.REGISTERED)[0] == NEW
    assert chosen(place, "latest", nobody) == (FAILED, "")


def test_a_run_that_is_named_is_taken_whatever_it_is(place: Home) -> None:
    assert chosen(place, "c", choice.APPROVED) == (FAILED, "")
    with pytest.raises(UsageError, match="no such run"):
        choice.run("q", place, Console(file=io.StringIO()), choice.APPROVED)


@pytest.mark.parametrize("command", ["monitor", "export", "serve"])
def test_the_commands_take_it(place: Home, command: str) -> None:
    """Each then refuses what it was given besides."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        wrong = {"serve": ("--port", port)}.get(command, ("--labels", str(place.root / "none.csv")))
        result = CliRunner().invoke(main, ["--home", str(place.root), command, *wrong])
    assert result.exit_code == 2
    assert f"Run {OLD}, the newest that" in result.stdout
    assert FAILED not in result.output


def test_where_no_model_is_approved_serve_says_which_one_awaits_it(place: Home) -> None:
    Registry(place.registry).decide("model-package/small/1", "Rejected", "test")
    result = CliRunner().invoke(main, ["--home", str(place.root), "serve"])
    assert result.exit_code == 2
    assert f"approve {NEW}" in result.stderr

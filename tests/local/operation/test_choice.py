# SPDX-License-Identifier: MIT-0
"""The selection of a run without an id."""

import io
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from local.aws import data_capture
from local.aws.model_registry import APPROVED, ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord
from local.aws.s3_store import LocalHome, S3Store
from local.cli.pipeline_commands import main
from local.endpoint import run_selection
from local.endpoint.run_selection import RunCriterion
from local.endpoint.traffic_client import simulate_traffic
from local.errors import UsageError
from tests.local.operation import registered
from tests.local.operation.server import SCORES
from tests.local.operation.test_traffic import PICTURES

OLD, NEW, FAILED = "a" * 12, "b" * 12, "c" * 12


@pytest.fixture
def place(tmp_path: Path) -> LocalHome:
    """An approved run, of which something was captured, then one that awaits approval, then one that failed."""
    home = LocalHome(tmp_path)
    for run in (OLD, NEW):
        registered.run(home, run)
    ModelRegistry(home.registry).decide("model-package/small/1", APPROVED, "test")
    at = datetime(2026, 11, 25, 15, tzinfo=UTC)
    simulate_traffic(PICTURES, lambda _: SCORES, at, data_capture.endpoint_name_of_run(OLD), S3Store(home.s3))
    ExecutionRecord.create(home.runs, ExecutionIdentity(FAILED, "test"), {}, {"Profile": "demo"}).end("Failed")
    return home


def chosen(home: LocalHome, name: str, *wishes: RunCriterion) -> tuple[str, str]:
    """Return the id of the run that is taken, and what is said of it."""
    said = io.StringIO()
    return run_selection.select_run(name, home, Console(file=said), *wishes).execution_id, said.getvalue()


@pytest.mark.parametrize(
    ("wish", "run"),
    [
        (run_selection.APPROVED_RUN, OLD),
        (run_selection.CAPTURED_RUN, OLD),
        (run_selection.REGISTERED_RUN, NEW),
        (run_selection.EVALUATED_RUN, NEW),
    ],
)
def test_the_newest_that_can_be_used_is_taken_and_named(place: LocalHome, wish: RunCriterion, run: str) -> None:
    assert chosen(place, "latest", wish) == (run, f"Run {run}, the newest that {wish.words}\n")


def test_a_later_wish_counts_where_no_run_has_the_earlier(place: LocalHome) -> None:
    nobody = RunCriterion("is nobody", lambda _record, _home: False)
    assert chosen(place, "latest", nobody, run_selection.REGISTERED_RUN)[0] == NEW
    assert chosen(place, "latest", nobody) == (FAILED, "")


def test_a_run_that_is_named_is_taken_whatever_it_is(place: LocalHome) -> None:
    assert chosen(place, "c", run_selection.APPROVED_RUN) == (FAILED, "")
    with pytest.raises(UsageError, match="no such run"):
        run_selection.select_run("q", place, Console(file=io.StringIO()), run_selection.APPROVED_RUN)


@pytest.mark.parametrize("command", ["monitor", "export", "serve"])
def test_the_commands_take_it(place: LocalHome, command: str) -> None:
    """Each then refuses what it was given besides."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        wrong = {"serve": ("--port", port)}.get(command, ("--labels", str(place.root / "none.csv")))
        result = CliRunner().invoke(main, ["--home", str(place.root), command, *wrong])
    assert result.exit_code == 2
    assert f"Run {OLD}, the newest that" in result.stdout
    assert FAILED not in result.output


def test_where_no_model_is_approved_serve_says_which_one_awaits_it(place: LocalHome) -> None:
    ModelRegistry(place.registry).decide("model-package/small/1", "Rejected", "test")
    result = CliRunner().invoke(main, ["--home", str(place.root), "serve"])
    assert result.exit_code == 2
    assert f"approve {NEW}" in result.stderr

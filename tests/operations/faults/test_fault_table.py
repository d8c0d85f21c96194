# SPDX-License-Identifier: MIT-0
"""Each AWS call of operations/ is tried under faults, and docs/faults.md says what came of it."""

import logging
import os
import time
from collections.abc import Iterator
from types import SimpleNamespace

import botocore.endpoint
import botocore.waiter
import pytest

from operations.functions import model_delivery, retraining_attempts
from tests.operations.faults import cells
from tests.operations.faults.cells import QUICK_COLUMNS
from tests.operations.faults.programs import PROGRAMS, Program

_WRITES = os.environ.get("FAULT_TABLE") == "write"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nobody wait: neither the SDK before it tries again, nor a function before it looks again."""
    for module in (botocore.endpoint, botocore.waiter):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    for function in (retraining_attempts.start_retraining, model_delivery.start_delivery):
        monkeypatch.setitem(function.__kwdefaults__, "sleep", lambda _: None)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# The others take long and change nothing, or are shorter cases of teardown, which tests/operations/destroy has.
_QUICK = [program for program in PROGRAMS if not program.reports and not program.name.startswith("destroy")]


@pytest.mark.skipif(_WRITES, reason="the page is being written")
@pytest.mark.parametrize("program", _QUICK, ids=lambda program: program.name)
def test_the_page_says_what_a_program_does(program: Program) -> None:
    page = {key: row for key, row in cells.read_page(cells.PAGE.read_text("utf-8")).items() if key[0] == program.name}
    _, seen = cells.clean_run(program)
    calls = {call: (program.name, call.module, f"{service} {call.operation}") for call, service in seen.items()}
    tried = [call for call, key in calls.items() if key in page]
    assert len(tried) == (len(calls) if program.is_function else len(page)), "make faults"
    for row in cells.rows(program, tried, QUICK_COLUMNS, again=False):
        on_page = page[calls[row.call]]
        assert {column: on_page[column] for column in row.results} == row.results, f"{row.call}: make faults"


@pytest.mark.skipif(not _WRITES, reason="make faults tries everything and writes the page")
def test_write_the_page() -> None:
    cells.PAGE.write_text(cells.render_page(cells.all_rows()), encoding="utf-8")


def test_each_call_in_the_code_has_a_row() -> None:
    """It comes last, so that `make faults` compares the page that it has written."""
    listed = {(module, call.partition(" ")[2]) for _, module, call in cells.read_page(cells.PAGE.read_text("utf-8"))}
    calls = {(call.module, call.operation) for call in cells.calls_in_code()}
    assert calls == listed, "add a program that makes the call to tests/operations/faults/programs.py, then make faults"

# SPDX-License-Identifier: MIT-0
"""What to type next, in a form that can be pasted."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.document import Object
from local.execution import Record
from local.registry import APPROVED, PENDING

_VERBS: Final = {PENDING: "approve", APPROVED: "serve"}
_REJECTED: Final = "Read the report's worst mistakes; then more data, or --parameter Epochs=N"


def program() -> str:
    """Return how to type this command line here: ``python -m local``, by the interpreter's path unless it is first."""
    found = shutil.which("python")
    if (
        found
        and Path(found).resolve() == Path(sys.executable).resolve()
        and Path(found).parent == Path(sys.executable).parent
    ):
        return "python -m local"
    return f"{short(Path(sys.executable))} -m local"


def short(path: Path) -> str:
    """Return `path` from here where it lies below, else in full."""
    full = Path(os.path.abspath(path))  # noqa: PTH100  not resolve(): a link's own name is what a user knows
    here = Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def following(record: Record, approval: str) -> str:
    """Return what to do after an execution.

    Args:
        record: The execution.
        approval: ModelApprovalStatus of the model package that it registered, empty where it registered none.
    """
    if approval in _VERBS:
        return f"{program()} {_VERBS[approval]} {record.execution_id}"
    failed = next((entry for entry in record.steps if entry["StepStatus"] == "Failed"), None)
    if failed:
        logs = short(record.path.parent / failed["StepName"])
        return _REJECTED if failed["StepType"] == "Fail" else f"read the logs in {logs}, mend the cause, run again"
    if record.status == "Stopped":
        return "run it again: finished steps are reused"
    notes = record.data["Local"]
    if notes.get("Until") and notes.get("Profile"):
        return f"{program()} {shlex.join(_run(notes))}"
    return f"{program()} runs"


def _run(notes: Object) -> Iterator[str]:
    """Yield the command that goes on after `--until`: with all that was typed, or it would reuse no step."""
    yield "run"
    for option in ("Archive", "Add", "Definition", "Profile", "Scale", "Runner", "Image", "Champion"):
        if notes.get(option):
            yield from (f"--{option.lower()}", str(notes[option]))
    for option, value in zip(("--tune", "--parallel"), notes.get("Tuning", ()), strict=False):
        yield from (option, str(value))
    for name, value in notes.get("Typed", {}).items():
        yield from ("--parameter", f"{name}={value}")

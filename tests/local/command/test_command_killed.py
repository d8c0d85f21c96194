# SPDX-License-Identifier: MIT-0
"""A killed run does not affect the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from local.aws import pipeline_executions
from local.runners.job_runner import REPOSITORY
from tests.local.command.small import SCRIPT, Shell

# The first time it hangs in the middle of its output, the second time it goes through.
HANGING = """
import os, pathlib, sys, time
root = pathlib.Path(os.environ["ML_ROOT"])
first = pathlib.Path({first!r})
if not first.exists():
    (root / "processing/output" / sys.argv[1] / "half").write_text("half of an output")
    first.with_suffix(".new").write_text(str(os.getpid()))
    first.with_suffix(".new").rename(first)
    time.sleep(60)
"""


def _appears(path: Path) -> None:
    for _ in range(400):
        if path.exists():
            return
        signal.sigtimedwait([], 0.05)
    raise AssertionError(path)


def _goes(pid: int) -> None:
    for _ in range(400):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        signal.sigtimedwait([], 0.05)
    raise AssertionError(pid)


def test_a_run_killed_in_the_middle_of_a_job_is_stopped_and_the_next_one_is_whole(shell: Shell) -> None:
    first = shell.home.parent / "first"
    script = HANGING.format(first=str(first)) + SCRIPT
    definition = shell.definition(0.6, script)
    command = [sys.executable, "-m", "local", "--home", shell.home, "run", "--archive", shell.archive()]
    command += ["--definition", definition, "--until", "Preprocess"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as engine:
        _appears(first)
        engine.kill()
    _goes(int(first.read_text()))
    again = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Preprocess  succeeded" in again.stdout
    killed, whole = pipeline_executions.load_executions(shell.home / "runs")
    assert [killed.status, whole.status] == ["Stopped", "Succeeded"]
    assert "interrupted" in killed.data["FailureReason"]
    (entry,) = whole.steps
    (output,) = (Path(folder) for folder in entry["Outputs"].values())
    assert sorted(path.name for path in output.iterdir()) == ["dataset_card.json", "report.html"]

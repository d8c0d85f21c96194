# SPDX-License-Identifier: MIT-0
"""``--tune``: its output and errors, and the end of its processes."""

import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.cli.pipeline_commands import parse_tuning_options as wanted
from local.console import command_frame, run_summary
from local.console.step_progress import PlainReporter
from local.engine import definition_validation
from local.engine.pipeline_engine import ExecutionPlan, PipelineEngine
from local.runners.process_runner import ProcessRunner
from pipeline_src.definition.pipeline_deployment import TuningSettings
from tests.local.command.small import Shell
from tests.local.fake import definition
from tests.local.runner.test_process import is_gone
from tests.local.tuning import model, tuning

# Stands where the algorithm's stand-in stands: waits until as many train as it is told, and reports its own rate.
BUILTIN = "builtin_image_classification"
ALGORITHM = """
import json, os, pathlib, sys, time
root = pathlib.Path(os.environ["ML_ROOT"])
told = json.loads((root / "input/config/hyperparameters.json").read_text())
step = root.parents[2]
(step / f"pid-{os.getpid()}").touch()
while len(list(step.glob("pid-*"))) < int(told["epochs"]):
    time.sleep(0.01)
print("Epoch[0] Validation-accuracy=" + told["learning_rate"], flush=True)
(root / "model/weights").write_text(told["learning_rate"])
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder in which `python -m local.algorithm train` runs the script above."""
    script = tmp_path / "repository/local/builtin_stand_in/__main__.py"
    script.parent.mkdir(parents=True)
    for folder in (script.parent, script.parent.parent):  # a package, or an installed one of that name comes first
        (folder / "__init__.py").touch()
    script.write_text(ALGORITHM)
    return tmp_path / "repository"


def engine(home: Path, repository: Path, console: Console, *, together: int, jobs: int = 2) -> PipelineEngine:
    """Return an engine for a tuning whose jobs wait until `together` of them train."""
    (home / "s3/raw/train").mkdir(parents=True)
    (home / "s3/raw/train/train.rec").write_bytes(b"records")
    step = tuning(jobs, parallel=2)
    step["Arguments"]["TrainingJobDefinition"]["StaticHyperParameters"]["epochs"] = str(together)
    parsed = definition_validation.parse_definition(definition(step, model()))
    return PipelineEngine(
        ExecutionPlan(parsed, {}, "test"),
        LocalHome(home),
        ProcessRunner({"stand-in": Path(sys.executable)}, repository),
        PlainReporter(console),
    )


def screen() -> Console:
    return Console(file=io.StringIO(), width=80)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core trains one job at a time")
def test_jobs_train_at_the_same_time_and_each_is_told_when_it_ends(home: Path, repository: Path) -> None:
    console = screen()
    ending = engine(home, repository, console, together=2, jobs=3).run()
    assert ending.exit_code == 0, ending.reason
    lines = shown(console)
    assert all(f"Train: job {number} of 3: 0.0" in lines for number in (1, 2, 3))
    best = ending.record.step("Train")["Properties"]["BestTrainingJob"]  # type: ignore[index]
    model_file = Path(ending.record.step("Train")["Outputs"]["model"])  # type: ignore[index]
    assert best["TrainingJobName"] == model_file.parts[-3]
    table = screen()
    run_summary.print_tuning_jobs(ending.record, table)
    first = next(line.split() for line in shown(table).splitlines() if line.startswith("0"))
    assert (first[0], first[-1]) == (best["TrainingJobName"][-3:], "best")
    assert "The best score is optimistic" in shown(table)


def test_stopping_the_run_ends_the_processes_of_all_jobs(home: Path, repository: Path) -> None:
    going = engine(home, repository, screen(), together=99)
    thread = threading.Thread(target=going.run)
    thread.start()
    folder = going.state.record.path.parent / "Train"
    count = min(2, len(os.sched_getaffinity(0)))
    while len(found := list(folder.glob("pid-*"))) < count:
        thread.join(0.02)
    going.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert all(is_gone(int(path.name.partition("-")[2])) for path in found)
    assert going.state.record.status == "Stopped"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--parallel", "2"), "Give --tune N with it"),
        (("--tune", "2", "--parallel", "3"), "Give 1 to 2"),
        (("--tune", "1"), "1 is not in the range"),
        (("--tune", "2", "--definition", "x.json"), "Give one of them"),
        (("--tune", "2", "-p", "Regularization=0.1"), "the tuning draws its values"),
        (("--algorithm", BUILTIN, "--tune", "2", "-p", "LearningRate=0.1"), "the tuning draws its values"),
        (("--algorithm", BUILTIN, "--tune", "2", "-p", "Momentum=0.5"), "the tuning draws its values"),
    ],
)
def test_options_that_contradict_are_refused(shell: Shell, options: tuple[str, ...], said: str) -> None:
    result = shell("run", "--archive", shell.archive(), *options)
    assert result.exit_code == 2
    assert said in result.output


def test_a_machine_trains_two_at_once_unless_told_otherwise() -> None:
    assert wanted(8, None, None) == TuningSettings(jobs=8, parallel=2)
    assert wanted(None, None, None) is None


def test_going_on_after_until_tunes_again(tmp_path: Path) -> None:
    """Otherwise the command that is proposed would train once, and reuse nothing."""
    notes: dict[str, Any] = {"Until": "Preprocess", "Profile": "demo", "Tuning": [4, 2]}
    data = {"PipelineExecutionStatus": "Succeeded", "PipelineExecutionSteps": [], "Local": notes}
    (tmp_path / "execution.json").write_text(json.dumps(data))
    assert "--tune 4 --parallel 2" in command_frame.next_command(ExecutionRecord(tmp_path / "execution.json", data), "")

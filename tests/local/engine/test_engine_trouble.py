# SPDX-License-Identifier: MIT-0
"""Stopping, being killed, a full disk, and defects of the engine itself."""

import errno
import json
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from local import json_files
from local.aws import pipeline_executions
from local.errors import UsageError
from local.runners.job_runner import Job
from tests.local.fake import (
    ALGORITHM,
    IMAGE,
    FakeRunner,
    definition,
    engine,
    processing,
    run,
    uri_of,
    write_outputs,
)
from tests.local.tuning import tuning

CHAIN = definition(processing("A", cached=True), processing("B", inputs={"a": uri_of("A")}, cached=True))


def test_stopping_ends_the_running_step_and_the_execution_as_stopped(home: Path) -> None:
    def wait(_job: Job) -> None:
        threading.Thread(target=running.stop).start()
        assert runner.stop is not None
        assert runner.stop.wait(10)

    runner = FakeRunner({"B": wait})
    running = engine(CHAIN, home, runner)
    ending = running.run()
    assert (ending.exit_code, ending.record.status) == (130, "Stopped")
    saved = json.loads(ending.record.path.read_text())
    assert saved["PipelineExecutionStatus"] == "Stopped"
    assert [entry["StepStatus"] for entry in saved["PipelineExecutionSteps"]] == ["Succeeded", "Stopped"]


def test_an_execution_whose_process_is_gone_is_stopped_and_the_next_reuses_what_it_finished(home: Path) -> None:
    record = run(CHAIN, home, FakeRunner()).record
    data = json.loads(record.path.read_text())
    # As kill -9 leaves it in the middle of B: half an output in the store, nothing said of the end.
    data["PipelineExecutionStatus"] = "Executing"
    data["PipelineExecutionSteps"][1] = {"StepName": "B", "StepStatus": "Executing", "StartTime": data["CreationTime"]}
    data["Local"]["Process"] = {"Pid": 1, "Started": "another"}
    json_files.write_json(record.path, data)
    runner = FakeRunner()
    assert run(CHAIN, home, runner).exit_code == 0
    assert runner.ran == ["B"]
    killed = pipeline_executions.find_execution(home / "runs", record.execution_id)
    assert killed.status == "Stopped"
    assert "interrupted" in killed.data["FailureReason"]
    assert killed.steps[1]["StepStatus"] == "Stopped"


def test_an_execution_whose_process_still_runs_is_left_alone(home: Path) -> None:
    running = engine(CHAIN, home, FakeRunner())
    assert pipeline_executions.find_execution(home / "runs", "latest").status == "Executing"
    assert pipeline_executions.is_process_alive(running.state.record.data["Local"]["Process"])


def test_a_full_disk_says_where_and_is_exit_code_2(home: Path) -> None:
    def fill(_job: Job) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/data/file")

    ending = run(CHAIN, home, FakeRunner({"A": fill}))
    assert ending.exit_code == 2
    assert ending.reason == "/data/file: the disk is full. Free some space and run again: finished steps are reused."


def test_a_defect_of_the_engine_fails_the_step_and_leaves_its_traceback_in_a_log(home: Path) -> None:
    def break_down(_job: Job) -> None:
        raise ZeroDivisionError("by zero")

    ending = run(CHAIN, home, FakeRunner({"A": break_down}))
    log = ending.record.path.parent / "A/engine.log"
    assert ending.exit_code == 1
    assert str(ending.reason).startswith("ZeroDivisionError: by zero. This is a defect")
    assert str(log) in str(ending.reason)
    assert "Traceback" in log.read_text()


def test_a_runner_that_cannot_work_here_is_refused_before_anything_is_written(home: Path) -> None:
    class Absent(FakeRunner):
        def check(self, images: Iterable[str] = ()) -> None:
            raise UsageError(f"{', '.join(images)}: it is not installed. Install it.")

    with pytest.raises(UsageError, match=f"^{IMAGE}: it is not installed"):
        engine(CHAIN, home, Absent())
    assert not home.exists()


def test_only_the_images_of_steps_that_will_run_are_checked(home: Path) -> None:
    class Noting(FakeRunner):
        def check(self, images: Iterable[str] = ()) -> None:
            checked.append(set(images))

    checked: list[set[str]] = []
    whole = definition(processing("A"), tuning() | {"DependsOn": ["A"]})
    for until in ("A", None):
        engine(whole, home, Noting(), until=until)
    assert checked == [{IMAGE}, {IMAGE, ALGORITHM}]


def test_the_record_speaks_the_words_of_the_service(home: Path) -> None:
    ending = run(CHAIN, home, FakeRunner())
    data = json.loads((home / "runs/latest/execution.json").read_text())
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/test/execution/{ending.record.execution_id}"
    assert data["PipelineExecutionArn"] == arn
    assert data["PipelineExecutionStatus"] == "Succeeded"
    assert data["PipelineParameters"] == []
    step = data["PipelineExecutionSteps"][0]
    assert step["StepName"] == "A"
    assert step["StartTime"] <= step["EndTime"]
    assert step["Seconds"] >= 0
    job = f"arn:aws:sagemaker:us-east-1:000000000000:processing-job/pipelines-{ending.record.execution_id}-A"
    assert step["Metadata"] == {"ProcessingJob": {"Arn": job}}
    assert Path(step["Outputs"]["out"], "file.txt").read_text() == "out"


def test_latest_is_a_link_to_the_newest_run(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    newest = run(CHAIN, home, FakeRunner()).record.execution_id
    assert (home / "runs/latest").readlink() == Path(newest)


def test_several_jobs_at_once_keep_one_record(home: Path) -> None:
    names = [f"S{number}" for number in range(12)]
    ending = run(definition(*map(processing, names)), home, FakeRunner(dict.fromkeys(names, write_outputs)))
    saved = json.loads(ending.record.path.read_text())
    assert sorted(entry["StepName"] for entry in saved["PipelineExecutionSteps"]) == sorted(names)
    assert all(entry["StepStatus"] == "Succeeded" for entry in saved["PipelineExecutionSteps"])

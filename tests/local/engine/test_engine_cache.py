# SPDX-License-Identifier: MIT-0
"""Step caching: reuse and invalidation."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local import json_files
from local.aws.s3_store import LocalHome
from local.console.step_progress import ProgressReporter
from local.runners.job_runner import Job
from tests.local.fake import FakeRunner, definition, engine, processing, run, uri_of, write_outputs

SIZE = [
    {"Name": "Size", "Type": "String", "DefaultValue": "1"},
    {"Name": "Later", "Type": "String", "DefaultValue": "1"},
]
CHAIN = definition(
    processing("A", arguments=[{"Get": "Parameters.Size"}], cached=True),
    processing("B", inputs={"a": uri_of("A")}, arguments=[{"Get": "Parameters.Later"}], cached=True),
    parameters=SIZE,
)


def record_of(home: Path) -> tuple[Path, Any]:
    path = (home / "runs/latest/execution.json").resolve()
    return path, json.loads(path.read_text())


def test_a_second_run_reuses_the_results_and_says_from_which_execution(home: Path) -> None:
    first, again = FakeRunner(), FakeRunner()
    source = run(CHAIN, home, first).record
    ending = run(CHAIN, home, again)
    assert (first.ran, again.ran) == (["A", "B"], [])
    for entry in ending.record.steps:
        assert entry["CacheHitResult"] == {"SourcePipelineExecutionArn": source.data["PipelineExecutionArn"]}
        assert entry["StepStatus"] == "Succeeded"
        assert source.execution_id in entry["Outputs"]["out"]


def test_a_third_run_reuses_the_first_ones_result_not_the_second_ones_reuse(home: Path) -> None:
    source = run(CHAIN, home, FakeRunner()).record
    run(CHAIN, home, FakeRunner())
    entry = run(CHAIN, home, FakeRunner()).record.steps[0]
    assert entry["CacheHitResult"]["SourcePipelineExecutionArn"] == source.data["PipelineExecutionArn"]


def test_a_step_behind_a_changed_one_runs_again_because_its_input_lies_elsewhere(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    runner = FakeRunner()
    run(CHAIN, home, runner, given={"Size": "2"})
    assert runner.ran == ["A", "B"]


def test_a_step_before_a_changed_one_is_reused(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    runner = FakeRunner()
    run(CHAIN, home, runner, given={"Later": "2"})
    assert runner.ran == ["B"]


def test_the_newest_of_several_results_is_reused(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    newest = run(CHAIN, home, FakeRunner(), use_cache=False).record
    entry = run(CHAIN, home, FakeRunner()).record.steps[0]
    assert entry["CacheHitResult"]["SourcePipelineExecutionArn"] == newest.data["PipelineExecutionArn"]


def change_output(path: Path) -> None:
    path.with_name("more.txt").write_text("more")


def shrink_output(path: Path) -> None:
    path.unlink()
    path.write_text("")


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def rename_output(path: Path) -> None:
    path.rename(path.with_name("same-length.txt"[: len(path.name)]))


@pytest.mark.parametrize("spoil", [Path.unlink, change_output, shrink_output, flip_a_byte, rename_output])
def test_a_result_whose_outputs_are_not_as_they_were_is_not_reused(home: Path, spoil: Callable[[Path], None]) -> None:
    record = run(CHAIN, home, FakeRunner()).record
    spoil(Path(record.steps[0]["Outputs"]["out"]) / "file.txt")
    runner = FakeRunner()
    run(CHAIN, home, runner)
    assert runner.ran == ["A", "B"]


class Sayings(ProgressReporter):
    """Keeps what is said to the user."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def said(self, step: str, text: str) -> None:
        self.all.append(f"{step}: {text}")


def test_a_flipped_byte_is_reported_with_its_run_and_the_recomputed_result_is_reused_afterwards(home: Path) -> None:
    record = run(CHAIN, home, FakeRunner()).record
    output = Path(record.steps[0]["Outputs"]["out"])
    flip_a_byte(output / "file.txt")
    sayings = Sayings()
    newest = engine(CHAIN, home, FakeRunner(), reporter=sayings).run().record
    (said,) = sayings.all
    assert said.startswith(f"A: the result of run {record.execution_id} is not reused: {output}: the content of a file")
    third = FakeRunner()
    entry = run(CHAIN, home, third).record.steps[0]
    assert third.ran == []
    assert entry["CacheHitResult"]["SourcePipelineExecutionArn"] == newest.data["PipelineExecutionArn"]


def test_an_entry_without_digests_is_not_reused(home: Path) -> None:
    """An earlier version of the engine wrote it."""
    run(CHAIN, home, FakeRunner())
    path, record = record_of(home)
    for entry in record["PipelineExecutionSteps"]:
        del entry["OutputDigests"]
    json_files.write_json(path, record)
    runner = FakeRunner()
    run(CHAIN, home, runner)
    assert runner.ran == ["A", "B"]


def test_a_result_whose_archive_changed_during_the_job_is_not_kept_under_the_archives_hash(home: Path) -> None:
    content = b"the true archive"
    uri = f"s3://raw/archives/{hashlib.sha256(content).hexdigest()}.zip"
    archive = LocalHome(home).s3 / uri.removeprefix("s3://")
    archive.parent.mkdir(parents=True)
    archive.write_bytes(content)
    step = definition(processing("A", inputs={"archive": uri}, cached=True))

    def change_in_place(job: Job) -> None:
        write_outputs(job)
        archive.write_bytes(b"another archive.")

    failed = run(step, home, FakeRunner({"A": change_in_place}))
    assert failed.exit_code == 2
    reason = failed.record.steps[0]["FailureReason"]
    assert uri in reason
    assert "its content changed during the run" in reason
    archive.unlink()
    archive.write_bytes(content)
    runner = FakeRunner()
    assert run(step, home, runner).exit_code == 0
    assert runner.ran == ["A"]


def test_a_result_of_other_code_is_not_reused(home: Path) -> None:
    run(CHAIN, home, FakeRunner(code="1"))
    runner = FakeRunner(code="2")
    run(CHAIN, home, runner)
    assert runner.ran == ["A", "B"]


def test_a_step_without_cache_config_runs_every_time(home: Path) -> None:
    plain = definition(processing("A"))
    run(plain, home, FakeRunner())
    runner = FakeRunner()
    run(plain, home, runner)
    assert runner.ran == ["A"]


def test_no_cache_runs_everything(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    runner = FakeRunner()
    run(CHAIN, home, runner, use_cache=False)
    assert runner.ran == ["A", "B"]


def test_a_failed_step_is_not_reused_and_the_finished_one_before_it_is(home: Path) -> None:
    def crash(_job: Job) -> int:
        return 1

    run(CHAIN, home, FakeRunner({"B": crash}))
    runner = FakeRunner()
    assert run(CHAIN, home, runner).exit_code == 0
    assert runner.ran == ["B"]


def test_a_result_older_than_expire_after_is_not_reused(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    path, record = record_of(home)
    for age, wanted in ((timedelta(days=29, hours=23), []), (timedelta(days=30, hours=1), ["A", "B"])):
        for entry in record["PipelineExecutionSteps"]:
            entry["EndTime"] = (datetime.fromisoformat(record["CreationTime"]) - age).isoformat()
        json_files.write_json(path, record)
        runner = FakeRunner()
        run(CHAIN, home, runner)
        assert runner.ran == wanted


def test_a_result_of_another_pipeline_is_not_reused(home: Path) -> None:
    run(CHAIN, home, FakeRunner())
    path, record = record_of(home)
    record["PipelineArn"] += "-other"
    json_files.write_json(path, record)
    runner = FakeRunner()
    run(CHAIN, home, runner)
    assert runner.ran == ["A", "B"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"Environment": {"X": "1"}}, ["A"]),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 9}}, []),
        ({"RoleArn": "arn:aws:iam::000000000000:role/other"}, []),
        ({"ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.c5.large"}}}, []),
    ],
)
def test_a_processing_step_is_compared_by_the_arguments_that_the_service_compares(
    home: Path, change: Any, wanted: list[str]
) -> None:
    step = processing("A", cached=True)
    run(definition(step), home, FakeRunner())
    runner = FakeRunner()
    run(definition(step | {"Arguments": step["Arguments"] | change}), home, runner)
    assert runner.ran == wanted


def test_the_same_step_under_another_name_is_not_reused(home: Path) -> None:
    run(definition(processing("A", cached=True)), home, FakeRunner())
    runner = FakeRunner()
    run(definition(processing("B", cached=True)), home, runner)
    assert runner.ran == ["B"]

# SPDX-License-Identifier: MIT-0
"""Running again from a step, with the results of the steps before it from an earlier execution."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from local.aws.pipeline_executions import ExecutionRecord, load_executions
from local.engine.selective_execution import StartingPoint
from local.errors import UsageError
from local.runners.job_runner import Job
from tests.local.fake import (
    FakeRunner,
    definition,
    equals,
    fail,
    gate,
    json_get,
    processing,
    run,
    uri_of,
    write_outputs,
)


def judged(verdict: str) -> Any:
    """Return a job that writes this verdict."""

    def evaluate(job: Job) -> None:
        (job.root / "processing/output/out/verdict.json").write_text(json.dumps({"verdict": verdict}))

    return evaluate


CHAIN = definition(
    processing("A", cached=True),
    processing("Beside", cached=True),
    processing("B", inputs={"a": uri_of("A")}, files={"Verdict": ("out", "verdict.json")}, cached=True),
    gate(
        "Gate",
        [equals(json_get("B", "Verdict", "verdict"), "pass")],
        [processing("Publish", inputs={"a": uri_of("A")})],
        [fail("Reject", "no")],
    ),
    processing("Report", inputs={"b": uri_of("B"), "beside": uri_of("Beside")}),
)


def source_run(home: Path, verdict: str = "pass", **plan: Any) -> ExecutionRecord:
    """Return the record of a whole run of the chain."""
    return run(CHAIN, home, FakeRunner({"B": judged(verdict)}), **plan).record


def again(home: Path, first: str, source: ExecutionRecord, verdict: str = "pass", **more: Any) -> tuple[Any, list[str]]:
    """Run from `first`; return the outcome and the steps whose jobs ran."""
    runner = FakeRunner({"B": judged(verdict)})
    document = more.pop("document", CHAIN)
    return run(document, home, runner, start=StartingPoint(first, source), **more), runner.ran


def test_the_step_and_all_that_need_it_run_and_the_others_are_taken(home: Path) -> None:
    source = source_run(home)
    outcome, ran = again(home, "B", source)
    assert outcome.exit_code == 0
    assert sorted(ran) == ["B", "Publish", "Report"]
    entries = {entry["StepName"]: entry for entry in outcome.record.steps}
    arn = source.data["PipelineExecutionArn"]
    for name in ("A", "Beside"):
        assert entries[name]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": arn}
        assert entries[name]["OutputUris"] == source.step(name)["OutputUris"]  # type: ignore[index]
    config = outcome.record.data["SelectiveExecutionConfig"]
    assert config["SourcePipelineExecutionArn"] == arn
    selected = ["B", "Gate", "Publish", "Reject", "Report"]
    assert [each["StepName"] for each in config["SelectedSteps"]] == selected


def test_a_step_reads_what_the_earlier_run_wrote(home: Path) -> None:
    seen: list[str] = []

    def mark(job: Job) -> None:
        (job.root / "processing/output/out/file.txt").write_text("of the first run")

    def read(job: Job) -> None:
        seen.append((job.root / "processing/input/a/file.txt").read_text())
        judged("pass")(job)

    source = run(CHAIN, home, FakeRunner({"A": mark, "B": judged("pass")})).record
    run(CHAIN, home, FakeRunner({"A": write_outputs, "B": read}), start=StartingPoint("B", source))
    assert seen == ["of the first run"]


def test_a_condition_that_runs_again_may_take_the_other_branch(home: Path) -> None:
    outcome, ran = again(home, "B", source_run(home), verdict="reject")
    assert (outcome.exit_code, outcome.step) == (1, "Reject")
    assert "Publish" not in ran


def test_a_step_of_the_branch_that_was_taken_runs_without_the_condition(home: Path) -> None:
    outcome, ran = again(home, "Publish", source_run(home))
    assert outcome.exit_code == 0
    assert ran == ["Publish"]
    assert [entry["StepName"] for entry in outcome.record.steps] == ["A", "B", "Gate", "Publish"]


def test_a_step_of_the_other_branch_is_refused_and_the_condition_named(home: Path) -> None:
    source = source_run(home, "reject")
    with pytest.raises(UsageError, match=r"the condition 'Gate' was False there, .* Run from Gate\."):
        again(home, "Publish", source)
    assert len(load_executions(home / "runs")) == 1


def test_a_step_that_failed_can_be_run_from(home: Path) -> None:
    source = run(CHAIN, home, FakeRunner({"B": lambda _job: 1})).record
    outcome, ran = again(home, "B", source)
    assert outcome.exit_code == 0
    assert sorted(ran) == ["B", "Publish", "Report"]


def test_a_run_that_lacks_a_step_before_is_refused_and_the_step_named(home: Path) -> None:
    source = run(CHAIN, home, FakeRunner({"A": lambda _job: 1, "Beside": write_outputs})).record
    with pytest.raises(UsageError, match=r"step 'A': it is Failed there, and B needs it\. Run from an earlier step"):
        again(home, "B", source)
    shorter = source_run(home, until="A")
    with pytest.raises(UsageError, match=r"step 'Beside': it did not run there"):
        again(home, "B", shorter)


def test_outputs_that_have_changed_since_are_refused(home: Path) -> None:
    source = source_run(home)
    next((home / "s3/runs").rglob("a/out/file.txt")).unlink()
    with pytest.raises(UsageError, match=r"step 'A': its output s3://runs/.*/a/out is no longer as it was"):
        again(home, "B", source)


def test_a_step_of_another_type_is_not_taken(home: Path) -> None:
    source = source_run(home)
    source.step("A")["StepType"] = "Training"  # type: ignore[index]
    with pytest.raises(UsageError, match="'A': it is a Training step there, and a Processing step here"):
        again(home, "B", source)


def test_steps_that_run_again_are_not_reused_from_the_cache_nor_are_taken_ones(home: Path) -> None:
    source = source_run(home)
    outcome, ran = again(home, "A", source)
    assert "A" in ran
    taken, _ = again(home, "B", outcome.record)
    whole = run(CHAIN, home, FakeRunner({"B": judged("pass")})).record
    hit = whole.step("A")["CacheHitResult"]["SourcePipelineExecutionArn"]  # type: ignore[index]
    assert hit == outcome.record.data["PipelineExecutionArn"] != taken.record.data["PipelineExecutionArn"]


def test_until_ends_it_and_must_come_after_the_first_step(home: Path) -> None:
    source = source_run(home)
    _, ran = again(home, "B", source, until="Gate")
    assert ran == ["B"]
    with pytest.raises(UsageError, match="--from B --until A: A does not need B"):
        again(home, "B", source, until="A")


def test_an_unknown_step_is_refused_with_a_suggestion(home: Path) -> None:
    with pytest.raises(UsageError, match=r"--from 'Publsh': .*Did you mean 'Publish'"):
        again(home, "Publsh", source_run(home))


def test_a_changed_definition_counts_for_the_steps_that_run(home: Path) -> None:
    changed = copy.deepcopy(CHAIN)
    changed["Steps"].append(processing("New", inputs={"b": uri_of("B")}))
    outcome, ran = again(home, "B", source_run(home), document=changed)
    assert outcome.exit_code == 0
    assert "New" in ran

# SPDX-License-Identifier: MIT-0
"""The selection and order of steps, and the end of an execution."""

import dataclasses
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from local.console.step_progress import ProgressReporter
from local.errors import DefinitionError
from local.runners.job_runner import Job
from tests.local.fake import (
    FakeRunner,
    definition,
    engine,
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
    """Return a job that writes an evaluation with this verdict."""

    def evaluate(job: Job) -> None:
        document = {"gate": {"verdict": verdict, "reason": "accuracy: wanted 0.7, got 0.5"}}
        (job.root / "processing/output/out/evaluation.json").write_text(json.dumps(document))

    return evaluate


GATED = definition(
    processing("Evaluate", files={"Evaluation": ("out", "evaluation.json")}),
    gate(
        "Gate",
        [equals(json_get("Evaluate", "Evaluation", "gate.verdict"), "pass"), equals(1, 1)],
        [processing("Publish")],
        [fail("Reject", json_get("Evaluate", "Evaluation", "gate.reason"))],
    ),
)


def statuses(ending: Any) -> dict[str, str]:
    return {entry["StepName"]: entry["StepStatus"] for entry in ending.record.steps}


def test_a_step_runs_after_those_whose_outputs_it_reads_whatever_the_order_in_the_file(home: Path) -> None:
    runner = FakeRunner()
    steps = [processing("C", inputs={"b": uri_of("B")}), processing("B", inputs={"a": uri_of("A")}), processing("A")]
    assert run(definition(*steps), home, runner).exit_code == 0
    assert runner.ran == ["A", "B", "C"]


def test_a_step_runs_after_those_it_depends_on_without_reading_them(home: Path) -> None:
    runner = FakeRunner()
    run(definition(processing("B", DependsOn=["A"]), processing("A")), home, runner)
    assert runner.ran == ["A", "B"]


def test_independent_steps_run_at_the_same_time(home: Path) -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(job: Job) -> None:
        both.wait()
        write_outputs(job)

    ending = run(definition(processing("A"), processing("B")), home, FakeRunner({"A": meet, "B": meet}))
    assert statuses(ending) == {"A": "Succeeded", "B": "Succeeded"}


def test_a_job_finds_its_inputs_and_its_evaluated_arguments(home: Path) -> None:
    seen: list[Any] = []

    def read(job: Job) -> None:
        seen.append((job.command, (job.root / "processing/input/a/file.txt").read_text()))

    given = [{"Name": "Size", "Type": "Integer", "DefaultValue": 28}]
    size = {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Size"}]}}
    reader = processing("B", inputs={"a": uri_of("A")}, arguments=["--size", size])
    run(definition(processing("A"), reader, parameters=given), home, FakeRunner({"B": read}))
    assert seen == [(("python", "-m", "job", "--size", "28"), "out")]


def test_when_all_conditions_hold_the_if_steps_run_and_the_else_steps_do_not(home: Path) -> None:
    ending = run(GATED, home, FakeRunner({"Evaluate": judged("pass")}))
    assert (ending.exit_code, ending.record.status) == (0, "Succeeded")
    assert statuses(ending) == {"Evaluate": "Succeeded", "Gate": "Succeeded", "Publish": "Succeeded"}
    assert ending.record.steps[1]["Metadata"] == {"Condition": {"Outcome": "True"}}


def test_when_one_condition_does_not_hold_the_else_steps_run_and_fail_says_why(home: Path) -> None:
    ending = run(GATED, home, FakeRunner({"Evaluate": judged("reject")}))
    assert (ending.exit_code, ending.record.status) == (1, "Failed")
    assert statuses(ending) == {"Evaluate": "Succeeded", "Gate": "Succeeded", "Reject": "Failed"}
    assert (ending.step, ending.reason) == ("Reject", "accuracy: wanted 0.7, got 0.5")
    assert ending.record.data["FailureReason"] == ending.reason
    assert ending.record.steps[2]["Metadata"] == {"Fail": {"ErrorMessage": ending.reason}}


def test_a_verdict_that_the_job_did_not_write_passes_no_gate(home: Path) -> None:
    ending = run(GATED, home, FakeRunner())
    assert ending.exit_code == 1
    assert ending.step == "Gate"
    assert "property file Evaluation of step Evaluate" in str(ending.reason)


@pytest.mark.parametrize(("code", "wanted"), [(1, 1), (2, 2), (3, 1), (137, 1)])
def test_a_failed_job_fails_the_run_with_its_own_message_and_bad_input_is_exit_code_2(
    home: Path, code: int, wanted: int
) -> None:
    def refuse(job: Job) -> int:
        (job.root / "output/message").write_text("archive 'x.zip': no metadata. Download it again.")
        return code

    runner = FakeRunner({"A": refuse})
    ending = run(definition(processing("A"), processing("B", inputs={"a": uri_of("A")})), home, runner)
    assert ending.exit_code == wanted
    assert ending.reason == "archive 'x.zip': no metadata. Download it again."
    assert ending.record.steps[0]["FailureReason"] == ending.reason
    assert runner.ran == ["A"]


def test_a_failed_job_without_message_is_explained_by_the_end_of_its_log(home: Path) -> None:
    def crash(job: Job) -> int:
        (job.logs / "stderr.log").write_text("Traceback ...\nKeyError: 'x'\n\n")
        return 1

    ending = run(definition(processing("A")), home, FakeRunner({"A": crash}))
    assert ending.reason is not None
    assert ending.reason.startswith("exit code 1: KeyError: 'x'. See ")


def test_when_a_step_fails_the_others_are_stopped_and_nothing_new_starts(home: Path) -> None:
    started = threading.Event()

    def wait_for_stop(_job: Job) -> None:
        started.set()
        assert runner.stop is not None
        assert runner.stop.wait(10)

    def refuse(_job: Job) -> int:
        assert started.wait(10)
        return 1

    runner = FakeRunner({"A": refuse, "B": wait_for_stop})
    ending = run(definition(processing("A"), processing("B"), processing("C", DependsOn=["B"])), home, runner)
    assert ending.step == "A"
    assert statuses(ending) == {"A": "Failed", "B": "Stopped"}


def test_until_runs_a_step_and_what_it_needs_and_nothing_else(home: Path) -> None:
    runner = FakeRunner({"Evaluate": judged("pass")})
    steps = [*GATED["Steps"], processing("Other")]
    assert run(definition(*steps), home, runner, until="Evaluate").exit_code == 0
    assert runner.ran == ["Evaluate"]


def test_until_a_condition_runs_none_of_its_branches(home: Path) -> None:
    ending = run(GATED, home, FakeRunner({"Evaluate": judged("pass")}), until="Gate")
    assert list(statuses(ending)) == ["Evaluate", "Gate"]


def test_until_a_step_of_one_branch_still_ends_in_the_other_where_the_condition_says_so(home: Path) -> None:
    ending = run(GATED, home, FakeRunner({"Evaluate": judged("reject")}), until="Publish")
    assert (ending.exit_code, ending.step) == (1, "Reject")


def test_the_steps_of_the_other_branch_are_announced_too_because_they_may_run(home: Path) -> None:
    class Noting(ProgressReporter):
        def begin(self, steps: Sequence[str]) -> None:
            announced.extend(steps)

    announced: list[str] = []
    plan = engine(GATED, home, FakeRunner({"Evaluate": judged("reject")}), until="Publish")
    plan.state = dataclasses.replace(plan.state, reporter=Noting())
    plan.run()
    assert announced == ["Evaluate", "Gate", "Publish", "Reject"]


def test_until_an_unknown_step_is_refused_with_a_suggestion_and_nothing_is_written(home: Path) -> None:
    with pytest.raises(DefinitionError, match="Did you mean 'Evaluate'"):
        run(GATED, home, FakeRunner(), until="Evaluat")
    assert not home.exists()


def test_a_condition_within_a_condition_decides_on_its_own(home: Path) -> None:
    inner = gate("Inner", [equals(1, 2)], [processing("X")], [processing("Y", DependsOn=["Z"])])
    runner = FakeRunner()
    ending = run(definition(gate("Outer", [equals(1, 1)], [processing("Z"), inner], [])), home, runner)
    assert ending.exit_code == 0
    assert runner.ran == ["Z", "Y"]

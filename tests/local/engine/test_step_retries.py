# SPDX-License-Identifier: MIT-0
"""Retries after service faults."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.errors import ServiceFaultError
from local.runners.job_runner import Job
from pipeline_src.definition.retry_policies import CAPACITY, LOST_JOB, RETRY_POLICIES, RetryPolicy
from tests.local.fake import FakeRunner, definition, processing, run, uri_of, write_outputs

FAULTS = sorted({exception for policy in RETRY_POLICIES["Processing"] for exception in policy.exceptions})


def policies(kind: str = "Processing") -> list[dict[str, Any]]:
    """Return the policies of a step of that kind, as the definition has them."""
    return [
        {
            "ExceptionType": list(each.exceptions),
            "IntervalSeconds": each.seconds,
            "BackoffRate": each.backoff,
            "MaxAttempts": each.attempts,
        }
        for each in RETRY_POLICIES[kind]
    ]


def policy_of(exception: str) -> RetryPolicy:
    return next(each for each in RETRY_POLICIES["Processing"] if exception in each.exceptions)


def failing(*faults: str) -> Callable[[Job], int | None]:
    """Return a job that the service fails with these faults, one after the other, before it succeeds."""
    left = list(faults)

    def work(job: Job) -> None:
        (job.root / "processing/output/out/half.txt").write_text("half")
        if left:
            raise ServiceFaultError(left.pop(0), "as a test has it.")
        (job.root / "processing/output/out/half.txt").unlink()
        write_outputs(job)

    return work


class Waits:
    """Notes the waits, and takes no time; the one of number `stops` is ended by the user."""

    def __init__(self, stops: int = 0) -> None:
        self.seconds: list[float] = []
        self.stops = stops

    def __call__(self, _halt: threading.Event, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) == self.stops


def retried(home: Path, *faults: str, given: Any = None, stops: int = 0) -> tuple[Any, FakeRunner, Waits]:
    """Run a step that fails so, and one that needs it."""
    first = processing("A", RetryPolicies=policies() if given is None else given)
    runner, waits = FakeRunner({"A": failing(*faults)}), Waits(stops)
    return run(definition(first, processing("B", inputs={"a": uri_of("A")})), home, runner, wait=waits), runner, waits


@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_that_fails_as_often_as_its_policy_allows_succeeds(home: Path, fault: str) -> None:
    policy = policy_of(fault)
    ending, runner, waits = retried(home, *[fault] * policy.attempts)
    assert ending.exit_code == 0, ending.reason
    assert runner.ran == ["A"] * (policy.attempts + 1) + ["B"]
    assert waits.seconds == [policy.seconds * 2**number for number in range(policy.attempts)]
    assert sum(waits.seconds) == policy.longest_wait <= 2 * 3600
    assert ending.record.steps[0]["AttemptCount"] == policy.attempts + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_one_failure_more_ends_the_execution_with_that_fault(home: Path, fault: str) -> None:
    ending, runner, _ = retried(home, *[fault] * (policy_of(fault).attempts + 1))
    assert (ending.exit_code, ending.step) == (1, "A")
    assert str(ending.reason).startswith(f"{fault}: as a test has it.")
    assert runner.ran == ["A"] * (policy_of(fault).attempts + 1)


def test_each_policy_counts_its_own_faults(home: Path) -> None:
    lost, full = LOST_JOB.exceptions[0], CAPACITY.exceptions[0]
    ending, _, waits = retried(home, lost, full, lost, full)
    assert ending.exit_code == 0
    assert waits.seconds == [60, 120, 120, 240]


def test_what_a_failed_attempt_left_is_gone(home: Path) -> None:
    ending, _, _ = retried(home, FAULTS[0])
    out = Path(ending.record.steps[0]["Outputs"]["out"])
    assert [each.name for each in out.iterdir()] == ["file.txt"]


def test_without_a_policy_a_fault_is_final(home: Path) -> None:
    ending, runner, waits = retried(home, FAULTS[0], given=[])
    assert (ending.exit_code, runner.ran, waits.seconds) == (1, ["A"], [])


def test_a_failure_of_the_job_itself_is_final(home: Path) -> None:
    runner = FakeRunner({"A": lambda _job: 1})
    ending = run(definition(processing("A", RetryPolicies=policies())), home, runner, wait=Waits())
    assert (ending.exit_code, runner.ran) == (1, ["A"])


def test_the_user_can_stop_a_wait(home: Path) -> None:
    ending, runner, _ = retried(home, FAULTS[0], stops=1)
    assert runner.ran == ["A"]
    assert ending.record.steps[0]["StepStatus"] == "Stopped"

# SPDX-License-Identifier: MIT-0
"""How far a first run has come: archive, execution, each step, registration, approval, staging, smoke test."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from operations import link, package
from operations.command import machine
from operations.first_run.observations import FAILED, SUCCEEDED, Observations
from pipeline_src import contract


class Progress(StrEnum):
    """How a milestone stands, in the words that the user reads."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waits for you"
    FAILED = "failed"
    OPEN = "not reached"


@dataclass(frozen=True)
class Milestone:
    """One milestone.

    Attributes:
        name: What is to be reached.
        progress: How it stands.
        detail: What was found, and where somebody has to act, what to do.
    """

    name: str
    progress: Progress
    detail: str = ""


def milestones(seen: Observations) -> list[Milestone]:
    """Return all milestones in the order in which they are reached."""
    return [_archive(seen), _execution(seen), *_steps(seen), _registration(seen), _approval(seen), *_staging(seen)]


def may_start(seen: Observations) -> bool:
    """Return whether there is an archive, and no execution runs or has ended."""
    return bool(seen.archive) and not seen.execution and seen.starter.get("status") != "RUNNING"


def _archive(seen: Observations) -> Milestone:
    if seen.archive:
        return Milestone("archive", Progress.DONE, seen.archive)
    return Milestone("archive", Progress.WAITING, "make upload ARCHIVE=/path/dataverse_files.zip")


def _execution(seen: Observations) -> Milestone:
    if seen.execution:
        arn, status = seen.execution["PipelineExecutionArn"], seen.execution["PipelineExecutionStatus"]
        known = {"Executing": Progress.RUNNING, "Stopping": Progress.RUNNING, SUCCEEDED: Progress.DONE}
        again = "" if status in known else ". Again, when the cause is fixed: make retrain"
        return Milestone("execution", known.get(status, Progress.FAILED), f"{arn.rpartition('/')[2]}: {status}{again}")
    starter = seen.starter if seen.archive else {}
    if starter.get("status") == "RUNNING":
        return Milestone("execution", Progress.RUNNING, f"being started: {link.of_execution(starter['executionArn'])}")
    if starter and starter["status"] != "SUCCEEDED":
        return Milestone("execution", Progress.FAILED, f"could not be started: {machine.cause(starter)}")
    return Milestone("execution", Progress.WAITING if seen.archive else Progress.OPEN, "none was started")


def _steps(seen: Observations) -> Iterator[Milestone]:
    rejected = contract.REJECT in seen.steps
    for name in contract.STEPS:
        if name == (contract.REGISTER if rejected else contract.REJECT):
            continue
        status = seen.status(name)
        if status == FAILED:
            yield Milestone(f"step {name}", Progress.FAILED, seen.failure(name))
        elif status == SUCCEEDED:
            cached = "from an earlier execution" if seen.steps[name].get("CacheHitResult") else ""
            yield Milestone(f"step {name}", Progress.DONE, cached)
        elif status in ("Starting", "Executing", "Stopping"):
            yield Milestone(f"step {name}", Progress.RUNNING, status)
        else:
            yield Milestone(f"step {name}", Progress.FAILED if status else Progress.OPEN, status)


def _registration(seen: Observations) -> Milestone:
    if seen.version:
        return Milestone("registration", Progress.DONE, package.named(seen.version_arn))
    return Milestone("registration", Progress.OPEN)


def _approval(seen: Observations) -> Milestone:
    status = seen.version.get("ModelApprovalStatus", "")
    if status == package.APPROVED:
        return Milestone("approval", Progress.DONE)
    if not seen.version:
        return Milestone("approval", Progress.OPEN)
    if status == "Rejected":
        return Milestone("approval", Progress.FAILED, "somebody rejected the version")
    how = (
        "read the report (make next), then aws sagemaker update-model-package --model-approval-status Approved "
        f"--model-package-arn {seen.version_arn}"
    )
    return Milestone("approval", Progress.WAITING, how)


def _staging(seen: Observations) -> Iterator[Milestone]:
    """Yield how the newest delivery of the version stands in staging."""
    yield _action(seen, "staging", ("Publish", "Deploy"))
    yield _action(seen, "smoke test", ("SmokeTest",))


def _action(seen: Observations, name: str, actions: tuple[str, ...]) -> Milestone:
    found = [seen.action("Staging", action) for action in actions]
    for status, error in found:
        if status in (FAILED, "Abandoned"):
            return Milestone(name, Progress.FAILED, error or status)
    if found[-1][0] == SUCCEEDED:
        return Milestone(name, Progress.DONE)
    # What is queued or between two actions goes on by itself.
    on_its_way = seen.delivery_is_due or any(each["status"] == "InProgress" for each in seen.deliveries)
    return Milestone(name, Progress.RUNNING if on_its_way else Progress.OPEN, "on its way" if on_its_way else "")

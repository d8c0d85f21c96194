# SPDX-License-Identifier: MIT-0
"""Lists the milestones of a first run: archive, execution, steps, registration, approval, staging, smoke test."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from operations.commands import retraining_execution
from operations.first_run.first_run_observations import FAILED_STATUS, SUCCEEDED_STATUS, FirstRunObservations
from operations.functions import aws_clients, model_package
from pipeline_src import contract


class MilestoneStatus(StrEnum):
    """The status of a milestone, in the words of the report."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waits for you"
    FAILED = "failed"
    OPEN = "not reached"


@dataclass(frozen=True)
class Milestone:
    """A milestone.

    Attributes:
        name: Name.
        progress: Status.
        detail: What was found, or what the user has to do.
    """

    name: str
    progress: MilestoneStatus
    detail: str = ""


def list_milestones(seen: FirstRunObservations) -> list[Milestone]:
    """Return all milestones in order."""
    return [_archive(seen), _execution(seen), *_steps(seen), _registration(seen), _approval(seen), *_staging(seen)]


def may_start_pipeline(seen: FirstRunObservations) -> bool:
    """Return whether there is an archive and the pipeline has never run."""
    return bool(seen.archive) and not seen.execution and seen.starter.get("status") != "RUNNING"


def _archive(seen: FirstRunObservations) -> Milestone:
    if seen.archive:
        return Milestone("archive", MilestoneStatus.DONE, seen.archive)
    return Milestone("archive", MilestoneStatus.WAITING, "make upload ARCHIVE=/path/dataverse_files.zip")


def _execution(seen: FirstRunObservations) -> Milestone:
    if seen.execution:
        arn, status = seen.execution["PipelineExecutionArn"], seen.execution["PipelineExecutionStatus"]
        known = {
            "Executing": MilestoneStatus.RUNNING,
            "Stopping": MilestoneStatus.RUNNING,
            SUCCEEDED_STATUS: MilestoneStatus.DONE,
        }
        again = "" if status in known else ". Again, when the cause is fixed: make retrain"
        return Milestone(
            "execution", known.get(status, MilestoneStatus.FAILED), f"{arn.rpartition('/')[2]}: {status}{again}"
        )
    starter = seen.starter if seen.archive else {}
    if starter.get("status") == "RUNNING":
        return Milestone(
            "execution",
            MilestoneStatus.RUNNING,
            f"being started: {aws_clients.execution_console_url(starter['executionArn'])}",
        )
    if starter and starter["status"] != "SUCCEEDED":
        return Milestone(
            "execution",
            MilestoneStatus.FAILED,
            f"could not be started: {retraining_execution.execution_failure_cause(starter)}",
        )
    return Milestone("execution", MilestoneStatus.WAITING if seen.archive else MilestoneStatus.OPEN, "not started")


def _steps(seen: FirstRunObservations) -> Iterator[Milestone]:
    rejected = contract.REJECT_STEP in seen.steps
    for name in contract.STEPS:
        if name == (contract.REGISTER_STEP if rejected else contract.REJECT_STEP):
            continue
        status = seen.status(name)
        if status == FAILED_STATUS:
            yield Milestone(f"step {name}", MilestoneStatus.FAILED, seen.failure(name))
        elif status == SUCCEEDED_STATUS:
            cached = "from an earlier execution" if seen.steps[name].get("CacheHitResult") else ""
            yield Milestone(f"step {name}", MilestoneStatus.DONE, cached)
        elif status in ("Starting", "Executing", "Stopping"):
            yield Milestone(f"step {name}", MilestoneStatus.RUNNING, status)
        else:
            yield Milestone(f"step {name}", MilestoneStatus.FAILED if status else MilestoneStatus.OPEN, status)


def _registration(seen: FirstRunObservations) -> Milestone:
    if seen.version:
        return Milestone("registration", MilestoneStatus.DONE, model_package.package_title(seen.version_arn))
    return Milestone("registration", MilestoneStatus.OPEN)


def _approval(seen: FirstRunObservations) -> Milestone:
    status = seen.version.get("ModelApprovalStatus", "")
    if status == model_package.APPROVED_STATUS:
        return Milestone("approval", MilestoneStatus.DONE)
    if not seen.version:
        return Milestone("approval", MilestoneStatus.OPEN)
    if status == "Rejected":
        return Milestone("approval", MilestoneStatus.FAILED, "somebody rejected the version")
    how = (
        "read the report (make next), then aws sagemaker update-model-package --model-approval-status Approved "
        f"--model-package-arn {seen.version_arn}"
    )
    return Milestone("approval", MilestoneStatus.WAITING, how)


def _staging(seen: FirstRunObservations) -> Iterator[Milestone]:
    """Yield the milestones of the newest delivery of the version."""
    yield _action(seen, "staging", ("Publish", "Deploy"))
    yield _action(seen, "smoke test", ("SmokeTest",))


def _action(seen: FirstRunObservations, name: str, actions: tuple[str, ...]) -> Milestone:
    found = [seen.action("Staging", action) for action in actions]
    for status, error in found:
        if status in (FAILED_STATUS, "Abandoned"):
            return Milestone(name, MilestoneStatus.FAILED, error or status)
    if found[-1][0] == SUCCEEDED_STATUS:
        return Milestone(name, MilestoneStatus.DONE)
    # A queued execution, or one between two actions, continues without the user.
    is_moving = seen.delivery_is_due or any(each["status"] == "InProgress" for each in seen.deliveries)
    return Milestone(
        name, MilestoneStatus.RUNNING if is_moving else MilestoneStatus.OPEN, "in progress" if is_moving else ""
    )

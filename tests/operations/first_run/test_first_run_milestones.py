# SPDX-License-Identifier: MIT-0
"""The milestones of a first run stand where the services say that they stand."""

from datetime import timedelta

from operations.first_run.first_run_state import (
    FirstRunObservations,
    MilestoneStatus,
    list_milestones,
    may_start_pipeline,
)
from pipeline_src import contract
from tests.operations.first_run.first_run_account import NOW, PACKAGE, Records, account, fresh, healthy


def _seen(records: Records) -> FirstRunObservations:
    return FirstRunObservations(account(records), lambda: NOW)


def _standing(records: Records) -> dict[str, tuple[MilestoneStatus, str]]:
    return {each.name: (each.progress, each.detail) for each in list_milestones(_seen(records))}


def _starter(status: str, **more: str) -> dict[str, str]:
    return {"executionArn": "arn:aws:states:us-east-1:111111111111:execution:retraining:1", "status": status, **more}


def test_without_an_archive_it_waits_for_the_upload() -> None:
    standing = _standing(Records())
    assert standing["archive"] == (MilestoneStatus.WAITING, "make upload ARCHIVE=/path/dataverse_files.zip")
    assert {progress for name, (progress, _) in standing.items() if name != "archive"} == {MilestoneStatus.OPEN}
    assert not may_start_pipeline(_seen(Records()))


def test_with_an_archive_the_execution_may_be_started() -> None:
    assert _standing(fresh())["execution"][0] is MilestoneStatus.WAITING
    assert may_start_pipeline(_seen(fresh()))


def test_an_execution_that_an_upload_is_starting_is_not_started_again() -> None:
    records = fresh()
    records.starters = [_starter("RUNNING")]
    assert _standing(records)["execution"][0] is MilestoneStatus.RUNNING
    assert not may_start_pipeline(_seen(records))


def test_a_start_that_failed_is_told_with_its_cause_and_may_be_tried_again() -> None:
    records = fresh()
    records.starters = [_starter("FAILED", cause='{"errorMessage": "archive x: not there."}')]
    assert _standing(records)["execution"] == (MilestoneStatus.FAILED, "could not be started: archive x: not there.")
    assert may_start_pipeline(_seen(records))


def test_a_healthy_run_is_done_to_the_smoke_test() -> None:
    standing = _standing(healthy())
    assert {progress for progress, _ in standing.values()} == {MilestoneStatus.DONE}
    assert list(standing) == [
        *("archive", "execution"),
        *(f"step {name}" for name in contract.STEPS if name != contract.REJECT_STEP),
        *("registration", "approval", "staging", "smoke test"),
    ]
    assert not may_start_pipeline(_seen(healthy()))


def test_a_step_that_failed_is_told_with_its_reason_and_later_ones_are_not_reached() -> None:
    records = healthy()
    records.fail(contract.TRAIN_STEP, "ResourceLimitExceeded: ml.g4dn.xlarge")
    standing = _standing(records)
    assert standing["step Train"] == (MilestoneStatus.FAILED, "ResourceLimitExceeded: ml.g4dn.xlarge")
    assert standing["step Model"][0] is standing["registration"][0] is standing["staging"][0] is MilestoneStatus.OPEN
    assert standing["execution"] == (
        MilestoneStatus.FAILED,
        "abc: Failed. Again, when the cause is fixed: make retrain",
    )
    assert not may_start_pipeline(_seen(records))


def test_a_step_under_way_is_running() -> None:
    records = healthy()
    records.fail(contract.SCORE_STEP, "")
    records.executions[0]["PipelineExecutionStatus"] = "Executing"
    records.step(contract.SCORE_STEP, "Executing")
    assert _standing(records)["step Score"][0] is _standing(records)["execution"][0] is MilestoneStatus.RUNNING


def test_a_rejection_stands_in_the_place_of_the_registration() -> None:
    records = healthy()
    records.fail(contract.REGISTER_STEP, "")
    del records.steps[contract.REGISTER_STEP]
    records.step(contract.REJECT_STEP, "Failed", "Rejected. balanced accuracy")
    standing = _standing(records)
    assert standing["step Reject"] == (MilestoneStatus.FAILED, "Rejected. balanced accuracy")
    assert "step Register" not in standing


def test_a_registered_version_waits_for_its_approval_with_the_command() -> None:
    records = healthy()
    records.package["ModelApprovalStatus"] = "PendingManualApproval"
    records.deliveries, records.actions = {}, {}
    progress, detail = _standing(records)["approval"]
    assert progress is MilestoneStatus.WAITING
    assert detail.endswith(f"--model-approval-status Approved --model-package-arn {PACKAGE}")


def test_a_version_that_was_rejected_by_hand_has_failed() -> None:
    records = healthy()
    records.package["ModelApprovalStatus"] = "Rejected"
    assert _standing(records)["approval"][0] is MilestoneStatus.FAILED


def test_a_delivery_is_on_its_way_from_the_approval_on() -> None:
    records = healthy()
    records.deliveries, records.actions = {}, {}
    records.package["LastModifiedTime"] = NOW - timedelta(minutes=1)
    assert _standing(records)["staging"][0] is MilestoneStatus.RUNNING
    records.deliveries = {"d-1": "InProgress"}
    records.act("Staging", "Deploy")
    assert _standing(records)["staging"][0] is MilestoneStatus.DONE
    assert _standing(records)["smoke test"][0] is MilestoneStatus.RUNNING


def test_a_smoke_test_that_failed_is_told_with_its_message() -> None:
    records = healthy()
    records.act("Staging", "SmokeTest", "Failed", "image I2: wanted mel")
    assert _standing(records)["smoke test"] == (MilestoneStatus.FAILED, "image I2: wanted mel")


def test_an_action_that_was_retried_counts_as_its_last_run() -> None:
    records = healthy()
    earlier = dict(records.actions["Staging", "Deploy"], status="Failed")
    records.actions = {("Staging", "Deploy, once before"): earlier, **records.actions}
    assert _standing(records)["staging"][0] is MilestoneStatus.DONE

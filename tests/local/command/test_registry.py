# SPDX-License-Identifier: MIT-0
"""The model registry, and finding a run by its id."""

import threading
from pathlib import Path

import pytest

from local.aws import pipeline_executions
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionIdentity, ExecutionRecord, new_execution_id
from local.errors import UsageError

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
ARGUMENTS = {"ModelPackageGroupName": "g", "ModelApprovalStatus": "PendingManualApproval", "Tags": [{"Key": "k"}]}


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(tmp_path / "registry")


def test_versions_count_up_from_one_and_keep_what_was_registered(registry: ModelRegistry) -> None:
    first, second = (registry.create(ARGUMENTS, PREFIX) for _ in range(2))
    assert first["ModelPackageArn"] == f"{PREFIX}:model-package/g/1"
    assert second["ModelPackageVersion"] == 2
    assert registry.describe(first["ModelPackageArn"]) == first
    assert (first["ModelPackageStatus"], first["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    assert "Tags" not in first


def test_two_runs_that_register_at_once_get_two_versions(registry: ModelRegistry) -> None:
    threads = [threading.Thread(target=registry.create, args=(ARGUMENTS, PREFIX)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in (registry.root / "g").iterdir()) == [f"{number}.json" for number in range(1, 9)]


def test_one_decision_undoes_the_other_and_is_kept_with_its_reason(registry: ModelRegistry) -> None:
    arn = registry.create(ARGUMENTS, PREFIX)["ModelPackageArn"]
    for status in ("Approved", "Rejected", "Approved"):
        registry.decide(arn, status, f"because {status}")
        found = registry.describe(arn)
        assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == (status, f"because {status}")


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_decision_that_was_taken_already_succeeds_and_keeps_the_first_reason(
    registry: ModelRegistry, status: str
) -> None:
    arn = registry.create(ARGUMENTS, PREFIX)["ModelPackageArn"]
    registry.decide(arn, status, "first")
    assert registry.decide(arn, status, "second")["ModelApprovalStatus"] == status
    assert registry.describe(arn)["ApprovalDescription"] == "first"


def test_a_package_that_is_not_there_is_refused(registry: ModelRegistry) -> None:
    with pytest.raises(UsageError, match="model-package/g/9"):
        registry.decide(f"{PREFIX}:model-package/g/9", "Approved", "")


def record(runs: Path, name: str, created: str) -> ExecutionRecord:
    made = ExecutionRecord.create(runs, ExecutionIdentity(name, "p"), {}, {})
    made.data["CreationTime"] = created
    made.end("Succeeded")
    return made


def test_a_run_is_found_by_its_id_the_unique_beginning_of_it_or_as_the_latest(tmp_path: Path) -> None:
    for name in ("xyz000000003", "abd000000002", "abc000000001"):
        record(tmp_path, name, "2026-01-01T00:00:00.000Z")
    assert pipeline_executions.find_execution(tmp_path, "abc000000001").execution_id == "abc000000001"
    assert pipeline_executions.find_execution(tmp_path, "x").execution_id == "xyz000000003"
    assert pipeline_executions.find_execution(tmp_path, "latest").execution_id == "xyz000000003"
    with pytest.raises(UsageError, match="2 runs match: abc000000001, abd000000002"):
        pipeline_executions.find_execution(tmp_path, "ab")
    with pytest.raises(UsageError, match="no such run"):
        pipeline_executions.find_execution(tmp_path, "q")


def test_where_there_are_no_runs_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="python -m local demo"):
        pipeline_executions.find_execution(tmp_path / "runs", "latest")


def test_an_id_is_twelve_lower_case_letters_and_digits_and_never_the_same() -> None:
    ids = {new_execution_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(name) == 12 and name.isascii() and name.isalnum() and name == name.lower() for name in ids)

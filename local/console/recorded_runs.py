# SPDX-License-Identifier: MIT-0
"""Reads from a record, its evaluation and the registry what lists, the page of all runs and exports say of a run."""

from datetime import datetime
from pathlib import Path
from typing import Final

from local import json_files
from local.aws import model_registry, pipeline_executions
from local.aws.model_registry import ModelRegistry
from local.aws.pipeline_executions import ExecutionRecord
from local.aws.s3_store import LocalHome
from local.errors import LocalError
from pipeline_src import contract
from pipeline_src.run_facts import RunFacts, RunHistory, evaluated_metrics, execution_outcome

HISTORY_TITLE: Final = "runs on this machine"


def run_facts(record: ExecutionRecord, home: LocalHome) -> RunFacts:
    """Return what is known of a run."""
    notes, folder = record.data["Local"], evaluation_folder(record)
    created = datetime.fromisoformat(record.data["CreationTime"])
    ended = datetime.fromisoformat(record.data["LastModifiedTime"])
    return RunFacts(
        run=record.execution_id,
        started=created.isoformat(),
        seconds=None if record.status == "Executing" else round((ended - created).total_seconds(), 1),
        outcome=run_outcome(record),
        algorithm=str(notes.get("Algorithm", "")) if not notes.get("Definition") else "",
        profile=str(notes.get("Profile", "")),
        parameters=notes.get("Changed", {}),
        metrics=evaluated_metrics(json_files.read_json(folder / contract.EVALUATION_FILE)) if folder else {},
        package=record.package_arn or "",
        approval=approval_status(record.package_arn, home, "gone") if record.package_arn else "",
        report=str(folder / contract.REPORT_FILE) if folder and (folder / contract.REPORT_FILE).is_file() else "",
        reason=str(record.data.get("FailureReason", "")),
    )


def run_history(home: LocalHome) -> RunHistory:
    """Return all runs; the champion is the package that was approved last."""
    runs = tuple(run_facts(record, home) for record in pipeline_executions.load_executions(home.runs))
    packages = [each.package for each in runs if each.approval == model_registry.APPROVED]
    champion = max(packages, key=lambda arn: _decision_time(arn, home), default="")
    return RunHistory(HISTORY_TITLE, champion, runs)


def _decision_time(arn: str, home: LocalHome) -> str:
    package = ModelRegistry(home.registry).describe(arn)
    return str(package.get("LastModifiedTime", package["CreationTime"]))


def run_outcome(record: ExecutionRecord) -> str:
    """Return one of `pipeline_src.run_facts.OUTCOMES`."""
    failed = [str(entry["StepType"]) for entry in record.steps if entry["StepStatus"] == "Failed"]
    return execution_outcome(record.status, failed, registered=record.package_arn is not None)


def evaluation_folder(record: ExecutionRecord) -> Path | None:
    """Return the folder of a run's evaluation; None if there is none."""
    folder = record.output_folder(contract.EVALUATE_STEP, contract.EVALUATION_OUTPUT)
    return folder if folder and (folder / contract.EVALUATION_FILE).is_file() else None


def approval_status(arn: str, home: LocalHome, missing: str) -> str:
    """Return the approval status of a model package, or `missing` if it is no longer in the registry."""
    try:
        return str(ModelRegistry(home.registry).describe(arn)["ModelApprovalStatus"])
    except LocalError:
        return missing

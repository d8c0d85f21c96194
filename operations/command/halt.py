# SPDX-License-Identifier: MIT-0
"""Stops what is under way, so that nothing is deleted under its feet and nothing comes back meanwhile.

SageMaker refuses to delete a pipeline with a running execution, Step Functions keeps a state machine until its last
execution has ended, and a delivery that goes on would make the endpoint anew.
"""

from collections.abc import Callable, Iterator
from typing import Final

from botocore.exceptions import ClientError

from operations.client import Client
from operations.command import refusal
from operations.command.account import Account
from operations.error import OperationError

_SECONDS: Final = 15.0
_LOOKS: Final = 480  # two hours
_REASON: Final = "operations destroy"


def delivery(account: Account, pipeline: str) -> None:
    """Stop the delivery pipeline's executions at once: a manual approval would never end by itself."""
    _stop_pipeline(account, pipeline, abandon=True)


def retraining(account: Account, machine: str, push: str) -> None:
    """Stop what a retraining goes through.

    Args:
        account: Where.
        machine: ARN of the state machine.
        push: Name of the pipeline that a push starts, whose build may be deploying: its end is awaited. Empty: none.
    """
    stepfunctions = account.client("stepfunctions")
    for execution in list(_running(stepfunctions, machine)):
        stepfunctions.stop_execution(executionArn=execution, cause=_REASON)
    if push:
        _stop_pipeline(account, push, abandon=False)
        _wait(account, f"pipeline {push!r}", lambda: not list(_going(account, push)))


def training(account: Account, pipeline: str) -> None:
    """Stop the SageMaker pipeline's executions and wait until they have stopped."""
    sagemaker = account.client("sagemaker")
    for execution, status in list(_executions(account, pipeline)):
        if status == "Executing":
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=execution)
    _wait(account, f"SageMaker pipeline {pipeline!r}", lambda: not list(_executions(account, pipeline)))


def monitor(account: Account) -> None:
    """Stop the jobs of monitor and export and wait until they have stopped: one would go on writing its report."""
    sagemaker = account.client("sagemaker")
    for job, status in list(_jobs(account)):
        if status == "InProgress":
            try:
                sagemaker.stop_processing_job(ProcessingJobName=job)
            except ClientError as error:
                # It ended since it was listed.
                if not refusal.is_code(error, "ResourceNotFound", "ValidationException"):
                    raise
    _wait(account, f"processing jobs {account.name}-{{monitor,export}}-*", lambda: not list(_jobs(account)))


def _jobs(account: Account) -> Iterator[tuple[str, str]]:
    """Yield name and status of the jobs of monitor and export that have not ended."""
    begins = tuple(f"{account.name}-{kind}-" for kind in ("monitor", "export"))
    pages = account.client("sagemaker").get_paginator("list_processing_jobs")
    for status in ("InProgress", "Stopping"):
        for page in pages.paginate(NameContains=f"{account.name}-", StatusEquals=status):
            for job in page["ProcessingJobSummaries"]:
                # Another deployment's name may end as this one's: `a-b-monitor-` contains `b-monitor-`.
                if job["ProcessingJobName"].startswith(begins):
                    yield job["ProcessingJobName"], job["ProcessingJobStatus"]


def _running(stepfunctions: Client, machine: str) -> Iterator[str]:
    try:
        for page in stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        ):
            for execution in page["executions"]:
                yield execution["executionArn"]
    except ClientError as error:
        if not refusal.is_missing(error):
            raise


def _stop_pipeline(account: Account, pipeline: str, *, abandon: bool) -> None:
    for execution in list(_going(account, pipeline)):
        try:
            account.client("codepipeline").stop_pipeline_execution(
                pipelineName=pipeline, pipelineExecutionId=execution, abandon=abandon, reason=_REASON
            )
        except ClientError as error:
            # It ended, or somebody else stopped it, since it was listed.
            if not refusal.is_code(error, "PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"):
                raise


def _going(account: Account, pipeline: str) -> Iterator[str]:
    try:
        for page in (
            account.client("codepipeline").get_paginator("list_pipeline_executions").paginate(pipelineName=pipeline)
        ):
            for execution in page["pipelineExecutionSummaries"]:
                if execution["status"] in ("InProgress", "Stopping"):
                    yield execution["pipelineExecutionId"]
    except ClientError as error:
        if not refusal.is_missing(error):
            raise


def _executions(account: Account, pipeline: str) -> Iterator[tuple[str, str]]:
    try:
        for page in (
            account.client("sagemaker").get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
        ):
            for execution in page["PipelineExecutionSummaries"]:
                if execution["PipelineExecutionStatus"] in ("Executing", "Stopping"):
                    yield execution["PipelineExecutionArn"], execution["PipelineExecutionStatus"]
    except ClientError as error:
        if not refusal.is_missing(error):
            raise


def _wait(account: Account, place: str, ended: Callable[[], bool]) -> None:
    for _ in range(_LOOKS):
        if ended():
            return
        account.sleep(_SECONDS)
    raise OperationError(f"{place}: still running after two hours. Stop it in the console, then run the command again.")

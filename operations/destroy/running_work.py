# SPDX-License-Identifier: MIT-0
"""Stops the running work of a deployment before its stacks are deleted.

SageMaker does not delete a pipeline with a running execution, Step Functions keeps a state machine until its last
execution has ended, and a running delivery would create the endpoint again.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from operations.account import aws_errors
from operations.account.deployment_account import Account
from operations.functions.errors import OperationError

_POLL_SECONDS: Final = 15.0
_POLL_LIMIT: Final = 480  # two hours
_ENDED_CODES: Final = ("ResourceNotFound", "ValidationException", "ConflictException")
_STOP_REASON: Final = "operations destroy"
_JOB_KINDS: Final = ("monitor", "export")


def stop_running_work(account: Account, outputs: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Stop deliveries, retrainings, and the jobs of monitor and export.

    Args:
        account: The account of the build.
        outputs: Outputs of the deployment's stacks; of a stack that is deleted nothing runs.
        tell: Called with each step.
    """
    if delivery := outputs.get("Delivery"):
        tell(f"Stopping the delivery pipeline {delivery}")
        # Abandoned, because an action that waits for an approval never ends.
        _stop_codepipeline(account, delivery, abandon=True)
    if machine := outputs.get("StateMachine"):
        tell(f"Stopping the executions of {machine.rpartition(':')[2]}")
        _stop_state_machine(account, machine)
    if push := outputs.get("SourcePipeline"):
        tell(f"Stopping the pipeline {push}: a build that runs is waited for, because it may be deploying")
        _stop_codepipeline(account, push, abandon=False)
        _wait_until_ended(account, f"pipeline {push!r}", lambda: not list(_codepipeline_executions(account, push)))
    if pipeline := outputs.get("Pipeline"):
        tell(f"Stopping the executions of the SageMaker pipeline {pipeline}")
        _stop_sagemaker_pipeline(account, pipeline)
    tell("Stopping the jobs of monitor and export")
    _stop_processing_jobs(account)


def _stop_codepipeline(account: Account, pipeline: str, *, abandon: bool) -> None:
    for execution in list(_codepipeline_executions(account, pipeline)):
        try:
            account.client("codepipeline").stop_pipeline_execution(
                pipelineName=pipeline, pipelineExecutionId=execution, abandon=abandon, reason=_STOP_REASON
            )
        except ClientError as error:
            # It has ended, or has been stopped, since it was listed.
            if not aws_errors.has_error_code(
                error, "PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"
            ):
                raise


def _stop_state_machine(account: Account, machine: str) -> None:
    running = _list_or_nothing(
        account, "stepfunctions", "list_executions", stateMachineArn=machine, statusFilter="RUNNING"
    )
    for execution in [one["executionArn"] for page in running for one in page["executions"]]:
        account.client("stepfunctions").stop_execution(executionArn=execution, cause=_STOP_REASON)


def _stop_sagemaker_pipeline(account: Account, pipeline: str) -> None:
    for execution, status in list(_sagemaker_executions(account, pipeline)):
        if status == "Executing":
            try:
                account.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=execution)
            except ClientError as error:
                # It has ended since it was listed.
                if not aws_errors.has_error_code(error, *_ENDED_CODES):
                    raise
    _wait_until_ended(
        account, f"SageMaker pipeline {pipeline!r}", lambda: not list(_sagemaker_executions(account, pipeline))
    )


def _stop_processing_jobs(account: Account) -> None:
    """Stop the jobs of monitor and export, which would go on writing to the runs bucket."""
    for job, status in list(_processing_jobs(account)):
        if status == "InProgress":
            try:
                account.client("sagemaker").stop_processing_job(ProcessingJobName=job)
            except ClientError as error:
                # It has ended since it was listed.
                if not aws_errors.has_error_code(error, *_ENDED_CODES):
                    raise
    _wait_until_ended(
        account, f"processing jobs {account.name}-{{monitor,export}}-*", lambda: not list(_processing_jobs(account))
    )


def _codepipeline_executions(account: Account, pipeline: str) -> Iterator[str]:
    """Yield the ids of the executions that have not ended."""
    for page in _list_or_nothing(account, "codepipeline", "list_pipeline_executions", pipelineName=pipeline):
        for execution in page["pipelineExecutionSummaries"]:
            if execution["status"] in ("InProgress", "Stopping"):
                yield execution["pipelineExecutionId"]


def _sagemaker_executions(account: Account, pipeline: str) -> Iterator[tuple[str, str]]:
    """Yield ARN and status of the executions that have not ended."""
    for page in _list_or_nothing(account, "sagemaker", "list_pipeline_executions", PipelineName=pipeline):
        for execution in page["PipelineExecutionSummaries"]:
            if execution["PipelineExecutionStatus"] in ("Executing", "Stopping"):
                yield execution["PipelineExecutionArn"], execution["PipelineExecutionStatus"]


def _processing_jobs(account: Account) -> Iterator[tuple[str, str]]:
    """Yield name and status of the jobs of monitor and export that have not ended."""
    prefixes = tuple(f"{account.name}-{kind}-" for kind in _JOB_KINDS)
    pages = account.client("sagemaker").get_paginator("list_processing_jobs")
    for status in ("InProgress", "Stopping"):
        for page in pages.paginate(NameContains=f"{account.name}-", StatusEquals=status):
            for job in page["ProcessingJobSummaries"]:
                # The name of another deployment may end like this one's: `a-b-monitor-` contains `b-monitor-`.
                if job["ProcessingJobName"].startswith(prefixes):
                    yield job["ProcessingJobName"], job["ProcessingJobStatus"]


def _list_or_nothing(account: Account, service: str, operation: str, **named: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of a list; none if what is listed does not exist any more."""
    try:
        yield from account.client(service).get_paginator(operation).paginate(**named)
    except ClientError as error:
        if not aws_errors.is_not_found(error):
            raise


def _wait_until_ended(account: Account, place: str, ended: Callable[[], bool]) -> None:
    for _ in range(_POLL_LIMIT):
        if ended():
            return
        account.sleep(_POLL_SECONDS)
    raise OperationError(f"{place}: still running after two hours. Stop it in the console, then run the command again.")

# SPDX-License-Identifier: MIT-0
"""A job of CodePipeline: done by a function that reports how it ended, whatever happens, so that no action hangs.

Source of the event: AWS CodePipeline User Guide, "Invoke an AWS Lambda function in a pipeline in CodePipeline".
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from operations.client import Client
from operations.error import OperationError, UsageError

_LOG: Final = logging.getLogger(__name__)
# CodePipeline's limits of a summary and of a message. A variable is put into an action's configuration, which holds
# 1,000 characters in all; so a line for people is kept well below that.
_SUMMARY: Final = 2048
_MESSAGE: Final = 5000
_VARIABLE: Final = 300
_ENDED: Final = ("InvalidJobStateException", "JobNotFoundException")


@dataclass(frozen=True)
class Done:
    """How a job that succeeded ended.

    Attributes:
        summary: What happened, in a sentence.
        link: An output variable that must stay whole, by its name.
        lines: Output variables for people to read, by their names.
    """

    summary: str
    link: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)


def report(event: Mapping[str, Any], request_id: str, codepipeline: Client, work: Callable[[object], Done]) -> None:
    """Do `work` with the job's parameters and report to CodePipeline how it ended.

    Args:
        event: As CodePipeline invokes a function.
        request_id: Of the invocation, by which its log is found.
        codepipeline: Client that reports.
        work: Is given the action's UserParameters.

    Raises:
        ClientError: CodePipeline took neither report; the invocation then fails and is repeated.
    """
    job = event["CodePipeline.job"]
    try:
        done = work(_parameters(job))
        codepipeline.put_job_success_result(jobId=job["id"], **_success(done, request_id))
    except Exception as error:  # noqa: BLE001  whatever it is: an action that hears nothing waits twenty minutes
        _LOG.exception("job %s failed", job["id"])
        _fail(codepipeline, job["id"], request_id, explained(error))


def explained(error: Exception) -> str:
    """Return what the person who looks at the failed action reads."""
    if isinstance(error, OperationError):
        return str(error)
    if isinstance(error, ClientError):
        answer = error.response["Error"]
        told = f"{error.operation_name}: {answer.get('Code', '')}: {answer.get('Message', '')}".rstrip(". ")
        return f"{told}. Mend what it names (access denied: deploy again, make deploy), then retry the stage."
    if isinstance(error, BotoCoreError):
        return f"AWS: no answer: {error}. Retry the stage."
    return f"Unexpected {type(error).__name__}. The function's log has the details; report it, then retry the stage."


def _parameters(job: Mapping[str, Any]) -> object:
    text = job["data"]["actionConfiguration"]["configuration"].get("UserParameters", "")
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"UserParameters {text!r}: are no JSON: {error}. Mend the action: make deploy.") from error


def _success(done: Done, request_id: str) -> dict[str, Any]:
    details = {"summary": _short(done.summary, _SUMMARY), "externalExecutionId": request_id}
    variables = {**done.link, **{name: _short(line, _VARIABLE) for name, line in done.lines.items()}}
    return {"executionDetails": details, **({"outputVariables": variables} if variables else {})}


def _fail(codepipeline: Client, job: str, request_id: str, message: str) -> None:
    details = {"type": "JobFailed", "message": _short(message, _MESSAGE), "externalExecutionId": request_id}
    try:
        codepipeline.put_job_failure_result(jobId=job, failureDetails=details)
    except ClientError as error:
        # A repeated invocation finds a job that its predecessor has reported.
        if error.response["Error"]["Code"] not in _ENDED:
            raise
        _LOG.warning("job %s has ended already", job)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

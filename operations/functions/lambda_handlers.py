# SPDX-License-Identifier: MIT-0
"""A job of CodePipeline: done by a function that reports how it ended, whatever happens, so that no action hangs.

Source of the event: AWS CodePipeline User Guide, "Invoke an AWS Lambda function in a pipeline in CodePipeline".

Where the functions begin: each reads its payload, makes its clients and answers; the rules stand in the rooms below.

``retrain`` is a state of the state machine; ``release``, ``rejected``, ``tally``, ``monitor`` and ``judge`` are targets
of EventBridge: an error is raised, so that the caller sees its sentence. ``publish``, ``smoke`` and ``promote`` are
actions of CodePipeline: job.py. Where a stage is elsewhere, access.py leads there.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from operations.functions import (
    aws_clients,
    function_payloads,
    model_delivery,
    model_package,
    remote_stage_access,
    retraining_attempts,
)
from operations.functions import model_delivery as delivery
from operations.functions import monitoring_runs as judging
from operations.functions import monitoring_runs as monitoring
from operations.functions import prediction_counts as tallying
from operations.functions import remote_stage_access as publishing
from operations.functions import smoke_test as smoking
from operations.functions.aws_clients import Client, ClientFactory, s3_copy_client, service_client
from operations.functions.endpoint_answers import SageMakerEndpoint
from operations.functions.errors import OperationError, UsageError
from operations.functions.remote_stage_access import RemoteTarget, RoleConnector, connect_with_role

_JOB_LOG: Final = logging.getLogger(__name__)
# CodePipeline's limits of a summary and of a message. A variable is put into an action's configuration, which holds
# 1,000 characters in all; so a line for people is kept well below that.
_SUMMARY_LENGTH: Final = 2048
_MESSAGE_LENGTH: Final = 5000
_VARIABLE_LENGTH: Final = 300
_ENDED_CODES: Final = ("InvalidJobStateException", "JobNotFoundException")


@dataclass(frozen=True)
class JobSuccess:
    """How a job that succeeded ended.

    Attributes:
        summary: What happened, in a sentence.
        link: An output variable that must stay whole, by its name.
        lines: Output variables for people to read, by their names.
    """

    summary: str
    link: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)


def report_job_result(
    event: Mapping[str, Any], request_id: str, codepipeline: Client, work: Callable[[object], JobSuccess]
) -> None:
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
        done = work(_user_parameters(job))
        codepipeline.put_job_success_result(jobId=job["id"], **_success_fields(done, request_id))
    except Exception as error:  # noqa: BLE001  whatever it is: an action that hears nothing waits twenty minutes
        _JOB_LOG.exception("job %s failed", job["id"])
        _report_failure(codepipeline, job["id"], request_id, explain_job_failure(error))


def explain_job_failure(error: Exception) -> str:
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


def _user_parameters(job: Mapping[str, Any]) -> object:
    text = job["data"]["actionConfiguration"]["configuration"].get("UserParameters", "")
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"UserParameters {text!r}: are no JSON: {error}. Mend the action: make deploy.") from error


def _success_fields(done: JobSuccess, request_id: str) -> dict[str, Any]:
    details = {"summary": _shorten_text(done.summary, _SUMMARY_LENGTH), "externalExecutionId": request_id}
    variables = {**done.link, **{name: _shorten_text(line, _VARIABLE_LENGTH) for name, line in done.lines.items()}}
    return {"executionDetails": details, **({"outputVariables": variables} if variables else {})}


def _report_failure(codepipeline: Client, job: str, request_id: str, message: str) -> None:
    details = {
        "type": "JobFailed",
        "message": _shorten_text(message, _MESSAGE_LENGTH),
        "externalExecutionId": request_id,
    }
    try:
        codepipeline.put_job_failure_result(jobId=job, failureDetails=details)
    except ClientError as error:
        # A repeated invocation finds a job that its predecessor has reported.
        if error.response["Error"]["Code"] not in _ENDED_CODES:
            raise
        _JOB_LOG.warning("job %s has ended already", job)


def _shorten_text(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


_LOG: Final = logging.getLogger(__name__)
_LOG.setLevel(logging.INFO)


class LambdaContext(Protocol):
    """What is used of the object that Lambda hands to a function."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""


def retrain(event: object, _context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
    """Start the SageMaker pipeline or join an execution: `payload.Retrain` in, `payload.Retrained` out."""
    request = function_payloads.read_payload(function_payloads.RetrainRequest, event)
    services = {name: clients(name) for name in ("sagemaker", "s3", "ssm")}
    answer = retraining_attempts.start_retraining(request, **services)
    _LOG.info(answer.message)
    return asdict(answer)


def release(event: object, _context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
    """Start a delivery: `payload.Release` in, `payload.Released` out."""
    request = function_payloads.read_payload(function_payloads.ReleaseRequest, event)
    services = {name: clients(name) for name in ("sagemaker", "codepipeline", "ssm")}
    answer = delivery.start_delivery(request, **services)
    _LOG.info(answer.message)
    return asdict(answer)


def rejected(event: object, _context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
    """Tell the topic if a rejected package is live: `payload.Rejected` in."""
    request = function_payloads.read_payload(function_payloads.RejectionRequest, event)
    message = model_delivery.notify_champion_rejected(request, ssm=clients("ssm"), sns=clients("sns"))
    _LOG.info(message)
    return {"message": message}


def tally(event: object, _context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
    """Count the answers in a file of captured requests: `payload.Tally` in."""
    request = function_payloads.read_payload(function_payloads.TallyRequest, event)
    message = tallying.publish_prediction_counts(request, s3=clients("s3"), cloudwatch=clients("cloudwatch"))
    _LOG.info(message)
    return {"message": message}


def monitor(event: object, _context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
    """Start a run of the monitor: `watch.Monitor` in."""
    request = function_payloads.read_payload(function_payloads.MonitorRequest, event)
    message = monitoring.start_monitoring_run(request, **{name: clients(name) for name in ("sagemaker", "s3", "ssm")})
    _LOG.info(message)
    return {"message": message}


def judge(event: object, _context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
    """Tell what a run of the monitor has found: `watch.Judge` in."""
    request = function_payloads.read_payload(function_payloads.JudgeRequest, event)
    services = {name: clients(name) for name in ("s3", "cloudwatch", "sns", "stepfunctions")}
    message = judging.publish_monitor_result(request, **services)
    _LOG.info(message)
    return {"message": message}


def publish(
    event: Mapping[str, Any],
    context: LambdaContext,
    clients: ClientFactory = service_client,
    copies: Callable[[str], Client] = s3_copy_client,
) -> None:
    """Copy a model to where its endpoint is: UserParameters are `payload.Publish`; the variable is model, its URI."""

    def work(parameters: object) -> JobSuccess:
        request = function_payloads.read_payload(function_payloads.PublishRequest, parameters)
        services = {"sagemaker": clients("sagemaker"), "s3": clients("s3"), "there": copies(request.region)}
        model = publishing.publish_model(request, **services)
        return JobSuccess(f"The model of {model_package.package_title(request.package)} is {model}.", {"model": model})

    report_job_result(event, context.aws_request_id, clients("codepipeline"), work)


def smoke(
    event: Mapping[str, Any],
    context: LambdaContext,
    clients: ClientFactory = service_client,
    connect: RoleConnector = connect_with_role,
) -> None:
    """Smoke-test an endpoint: UserParameters are `payload.Smoke`; the variables are report, metrics and agreement.

    The function needs a time limit of five minutes: it gives a slow endpoint up two minutes before its end.
    """

    def work(parameters: object) -> JobSuccess:
        request = function_payloads.read_payload(function_payloads.SmokeRequest, parameters)
        found = model_package.describe_model_package(clients("sagemaker"), request.package)
        there = remote_stage_access.remote_stage_clients(request.access, request.region, "smoke", clients, connect)
        target = RemoteTarget(SageMakerEndpoint(request.endpoint, there("sagemaker-runtime")), request.access)
        left = context.get_remaining_time_in_millis
        passed = smoking.run_package_smoke_test(found, target, s3=clients("s3"), left=lambda: left() / 1000)
        report = {"report": aws_clients.s3_object_console_url(found.report, found.arn)}
        live = model_delivery.read_champion_arn(clients("ssm"), request.champion) if request.champion else ""
        return JobSuccess(f"{passed.place}: {passed}", report, {"metrics": found.told(live), "agreement": str(passed)})

    report_job_result(event, context.aws_request_id, clients("codepipeline"), work)


def promote(
    event: Mapping[str, Any],
    context: LambdaContext,
    clients: ClientFactory = service_client,
    connect: RoleConnector = connect_with_role,
) -> None:
    """Move the champion pointer: UserParameters are `payload.Promote`."""

    def work(parameters: object) -> JobSuccess:
        request = function_payloads.read_payload(function_payloads.PromoteRequest, parameters)
        there = remote_stage_access.remote_stage_clients(request.access, request.region, "promote", clients, connect)
        return JobSuccess(model_delivery.promote_champion(request, sagemaker=there("sagemaker"), ssm=clients("ssm")))

    report_job_result(event, context.aws_request_id, clients("codepipeline"), work)

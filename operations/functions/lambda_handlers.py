# SPDX-License-Identifier: MIT-0
"""Defines the handlers of the Lambda functions.

``retrain`` is a state of the state machine; ``release``, ``rejected``, ``tally``, ``monitor`` and ``judge`` are targets
of EventBridge. They raise errors, so that the caller gets the message. ``publish``, ``smoke`` and ``promote`` are
actions of CodePipeline: they always report a result, so that no action waits for its time-out.

An error of AWS is raised as a sentence that names call, cause and remedy. Lambda repeats the event of a target twice,
and the state machine a state that raised BusyServiceError.

Source of the CodePipeline event: AWS CodePipeline User Guide, "Invoke an AWS Lambda function in a pipeline in
CodePipeline".
"""

import functools
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from botocore.exceptions import ClientError

from operations.functions import (
    aws_clients,
    errors,
    function_payloads,
    model_delivery,
    model_package,
    monitoring_runs,
    prediction_counts,
    remote_stage_access,
    retraining_attempts,
    smoke_test,
)
from operations.functions.aws_clients import Client, ClientFactory, s3_copy_client, service_client
from operations.functions.endpoint_answers import SageMakerEndpoint
from operations.functions.errors import OperationError, UsageError
from operations.functions.remote_stage_access import RemoteTarget, RoleConnector, connect_with_role

_LOG: Final = logging.getLogger(__name__)
_LOG.setLevel(logging.INFO)
# CodePipeline's limits of a summary and of a message. The configuration of an action, into which a variable is put,
# holds 1,000 characters in all.
_SUMMARY_LENGTH: Final = 2048
_MESSAGE_LENGTH: Final = 5000
_VARIABLE_LENGTH: Final = 300
_ENDED_CODES: Final = ("InvalidJobStateException", "JobNotFoundException")


@dataclass(frozen=True)
class JobSuccess:
    """The result of a job that succeeded.

    Attributes:
        summary: What happened, in a sentence.
        link: An output variable that must not be shortened, by its name.
        lines: Output variables with text for people, by their names.
    """

    summary: str
    link: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)


def report_job_result(
    event: Mapping[str, Any], request_id: str, codepipeline: Client, work: Callable[[object], JobSuccess]
) -> None:
    """Call `work` with the job's parameters and report the result to CodePipeline.

    Args:
        event: As CodePipeline invokes a function.
        request_id: Id of the invocation, which its log contains.
        codepipeline: Client that reports.
        work: Called with the action's UserParameters.

    Raises:
        ClientError: CodePipeline accepted neither result; the invocation then fails and is repeated.
    """
    job = event["CodePipeline.job"]
    try:
        done = work(_user_parameters(job))
        codepipeline.put_job_success_result(jobId=job["id"], **_success_fields(done, request_id))
    except Exception as error:  # noqa: BLE001  without a result the action waits for twenty minutes
        _LOG.exception("job %s failed", job["id"])
        _report_failure(codepipeline, job["id"], request_id, explain_job_failure(error))


def explain_job_failure(error: Exception) -> str:
    """Return the message of the failed action."""
    if isinstance(error, OperationError):
        return str(error)
    if isinstance(error, errors.AWS_ERRORS):
        return str(errors.explain_service_error(error))
    return f"Unexpected {type(error).__name__}. The function's log has the details; report it, then retry the stage."


def _user_parameters(job: Mapping[str, Any]) -> object:
    text = job["data"]["actionConfiguration"]["configuration"].get("UserParameters", "")
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"UserParameters {text!r}: are not JSON: {error}. Fix the action: make deploy.") from error


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
        # An invocation was repeated after the first one had reported the result.
        if error.response["Error"]["Code"] not in _ENDED_CODES:
            raise
        _LOG.warning("job %s has ended already", job)


def _shorten_text(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class LambdaContext(Protocol):
    """The used part of the context that Lambda passes to a handler."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's time limit."""


Handler: TypeAlias = Callable[[object, LambdaContext, ClientFactory], dict[str, Any]]


def _explains_service_errors(handler: Handler) -> Handler:
    """Return `handler` such that it raises ServiceError where AWS refuses or does not answer."""

    @functools.wraps(handler)
    def explaining(event: object, context: LambdaContext, clients: ClientFactory = service_client) -> dict[str, Any]:
        try:
            return handler(event, context, clients)
        except errors.AWS_ERRORS as error:
            raise errors.explain_service_error(error) from error

    return explaining


@_explains_service_errors
def retrain(event: object, _context: LambdaContext, clients: ClientFactory) -> dict[str, Any]:
    """Start the SageMaker pipeline or join an execution: `RetrainRequest` in, `RetrainResult` out."""
    request = function_payloads.read_payload(function_payloads.RetrainRequest, event)
    services = {name: clients(name) for name in ("sagemaker", "s3", "ssm")}
    answer = retraining_attempts.start_retraining(request, **services)
    _LOG.info(answer.message)
    return asdict(answer)


@_explains_service_errors
def release(event: object, _context: LambdaContext, clients: ClientFactory) -> dict[str, Any]:
    """Start a delivery: `ReleaseRequest` in, `ReleaseResult` out."""
    request = function_payloads.read_payload(function_payloads.ReleaseRequest, event)
    services = {name: clients(name) for name in ("sagemaker", "codepipeline", "ssm")}
    answer = model_delivery.start_delivery(request, **services)
    _LOG.info(answer.message)
    return asdict(answer)


@_explains_service_errors
def rejected(event: object, _context: LambdaContext, clients: ClientFactory) -> dict[str, Any]:
    """Notify if a rejected package is in production: `RejectionRequest` in."""
    request = function_payloads.read_payload(function_payloads.RejectionRequest, event)
    message = model_delivery.notify_champion_rejected(request, ssm=clients("ssm"), sns=clients("sns"))
    _LOG.info(message)
    return {"message": message}


@_explains_service_errors
def tally(event: object, _context: LambdaContext, clients: ClientFactory) -> dict[str, Any]:
    """Count the predictions in a file of captured requests: `TallyRequest` in."""
    request = function_payloads.read_payload(function_payloads.TallyRequest, event)
    message = prediction_counts.publish_prediction_counts(request, s3=clients("s3"), cloudwatch=clients("cloudwatch"))
    _LOG.info(message)
    return {"message": message}


@_explains_service_errors
def monitor(event: object, _context: LambdaContext, clients: ClientFactory) -> dict[str, Any]:
    """Start a monitoring run: `MonitorRequest` in."""
    request = function_payloads.read_payload(function_payloads.MonitorRequest, event)
    message = monitoring_runs.start_monitoring_run(
        request, **{name: clients(name) for name in ("sagemaker", "s3", "ssm")}
    )
    _LOG.info(message)
    return {"message": message}


@_explains_service_errors
def judge(event: object, _context: LambdaContext, clients: ClientFactory) -> dict[str, Any]:
    """Publish the result of a monitoring run: `JudgeRequest` in."""
    request = function_payloads.read_payload(function_payloads.JudgeRequest, event)
    services = {name: clients(name) for name in ("s3", "cloudwatch", "sns", "stepfunctions")}
    message = monitoring_runs.publish_monitor_result(request, **services)
    _LOG.info(message)
    return {"message": message}


def publish(
    event: Mapping[str, Any],
    context: LambdaContext,
    clients: ClientFactory = service_client,
    copies: Callable[[str], Client] = s3_copy_client,
    connect: RoleConnector = connect_with_role,
) -> None:
    """Copy a model to the account and region of its endpoint.

    UserParameters are a `PublishRequest`; the output variables are model and image, their URIs there.
    """

    def work(parameters: object) -> JobSuccess:
        request = function_payloads.read_payload(function_payloads.PublishRequest, parameters)
        services = {"sagemaker": clients("sagemaker"), "s3": clients("s3"), "there": copies(request.region)}

        def registry() -> Client:
            there = remote_stage_access.remote_stage_clients(
                request.access, request.region, "publish", clients, connect
            )
            return there("ecr")

        found = remote_stage_access.publish_model(request, registry=registry, **services)
        told = f"The model of {model_package.package_title(request.package)} is {found.model}, its image {found.image}."
        return JobSuccess(told, {"model": found.model, "image": found.image})

    report_job_result(event, context.aws_request_id, clients("codepipeline"), work)


def smoke(
    event: Mapping[str, Any],
    context: LambdaContext,
    clients: ClientFactory = service_client,
    connect: RoleConnector = connect_with_role,
) -> None:
    """Smoke-test an endpoint.

    UserParameters are a `SmokeRequest`; the output variables are report, metrics and agreement. The function needs a
    time limit of five minutes: it gives up a slow endpoint two minutes before.
    """

    def work(parameters: object) -> JobSuccess:
        request = function_payloads.read_payload(function_payloads.SmokeRequest, parameters)
        found = model_package.describe_model_package(clients("sagemaker"), request.package)
        there = remote_stage_access.remote_stage_clients(request.access, request.region, "smoke", clients, connect)
        target = RemoteTarget(SageMakerEndpoint(request.endpoint, there("sagemaker-runtime")), request.access)
        left = context.get_remaining_time_in_millis
        passed = smoke_test.run_package_smoke_test(found, target, s3=clients("s3"), left=lambda: left() / 1000)
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
    """Record the package in production: UserParameters are a `PromoteRequest`."""

    def work(parameters: object) -> JobSuccess:
        request = function_payloads.read_payload(function_payloads.PromoteRequest, parameters)
        there = remote_stage_access.remote_stage_clients(request.access, request.region, "promote", clients, connect)
        return JobSuccess(model_delivery.promote_champion(request, sagemaker=there("sagemaker"), ssm=clients("ssm")))

    report_job_result(event, context.aws_request_id, clients("codepipeline"), work)

# SPDX-License-Identifier: MIT-0
"""Starts deliveries of approved model packages, and records the champion, which is the package in production.

The registry sends the same type of event for each change of a package, an edit of its metadata or card too, with its
present approval status. UpdatedModelPackageFields names what was changed. It may be absent, so no rule of EventBridge
can filter by it.

Each approval starts one delivery, however many events the registry sends. Simultaneous events list the same deliveries,
so they send the same token, for which the service starts one execution; later events find it in progress. A delivery
that a very late event starts waits at the manual approval like any other.

An SSM parameter names the champion. Only `promote` writes it: if it were a resource of a stack, CloudFormation would
restore its first value with any change of it, of a tag for example. It does not exist before the first delivery.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from operations.functions import model_package, remote_stage_access
from operations.functions.aws_clients import Client
from operations.functions.errors import OperationError, UsageError
from operations.functions.function_payloads import PromoteRequest, RejectionRequest, ReleaseRequest, ReleaseResult
from operations.functions.model_package import ModelPackage
from operations.functions.remote_stage_access import explain_denied_access

_APPROVAL_FIELD: Final = "ModelApprovalStatus"
_CHANGED_FIELDS: Final = "UpdatedModelPackageFields"
_REJECTED_SUBJECT: Final = "A rejected model version is live in production"
PACKAGE_VARIABLE: Final = "ModelPackageArn"
_IN_PROGRESS_STATUS: Final = "InProgress"
_PENDING_STATUS: Final = "PendingManualApproval"
_LOOKUP_TRIES: Final = 3
_LOOKUP_SECONDS: Final = 2.0
# Deliveries that started before the approval are ignored; a minute covers clocks that differ.
_CLOCK_MARGIN: Final = timedelta(minutes=1)


def event_package_arn(detail: Mapping[str, Any]) -> str:
    """Return the ARN of the package in an event of the registry, or empty."""
    return str(detail.get("ModelPackageArn", ""))


def leaves_approval_unchanged(detail: Mapping[str, Any]) -> bool:
    """Return whether the event is about a change of something else than the approval.

    An event without the names of the changed fields may be about an approval.
    """
    changed: Sequence[str] = detail.get(_CHANGED_FIELDS) or ()
    return bool(changed) and _APPROVAL_FIELD not in changed


@dataclass(frozen=True)
class LiveChampion:
    """The package in production: its ARN, and the time of its promotion."""

    package: str
    since: datetime


def find_champion(ssm: Client, name: str) -> LiveChampion | None:
    """Return the package in production, or None if there is none yet."""
    try:
        found = ssm.get_parameter(Name=name)["Parameter"]
    except ssm.exceptions.ParameterNotFound:
        return None
    return LiveChampion(found["Value"], found["LastModifiedDate"])


def read_champion_arn(ssm: Client, name: str) -> str:
    """Return the ARN of the package in production, or empty if there is none yet."""
    found = find_champion(ssm, name)
    return found.package if found else ""


def delete_champion(ssm: Client, name: str) -> None:
    """Delete the record, because nothing is in production any more."""
    with contextlib.suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=name)


def promote_champion(request: PromoteRequest, *, sagemaker: Client, ssm: Client) -> str:
    """Record the package as the champion, and return a message.

    Args:
        request: The package, and the endpoint that serves it.
        sagemaker: Client for the account and region of the endpoint.
        ssm: Client that reads and writes the parameter.

    Raises:
        OperationError: The endpoint is not in service, or serves another package.
        RemoteAccessError: Access to an endpoint in another account or region is denied.
        ClientError: A service refused.
    """
    with explain_denied_access(request.access):
        _check_endpoint(request, sagemaker)
    if read_champion_arn(ssm, request.champion) == request.package:
        # Not written again: the time of the last write is that of the promotion.
        return f"{model_package.package_title(request.package)} is the champion already."
    ssm.put_parameter(Name=request.champion, Value=request.package, Type="String", Overwrite=True)
    return f"{model_package.package_title(request.package)} is the champion."


def _check_endpoint(request: PromoteRequest, sagemaker: Client) -> None:
    """Raise an error if the endpoint does not serve the package."""
    place = f"endpoint {request.endpoint!r}"
    status = sagemaker.describe_endpoint(EndpointName=request.endpoint)["EndpointStatus"]
    if status != "InService":
        raise OperationError(f"{place}: is {status}, not InService. Look at its stack's events, then retry the stage.")
    if request.bucket:
        # An endpoint in another account or region serves a copy of the model, without a package.
        wanted = remote_stage_access.published_model_uri(request.bucket, request.package)
        served = model_package.served_artifact_uri(sagemaker, request.endpoint) or "an unknown model"
    else:
        # If the service does not name the package, the delivery has still deployed and smoke-tested this one.
        wanted = request.package
        served = model_package.served_package_arn(sagemaker, request.endpoint) or wanted
    if served != wanted:
        raise OperationError(f"{place}: serves {served}, not {wanted}. Deliver that package again: approve it.")


def notify_champion_rejected(request: RejectionRequest, *, ssm: Client, sns: Client) -> str:
    """Notify the topic if the rejected package is in production, and return a message.

    Args:
        request: The package and the topic.
        ssm: Client that reads the champion.
        sns: Client that publishes.

    Raises:
        UsageError: The event names no package.
        ClientError: A service refused.
    """
    arn = event_package_arn(request.detail)
    if leaves_approval_unchanged(request.detail):
        return f"{model_package.package_title(arn)} was edited; its approval did not change. No notification was sent."
    if arn != read_champion_arn(ssm, request.champion):
        return f"{model_package.package_title(arn)} was rejected and is not in production. No notification was sent."
    sns.publish(TopicArn=request.topic, Subject=_REJECTED_SUBJECT, Message=champion_rejected_message(arn))
    return f"{model_package.package_title(arn)} was rejected and is in production. A notification was sent."


def champion_rejected_message(arn: str) -> str:
    """Return the notification that the package in production was rejected."""
    group = model_package.match_package_arn(arn)["group"]
    update = "aws sagemaker update-model-package --model-package-arn"
    return f"""\
{model_package.package_title(arn)} was rejected in the model registry and is live: the production endpoint serves it.

Rejecting a version does not stop it. The endpoint serves it until another version is delivered.

To roll back, approve an earlier version. It is delivered as usual: staging, smoke test, your approval, production.
  1. aws sagemaker list-model-packages --model-package-group-name {group} --model-approval-status Approved
  2. Approve one of them again. It is already Approved, and only a change starts a delivery, so reject it first:
     {update} ARN --model-approval-status Rejected
     {update} ARN --model-approval-status Approved

If it was rejected by mistake: {update} {arn} --model-approval-status Approved
Package: {arn}
"""


@dataclass(frozen=True)
class DeliveryExecution:
    """One execution of the delivery's CodePipeline.

    Attributes:
        execution: Its id.
        running: Whether it is in progress or queued. One that is being stopped counts as ended.
        package: ARN of the model package that it delivers, or empty.
    """

    execution: str
    running: bool
    package: str


def start_delivery(
    request: ReleaseRequest,
    *,
    sagemaker: Client,
    codepipeline: Client,
    ssm: Client,
    sleep: Callable[[float], None] = time.sleep,
) -> ReleaseResult:
    """Start a delivery, unless the package was only edited, is being delivered, is live, or is not approved any more.

    Args:
        request: The package and the delivery pipeline.
        sagemaker: Client that describes the package.
        codepipeline: Client that lists and starts deliveries.
        ssm: Client that reads the champion.
        sleep: Waits for some seconds.

    Raises:
        UsageError: There is no such package, or no such delivery, or the event names no package.
        ClientError: A service refused.
    """
    arn = event_package_arn(request.detail)
    if leaves_approval_unchanged(request.detail):
        return _nothing_started(f"{model_package.package_title(arn)} was edited; its approval did not change.")
    found = _describe_approved_package(sagemaker, arn, str(request.detail.get(_APPROVAL_FIELD, "")), sleep)
    if found.status != model_package.APPROVED_STATUS:
        return _nothing_started(f"{found.arn} is now {found.status or 'without a status'}.")
    deliveries = _relevant_deliveries(codepipeline, request.delivery, found)
    live = read_champion_arn(ssm, request.champion)
    needless = reason_against_delivery(found, deliveries, live)
    if needless:
        return needless
    stale = found.against_live(live)
    answer = codepipeline.start_pipeline_execution(
        name=request.delivery,
        variables=[{"name": PACKAGE_VARIABLE, "value": found.arn}],
        clientRequestToken=delivery_token(found, deliveries),
    )
    return ReleaseResult(
        started=True,
        execution=answer["pipelineExecutionId"],
        message=f"Started the delivery of {model_package.package_title(found.arn)}{f'; {stale}' if stale else ''}.",
    )


def _describe_approved_package(sagemaker: Client, arn: str, told: str, sleep: Callable[[float], None]) -> ModelPackage:
    """Return the package of an event that tells of the approval `told`.

    The registry may describe it as it was before the event, for some seconds: a package that is pending although the
    event says that it was approved is looked at again.
    """
    found = model_package.describe_model_package(sagemaker, arn)
    for _ in range(_LOOKUP_TRIES if told == model_package.APPROVED_STATUS else 0):
        if found.status != _PENDING_STATUS:
            break
        sleep(_LOOKUP_SECONDS)
        found = model_package.describe_model_package(sagemaker, arn)
    return found


def reason_against_delivery(
    found: ModelPackage, deliveries: Sequence[DeliveryExecution], live: str
) -> ReleaseResult | None:
    """Return the result if no delivery of the package is needed, else None.

    Args:
        found: The package.
        deliveries: Deliveries in progress, and those since its approval.
        live: ARN of the package in production, or empty.
    """
    running = [delivery for delivery in deliveries if delivery.running]
    for delivery in running:
        if delivery.package == found.arn:
            title = model_package.package_title(found.arn)
            return _nothing_started(f"{title} is being delivered already.", delivery.execution)
    # While another package is being delivered, approving the live one means to go back to it.
    if found.arn == live and not running:
        return _nothing_started(f"{model_package.package_title(found.arn)} is already live in production.")
    return None


def _nothing_started(reason: str, execution: str = "") -> ReleaseResult:
    return ReleaseResult(started=False, execution=execution, message=f"{reason} Nothing was started.")


def delivery_token(found: ModelPackage, deliveries: Sequence[DeliveryExecution]) -> str:
    """Return the token of the package's next delivery: different for each approval and after each ended delivery."""
    ended = sum(1 for delivery in deliveries if delivery.package == found.arn and not delivery.running)
    return hashlib.sha256(f"{found.arn}\0{found.changed.isoformat()}\0{ended}".encode()).hexdigest()


def packages_under_way(codepipeline: Client, name: str) -> set[str]:
    """Return the ARNs of the packages that are being delivered or wait for an approval.

    Raises:
        UsageError: There is no such delivery.
    """
    running = [each for each in _delivery_executions(codepipeline, name) if each["status"] == _IN_PROGRESS_STATUS]
    return {_delivered_package_arn(codepipeline, name, each) for each in running}


def deliveries_of_package(codepipeline: Client, name: str, arn: str) -> list[dict[str, Any]]:
    """Return the summaries of all deliveries of a package, newest first.

    Raises:
        UsageError: There is no such delivery.
    """
    return [
        each
        for each in _delivery_executions(codepipeline, name)
        if _delivered_package_arn(codepipeline, name, each) == arn
    ]


def _relevant_deliveries(codepipeline: Client, name: str, found: ModelPackage) -> list[DeliveryExecution]:
    """Return the deliveries that are in progress or started since the package's approval."""
    wanted = [one for one in _delivery_executions(codepipeline, name) if _is_relevant(one, found.changed)]
    return [
        DeliveryExecution(
            one["pipelineExecutionId"],
            one["status"] == _IN_PROGRESS_STATUS,
            _delivered_package_arn(codepipeline, name, one),
        )
        for one in wanted
    ]


def _delivery_executions(codepipeline: Client, name: str) -> list[dict[str, Any]]:
    """Return the executions of the pipeline that deliver.

    The rollback of a stage is an execution too, with the variables of an earlier one; it delivers nothing.
    """
    try:
        pages = list(codepipeline.get_paginator("list_pipeline_executions").paginate(pipelineName=name))
    except codepipeline.exceptions.PipelineNotFoundException:
        raise UsageError(
            f"CodePipeline {name!r}: not found in {codepipeline.meta.region_name}. Deploy again: make deploy."
        ) from None
    summaries = [summary for page in pages for summary in page["pipelineExecutionSummaries"]]
    return [one for one in summaries if one.get("executionType") != "ROLLBACK"]


def _is_relevant(summary: dict[str, Any], approved: datetime) -> bool:
    began = summary.get("startTime")
    return summary["status"] == _IN_PROGRESS_STATUS or began is None or began >= approved - _CLOCK_MARGIN


def _delivered_package_arn(codepipeline: Client, name: str, summary: dict[str, Any]) -> str:
    """Return the ARN that an execution was started with, which the list does not contain."""
    answer = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=summary["pipelineExecutionId"])
    variables = answer["pipelineExecution"].get("variables", [])
    return next((found["resolvedValue"] for found in variables if found["name"] == PACKAGE_VARIABLE), "")

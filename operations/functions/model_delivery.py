# SPDX-License-Identifier: MIT-0
"""Reads what an event of the model registry says of a change.

The registry sends the same type of event for each change of a package, with the approval as it stands: an edit of its
metadata or of its card too. UpdatedModelPackageFields says what was changed. It may be absent, so that no rule of
EventBridge may ask for it.

The champion: the model package in production, as an SSM parameter names it.

`promote` makes the parameter and nobody else writes it: were it a resource of a stack, CloudFormation would put its
first value back whenever anything about it changes, a tag for example. Until the first delivery it is not there.

Starts the delivery of an approved model package: one for each approval, however many events tell of it.

The registry sends several events for a change, and EventBridge may send one twice. Simultaneous ones list the same
deliveries, so they send the same token, for which the service starts one execution; later ones find it under way.
What a late one could start after its end waits at the manual approval like any other.
"""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
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


def event_package_arn(detail: Mapping[str, Any]) -> str:
    """Return the ARN of the package that the event is about, or empty."""
    return str(detail.get("ModelPackageArn", ""))


def leaves_approval_unchanged(detail: Mapping[str, Any]) -> bool:
    """Return whether the event tells of a change that does not concern the approval.

    An event that does not say what was changed may tell of an approval.
    """
    changed: Sequence[str] = detail.get(_CHANGED_FIELDS) or ()
    return bool(changed) and _APPROVAL_FIELD not in changed


_REJECTED_SUBJECT: Final = "A rejected model version is live in production"


@dataclass(frozen=True)
class LiveChampion:
    """What is in production: the ARN of its package, and since when."""

    package: str
    since: datetime


def find_champion(ssm: Client, name: str) -> LiveChampion | None:
    """Return what is in production, or None where nothing is yet."""
    try:
        found = ssm.get_parameter(Name=name)["Parameter"]
    except ssm.exceptions.ParameterNotFound:
        return None
    return LiveChampion(found["Value"], found["LastModifiedDate"])


def read_champion_arn(ssm: Client, name: str) -> str:
    """Return the ARN of the package in production, or empty where there is none yet."""
    found = find_champion(ssm, name)
    return found.package if found else ""


def delete_champion(ssm: Client, name: str) -> None:
    """Note that nothing is in production."""
    with contextlib.suppress(ssm.exceptions.ParameterNotFound):
        ssm.delete_parameter(Name=name)


def promote_champion(request: PromoteRequest, *, sagemaker: Client, ssm: Client) -> str:
    """Make the package the champion, and return what happened in a sentence.

    Args:
        request: Which package, and the endpoint that serves it.
        sagemaker: Client that describes the endpoint, where that is.
        ssm: Client that reads and writes the parameter.

    Raises:
        OperationError: The endpoint is not in service, or serves another package.
        CrossingError: It is elsewhere and closed to us.
        ClientError: A service refused.
    """
    with explain_denied_access(request.access):
        _check_endpoint(request, sagemaker)
    if read_champion_arn(ssm, request.champion) == request.package:
        # When the parameter was written last is since when the package is live.
        return f"{model_package.package_title(request.package)} is the champion already."
    ssm.put_parameter(Name=request.champion, Value=request.package, Type="String", Overwrite=True)
    return f"{model_package.package_title(request.package)} is the champion."


def _check_endpoint(request: PromoteRequest, sagemaker: Client) -> None:
    """Refuse an endpoint that does not serve the package."""
    place = f"endpoint {request.endpoint!r}"
    status = sagemaker.describe_endpoint(EndpointName=request.endpoint)["EndpointStatus"]
    if status != "InService":
        raise OperationError(f"{place}: is {status}, not InService. Look at its stack's events, then retry the stage.")
    if request.bucket:
        # What is elsewhere knows of no package: it serves the copy that was made of the package's model.
        wanted = remote_stage_access.published_model_uri(request.bucket, request.package)
        served = model_package.served_artifact_uri(sagemaker, request.endpoint) or "a model that it does not name"
    else:
        # An endpoint that does not say what it serves was deployed and smoke-tested with this package all the same.
        wanted = request.package
        served = model_package.served_package_arn(sagemaker, request.endpoint) or wanted
    if served != wanted:
        raise OperationError(f"{place}: serves {served}, not {wanted}. Deliver that package again: approve it.")


def notify_champion_rejected(request: RejectionRequest, *, ssm: Client, sns: Client) -> str:
    """Tell the topic if the rejected package is live, and return what happened in a sentence.

    Args:
        request: Which package, and whom to tell.
        ssm: Client that reads the champion.
        sns: Client that publishes.

    Raises:
        UsageError: The event names no package.
        ClientError: A service refused.
    """
    arn = event_package_arn(request.detail)
    if leaves_approval_unchanged(request.detail):
        return f"{model_package.package_title(arn)} was edited and its approval was not. Nobody was told."
    if arn != read_champion_arn(ssm, request.champion):
        return f"{model_package.package_title(arn)} was rejected and is not live. Nobody was told."
    sns.publish(TopicArn=request.topic, Subject=_REJECTED_SUBJECT, Message=champion_rejected_message(arn))
    return f"{model_package.package_title(arn)} was rejected and is live. The topic was told."


def champion_rejected_message(arn: str) -> str:
    """Return what to know and to do when the package in production was rejected."""
    group = model_package.match_package_arn(arn)["group"]
    update = "aws sagemaker update-model-package --model-package-arn"
    return f"""\
{model_package.package_title(arn)} was rejected in the model registry and is live: the production endpoint serves it.

Rejecting a version does not take it down. The endpoint goes on serving it until another version is delivered.

To roll back, approve an earlier version. It then takes the usual way: staging, smoke test, your approval, production.
  1. aws sagemaker list-model-packages --model-package-group-name {group} --model-approval-status Approved
  2. Approve one of them again. It is Approved already, so take the approval back first, because only a change counts:
     {update} ARN --model-approval-status Rejected
     {update} ARN --model-approval-status Approved

If it was rejected by mistake: {update} {arn} --model-approval-status Approved
Package: {arn}
"""


PACKAGE_VARIABLE: Final = "ModelPackageArn"
_IN_PROGRESS_STATUS: Final = "InProgress"
# Deliveries that started before the approval are of no concern; a minute covers clocks that differ.
_CLOCK_MARGIN: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class DeliveryExecution:
    """One execution of the delivery's CodePipeline.

    Attributes:
        execution: Its id.
        running: Whether it is under way or queued. One that is being stopped counts as ended.
        package: ARN of the model package that it delivers, or empty.
    """

    execution: str
    running: bool
    package: str


def start_delivery(request: ReleaseRequest, *, sagemaker: Client, codepipeline: Client, ssm: Client) -> ReleaseResult:
    """Start a delivery, unless the package was only edited, is being delivered, is live or is not approved any more.

    Args:
        request: What to deliver.
        sagemaker: Client that describes the package.
        codepipeline: Client that lists and starts deliveries.
        ssm: Client that reads the champion.

    Raises:
        UsageError: There is no such package, or no such delivery, or the event names no package.
        ClientError: A service refused.
    """
    arn = event_package_arn(request.detail)
    if leaves_approval_unchanged(request.detail):
        message = f"{model_package.package_title(arn)} was edited and its approval was not. Nothing was started."
        return ReleaseResult(started=False, execution="", message=message)
    found = model_package.describe_model_package(sagemaker, arn)
    if found.status != model_package.APPROVED_STATUS:
        return ReleaseResult(
            started=False,
            execution="",
            message=f"{found.arn} is {found.status or 'without a status'} by now. Nothing was started.",
        )
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


def reason_against_delivery(
    found: ModelPackage, deliveries: Sequence[DeliveryExecution], live: str
) -> ReleaseResult | None:
    """Return why no delivery of that package is to be started, or None if one is.

    Args:
        found: The package.
        deliveries: Those under way, and those since its approval.
        live: ARN of the package in production, or empty.
    """
    running = [delivery for delivery in deliveries if delivery.running]
    for delivery in running:
        if delivery.package == found.arn:
            message = f"{model_package.package_title(found.arn)} is being delivered already. Nothing was started."
            return ReleaseResult(started=False, execution=delivery.execution, message=message)
    # With another package on its way to production, the approval of the live one is how to get it back.
    if found.arn == live and not running:
        message = f"{model_package.package_title(found.arn)} is already live in production. Nothing was started."
        return ReleaseResult(started=False, execution="", message=message)
    return None


def delivery_token(found: ModelPackage, deliveries: Sequence[DeliveryExecution]) -> str:
    """Return the token of the package's next delivery: another one for each approval and each ended delivery."""
    ended = sum(1 for delivery in deliveries if delivery.package == found.arn and not delivery.running)
    return hashlib.sha256(f"{found.arn}\0{found.changed.isoformat()}\0{ended}".encode()).hexdigest()


def packages_under_way(codepipeline: Client, name: str) -> set[str]:
    """Return the ARNs of the packages that deliveries are under way with, or wait for an approval with.

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
    """Return the deliveries that are under way or started since the package's approval."""
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

    A rollback of a stage is an execution too, and bears the variables of an earlier one; it delivers nothing.
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
    """Return the ARN that an execution was started with; the list does not tell it."""
    answer = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=summary["pipelineExecutionId"])
    variables = answer["pipelineExecution"].get("variables", [])
    return next((found["resolvedValue"] for found in variables if found["name"] == PACKAGE_VARIABLE), "")

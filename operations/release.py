# SPDX-License-Identifier: MIT-0
"""Starts the delivery of an approved model package: one for each approval, however many events tell of it.

The registry sends several events for a change, and EventBridge may send one twice. Simultaneous ones list the same
deliveries, so they send the same token, for which the service starts one execution; later ones find it under way.
What a late one could start after its end waits at the manual approval like any other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from operations import champion, package
from operations.client import Client
from operations.error import UsageError
from operations.package import Package
from operations.payload import Release, Released
from operations.registry_event import leaves_approval, package_arn

VARIABLE: Final = "ModelPackageArn"
_RUNNING: Final = "InProgress"
# Deliveries that started before the approval are of no concern; a minute covers clocks that differ.
_MARGIN: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Delivery:
    """One execution of the delivery's CodePipeline.

    Attributes:
        execution: Its id.
        running: Whether it is under way or queued. One that is being stopped counts as ended.
        package: ARN of the model package that it delivers, or empty.
    """

    execution: str
    running: bool
    package: str


def start(request: Release, *, sagemaker: Client, codepipeline: Client, ssm: Client) -> Released:
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
    arn = package_arn(request.detail)
    if leaves_approval(request.detail):
        message = f"{package.named(arn)} was edited and its approval was not. Nothing was started."
        return Released(started=False, execution="", message=message)
    found = package.described(sagemaker, arn)
    if found.status != package.APPROVED:
        return Released(
            started=False,
            execution="",
            message=f"{found.arn} is {found.status or 'without a status'} by now. Nothing was started.",
        )
    deliveries = _deliveries(codepipeline, request.delivery, found)
    live = champion.read(ssm, request.champion)
    needless = reason_against(found, deliveries, live)
    if needless:
        return needless
    stale = found.against_live(live)
    answer = codepipeline.start_pipeline_execution(
        name=request.delivery,
        variables=[{"name": VARIABLE, "value": found.arn}],
        clientRequestToken=token(found, deliveries),
    )
    return Released(
        started=True,
        execution=answer["pipelineExecutionId"],
        message=f"Started the delivery of {package.named(found.arn)}{f'; {stale}' if stale else ''}.",
    )


def reason_against(found: Package, deliveries: Sequence[Delivery], live: str) -> Released | None:
    """Return why no delivery of that package is to be started, or None if one is.

    Args:
        found: The package.
        deliveries: Those under way, and those since its approval.
        live: ARN of the package in production, or empty.
    """
    running = [delivery for delivery in deliveries if delivery.running]
    for delivery in running:
        if delivery.package == found.arn:
            message = f"{package.named(found.arn)} is being delivered already. Nothing was started."
            return Released(started=False, execution=delivery.execution, message=message)
    # With another package on its way to production, the approval of the live one is how to get it back.
    if found.arn == live and not running:
        message = f"{package.named(found.arn)} is already live in production. Nothing was started."
        return Released(started=False, execution="", message=message)
    return None


def token(found: Package, deliveries: Sequence[Delivery]) -> str:
    """Return the token of the package's next delivery: another one for each approval and each ended delivery."""
    ended = sum(1 for delivery in deliveries if delivery.package == found.arn and not delivery.running)
    return hashlib.sha256(f"{found.arn}\0{found.changed.isoformat()}\0{ended}".encode()).hexdigest()


def under_way(codepipeline: Client, name: str) -> set[str]:
    """Return the ARNs of the packages that deliveries are under way with, or wait for an approval with.

    Raises:
        UsageError: There is no such delivery.
    """
    running = [each for each in _executions(codepipeline, name) if each["status"] == _RUNNING]
    return {_delivered(codepipeline, name, each) for each in running}


def of_package(codepipeline: Client, name: str, arn: str) -> list[dict[str, Any]]:
    """Return the summaries of all deliveries of a package, newest first.

    Raises:
        UsageError: There is no such delivery.
    """
    return [each for each in _executions(codepipeline, name) if _delivered(codepipeline, name, each) == arn]


def _deliveries(codepipeline: Client, name: str, found: Package) -> list[Delivery]:
    """Return the deliveries that are under way or started since the package's approval."""
    wanted = [one for one in _executions(codepipeline, name) if _matters(one, found.changed)]
    return [
        Delivery(one["pipelineExecutionId"], one["status"] == _RUNNING, _delivered(codepipeline, name, one))
        for one in wanted
    ]


def _executions(codepipeline: Client, name: str) -> list[dict[str, Any]]:
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


def _matters(summary: dict[str, Any], approved: datetime) -> bool:
    began = summary.get("startTime")
    return summary["status"] == _RUNNING or began is None or began >= approved - _MARGIN


def _delivered(codepipeline: Client, name: str, summary: dict[str, Any]) -> str:
    """Return the ARN that an execution was started with; the list does not tell it."""
    answer = codepipeline.get_pipeline_execution(pipelineName=name, pipelineExecutionId=summary["pipelineExecutionId"])
    variables = answer["pipelineExecution"].get("variables", [])
    return next((found["resolvedValue"] for found in variables if found["name"] == VARIABLE), "")

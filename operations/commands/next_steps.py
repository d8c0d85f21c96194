# SPDX-License-Identifier: MIT-0
"""Lists the next steps of a deployment, without changing anything."""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from operations.account import deployment_account
from operations.account.deployment_account import Account, DeliveryStage
from operations.functions import aws_clients, job_inputs, model_delivery, model_package
from operations.functions.aws_clients import Client
from operations.functions.errors import AccountError, UsageError
from operations.functions.model_delivery import LiveChampion

ActionExecution: TypeAlias = dict[str, Any]

_NEWEST: Final = {"MaxItems": 1, "PageSize": 1}
_RETRAIN_COMMAND: Final = "make retrain"


def list_next_steps(account: Account) -> list[str]:
    """Return the next steps in order, each with a command or an address.

    Raises:
        AccountError: A stack lacks an output.
    """
    if not account.outputs("storage"):
        return [f"Deployment {account.name!r} does not exist here. Deploy: make deploy"]
    steps = [*_connection_steps(account), *_subscription_steps(account)]
    try:
        job_inputs.find_archive_key(account.client("s3"), account.output("storage", "RawBucket"), "")
    except UsageError:
        return [*steps, 'Upload the archive ("Original Format Zip"): make upload ARCHIVE=dataverse_files.zip']
    live = model_delivery.find_champion(account.client("ssm"), account.output("storage", "Champion"))
    steps += [
        *_training_steps(account),
        *_pending_package_steps(account, live),
        *_delivery_steps(account),
        *_approved_package_steps(account, live),
    ]
    return steps or [_nothing_to_do_sentence(live)]


def _connection_steps(account: Account) -> Iterator[str]:
    """Yield a step for a connection to a repository that is not complete."""
    arn = account.outputs("retraining").get("Connection")
    if not arn:
        return
    connection = account.client("codeconnections").get_connection(ConnectionArn=arn)["Connection"]
    if connection["ConnectionStatus"] == "PENDING":
        place = account.page("codesuite/settings/connections")
        yield f"Complete the connection {connection['ConnectionName']!r} to the repository, once: {place}"


def _subscription_steps(account: Account) -> Iterator[str]:
    yield from _unconfirmed_subscription_steps(account, account.output("storage", "Topic"))


def _remote_subscription_steps(account: Account, one: DeliveryStage) -> Iterator[str]:
    """Yield steps for the alarm topic of a stage in another account or region."""
    try:
        there = deployment_account.account_of_stage(account, one)
    except AccountError as error:
        yield f"Not checked whether its notifications are confirmed: {error}"
        return
    partition = there.client("cloudformation").meta.partition
    yield from _unconfirmed_subscription_steps(there, f"arn:{partition}:sns:{one.region}:{one.account}:{one.endpoint}")


def _unconfirmed_subscription_steps(account: Account, topic: str) -> Iterator[str]:
    pages = account.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    for subscription in (found for page in pages for found in page["Subscriptions"]):
        if subscription["SubscriptionArn"] == "PendingConfirmation":
            yield f"Confirm the notifications to {subscription['Endpoint']}: the link is in an e-mail from AWS"


def _training_steps(account: Account) -> Iterator[str]:
    pipeline = account.output("training", "Pipeline")
    sagemaker = account.client("sagemaker")
    # A page may be empty although another one follows.
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", PaginationConfig=_NEWEST
    )
    listed = [found for page in pages for found in page["PipelineExecutionSummaries"]]
    for newest in listed:
        if newest["PipelineExecutionStatus"] in ("Executing", "Stopping"):
            yield f"A training is in progress. Follow it: {_RETRAIN_COMMAND}"
        elif newest["PipelineExecutionStatus"] != "Succeeded":
            reason = _execution_failure_reason(sagemaker, newest["PipelineExecutionArn"])
            yield f"The last training ended as {newest['PipelineExecutionStatus']}: {reason} Again: {_RETRAIN_COMMAND}"
    if not listed:
        yield f"Train for the first time: {_RETRAIN_COMMAND}"


def _execution_failure_reason(sagemaker: Client, execution: str) -> str:
    """Return the reason of the failed step; that of the execution says only that a step failed."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=execution)
    steps = (step for page in pages for step in page["PipelineExecutionSteps"])
    reasons = (step["FailureReason"] for step in steps if step["StepStatus"] == "Failed" and "FailureReason" in step)
    return next(reasons, "no step gives a reason.")


def _pending_package_steps(account: Account, live: LiveChampion | None) -> Iterator[str]:
    """Yield a step for the newest model package that waits for approval."""
    sagemaker = account.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=account.output("storage", "ModelPackageGroup"),
        ModelApprovalStatus="PendingManualApproval",
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig=_NEWEST,
    )
    for summary in (found for page in pages for found in page["ModelPackageSummaryList"]):
        found = model_package.describe_model_package(sagemaker, summary["ModelPackageArn"])
        yield (
            f"Read the report of {model_package.package_title(found.arn)} "
            f"({found.told(live.package if live else '')}): "
            f"{aws_clients.s3_object_console_url(found.report, found.arn)}\n"
            "  and approve it for staging: aws sagemaker update-model-package --model-approval-status Approved "
            f"--model-package-arn {found.arn}"
        )


def _delivery_steps(account: Account) -> Iterator[str]:
    """Yield steps for waiting approvals, failed actions, and the topics of stages in other accounts or regions."""
    outputs = account.outputs_with("deployment", "Delivery")
    for one in deployment_account.stages_of_outputs(outputs):
        if one.is_remote:
            yield from _remote_subscription_steps(account, one)
    pipeline = outputs["Delivery"]
    page = account.page(f"codesuite/codepipeline/pipelines/{pipeline}/view")
    state = account.client("codepipeline").get_pipeline_state(name=pipeline)
    for step in state.get("stageStates", []):
        for action in step.get("actionStates", []):
            latest: ActionExecution = action.get("latestExecution", {})
            if latest.get("token") and latest.get("status") == "InProgress":
                yield f"Check staging, then approve or reject {step['stageName']}: {page}"
            if latest.get("status") == "Failed":
                message = latest.get("errorDetails", {}).get("message", "no message")
                yield f"The delivery failed in {step['stageName']}, {action['actionName']}: {message} See {page}"


def _approved_package_steps(account: Account, live: LiveChampion | None) -> Iterator[str]:
    """Yield steps for versions that were approved after the last promotion and are not being delivered.

    Versions that were approved before are earlier or rollback versions, and need no action.
    """
    pages = (
        account.client("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(
            ModelPackageGroupName=account.output("storage", "ModelPackageGroup"),
            ModelApprovalStatus=model_package.APPROVED_STATUS,
        )
    )
    found = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
    newer = [arn for arn in found if _is_approved_since(account, arn, live)]
    if not newer:
        return
    delivery = account.output("deployment", "Delivery")
    under_way = model_delivery.packages_under_way(account.client("codepipeline"), delivery)
    for arn in sorted(set(newer) - under_way, key=model_package.package_version):
        yield (
            f"{model_package.package_title(arn)} is approved, but neither live nor being delivered. "
            "Deliver it: aws codepipeline "
            f"start-pipeline-execution --name {delivery} --variables "
            f"name={model_delivery.PACKAGE_VARIABLE},value={arn}\n"
            "  or, if it should not be live: aws sagemaker update-model-package --model-approval-status Rejected "
            f"--model-package-arn {arn}"
        )


def _is_approved_since(account: Account, arn: str, live: LiveChampion | None) -> bool:
    # The list has no time of approval; the description has that of the last change.
    return live is None or (
        arn != live.package
        and model_package.describe_model_package(account.client("sagemaker"), arn).changed > live.since
    )


def _nothing_to_do_sentence(live: LiveChampion | None) -> str:
    if live:
        served = model_package.package_title(live.package)
        return f"Nothing to do: {served} is in production. A push, new data or make retrain start a training."
    return f"Nothing is in production. Train: {_RETRAIN_COMMAND}, or approve a version in the registry."

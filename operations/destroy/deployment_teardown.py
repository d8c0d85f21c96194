# SPDX-License-Identifier: MIT-0
"""Stops what is under way, so that nothing is deleted under its feet and nothing comes back meanwhile.

SageMaker refuses to delete a pipeline with a running execution, Step Functions keeps a state machine until its last
execution has ended, and a delivery that goes on would make the endpoint anew.

Deletes a deployment in an order that cannot get stuck, and that can be begun again at any point.

1. The delivery pipeline is stopped, then the endpoint stacks go: a role of the deployment stack deletes them, so they
   go before it. Scaling targets and endpoints that outlived their stacks go by name, and so does the champion.
2. Monitoring, deployment and retraining stacks: from then on nothing starts a training.
3. Executions and the monitor's jobs are stopped; models and images go while the pipeline still says which they are;
   then the training stack.
4. The relays of other regions, and with the data the sites of stages that are elsewhere: emptied first, because a
   bucket that is not empty would stop CloudFormation half way. What they leave behind goes as in 5.
5. With the data: model packages, the storage stack, and what that leaves behind: buckets, registry, key.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.account import aws_errors, cdk_cli, cloudformation_stacks, deployment_account
from operations.account.cdk_cli import CdkCommand
from operations.account.deployment_account import Account, LocatedStage
from operations.destroy import deployment_inventory, leftover_resources, remote_stacks
from operations.destroy.deployment_inventory import STORAGE_PART, DeploymentInventory
from operations.functions import model_delivery
from operations.functions.aws_clients import Client
from operations.functions.errors import OperationError

_POLL_SECONDS: Final = 15.0
_POLL_LIMIT: Final = 480  # two hours
_STOP_REASON: Final = "operations destroy"


def stop_delivery(account: Account, pipeline: str) -> None:
    """Stop the delivery pipeline's executions at once: a manual approval would never end by itself."""
    _stop_codepipeline(account, pipeline, abandon=True)


def stop_retraining(account: Account, machine: str, push: str) -> None:
    """Stop what a retraining goes through.

    Args:
        account: Where.
        machine: ARN of the state machine.
        push: Name of the pipeline that a push starts, whose build may be deploying: its end is awaited. Empty: none.
    """
    stepfunctions = account.client("stepfunctions")
    for execution in list(_state_machine_executions_under_way(stepfunctions, machine)):
        stepfunctions.stop_execution(executionArn=execution, cause=_STOP_REASON)
    if push:
        _stop_codepipeline(account, push, abandon=False)
        _wait_until_ended(
            account, f"pipeline {push!r}", lambda: not list(_codepipeline_executions_under_way(account, push))
        )


def stop_training(account: Account, pipeline: str) -> None:
    """Stop the SageMaker pipeline's executions and wait until they have stopped."""
    sagemaker = account.client("sagemaker")
    for execution, status in list(_pipeline_executions_under_way(account, pipeline)):
        if status == "Executing":
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=execution)
    _wait_until_ended(
        account, f"SageMaker pipeline {pipeline!r}", lambda: not list(_pipeline_executions_under_way(account, pipeline))
    )


def stop_processing_jobs(account: Account) -> None:
    """Stop the jobs of monitor and export and wait until they have stopped: one would go on writing its report."""
    sagemaker = account.client("sagemaker")
    for job, status in list(_processing_jobs_under_way(account)):
        if status == "InProgress":
            try:
                sagemaker.stop_processing_job(ProcessingJobName=job)
            except ClientError as error:
                # It ended since it was listed.
                if not aws_errors.has_error_code(error, "ResourceNotFound", "ValidationException"):
                    raise
    _wait_until_ended(
        account,
        f"processing jobs {account.name}-{{monitor,export}}-*",
        lambda: not list(_processing_jobs_under_way(account)),
    )


def _processing_jobs_under_way(account: Account) -> Iterator[tuple[str, str]]:
    """Yield name and status of the jobs of monitor and export that have not ended."""
    begins = tuple(f"{account.name}-{kind}-" for kind in ("monitor", "export"))
    pages = account.client("sagemaker").get_paginator("list_processing_jobs")
    for status in ("InProgress", "Stopping"):
        for page in pages.paginate(NameContains=f"{account.name}-", StatusEquals=status):
            for job in page["ProcessingJobSummaries"]:
                # Another deployment's name may end as this one's: `a-b-monitor-` contains `b-monitor-`.
                if job["ProcessingJobName"].startswith(begins):
                    yield job["ProcessingJobName"], job["ProcessingJobStatus"]


def _state_machine_executions_under_way(stepfunctions: Client, machine: str) -> Iterator[str]:
    try:
        for page in stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING"
        ):
            for execution in page["executions"]:
                yield execution["executionArn"]
    except ClientError as error:
        if not aws_errors.is_not_found(error):
            raise


def _stop_codepipeline(account: Account, pipeline: str, *, abandon: bool) -> None:
    for execution in list(_codepipeline_executions_under_way(account, pipeline)):
        try:
            account.client("codepipeline").stop_pipeline_execution(
                pipelineName=pipeline, pipelineExecutionId=execution, abandon=abandon, reason=_STOP_REASON
            )
        except ClientError as error:
            # It ended, or somebody else stopped it, since it was listed.
            if not aws_errors.has_error_code(
                error, "PipelineExecutionNotStoppableException", "DuplicatedStopRequestException"
            ):
                raise


def _codepipeline_executions_under_way(account: Account, pipeline: str) -> Iterator[str]:
    try:
        for page in (
            account.client("codepipeline").get_paginator("list_pipeline_executions").paginate(pipelineName=pipeline)
        ):
            for execution in page["pipelineExecutionSummaries"]:
                if execution["status"] in ("InProgress", "Stopping"):
                    yield execution["pipelineExecutionId"]
    except ClientError as error:
        if not aws_errors.is_not_found(error):
            raise


def _pipeline_executions_under_way(account: Account, pipeline: str) -> Iterator[tuple[str, str]]:
    try:
        for page in (
            account.client("sagemaker").get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
        ):
            for execution in page["PipelineExecutionSummaries"]:
                if execution["PipelineExecutionStatus"] in ("Executing", "Stopping"):
                    yield execution["PipelineExecutionArn"], execution["PipelineExecutionStatus"]
    except ClientError as error:
        if not aws_errors.is_not_found(error):
            raise


def _wait_until_ended(account: Account, place: str, ended: Callable[[], bool]) -> None:
    for _ in range(_POLL_LIMIT):
        if ended():
            return
        account.sleep(_POLL_SECONDS)
    raise OperationError(f"{place}: still running after two hours. Stop it in the console, then run the command again.")


@dataclass(frozen=True)
class DeploymentTeardown:
    """One deployment's end.

    Attributes:
        account: Where.
        found: What was there when the user was asked.
        cdk: Runs the CDK's command line.
        context: ``KEY=VALUE`` each: the settings that the deployment was made with.
        tell: Is told what happens.
    """

    account: Account
    found: DeploymentInventory
    cdk: CdkCommand
    context: Sequence[str]
    tell: Callable[[str], None]

    def run(self, *, data: bool) -> None:
        """Delete everything, with or without the data.

        Raises:
            OperationError: Something could not be deleted; the same command goes on from there.
        """
        self._endpoints()
        self._destroy("monitoring", "deployment", "retraining")
        stop_processing_jobs(self.account)
        self._training()
        self._outposts(data=data)
        if data:
            self._data()
        self._check(data=data)

    def _output(self, part: str, key: str) -> str:
        return self.found.stacks[part].outputs.get(key, "") if part in self.found.stacks else ""

    def _endpoints(self) -> None:
        if pipeline := self._output("deployment", "Delivery"):
            self.tell(f"Stopping the delivery pipeline {pipeline}")
            stop_delivery(self.account, pipeline)
        for one in self.found.stages:
            # Asked again: the pipeline may have made it between the question and its own end.
            if made := deployment_inventory.find_endpoint_stack(one):
                self.tell(f"Deleting the stack {one.named(made.name)}: some minutes")
                cloudformation_stacks.delete_stack(one.account.client("cloudformation"), made, self.account.sleep)
            self._leftovers(one)
        if name := self._output(STORAGE_PART, "Champion"):
            model_delivery.delete_champion(self.account.client("ssm"), name)

    def _leftovers(self, one: LocatedStage) -> None:
        """Delete what outlived the stage's stack: CloudFormation forgets what was made or deleted by hand."""
        for target in list(deployment_inventory.scaling_targets(one)):
            self.tell(f"Deleting the scaling target {one.named(target)}")
            one.account.client("application-autoscaling").deregister_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId=target,
                ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            )
        if deployment_inventory.has_endpoint(one):
            self.tell(f"Deleting the endpoint {one.named(one.stage.endpoint)}")
            one.account.client("sagemaker").delete_endpoint(EndpointName=one.stage.endpoint)

    def _destroy(self, *parts: str) -> None:
        there = [part for part in parts if part in self.found.stacks]
        if "retraining" in there and (machine := self._output("retraining", "StateMachine")):
            self.tell("Stopping the retraining; a build under way is let finish")
            stop_retraining(self.account, machine, self._output("retraining", "SourcePipeline"))
        if there:
            self.tell(f"Deleting the stacks {', '.join(self.account.stack_name(part) for part in there)}")
            cdk_cli.cdk_destroy(self.cdk, there, self.context)

    def _training(self) -> None:
        if pipeline := self._output("training", "Pipeline"):
            self.tell(f"Stopping the executions of {pipeline}")
            stop_training(self.account, pipeline)
            self.tell(f"Deleting {len(self.found.images)} images")
            leftover_resources.delete_images(self.account.client("ecr"), list(self.found.images))
        self._models()
        self._destroy("training")

    def _models(self) -> None:
        self.tell(f"Deleting {len(self.found.models)} models and their endpoint configurations")
        for account in (
            self.account,
            *(one.account for one in deployment_account.distinct_remote_stages(self.found.stages)),
        ):
            sagemaker = account.client("sagemaker")
            for name in deployment_inventory.tagged_resources(account, "endpoint-config"):
                self._deleted(sagemaker.delete_endpoint_config, EndpointConfigName=name)
            for name in deployment_inventory.tagged_resources(account, "model"):
                self._deleted(sagemaker.delete_model, ModelName=name)

    def _deleted(self, delete: Callable[..., object], **named: str) -> None:
        try:
            delete(**named)
        except ClientError as error:
            # The tagging service goes on naming what was deleted, for a while.
            if not aws_errors.is_not_found(error):
                raise

    def _outposts(self, *, data: bool) -> None:
        going = self.found.going(data=data)
        for one in going:
            self.tell(f"Emptying the buckets of {one.name}")
            remote_stacks.empty_remote_stack(one)
        there = [one for one in going if one.stack]
        if there:
            self.tell(f"Deleting the stacks {', '.join(one.name for one in there)}")
            cdk_cli.cdk_destroy(self.cdk, [one.id for one in there], self.context)
        for one in going:
            self._survivors(one.account, one.name)

    def _survivors(self, account: Account, name: str) -> None:
        for left in leftover_resources.remaining_resources(account, name):
            known = leftover_resources.delete_resource(account, left)
            self.tell(f"{'Deleting' if known else 'Left behind, delete it by hand:'} {left.kind} {left.name}")

    def _data(self) -> None:
        name = self.account.stack_name(STORAGE_PART)
        if STORAGE_PART in self.found.stacks:
            self.tell(f"Deleting {len(self.found.packages)} model packages")
            for package in self.found.packages:
                self.account.client("sagemaker").delete_model_package(ModelPackageName=package)
            self.account.client("cloudformation").update_termination_protection(
                StackName=name, EnableTerminationProtection=False
            )
            self._destroy(STORAGE_PART)
        self._survivors(self.account, name)

    def _check(self, *, data: bool) -> None:
        """Refuse to call it done while a stack is there."""
        client = self.account.client("cloudformation")
        parts = [part for part in deployment_inventory.STACK_PARTS if data or part != STORAGE_PART]
        left = [
            name
            for part in parts
            if cloudformation_stacks.describe_stack(client, name := self.account.stack_name(part))
        ]
        left += [
            one.named(one.stage.stack) for one in self.found.stages if deployment_inventory.find_endpoint_stack(one)
        ]
        outposts = remote_stacks.find_remote_stacks(self.account, self.found.stages)
        left += [one.name for one in outposts if one.stack and (data or not one.lasting)]
        if left:
            raise OperationError(
                f"stacks {', '.join(left)}: still there: something made them anew meanwhile. Run the command again; "
                "one that it does not list any more goes in the CloudFormation console."
            )

# SPDX-License-Identifier: MIT-0
"""The functions of a delivery, and the rules on approvals and rejections that start one or warn.

The delivery pipeline calls the smoke test of an endpoint and the record of what is live. The endpoint of a remote stage
is invoked in its access role, and its registry asked in its images role; both trust the roles of these functions by
name.

A rule on approvals starts a delivery; one on rejections warns if that model is live. Both call a function, since
SageMaker sends several events for a change, and one for each edit of a package's metadata or card, and EventBridge
delivers at least once: `operations.functions.model_delivery` starts one delivery for each approval.
Sources: SageMaker Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge", model package state
change; EventBridge User Guide, "Input transformation".
"""

from collections.abc import Iterable
from typing import Final

from aws_cdk import aws_events, aws_sqs
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.event_delivery import keep_failed_events
from stacks.constructs.iam_statements import (
    arn_of_bucket,
    grant_actions,
    grant_remote_key_use,
    remote_role_arn,
    resource_arn,
    service_actions,
)
from stacks.delivery.delivery_pipeline import DeliveryPipeline
from stacks.endpoint.endpoint_roles import grant_describe_served_model
from stacks.endpoint.endpoint_stack import endpoint_name
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import Settings
from stacks.storage.lambda_function import OperationFunction
from stacks.storage.storage_stack import StorageStack


class SmokeTestFunction(OperationFunction):
    """Sends the golden images of a package's evaluation to an endpoint."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(
            scope,
            id_,
            handler="smoke",
            description="Compares what an endpoint answers with the evaluation of its model",
            settings=settings,
            storage=storage,
            role_name=cross_account_name(settings, "smoke"),
        )
        endpoints = [
            resource_arn("sagemaker", f"endpoint/{endpoint_name(settings, stage)}")
            for stage in stage_placement.home_stages(settings)
        ]
        grant_describe_packages(self, settings)
        if endpoints:
            grant_actions(self, "sagemaker:InvokeEndpoint", on=endpoints)
        grant_assume_access_roles(self, settings, stage_placement.remote_stages(settings))
        # Whoever approves is told what is live, where the model was compared with another one.
        grant_actions(self, "ssm:GetParameter", on=[storage.champion.parameter_arn])
        golden = (contract.PREDICTIONS_FILE, f"{contract.HOLDOUT_OUTPUT}/{contract.HELD_OUT_FILES}")
        grant_read_runs(self, storage, *golden)


class PromoteFunction(OperationFunction):
    """Notes which package is live, once the production endpoint serves it."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(
            scope,
            id_,
            handler="promote",
            description="Notes which model package is live in production",
            settings=settings,
            storage=storage,
            role_name=cross_account_name(settings, "promote"),
        )
        production = stage_placement.STAGES[-1]
        if stage_placement.remote_environment(settings, production):
            grant_assume_access_roles(self, settings, [production])
        else:
            grant_describe_served_model(self, settings, production)
        grant_actions(self, "ssm:GetParameter", "ssm:PutParameter", on=[storage.champion.parameter_arn])


class PublishFunction(OperationFunction):
    """Copies a package's model to where the endpoint of a remote stage is, and looks up its image there."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(
            scope,
            id_,
            handler="publish",
            description="Copies a model to where its endpoint is and looks up its image there",
            settings=settings,
            storage=storage,
            role_name=cross_account_name(settings, "publish"),
            function_name=cross_account_name(settings, "publish"),
        )
        grant_describe_packages(self, settings)
        grant_read_runs(self, storage, contract.MODEL_ARTIFACT_FILE)
        for stage, where in stage_placement.remote_stages(settings).items():
            bucket = stage_placement.stage_bucket_name(settings, stage)
            grant_actions(self, "s3:PutObject", on=[f"{arn_of_bucket(bucket)}/{contract.MODELS_PREFIX}*"])
            grant_remote_key_use(self, where, bucket, "Decrypt", "GenerateDataKey")
        grant_assume_access_roles(self, settings, stage_placement.remote_stages(settings), "images")


def cross_account_name(settings: Settings, purpose: str) -> str | None:
    """Return the name by which others know a role or a function; None where no stage is elsewhere to know it."""
    return stage_placement.role_name(settings, purpose) if stage_placement.remote_stages(settings) else None


def grant_describe_packages(function: OperationFunction, settings: Settings) -> None:
    """Let `function` read the registry."""
    packages = resource_arn("sagemaker", f"model-package/{settings.name}/*")
    grant_actions(function, "sagemaker:DescribeModelPackage", on=[packages])


def grant_read_runs(function: OperationFunction, storage: StorageStack, *names: str) -> None:
    """Let `function` read the objects of these names of all runs."""
    objects = [storage.runs.arn_for_objects(f"{contract.RUNS_PREFIX}*/{name}") for name in names]
    grant_actions(function, "s3:GetObject", on=objects)
    # Without it S3 says of an object that is not there that access is denied, and nobody knows what to mend.
    grant_actions(function, "s3:ListBucket", "s3:GetBucketLocation", on=[storage.runs.bucket_arn])
    grant_actions(function, "kms:Decrypt", on=[storage.key.key_arn])


def grant_assume_access_roles(
    function: OperationFunction, settings: Settings, stages: Iterable[str], purpose: str = "access"
) -> None:
    """Let `function` take on the roles of that purpose of these stages, which are elsewhere."""
    apart = stage_placement.remote_stages(settings)
    roles = [remote_role_arn(apart[stage], stage_placement.role_name(settings, purpose, stage)) for stage in stages]
    if roles:
        grant_actions(function, "sts:AssumeRole", on=roles)


_EVENT_DETAIL: Final = aws_events.EventField.from_path("$.detail")


class ApprovalRules(Construct):
    """The rules on the registry's events and their functions.

    Attributes:
        release: Starts a delivery.
        rejected: Tells the topic if what was rejected is live.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        delivery: DeliveryPipeline,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._storage, self._undelivered = settings, storage, undelivered
        self.release = self._function("Release", "Starts the delivery of an approved model package")
        self.rejected = self._function("Rejected", "Tells the topic if a rejected model package is live")
        self._allow(delivery)
        champion = storage.champion.parameter_name
        self._rule("Approved", self.release, delivery=delivery.name, champion=champion)
        self._rule("Rejected", self.rejected, champion=champion, topic=storage.topic.topic_arn)

    def _function(self, id_: str, description: str) -> OperationFunction:
        function = OperationFunction(
            self,
            f"{id_}Function",
            handler=id_.lower(),
            description=description,
            settings=self._settings,
            storage=self._storage,
        )
        keep_failed_events(function, self._undelivered)
        return function

    def _allow(self, delivery: DeliveryPipeline) -> None:
        packages = resource_arn("sagemaker", f"model-package/{self._settings.name}/*")
        grant_actions(self.release, "sagemaker:DescribeModelPackage", on=[packages])
        executions = ("GetPipelineExecution", "ListPipelineExecutions", "StartPipelineExecution")
        grant_actions(self.release, *service_actions("codepipeline", *executions), on=[delivery.arn])
        for function in (self.release, self.rejected):
            grant_actions(function, "ssm:GetParameter", on=[self._storage.champion.parameter_arn])
        grant_actions(self.rejected, "sns:Publish", on=[self._storage.topic.topic_arn])
        grant_actions(self.rejected, "kms:Decrypt", "kms:GenerateDataKey", on=[self._storage.key.key_arn])

    def _rule(self, status: str, function: OperationFunction, **payload: str) -> None:
        # The whole detail: it says what was changed in a field that may be absent, and an input transformer leaves a
        # hole where a path leads to nothing.
        given = {"detail": _EVENT_DETAIL, **payload}
        target = targets.LambdaFunction(
            function, event=aws_events.RuleTargetInput.from_object(given), dead_letter_queue=self._undelivered
        )
        aws_events.Rule(
            self,
            status,
            description=f"A model package of {self._settings.name} was set to {status}",
            event_pattern=approval_event_pattern(self._settings.name, status),
            targets=[target],
        )


def approval_event_pattern(group: str, status: str) -> aws_events.EventPattern:
    """Return the pattern of the events that tell of a version in `group` that has that approval status."""
    return aws_events.EventPattern(
        source=["aws.sagemaker"],
        detail_type=["SageMaker Model Package State Change"],
        detail={"ModelPackageGroupName": [group], "ModelApprovalStatus": [status]},
    )

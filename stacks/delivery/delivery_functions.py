# SPDX-License-Identifier: MIT-0
"""The functions that the delivery pipeline calls: the smoke test of an endpoint, and the record of what is live.

The endpoint of a remote stage is invoked in its access role, and its registry asked in its images role; both trust the
roles of these functions by name.
"""

from collections.abc import Iterable

from constructs import Construct

from pipeline_src import contract
from stacks.constructs.cross_account_access import arn_of_bucket, grant_remote_key_use, remote_role_arn
from stacks.constructs.iam_statements import grant_actions, resource_arn
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

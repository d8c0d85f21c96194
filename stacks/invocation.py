# SPDX-License-Identifier: MIT-0
"""The functions that the delivery pipeline calls: the smoke test of an endpoint, and the note of what is live.

An endpoint that is elsewhere is asked by way of the access role beside it; that role trusts these by their names.
"""

from collections.abc import Iterable

from constructs import Construct

from pipeline_src import contract
from stacks import place
from stacks.crossing import bucket_arn, role_arn, use_key_there
from stacks.deployer import look_up_served
from stacks.endpoint import endpoint_name
from stacks.function import OperationFunction
from stacks.grant import allow, arn
from stacks.settings import Settings
from stacks.storage import StorageStack


class SmokeFunction(OperationFunction):
    """Sends the golden images of a package's evaluation to an endpoint."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(
            scope,
            id_,
            handler="smoke",
            description="Compares what an endpoint answers with the evaluation of its model",
            settings=settings,
            storage=storage,
            role_name=known_name(settings, "smoke"),
        )
        endpoints = [
            arn("sagemaker", f"endpoint/{endpoint_name(settings, stage)}") for stage in place.at_home(settings)
        ]
        describe_packages(self, settings)
        if endpoints:
            allow(self, "sagemaker:InvokeEndpoint", on=endpoints)
        take_on(self, settings, place.apart(settings))
        # Whoever approves is told what is live, where the model was compared with another one.
        allow(self, "ssm:GetParameter", on=[storage.champion.parameter_arn])
        golden = (contract.PREDICTIONS, f"{contract.HOLDOUT_OUTPUT}/*.jpg")
        read_runs(self, storage, *golden)


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
            role_name=known_name(settings, "promote"),
        )
        production = place.STAGES[-1]
        if place.remote(settings, production):
            take_on(self, settings, [production])
        else:
            look_up_served(self, settings, production)
        allow(self, "ssm:GetParameter", "ssm:PutParameter", on=[storage.champion.parameter_arn])


class PublishFunction(OperationFunction):
    """Copies a package's model to where the endpoint of a stage is that is elsewhere."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(
            scope,
            id_,
            handler="publish",
            description="Copies a model to where its endpoint is",
            settings=settings,
            storage=storage,
            role_name=known_name(settings, "publish"),
            function_name=known_name(settings, "publish"),
        )
        describe_packages(self, settings)
        read_runs(self, storage, contract.MODEL_ARTIFACT)
        for stage, where in place.apart(settings).items():
            bucket = place.site_bucket(settings, stage)
            allow(self, "s3:PutObject", on=[f"{bucket_arn(bucket)}/{contract.MODELS_PREFIX}*"])
            use_key_there(self, where, bucket, "Decrypt", "GenerateDataKey")


def known_name(settings: Settings, purpose: str) -> str | None:
    """Return the name by which others know a role or a function; None where no stage is elsewhere to know it."""
    return place.role(settings, purpose) if place.apart(settings) else None


def describe_packages(function: OperationFunction, settings: Settings) -> None:
    """Let `function` read the registry."""
    packages = arn("sagemaker", f"model-package/{settings.name}/*")
    allow(function, "sagemaker:DescribeModelPackage", on=[packages])


def read_runs(function: OperationFunction, storage: StorageStack, *names: str) -> None:
    """Let `function` read the objects of these names of all runs."""
    objects = [storage.runs.arn_for_objects(f"{contract.RUNS_PREFIX}*/{name}") for name in names]
    allow(function, "s3:GetObject", on=objects)
    # Without it S3 says of an object that is not there that access is denied, and nobody knows what to mend.
    allow(function, "s3:ListBucket", "s3:GetBucketLocation", on=[storage.runs.bucket_arn])
    allow(function, "kms:Decrypt", on=[storage.key.key_arn])


def take_on(function: OperationFunction, settings: Settings, stages: Iterable[str]) -> None:
    """Let `function` take on the access roles of these stages, which are elsewhere."""
    apart = place.apart(settings)
    roles = [role_arn(apart[stage], place.role(settings, "access", stage)) for stage in stages]
    if roles:
        allow(function, "sts:AssumeRole", on=roles)

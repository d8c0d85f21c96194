# SPDX-License-Identifier: MIT-0
"""The functions that the delivery pipeline calls: the smoke test of an endpoint, and the note of what is live."""

from constructs import Construct

from pipeline_src import contract
from stacks.deployer import made
from stacks.endpoint import STAGES, endpoint_name
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
        )
        packages = arn(self, "sagemaker", f"model-package/{settings.name}/*")
        endpoints = [arn(self, "sagemaker", f"endpoint/{endpoint_name(settings, stage)}") for stage in STAGES]
        allow(self, "sagemaker:DescribeModelPackage", on=[packages])
        allow(self, "sagemaker:InvokeEndpoint", on=endpoints)
        golden = (contract.PREDICTIONS, f"{contract.HOLDOUT_OUTPUT}/*.jpg")
        allow(
            self,
            "s3:GetObject",
            on=[storage.runs.arn_for_objects(f"{contract.RUNS_PREFIX}*/{name}") for name in golden],
        )
        # Without it S3 says of an object that is not there that access is denied, and nobody knows what to mend.
        allow(self, "s3:ListBucket", on=[storage.runs.bucket_arn])
        allow(self, "kms:Decrypt", on=[storage.key.key_arn])


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
        )
        production = STAGES[-1]
        endpoint = arn(self, "sagemaker", f"endpoint/{endpoint_name(settings, production)}")
        allow(self, "sagemaker:DescribeEndpoint", on=[endpoint])
        configurations = made(self, settings, production, "endpoint-config")
        allow(self, "sagemaker:DescribeEndpointConfig", on=configurations)
        allow(self, "sagemaker:DescribeModel", on=made(self, settings, production, "model"))
        allow(self, "ssm:GetParameter", "ssm:PutParameter", on=[storage.champion.parameter_arn])

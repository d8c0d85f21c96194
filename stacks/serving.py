# SPDX-License-Identifier: MIT-0
"""What the endpoints run as, and where they write what they say.

Source: SageMaker Developer Guide, "How to use SageMaker AI execution roles" (CreateModel) and "Auto-Rollback
Configuration and Monitoring".
"""

from aws_cdk import RemovalPolicy, aws_iam, aws_logs
from constructs import Construct

from pipeline_src import contract
from stacks.algorithm import AlgorithmImage
from stacks.endpoint import STAGES, endpoint_name
from stacks.function import log_retention
from stacks.grant import allow, arn, pull, use_key, write_logs, write_prefix
from stacks.role import sagemaker_principal
from stacks.settings import Settings
from stacks.storage import StorageStack


class Serving(Construct):
    """The role and the logs of the endpoints.

    Attributes:
        role: Reads models, writes captured requests; no archive, no picture, no metric of a run.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(scope, id_)
        for stage in STAGES:
            self._log(settings, storage, stage)
        self.role = aws_iam.Role(self, "Role", assumed_by=sagemaker_principal(), description="Models behind endpoints")
        self._models(storage)
        pull(self.role, AlgorithmImage(self, "Algorithm").repository_arn)
        write_logs(self.role, f"Endpoints/{settings.name}-")
        # An update reads its alarms as this role.
        allow(self.role, "cloudwatch:DescribeAlarms", on=[arn(self, "cloudwatch", f"alarm:{settings.name}-*")])

    def _log(self, settings: Settings, storage: StorageStack, stage: str) -> None:
        # SageMaker would create the group itself, unencrypted and kept for ever. It stands here and not beside the
        # endpoint, because what an endpoint says as it ends would create it again.
        aws_logs.LogGroup(
            self,
            f"{stage.capitalize()}Log",
            log_group_name=f"/aws/sagemaker/Endpoints/{endpoint_name(settings, stage)}",
            retention=log_retention(settings),
            encryption_key=storage.key,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _models(self, storage: StorageStack) -> None:
        runs = storage.runs
        model = runs.arn_for_objects(f"{contract.RUNS_PREFIX}*/{contract.MODEL_ARTIFACT}")
        allow(self.role, "s3:GetObject", on=[model])
        write_prefix(self.role, runs.bucket_arn, contract.CAPTURE_PREFIX)
        use_key(self.role, storage.key.key_arn)

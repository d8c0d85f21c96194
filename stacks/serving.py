# SPDX-License-Identifier: MIT-0
"""What the endpoints run as, and where they write what they say.

Source: SageMaker Developer Guide, "How to use SageMaker AI execution roles" (CreateModel) and "Auto-Rollback
Configuration and Monitoring".
"""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, aws_iam, aws_kms, aws_logs, aws_s3
from constructs import Construct

from pipeline_src import contract
from stacks.algorithm import AlgorithmImage
from stacks.endpoint import endpoint_name
from stacks.function import log_retention
from stacks.grant import allow, arn, pull, use_key, write_logs, write_prefix
from stacks.role import sagemaker_principal
from stacks.settings import Settings


class Serving(Construct):
    """The role and the logs of the endpoints of some stages.

    Attributes:
        role: Reads models, writes captured requests; no archive, no picture, no metric of a run.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        stages: Sequence[str],
        key: aws_kms.IKey,
        models: str,
        captures: aws_s3.IBucket,
        name: str | None = None,
    ) -> None:
        """Make them.

        Args:
            scope: Where.
            id_: Under which id.
            settings: All choices.
            stages: Those whose endpoints run as the role.
            key: That of volumes, models, captured requests and logs.
            models: ARN of the models' artifacts, with stars for what is not known.
            captures: Bucket of captured requests.
            name: The role's, if one stage has it for itself; None: CloudFormation makes one up.
        """
        super().__init__(scope, id_)
        for stage in stages:
            self._log(settings, key, stage)
        self.role = aws_iam.Role(
            self, "Role", role_name=name, assumed_by=sagemaker_principal(), description="Models behind endpoints"
        )
        allow(self.role, "s3:GetObject", on=[models])
        own = f"{stages[0]}/" if name else ""
        write_prefix(self.role, captures.bucket_arn, f"{contract.CAPTURE_PREFIX}{own}")
        use_key(self.role, key.key_arn)
        pull(self.role, AlgorithmImage(self, "Algorithm").repository_arn)
        write_logs(self.role, f"Endpoints/{endpoint_name(settings, stages[0]) if name else f'{settings.name}-'}")
        # An update reads its alarms as this role.
        alarms = f"alarm:{endpoint_name(settings, stages[0])}-*" if name else f"alarm:{settings.name}-*"
        allow(self.role, "cloudwatch:DescribeAlarms", on=[arn("cloudwatch", alarms)])

    def _log(self, settings: Settings, key: aws_kms.IKey, stage: str) -> None:
        # SageMaker would create the group itself, unencrypted and kept for ever. It stands here and not beside the
        # endpoint, because what an endpoint says as it ends would create it again.
        aws_logs.LogGroup(
            self,
            f"{stage.capitalize()}Log",
            log_group_name=f"/aws/sagemaker/Endpoints/{endpoint_name(settings, stage)}",
            retention=log_retention(settings),
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )

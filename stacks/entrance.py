# SPDX-License-Identifier: MIT-0
"""The two roles by which build's account does something in a stage's: deploy its endpoint, and ask it.

Each trusts roles of given names and nobody else. Sources: CodePipeline User Guide, "Create a pipeline that uses
resources from another account"; Service Authorization Reference.
"""

from aws_cdk import aws_iam
from constructs import Construct

from stacks import place
from stacks.artifact import OF_THE_BUCKET, READ, delivered, delivery_name
from stacks.crossing import bucket_arn, caller, describe_key_there, use_key_there
from stacks.deployer import deploy_with, look_up_served
from stacks.endpoint import endpoint_name
from stacks.grant import allow, arn
from stacks.settings import Environment, Settings


class DeliverRole(aws_iam.Role):
    """What the delivery's action runs as: reads the template and hands it to CloudFormation, for one stack."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, stage: str, deployer: aws_iam.IRole) -> None:
        super().__init__(
            scope,
            id_,
            role_name=place.role(settings, "deliver", stage),
            assumed_by=caller(settings.build, delivery_name(settings)),
            description=f"The delivery pipeline, for the endpoint of {stage}",
        )
        where: Environment = getattr(settings, f"{stage}_environment")
        store = place.artifacts_bucket(settings, where.region)
        allow(self, *OF_THE_BUCKET, on=[bucket_arn(store)])
        allow(self, *READ, on=[f"{bucket_arn(store)}/{delivered(settings)}*"])
        store_in = Environment(account=settings.build.account, region=where.region)
        use_key_there(self, store_in, store, "Decrypt")
        # CodePipeline asks about the store's key, by itself and not through S3, as the role of the action.
        describe_key_there(self, store_in, place.alias(settings))
        deletes = stage == place.REPLACED
        deploy_with(self, deployer.role_arn, stack=endpoint_name(settings, stage), deletes=deletes)


class AccessRole(aws_iam.Role):
    """What the functions of the delivery ask the endpoint as; of production also what it serves, for the champion."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, stage: str) -> None:
        noted = stage == place.STAGES[-1]
        callers = ("smoke", "promote") if noted else ("smoke",)
        super().__init__(
            scope,
            id_,
            role_name=place.role(settings, "access", stage),
            assumed_by=caller(settings.build, *(place.role(settings, each) for each in callers)),
            description=f"Functions of the delivery, for the endpoint of {stage}",
        )
        endpoint = arn("sagemaker", f"endpoint/{endpoint_name(settings, stage)}")
        allow(self, "sagemaker:InvokeEndpoint", on=[endpoint])
        if noted:
            look_up_served(self, settings, stage)

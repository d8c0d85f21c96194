# SPDX-License-Identifier: MIT-0
"""The deploy action of a stage: its roles and template parameters, at home or for a remote stage."""

from dataclasses import dataclass

from aws_cdk import aws_iam
from constructs import Construct

from stacks.constructs.cross_account_access import remote_resource_arn, remote_role_arn
from stacks.endpoint.endpoint_roles import EndpointDeploymentRole, ServingResources
from stacks.endpoint.endpoint_stack import EndpointStack
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.storage.storage_stack import StorageStack


@dataclass(frozen=True, kw_only=True)
class DeployTarget:
    """Where a stage's endpoint is deployed.

    Attributes:
        endpoint: The stack whose template is deployed.
        deployer: The role that CloudFormation deploys it as.
        parameters: What the template is handed, but the package and its model, which only the delivery knows.
        deletes: Whether a stack that failed for good is deleted, endpoint and all, and made anew.
        role: What the action runs as; None: as the pipeline.
        region: Of the action; None: the pipeline's.
    """

    endpoint: EndpointStack
    deployer: aws_iam.IRole
    parameters: dict[str, str]
    deletes: bool
    role: aws_iam.IRole | None = None
    region: str | None = None


def home_deploy_target(
    scope: Construct,
    stage: str,
    *,
    settings: Settings,
    storage: StorageStack,
    serving: ServingResources,
    endpoint: EndpointStack,
) -> DeployTarget:
    """Return the destination of a stage in the account and region of `scope`, with the role that deploys there."""
    deployer = EndpointDeploymentRole(
        scope,
        f"{stage.capitalize()}Deployer",
        settings=settings,
        key=storage.key,
        stage=stage,
        model_role=serving.role,
    )
    parameters = {
        "ModelRoleArn": serving.role.role_arn,
        "KeyArn": storage.key.key_arn,
        "RunsBucket": storage.captures.bucket_name,
        "TopicArn": storage.topic.topic_arn,
    }
    return DeployTarget(
        endpoint=endpoint, deployer=deployer, parameters=parameters, deletes=stage == stage_placement.REPLACEABLE_STAGE
    )


def remote_deploy_target(
    scope: Construct, stage: str, *, settings: Settings, where: AwsEnvironment, endpoint: EndpointStack
) -> DeployTarget:
    """Return the destination of a stage in `where`, whose stack there has everything that is named here."""

    def role(purpose: str) -> aws_iam.IRole:
        named = remote_role_arn(where, stage_placement.role_name(settings, purpose, stage))
        return aws_iam.Role.from_role_arn(scope, f"{stage.capitalize()}-{purpose}", named, mutable=False)

    parameters = {
        "ModelRoleArn": remote_role_arn(where, stage_placement.role_name(settings, "model", stage)),
        "KeyArn": remote_resource_arn(where, "kms", stage_placement.key_alias(settings, stage)),
        "RunsBucket": stage_placement.stage_bucket_name(settings, stage),
        "TopicArn": remote_resource_arn(where, "sns", stage_placement.topic_name(settings, stage)),
    }
    return DeployTarget(
        endpoint=endpoint,
        deployer=role("deployer"),
        parameters=parameters,
        deletes=stage == stage_placement.REPLACEABLE_STAGE,
        role=role("deliver"),
        region=where.region if where.region != settings.build.region else None,
    )

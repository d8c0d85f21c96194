# SPDX-License-Identifier: MIT-0
"""Where and as whom the delivery deploys an endpoint's template, and what it hands it: at home, or elsewhere."""

from dataclasses import dataclass

from aws_cdk import aws_iam
from constructs import Construct

from stacks import place
from stacks.crossing import arn_there, role_arn
from stacks.deployer import Deployer
from stacks.endpoint import EndpointStack
from stacks.serving import Serving
from stacks.settings import Environment, Settings
from stacks.storage import StorageStack


@dataclass(frozen=True, kw_only=True)
class Destination:
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


def at_home(
    scope: Construct,
    stage: str,
    *,
    settings: Settings,
    storage: StorageStack,
    serving: Serving,
    endpoint: EndpointStack,
) -> Destination:
    """Return the destination of a stage in the account and region of `scope`, with the role that deploys there."""
    deployer = Deployer(
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
    return Destination(endpoint=endpoint, deployer=deployer, parameters=parameters, deletes=stage == place.REPLACED)


def elsewhere(
    scope: Construct, stage: str, *, settings: Settings, where: Environment, endpoint: EndpointStack
) -> Destination:
    """Return the destination of a stage in `where`, whose stack there has everything that is named here."""

    def role(purpose: str) -> aws_iam.IRole:
        named = role_arn(where, place.role(settings, purpose, stage))
        return aws_iam.Role.from_role_arn(scope, f"{stage.capitalize()}-{purpose}", named, mutable=False)

    parameters = {
        "ModelRoleArn": role_arn(where, place.role(settings, "model", stage)),
        "KeyArn": arn_there(where, "kms", place.alias(settings, stage)),
        "RunsBucket": place.site_bucket(settings, stage),
        "TopicArn": arn_there(where, "sns", place.topic(settings, stage)),
    }
    return Destination(
        endpoint=endpoint,
        deployer=role("deployer"),
        parameters=parameters,
        deletes=stage == place.REPLACED,
        role=role("deliver"),
        region=where.region if where.region != settings.build.region else None,
    )

# SPDX-License-Identifier: MIT-0
"""The roles that jobs, models and builds run as, and the properties that every resource of a deployment has."""

from aws_cdk import Tags, aws_iam
from constructs import Construct, IConstruct

from stacks.constructs.iam_statements import service_principal
from stacks.settings.deployment_settings import Settings


class ExecutionRole(aws_iam.Role):
    """A role that SageMaker's jobs and models, or CodeBuild's builds, run as; its owner adds the permissions."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,  # noqa: ARG002  for permissions that depend on the settings
        description: str,
        service: str = "sagemaker",
        role_name: str | None = None,
    ) -> None:
        super().__init__(
            scope, id_, role_name=role_name, assumed_by=service_principal(service), description=description
        )


def configure_resources(scope: IConstruct, settings: Settings) -> None:
    """Give every resource below `scope` the properties that all resources of the deployment have."""
    Tags.of(scope).add("project", settings.name)

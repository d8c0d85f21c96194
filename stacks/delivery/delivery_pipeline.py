# SPDX-License-Identifier: MIT-0
"""The delivery pipeline of an approved model package: staging, smoke test, manual approval, production.

A CodePipeline of type V2 whose variable is the package's ARN. Executions queue, so that none overtakes another, and
a failed stage rolls back to its last delivery. The deploy action of a stage has its roles and template parameters in a
`DeployTarget`. For a remote stage the model is copied first, and the deployment runs in that stage's roles. Sources:
CodePipeline User Guide, "Action structure reference" and "Configuring stage rollback"; "Manage the CodePipeline service
role" for the permissions.
"""

from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.constructs.artifact_access import (
    artifact_prefix,
    delivery_pipeline_name,
    grant_artifact_exchange,
    grant_read_source_object,
    role_without_updates,
)
from stacks.constructs.iam_statements import grant_actions, remote_resource_arn, remote_role_arn, resource_arn
from stacks.delivery.remote_region_stack import artifact_bucket_options, grant_remote_artifact_exchange
from stacks.endpoint.endpoint_roles import EndpointDeploymentRole, ServingResources, grant_stack_deployment
from stacks.endpoint.endpoint_stack import EndpointStack
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.storage.lambda_function import OperationFunction
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


# What `operations.functions.model_delivery` starts an execution with.
PACKAGE_VARIABLE: Final = "ModelPackageArn"
STAGING_SMOKE_NAMESPACE: Final = "StagingSmoke"


class DeliveryPipeline(Construct):
    """The pipeline; it starts with nothing in it, and `stage` and `approval` add what it goes through, in order.

    Attributes:
        name: Its name.
        arn: Its ARN.
        role: What it may do.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack, templates: assets.Asset
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._storage = settings, storage
        self.name = delivery_pipeline_name(settings)
        self.arn = resource_arn("codepipeline", self.name)
        self.role = self._role(templates)
        self._package = codepipeline.Variable(
            variable_name=PACKAGE_VARIABLE, description="The model package that is delivered"
        )
        self._templates = codepipeline.Artifact("Templates")
        self._pipeline = self._made()
        self._pipeline.add_stage(stage_name="Source", actions=[self._source(templates)])

    def _role(self, templates: assets.Asset) -> aws_iam.Role:
        role = aws_iam.Role(
            self,
            "Role",
            role_name=self.name if stage_placement.remote_stages(self._settings) else None,
            assumed_by=aws_iam.ServicePrincipal("codepipeline.amazonaws.com"),
            description="Delivers model packages",
        )
        grant_artifact_exchange(role, self._storage.deliveries, self._storage.key, artifact_prefix(self.name))
        for region in stage_placement.remote_regions(self._settings):
            grant_remote_artifact_exchange(role, self._settings, region)
        grant_read_source_object(role, templates.bucket, templates.s3_object_key)
        return role

    def _made(self) -> codepipeline.Pipeline:
        pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=self.name,
            pipeline_type=codepipeline.PipelineType.V2,
            execution_mode=codepipeline.ExecutionMode.QUEUED,
            variables=[self._package],
            **artifact_bucket_options(self, self._settings, self._storage),
            role=role_without_updates(self.role),
            use_pipeline_role_for_actions=True,
        )
        pipeline.node.add_dependency(self.role)
        return pipeline

    def _source(self, templates: assets.Asset) -> actions.S3SourceAction:
        # Another application version brings other templates under another key; what starts the pipeline is approval.
        return actions.S3SourceAction(
            action_name="Templates",
            bucket=templates.bucket,
            bucket_key=templates.s3_object_key,
            output=self._templates,
            trigger=actions.S3Trigger.NONE,
        )

    def stage(
        self,
        name: str,
        destination: DeployTarget,
        *,
        first: actions.LambdaInvokeAction | None = None,
        then: list[actions.LambdaInvokeAction],
    ) -> None:
        """Add a stage that deploys an endpoint and then does what `then` says.

        Args:
            name: The stage's.
            destination: Which endpoint, where and as whom.
            first: Action that brings the model there, if it has to be brought, and whose variables say where it and
                its image are.
            then: Actions that follow, in the order of their own `run_order`.
        """
        model = {"ModelDataUrl": first.variable("model"), "ModelImage": first.variable("image")} if first else {}
        known = {"ModelPackageArn": self._package.reference(), **destination.parameters, **model}
        endpoint = destination.endpoint
        deploy = actions.CloudFormationCreateUpdateStackAction(
            action_name="Deploy",
            stack_name=endpoint.name,
            template_path=self._templates.at_path(endpoint.template_file),
            admin_permissions=False,
            deployment_role=destination.deployer,
            parameter_overrides={given: known[given] for given in endpoint.parameters},
            replace_on_failure=destination.deletes,
            run_order=2 if first else 1,
            role=destination.role,
            region=destination.region,
        )
        back = codepipeline.FailureConditions(result=codepipeline.Result.ROLLBACK)
        before = [first] if first else []
        self._pipeline.add_stage(stage_name=name, actions=[*before, deploy, *then], on_failure=back)
        self._allow_stack(destination)

    def approval(self, smoke: actions.LambdaInvokeAction) -> None:
        """Add the stage in which a person decides, told what `smoke` found out.

        The service ends the wait after seven days, as a rejection.
        """
        message = (
            f"Production gets {self._package.reference()} if you approve. Offline: {smoke.variable('metrics')}. "
            f"Staging: {smoke.variable('agreement')}. Research use only."
        )
        approve = actions.ManualApprovalAction(
            action_name="Approve",
            notification_topic=self._storage.topic,
            external_entity_link=smoke.variable("report"),
            additional_information=message,
        )
        self._pipeline.add_stage(stage_name="Approval", actions=[approve])
        grant_actions(self.role, "sns:Publish", on=[self._storage.topic.topic_arn])

    def invoke(
        self, function: OperationFunction, name: str, order: int, *, namespace: str | None = None, **parameters: str
    ) -> actions.LambdaInvokeAction:
        """Return an action that hands `function` the package and `parameters`."""
        grant_actions(self.role, "lambda:InvokeFunction", on=[function.function_arn])
        # The library's own action grants it as well; functions can be listed all together or not at all.
        grant_actions(self.role, "lambda:ListFunctions", on=["*"])
        return actions.LambdaInvokeAction(
            action_name=name,
            lambda_=function,
            user_parameters={"package": self._package.reference(), **parameters},
            variables_namespace=namespace,
            run_order=order,
        )

    def _allow_stack(self, to: DeployTarget) -> None:
        if to.role:
            grant_actions(self.role, "sts:AssumeRole", on=[to.role.role_arn])
        else:
            grant_stack_deployment(self.role, to.deployer.role_arn, stack=to.endpoint.name, deletes=to.deletes)

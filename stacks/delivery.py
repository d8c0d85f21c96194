# SPDX-License-Identifier: MIT-0
"""The way of an approved model package to production: staging, smoke test, a person's approval, production.

A CodePipeline of type V2 whose variable is the package's ARN. Executions queue, so that none overtakes another, and
a stage that fails goes back to what it delivered last. Sources: CodePipeline User Guide, "Action structure reference"
and "Configuring stage rollback"; "Manage the CodePipeline service role" for the permissions.
"""

from typing import Final

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.artifact import exchange, fixed, prefix, read_object
from stacks.deployer import Deployer
from stacks.endpoint import EndpointStack
from stacks.function import OperationFunction
from stacks.grant import allow, arn, of, pass_role
from stacks.settings import Settings
from stacks.storage import StorageStack

# What `operations.release` starts an execution with.
VARIABLE: Final = "ModelPackageArn"
STAGING_SMOKE: Final = "StagingSmoke"
_STACK: Final = (
    "CreateStack",
    "DescribeStackEvents",
    "DescribeStackResources",
    "DescribeStacks",
    "GetTemplate",
    "UpdateStack",
)


class Delivery(Construct):
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
        self.name = delivery_name(settings)
        self.arn = arn(self, "codepipeline", self.name)
        self.role = self._role(templates)
        self._package = codepipeline.Variable(variable_name=VARIABLE, description="The model package that is delivered")
        self._templates = codepipeline.Artifact("Templates")
        self._pipeline = self._made()
        self._pipeline.add_stage(stage_name="Source", actions=[self._source(templates)])

    def _role(self, templates: assets.Asset) -> aws_iam.Role:
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("codepipeline.amazonaws.com"),
            description="Delivers model packages",
        )
        exchange(role, self._storage, below=prefix(self.name))
        read_object(role, templates.bucket, templates.s3_object_key)
        return role

    def _made(self) -> codepipeline.Pipeline:
        pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=self.name,
            pipeline_type=codepipeline.PipelineType.V2,
            execution_mode=codepipeline.ExecutionMode.QUEUED,
            variables=[self._package],
            artifact_bucket=self._storage.artifacts,
            role=fixed(self.role),
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
        *,
        endpoint: EndpointStack,
        deployer: Deployer,
        model_role: aws_iam.IRole,
        replace_broken: bool,
        then: list[actions.LambdaInvokeAction],
    ) -> None:
        """Add a stage that deploys `endpoint` and then does what `then` says.

        Args:
            name: The stage's.
            endpoint: The stack whose template is deployed.
            deployer: What CloudFormation may do.
            model_role: What the model runs as.
            replace_broken: Whether a stack that failed for good is deleted, endpoint and all, and made anew.
            then: Actions that follow, in the order of their own `run_order`.
        """
        deploy = actions.CloudFormationCreateUpdateStackAction(
            action_name="Deploy",
            stack_name=endpoint.name,
            template_path=self._templates.at_path(endpoint.template_file),
            admin_permissions=False,
            deployment_role=deployer,
            parameter_overrides=self._parameters(endpoint, model_role),
            replace_on_failure=replace_broken,
            run_order=1,
        )
        back = codepipeline.FailureConditions(result=codepipeline.Result.ROLLBACK)
        self._pipeline.add_stage(stage_name=name, actions=[deploy, *then], on_failure=back)
        self._allow_stack(endpoint.name, deployer, deletes=replace_broken)

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
        allow(self.role, "sns:Publish", on=[self._storage.topic.topic_arn])

    def invoke(
        self, function: OperationFunction, name: str, order: int, *, namespace: str | None = None, **parameters: str
    ) -> actions.LambdaInvokeAction:
        """Return an action that hands `function` the package and `parameters`."""
        allow(self.role, "lambda:InvokeFunction", on=[function.function_arn])
        # The library's own action grants it as well; functions can be listed all together or not at all.
        allow(self.role, "lambda:ListFunctions", on=["*"])
        return actions.LambdaInvokeAction(
            action_name=name,
            lambda_=function,
            user_parameters={"package": self._package.reference(), **parameters},
            variables_namespace=namespace,
            run_order=order,
        )

    def _parameters(self, endpoint: EndpointStack, model_role: aws_iam.IRole) -> dict[str, str]:
        known = {
            "ModelPackageArn": self._package.reference(),
            "ModelRoleArn": model_role.role_arn,
            "KeyArn": self._storage.key.key_arn,
            "RunsBucket": self._storage.runs.bucket_name,
            "TopicArn": self._storage.topic.topic_arn,
        }
        return {name: known[name] for name in endpoint.parameters}

    def _allow_stack(self, name: str, deployer: Deployer, *, deletes: bool) -> None:
        verbs = (*_STACK, "DeleteStack") if deletes else _STACK
        stack = arn(self, "cloudformation", f"stack/{name}/*")
        allow(self.role, *of("cloudformation", *verbs), on=[stack])
        pass_role(self.role, deployer.role_arn, "cloudformation")


def delivery_name(settings: Settings) -> str:
    """Return the pipeline's name."""
    return f"{settings.name}-delivery"

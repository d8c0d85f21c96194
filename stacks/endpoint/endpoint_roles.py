# SPDX-License-Identifier: MIT-0
"""The roles of an endpoint: of its deployment by CloudFormation, of its models, and of a remote stage's access.

Each cross-account role trusts roles of given names and nobody else.
Sources: the Service Authorization Reference; SageMaker API Reference, CreateEndpointConfig (KmsKeyId); Application
Auto Scaling User Guide, "Identity-based policy examples" and "Permissions validation for Application Auto Scaling API
calls on target resources"; CodePipeline User Guide, "Create a pipeline that uses resources from another account";
SageMaker Developer Guide, "How to use SageMaker AI execution roles" (CreateModel) and "Auto-Rollback Configuration and
Monitoring".
"""

from collections.abc import Sequence
from typing import Final

from aws_cdk import RemovalPolicy, aws_iam, aws_kms, aws_logs, aws_s3
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.artifact_access import (
    BUCKET_READ_ACTIONS,
    OBJECT_READ_ACTIONS,
    delivery_artifact_prefix,
    delivery_pipeline_name,
)
from stacks.constructs.iam_statements import (
    arn_of_bucket,
    grant_actions,
    grant_describe_remote_key,
    grant_key_use,
    grant_pass_role,
    grant_pull_image,
    grant_remote_key_use,
    grant_volume_encryption,
    grant_write_logs,
    grant_write_prefix,
    named_roles_principal,
    resource_arn,
    service_actions,
)
from stacks.constructs.vpc_network import ExecutionRole
from stacks.container_images import SERVING_IMAGES, asset_repository_name, image_repositories
from stacks.endpoint.endpoint_stack import SCALING_ROLE_RESOURCE, SCALING_SERVICE, endpoint_name
from stacks.settings import stage_placement
from stacks.settings.deployment_settings import AwsEnvironment, Settings
from stacks.settings.generated_names import CONFIGURATION, MODEL, generated_name_starts
from stacks.storage.lambda_function import log_retention

_STACK_ACTIONS: Final = (
    "CreateStack",
    "DescribeStackEvents",
    "DescribeStackResources",
    "DescribeStacks",
    "GetTemplate",
    "UpdateStack",
)
_TAG_ACTIONS: Final = ("AddTags", "DeleteTags", "ListTags")
_MODEL_ACTIONS: Final = ("CreateModel", "DeleteModel", "DescribeModel")
_CONFIGURATION_ACTIONS: Final = ("CreateEndpointConfig", "DeleteEndpointConfig", "DescribeEndpointConfig")
_ENDPOINT_ACTIONS: Final = (
    "CreateEndpoint",
    "DeleteEndpoint",
    "DescribeEndpoint",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
)
_ALARM_ACTIONS: Final = (
    "DeleteAlarms",
    "DescribeAlarms",
    "ListTagsForResource",
    "PutMetricAlarm",
    "TagResource",
    "UntagResource",
)
_TARGET_TRACKING_ACTIONS: Final = ("DeleteAlarms", "DescribeAlarms", "PutMetricAlarm")
_SCALING_ACTIONS: Final = (
    "DeleteScalingPolicy",
    "DeregisterScalableTarget",
    "PutScalingPolicy",
    "RegisterScalableTarget",
)
_SCALING_TAG_ACTIONS: Final = ("ListTagsForResource", "TagResource", "UntagResource")
_DESCRIBE_SCALING_ACTIONS: Final = ("DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScheduledActions")


def generated_name_arns(settings: Settings, stage: str, kind: str) -> list[str]:
    """Return the ARNs that the unnamed resource of `kind` (endpoint-config, model) of a stage's stack can have."""
    what = {"endpoint-config": CONFIGURATION, "model": MODEL}[kind]
    return [
        resource_arn("sagemaker", f"{kind}/{start}-*") for start in generated_name_starts(settings.name, stage, what)
    ]


def grant_describe_served_model(role: aws_iam.IGrantable, settings: Settings, stage: str) -> None:
    """Let `role` describe what the endpoint of `stage` serves, in the account and region of the role."""
    grant_actions(
        role, "sagemaker:DescribeEndpoint", on=[resource_arn("sagemaker", f"endpoint/{endpoint_name(settings, stage)}")]
    )
    grant_actions(role, "sagemaker:DescribeEndpointConfig", on=generated_name_arns(settings, stage, "endpoint-config"))
    grant_actions(role, "sagemaker:DescribeModel", on=generated_name_arns(settings, stage, "model"))


def grant_stack_deployment(role: aws_iam.IGrantable, deployer_arn: str, *, stack: str, deletes: bool) -> None:
    """Let `role` have CloudFormation deploy `stack` as the role `deployer_arn`, in the account and region of both."""
    verbs = (*_STACK_ACTIONS, "DeleteStack") if deletes else _STACK_ACTIONS
    grant_actions(
        role, *service_actions("cloudformation", *verbs), on=[resource_arn("cloudformation", f"stack/{stack}/*")]
    )
    grant_pass_role(role, deployer_arn, "cloudformation")


class EndpointDeploymentRole(aws_iam.Role):
    """The role with which CloudFormation deploys, and deletes, the endpoint of one stage.

    A remote stage serves a copy of the model, not a package of a registry.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        key: aws_kms.IKey,
        stage: str,
        model_role: aws_iam.IRole,
    ) -> None:
        elsewhere = stage_placement.remote_environment(settings, stage) is not None
        super().__init__(
            scope,
            id_,
            role_name=stage_placement.role_name(settings, "deployer", stage) if elsewhere else None,
            assumed_by=aws_iam.ServicePrincipal("cloudformation.amazonaws.com"),
            description=f"CloudFormation, for the endpoint of {stage}",
        )
        self._settings, self._stage = settings, stage
        self._name = endpoint_name(settings, stage)
        self._serve()
        if not elsewhere:
            self._take_packages()
        grant_pass_role(self, model_role.role_arn, "sagemaker")
        self._encrypt(key.key_arn)
        self._watch()
        self._scale()

    def _serve(self) -> None:
        models = generated_name_arns(self._settings, self._stage, "model")
        configurations = generated_name_arns(self._settings, self._stage, "endpoint-config")
        endpoint = [resource_arn("sagemaker", f"endpoint/{self._name}")]
        grant_actions(self, *service_actions("sagemaker", *_MODEL_ACTIONS, *_TAG_ACTIONS), on=models)
        grant_actions(self, *service_actions("sagemaker", *_CONFIGURATION_ACTIONS, *_TAG_ACTIONS), on=configurations)
        # An endpoint is made of a configuration, and the service asks for permission on both.
        grant_actions(
            self, *service_actions("sagemaker", *_ENDPOINT_ACTIONS, *_TAG_ACTIONS), on=[*endpoint, *configurations]
        )

    def _take_packages(self) -> None:
        # A model that is made of a package needs the permission on both (Model Registry, "Deploy a Model Version").
        # AccessModelPackage guards the use of a package in hosting by the Service Authorization Reference; no record of
        # a real deployment shows whether CreateModel asks for it [?].
        packages = [resource_arn("sagemaker", f"model-package/{self._settings.name}/*")]
        grant_actions(
            self,
            *service_actions("sagemaker", "CreateModel", "DescribeModelPackage", "AccessModelPackage"),
            on=packages,
        )

    def _encrypt(self, key_arn: str) -> None:
        grant_actions(self, "kms:DescribeKey", on=[key_arn])
        grant_volume_encryption(self, key_arn)

    def _watch(self) -> None:
        grant_actions(
            self,
            *service_actions("cloudwatch", *_ALARM_ACTIONS),
            on=[resource_arn("cloudwatch", f"alarm:{self._name}-*")],
        )
        # Target tracking works by alarms that Application Auto Scaling makes in the name of whoever asks for it.
        own = resource_arn("cloudwatch", f"alarm:TargetTracking-endpoint/{self._name}/*")
        grant_actions(self, *service_actions("cloudwatch", *_TARGET_TRACKING_ACTIONS), on=[own])
        if getattr(self._settings, self._stage).scales:
            # Before Application Auto Scaling takes a target, it calls these in the caller's name without naming an
            # alarm, and refuses the target if that is denied.
            grant_actions(
                self,
                *service_actions("cloudwatch", *_TARGET_TRACKING_ACTIONS),
                on=[resource_arn("cloudwatch", "alarm:*")],
            )

    def _scale(self) -> None:
        # A target's ARN is a random id, so that the kind of thing that it scales is as narrow as it gets.
        service = "application-autoscaling"
        targets = [resource_arn(service, "scalable-target/*")]
        ours = {"StringEquals": {f"{service}:service-namespace": "sagemaker"}}
        grant_actions(self, *service_actions(service, *_SCALING_ACTIONS), on=targets, where=ours)
        grant_actions(self, *service_actions(service, *_SCALING_TAG_ACTIONS), on=targets)
        grant_actions(self, *service_actions(service, *_DESCRIBE_SCALING_ACTIONS), on=["*"])
        role = f"arn:{self.stack.partition}:iam::{self.stack.account}:{SCALING_ROLE_RESOURCE}"
        linked = {"StringLike": {"iam:AWSServiceName": SCALING_SERVICE}}
        grant_actions(self, "iam:CreateServiceLinkedRole", on=[role], where=linked)
        grant_pass_role(self, role, service)


class DeliveryActionRole(aws_iam.Role):
    """The role of the delivery's action: reads the template and passes it to CloudFormation, for one stack."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, stage: str, deployer: aws_iam.IRole) -> None:
        super().__init__(
            scope,
            id_,
            role_name=stage_placement.role_name(settings, "deliver", stage),
            assumed_by=named_roles_principal(settings.build, delivery_pipeline_name(settings)),
            description=f"The delivery pipeline, for the endpoint of {stage}",
        )
        where: AwsEnvironment = getattr(settings, f"{stage}_environment")
        store = stage_placement.artifacts_bucket_name(settings, where.region)
        grant_actions(self, *BUCKET_READ_ACTIONS, on=[arn_of_bucket(store)])
        grant_actions(self, *OBJECT_READ_ACTIONS, on=[f"{arn_of_bucket(store)}/{delivery_artifact_prefix(settings)}*"])
        store_in = AwsEnvironment(account=settings.build.account, region=where.region)
        grant_remote_key_use(self, store_in, store, "Decrypt")
        # CodePipeline asks about the store's key, by itself and not through S3, as the role of the action.
        grant_describe_remote_key(self, store_in, stage_placement.key_alias(settings))
        deletes = stage == stage_placement.REPLACEABLE_STAGE
        grant_stack_deployment(self, deployer.role_arn, stack=endpoint_name(settings, stage), deletes=deletes)


class EndpointAccessRole(aws_iam.Role):
    """The role in which the delivery's functions invoke an endpoint and, in production, describe what it serves."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, stage: str) -> None:
        noted = stage == stage_placement.STAGES[-1]
        callers = ("smoke", "promote") if noted else ("smoke",)
        super().__init__(
            scope,
            id_,
            role_name=stage_placement.role_name(settings, "access", stage),
            assumed_by=named_roles_principal(
                settings.build, *(stage_placement.role_name(settings, each) for each in callers)
            ),
            description=f"Functions of the delivery, for the endpoint of {stage}",
        )
        endpoint = resource_arn("sagemaker", f"endpoint/{endpoint_name(settings, stage)}")
        grant_actions(self, "sagemaker:InvokeEndpoint", on=[endpoint])
        if noted:
            grant_describe_served_model(self, settings, stage)


class ImageLookupRole(aws_iam.Role):
    """The role in which the publish function sees whether a package's image has been pushed to a remote stage.

    It can pull nothing. Images of other applications of the CDK are in the same repository, and it sees these too.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, stage: str) -> None:
        super().__init__(
            scope,
            id_,
            role_name=stage_placement.role_name(settings, "images", stage),
            assumed_by=named_roles_principal(settings.build, stage_placement.role_name(settings, "publish")),
            description=f"Publish function of the delivery, for the images of {stage}",
        )
        where: AwsEnvironment = getattr(settings, f"{stage}_environment")
        repository = resource_arn("ecr", f"repository/{asset_repository_name(self, where)}")
        grant_actions(self, "ecr:DescribeImages", on=[repository])


class ServingResources(Construct):
    """The role and the logs of the endpoints of some stages.

    Attributes:
        role: Reads models and writes captured requests only.
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
        """Create the role and the log groups.

        Args:
            scope: Scope of the construct.
            id_: Id of the construct.
            settings: All settings.
            stages: Stages whose endpoints run as the role.
            key: Key of volumes, models, captured requests and logs.
            models: ARN of the model artifacts, with stars for unknown parts.
            captures: Bucket of captured requests.
            name: Name of the role of a single remote stage; None: CloudFormation generates it.
        """
        super().__init__(scope, id_)
        for stage in stages:
            self._log(settings, key, stage)
        self.role = ExecutionRole(
            self, "Role", settings=settings, role_name=name, description="Models behind endpoints"
        )
        grant_actions(self.role, "s3:GetObject", on=[models])
        own = f"{stages[0]}/" if name else ""
        grant_write_prefix(self.role, captures.bucket_arn, f"{contract.CAPTURE_PREFIX}{own}")
        grant_key_use(self.role, key.key_arn)
        # An approval may bring back an earlier model, of another algorithm.
        grant_pull_image(self.role, *image_repositories(self, SERVING_IMAGES, settings))
        grant_write_logs(self.role, f"Endpoints/{endpoint_name(settings, stages[0]) if name else f'{settings.name}-'}")
        # An update reads its alarms as this role.
        alarms = f"alarm:{endpoint_name(settings, stages[0])}-*" if name else f"alarm:{settings.name}-*"
        grant_actions(self.role, "cloudwatch:DescribeAlarms", on=[resource_arn("cloudwatch", alarms)])

    def _log(self, settings: Settings, key: aws_kms.IKey, stage: str) -> None:
        # SageMaker would create the group itself, unencrypted and without expiry. It is not in the endpoint's stack,
        # because the last log entries of a deleted endpoint would create it again.
        aws_logs.LogGroup(
            self,
            f"{stage.capitalize()}Log",
            log_group_name=f"/aws/sagemaker/Endpoints/{endpoint_name(settings, stage)}",
            retention=log_retention(settings),
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )

# SPDX-License-Identifier: MIT-0
"""What CloudFormation may do when it deploys an endpoint's template: its kinds of resources, its names, nothing else.

Sources: the Service Authorization Reference; SageMaker API Reference, CreateEndpointConfig (KmsKeyId); Application
Auto Scaling User Guide, "Identity-based policy examples" and "Permissions validation for Application Auto Scaling API
calls on target resources".
"""

from typing import Final

from aws_cdk import aws_iam, aws_kms
from constructs import Construct

from stacks import place
from stacks.endpoint import SCALING_ROLE, SCALING_SERVICE, endpoint_name, generated
from stacks.grant import allow, arn, attach_volumes, of, pass_role
from stacks.settings import Settings

_STACK: Final = (
    "CreateStack",
    "DescribeStackEvents",
    "DescribeStackResources",
    "DescribeStacks",
    "GetTemplate",
    "UpdateStack",
)
_TAGS: Final = ("AddTags", "DeleteTags", "ListTags")
_MODEL: Final = ("CreateModel", "DeleteModel", "DescribeModel")
_CONFIGURATION: Final = ("CreateEndpointConfig", "DeleteEndpointConfig", "DescribeEndpointConfig")
_ENDPOINT: Final = (
    "CreateEndpoint",
    "DeleteEndpoint",
    "DescribeEndpoint",
    "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities",
)
_ALARM: Final = (
    "DeleteAlarms",
    "DescribeAlarms",
    "ListTagsForResource",
    "PutMetricAlarm",
    "TagResource",
    "UntagResource",
)
_TRACKING: Final = ("DeleteAlarms", "DescribeAlarms", "PutMetricAlarm")
_SCALE: Final = ("DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget")
_SCALE_TAGS: Final = ("ListTagsForResource", "TagResource", "UntagResource")
_LOOK: Final = ("DescribeScalableTargets", "DescribeScalingPolicies", "DescribeScheduledActions")


def made(settings: Settings, stage: str, kind: str) -> list[str]:
    """Return the ARNs that the unnamed resource of `kind` (endpoint-config, model) of a stage's stack can have.

    CloudFormation begins a name with the logical id, or with the stack's name before it.
    """
    own = generated(settings, stage, {"endpoint-config": "configuration", "model": "model"}[kind])
    return [arn("sagemaker", f"{kind}/{start}-*") for start in (own, f"{endpoint_name(settings, stage)}-{own}")]


def look_up_served(role: aws_iam.IGrantable, settings: Settings, stage: str) -> None:
    """Let `role` see what the endpoint of `stage` serves, in the account and region of the role."""
    allow(role, "sagemaker:DescribeEndpoint", on=[arn("sagemaker", f"endpoint/{endpoint_name(settings, stage)}")])
    allow(role, "sagemaker:DescribeEndpointConfig", on=made(settings, stage, "endpoint-config"))
    allow(role, "sagemaker:DescribeModel", on=made(settings, stage, "model"))


def deploy_with(role: aws_iam.IGrantable, deployer_arn: str, *, stack: str, deletes: bool) -> None:
    """Let `role` have CloudFormation deploy `stack` as the role `deployer_arn`, in the account and region of both."""
    verbs = (*_STACK, "DeleteStack") if deletes else _STACK
    allow(role, *of("cloudformation", *verbs), on=[arn("cloudformation", f"stack/{stack}/*")])
    pass_role(role, deployer_arn, "cloudformation")


class Deployer(aws_iam.Role):
    """The role with which CloudFormation deploys, and deletes, the endpoint of one stage.

    A stage that is elsewhere serves the copy of a model, and no package of a registry.
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
        elsewhere = place.remote(settings, stage) is not None
        super().__init__(
            scope,
            id_,
            role_name=place.role(settings, "deployer", stage) if elsewhere else None,
            assumed_by=aws_iam.ServicePrincipal("cloudformation.amazonaws.com"),
            description=f"CloudFormation, for the endpoint of {stage}",
        )
        self._settings, self._stage = settings, stage
        self._name = endpoint_name(settings, stage)
        self._serve()
        if not elsewhere:
            self._take_packages()
        pass_role(self, model_role.role_arn, "sagemaker")
        self._encrypt(key.key_arn)
        self._watch()
        self._scale()

    def _serve(self) -> None:
        models = made(self._settings, self._stage, "model")
        configurations = made(self._settings, self._stage, "endpoint-config")
        endpoint = [arn("sagemaker", f"endpoint/{self._name}")]
        allow(self, *of("sagemaker", *_MODEL, *_TAGS), on=models)
        allow(self, *of("sagemaker", *_CONFIGURATION, *_TAGS), on=configurations)
        # An endpoint is made of a configuration, and the service asks for permission on both.
        allow(self, *of("sagemaker", *_ENDPOINT, *_TAGS), on=[*endpoint, *configurations])

    def _take_packages(self) -> None:
        # A model that is made of a package needs the permission on both (Model Registry, "Deploy a Model Version").
        # AccessModelPackage guards the use of a package in hosting by the Service Authorization Reference; no record of
        # a real deployment shows whether CreateModel asks for it [?].
        packages = [arn("sagemaker", f"model-package/{self._settings.name}/*")]
        allow(self, *of("sagemaker", "CreateModel", "DescribeModelPackage", "AccessModelPackage"), on=packages)

    def _encrypt(self, key_arn: str) -> None:
        allow(self, "kms:DescribeKey", on=[key_arn])
        attach_volumes(self, key_arn)

    def _watch(self) -> None:
        allow(self, *of("cloudwatch", *_ALARM), on=[arn("cloudwatch", f"alarm:{self._name}-*")])
        # Target tracking works by alarms that Application Auto Scaling makes in the name of whoever asks for it.
        own = arn("cloudwatch", f"alarm:TargetTracking-endpoint/{self._name}/*")
        allow(self, *of("cloudwatch", *_TRACKING), on=[own])
        if getattr(self._settings, self._stage).scales:
            # Before Application Auto Scaling takes a target, it calls these in the caller's name without naming an
            # alarm, and refuses the target if that is denied.
            allow(self, *of("cloudwatch", *_TRACKING), on=[arn("cloudwatch", "alarm:*")])

    def _scale(self) -> None:
        # A target's ARN is a random id, so that the kind of thing that it scales is as narrow as it gets.
        service = "application-autoscaling"
        targets = [arn(service, "scalable-target/*")]
        ours = {"StringEquals": {f"{service}:service-namespace": "sagemaker"}}
        allow(self, *of(service, *_SCALE), on=targets, where=ours)
        allow(self, *of(service, *_SCALE_TAGS), on=targets)
        allow(self, *of(service, *_LOOK), on=["*"])
        role = f"arn:{self.stack.partition}:iam::{self.stack.account}:{SCALING_ROLE}"
        linked = {"StringLike": {"iam:AWSServiceName": SCALING_SERVICE}}
        allow(self, "iam:CreateServiceLinkedRole", on=[role], where=linked)
        pass_role(self, role, service)

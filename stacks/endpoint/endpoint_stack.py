# SPDX-License-Identifier: MIT-0
"""The endpoint stack: one approved model package behind an endpoint, as a template for staging and production.

The delivery pipeline deploys the template and passes what is known only then as parameters. Model and configuration
have no names, so that another package replaces them: CloudFormation creates new ones and updates the endpoint. The
templates are in a CDK stage of their own, because `cdk deploy --all` would stop at their parameters.
"""

from typing import Any, Final

from aws_cdk import (
    CfnDeletionPolicy,
    CfnParameter,
    CfnResource,
    DefaultStackSynthesizer,
    Duration,
    IgnoreMode,
    Stack,
    Stage,
    Tags,
    aws_iam,
    aws_sagemaker,
    aws_sns,
)
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.vpc_network import configure_resources
from stacks.endpoint.endpoint_alarms import EndpointAlarms, RolloutGuard, deployment_config
from stacks.settings.deployment_settings import EndpointSettings, Settings
from stacks.settings.generated_names import CONFIGURATION, MODEL, generated_logical_id
from stacks.settings.stage_placement import STAGES, remote_environment
from stacks.stack_outputs import add_stack_outputs


def endpoint_template_parameters(settings: Settings, stage: str) -> dict[str, tuple[str, str]]:
    """Return the parameters of the template of `stage` by their names, each with its pattern and description."""
    elsewhere = remote_environment(settings, stage) is not None
    aws, account = "arn:aws[a-z-]*", "[0-9]{12}"
    package = f"{aws}:sagemaker:[a-z0-9-]+:{account}:model-package/{settings.name}/[0-9]+"
    # The key of another account is known by its alias only.
    key = f"{aws}:kms:[a-z0-9-]+:{account}:{'alias' if elsewhere else 'key'}/.+"
    rules = {
        "ModelPackageArn": (package, f"the ARN of a version in the model package group {settings.name}"),
        "ModelRoleArn": (f"{aws}:iam::{account}:role/.+", "the ARN of the role that the model runs as"),
        "KeyArn": (key, "the ARN of the key of volumes and captured requests"),
        "TopicArn": (f"{aws}:sns:[a-z0-9-]+:{account}:.+", "the ARN of the topic that alarms tell"),
    }
    if elsewhere:
        image = "[0-9]{12}[.]dkr[.]ecr[.][a-z0-9-]+[.][a-z0-9.-]+/[a-z0-9._/-]+:[A-Za-z0-9._-]+"
        rules["ModelImage"] = (image, "the URI of the package's image in this region")
        rules["ModelDataUrl"] = (f"s3://.+/{contract.MODELS_PREFIX}.+", "the S3 URI of the package's model")
    if getattr(settings, stage).capture_percent:
        rules["RunsBucket"] = ("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of the bucket of captured requests")
    return rules


# A blue/green update needs the same name before and after, and so does the scaling target.
ENDPOINT_VARIANT: Final = "AllTraffic"
# The service-linked role with which Application Auto Scaling changes the number of instances.
SCALING_SERVICE: Final = "sagemaker.application-autoscaling.amazonaws.com"
SCALING_ROLE_RESOURCE: Final = (
    f"role/aws-service-role/{SCALING_SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
# Scaling out reacts fast; instances need minutes to start, so scaling in waits longer.
_SCALE_OUT_COOLDOWN: Final = Duration.minutes(2)
_SCALE_IN_COOLDOWN: Final = Duration.minutes(10)


def endpoint_name(settings: Settings, stage: str) -> str:
    """Return the name of a stage's endpoint, and of its stack."""
    return f"{settings.name}-{stage}"


class EndpointStack(Stack):
    """A model, its configuration, its endpoint, its alarms and its scaling.

    Attributes:
        name: Name of the endpoint, and of the stack.
        parameters: Names of the template's parameters.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, stage: str, endpoint: EndpointSettings, **options: Any
    ) -> None:
        super().__init__(scope, id_, **options)
        self._settings, self._stage, self._of = settings, stage, endpoint
        self._elsewhere = remote_environment(settings, stage) is not None
        self.name = endpoint_name(settings, stage)
        self._given = {
            name: self._parameter(name, *rule) for name, rule in endpoint_template_parameters(settings, stage).items()
        }
        self.parameters = tuple(self._given)
        topic = aws_sns.Topic.from_topic_arn(self, "Topic", self._given["TopicArn"])
        named = {"endpoint_name": self.name, "variant": ENDPOINT_VARIANT}
        self._watched: dict[str, Any] = {**named, "latency_ms": endpoint.latency_ms, "topic": topic}
        EndpointAlarms(self, "Watch", **self._watched)
        resource = self._endpoint(self._configuration(self._model()))
        if endpoint.scales:
            self._scale(resource)
        add_stack_outputs(self, EndpointName=resource.attr_endpoint_name)

    def _parameter(self, name: str, pattern: str, what: str) -> str:
        parameter = CfnParameter(
            self,
            name,
            allowed_pattern=pattern,
            description=what[0].upper() + what[1:],
            constraint_description=f"must be {what}",
        )
        return parameter.value_as_string

    def _model(self) -> aws_sagemaker.CfnModel:
        model = aws_sagemaker.CfnModel(
            self,
            "Model",
            containers=[self._container()],
            execution_role_arn=self._given["ModelRoleArn"],
            enable_network_isolation=True,
        )
        _retain_replaced_resource(model)
        model.override_logical_id(generated_logical_id(self._settings.name, self._stage, MODEL))
        if self._elsewhere:
            Tags.of(model).add("model-package", self._given["ModelPackageArn"])
        return model

    def _container(self) -> aws_sagemaker.CfnModel.ContainerDefinitionProperty:
        of = aws_sagemaker.CfnModel.ContainerDefinitionProperty
        if not self._elsewhere:
            return of(model_package_name=self._given["ModelPackageArn"])
        # A remote stage reads no registry: it serves a copy of the package's model with the package's image, which
        # `cdk deploy` has pushed there too.
        return of(image=self._given["ModelImage"], model_data_url=self._given["ModelDataUrl"])

    def _configuration(self, model: aws_sagemaker.CfnModel) -> aws_sagemaker.CfnEndpointConfig:
        variant = aws_sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=ENDPOINT_VARIANT,
            model_name=model.attr_model_name,
            instance_type=self._of.instance,
            initial_instance_count=self._of.minimum,
            initial_variant_weight=1,
        )
        configuration = aws_sagemaker.CfnEndpointConfig(
            self,
            "Configuration",
            production_variants=[variant],
            kms_key_id=self._given["KeyArn"],
            data_capture_config=self._capture() if self._of.capture_percent else None,
        )
        _retain_replaced_resource(configuration)
        configuration.override_logical_id(generated_logical_id(self._settings.name, self._stage, CONFIGURATION))
        return configuration

    def _capture(self) -> aws_sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
        properties = aws_sagemaker.CfnEndpointConfig
        return properties.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self._of.capture_percent,
            destination_s3_uri=f"s3://{self._given['RunsBucket']}/{contract.CAPTURE_PREFIX}{self._stage}",
            kms_key_id=self._given["KeyArn"],
            capture_options=[properties.CaptureOptionProperty(capture_mode=mode) for mode in ("Input", "Output")],
            # Answers are kept as they are; what no list names, such as an image, is stored in Base64.
            capture_content_type_header=properties.CaptureContentTypeHeaderProperty(
                json_content_types=[contract.JSON_CONTENT_TYPE]
            ),
        )

    def _endpoint(self, configuration: aws_sagemaker.CfnEndpointConfig) -> aws_sagemaker.CfnEndpoint:
        # What autoscaling has decided survives an update; where it decides nothing, the settings' number applies.
        scales = self._of.scales
        guard = RolloutGuard(self, "Guard", configuration=configuration, **self._watched)
        capture = aws_sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DataCaptureConfig")
        return aws_sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self.name,
            endpoint_config_name=configuration.attr_endpoint_config_name,
            deployment_config=deployment_config(self._of, guard),
            # What the template says counts at each update; to keep the last one would keep a changed canary out.
            retain_deployment_config=False,
            retain_all_variant_properties=scales,
            exclude_retained_variant_properties=[capture] if scales else None,
        )

    def _scale(self, endpoint: aws_sagemaker.CfnEndpoint) -> None:
        role = self.format_arn(service="iam", region="", resource=SCALING_ROLE_RESOURCE)
        target = autoscaling.ScalableTarget(
            self,
            "Scaling",
            service_namespace=autoscaling.ServiceNamespace.SAGEMAKER,
            # Built from names that stay, so that the target does, whatever becomes of the configuration.
            resource_id=f"endpoint/{self.name}/variant/{ENDPOINT_VARIANT}",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            min_capacity=self._of.minimum,
            max_capacity=self._of.maximum,
            role=aws_iam.Role.from_role_arn(self, "ScalingRole", role, mutable=False),
        )
        target.node.add_dependency(endpoint)
        target.scale_to_track_metric(
            "Invocations",
            predefined_metric=autoscaling.PredefinedMetric.SAGEMAKER_VARIANT_INVOCATIONS_PER_INSTANCE,
            target_value=self._of.invocations_per_instance,
            scale_out_cooldown=_SCALE_OUT_COOLDOWN,
            scale_in_cooldown=_SCALE_IN_COOLDOWN,
        )


def _retain_replaced_resource(resource: CfnResource) -> None:
    """Keep what another package replaces; `make destroy` lists it, and it costs nothing.

    An alarm may take an endpoint back to it after CloudFormation has been told that the update is done. Deleted then,
    it would leave an endpoint that can add no instance any more.
    """
    resource.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    resource.cfn_options.deletion_policy = CfnDeletionPolicy.DELETE


class EndpointStage(Stage):
    """The endpoint stacks of staging and production.

    They have no account and region, since the pipeline deploys one template anywhere.

    Attributes:
        stacks: The stacks by the names of their stages.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings) -> None:
        super().__init__(scope, id_)
        self.stacks = {stage: self._stack(settings, stage) for stage in STAGES}
        # Tags of the application do not reach into a stage.
        configure_resources(self, settings)

    def _stack(self, settings: Settings, stage: str) -> EndpointStack:
        return EndpointStack(
            self,
            stage.capitalize(),
            settings=settings,
            stage=stage,
            endpoint=getattr(settings, stage),
            stack_name=f"{settings.name}-{stage}",
            description=f"{settings.name}: the endpoint of {stage}",
            # CloudFormation deploys it without the CDK, so there is no bootstrap version to look up.
            synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )


def endpoint_templates_asset(scope: Construct, id_: str, stage: EndpointStage) -> assets.Asset:
    """Return the stage's templates, and nothing else, as an object in the CDK's bucket."""
    return assets.Asset(
        scope,
        id_,
        path=stage.synth().directory,
        exclude=["*", "!*.template.json"],
        ignore_mode=IgnoreMode.GIT,
    )

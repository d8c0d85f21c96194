# SPDX-License-Identifier: MIT-0
"""The training stack: the preprocessing image, the roles, and the SageMaker pipeline that pipeline_src defines."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from aws_cdk import Stack, aws_sagemaker
from aws_cdk import aws_s3_assets as files
from constructs import Construct

from pipeline_src import gate_thresholds
from pipeline_src.algorithms.algorithm_specification import JOBS_IMAGE
from pipeline_src.algorithms.algorithm_table import find_algorithm
from pipeline_src.definition.pipeline import definition_json
from pipeline_src.definition.pipeline_deployment import PipelineDeployment, TuningSettings
from stacks.constructs.iam_statements import grant_actions, grant_pull_image, grant_read_object, resource_arn
from stacks.container_images import container_image
from stacks.settings.deployment_settings import Settings, TrainingSettings
from stacks.stack_outputs import add_stack_outputs
from stacks.storage.storage_stack import StorageStack
from stacks.training.job_roles import JobRole, PipelineRole

_ABSENT_FILE: Final = Path(__file__).with_name("absent.json")


class TrainingStack(Stack):
    """The image, the roles and the pipeline of a retraining.

    Attributes:
        image: Image of the processing jobs, those of the monitor included.
        absent: File that stands for a missing champion, additional archive or model to start from.
        job_role: Role of the jobs.
        pipeline_role: Role of the pipeline.
        pipeline: The SageMaker pipeline.
        pipeline_name: Its name.
        pipeline_arn: Its ARN.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, id_, **options)
        self._settings, self._storage = settings, storage
        self.pipeline_name = settings.name
        self.pipeline_arn = resource_arn("sagemaker", f"pipeline/{self.pipeline_name}")
        algorithm = find_algorithm(settings.training.algorithm)
        used = dict.fromkeys((JOBS_IMAGE, *algorithm.images))
        self._images = {each: container_image(self, each, settings) for each in used}
        self.image = self._images[JOBS_IMAGE]
        self.job_role = JobRole(self, "JobRole", settings=settings, storage=storage)
        self.absent = files.Asset(self, "Absent", path=str(_ABSENT_FILE))
        self._let_jobs_read()
        self.pipeline_role = PipelineRole(
            self, "PipelineRole", storage=storage, jobs=self.job_role, registry=settings.name
        )
        # A registration may read its image as the pipeline's role: AWS's managed policy for the registry allows it, and
        # no public record shows whether it does [?].
        serving = self._images[algorithm.serving_image].repository_arn
        grant_actions(self.pipeline_role, "ecr:BatchGetImage", on=[serving])
        if settings.training.tuning_jobs:
            self.pipeline_role.let_tune(settings.name)
        self.pipeline = self._pipeline()
        tracked = {"MlflowServer": settings.tracking.mlflow_arn} if settings.tracking.mlflow_arn else {}
        add_stack_outputs(self, Pipeline=self.pipeline_name, Image=self.image.uri, Algorithm=algorithm.name, **tracked)

    def _let_jobs_read(self) -> None:
        """Let the jobs read their images and the file that stands for what is missing, see `contract.ABSENT_OBJECT`.

        A job fails if its input names no object, so one must exist before the first model does. `cdk deploy`
        uploads an asset without a function in the account, and its key is the hash of its content. `asset.grant_read`
        would allow every asset of every application in the account.
        """
        grant_pull_image(self.job_role, *dict.fromkeys(each.repository_arn for each in self._images.values()))
        grant_read_object(self.job_role, self.absent.bucket.bucket_arn, self.absent.s3_object_key)

    def _pipeline(self) -> aws_sagemaker.CfnPipeline:
        pipeline = aws_sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=self.pipeline_name,
            pipeline_description="Retrains, gates and registers the skin-lesion classifier. Research use only.",
            pipeline_definition={"PipelineDefinitionBody": definition_json(self._deployment())},
            role_arn=self.pipeline_role.role_arn,
        )
        pipeline.node.add_dependency(self._storage.registry)
        return pipeline

    def _deployment(self) -> PipelineDeployment:
        storage, settings = self._storage, self._settings
        algorithm = find_algorithm(settings.training.algorithm)
        return PipelineDeployment(
            pipeline_name=self.pipeline_name,
            region=self.region,
            role_arn=self.job_role.role_arn,
            preprocessing_image=self.image.uri,
            training_image=self._images[algorithm.training_image].uri,
            serving_image=self._images[algorithm.serving_image].uri,
            raw_bucket=storage.raw.bucket_name,
            runs_bucket=storage.runs.bucket_name,
            kms_key_arn=storage.key.key_arn,
            model_package_group=settings.name,
            absent=self.absent.s3_object_url,
            algorithm=algorithm.name,
            spot=settings.training.spot,
            tags={"project": settings.name},
            defaults=parameter_defaults(settings.training),
            tuning=tuning_from_settings(settings.training),
            warm_start=settings.training.warm_start,
            keep_warm_seconds=settings.training.keep_warm_seconds,
            network=settings.network.vpc_config,
        )


def tuning_from_settings(training: TrainingSettings) -> TuningSettings | None:
    """Return the hyperparameter tuning of Train; None: it trains once."""
    return (
        TuningSettings(jobs=training.tuning_jobs, parallel=training.tuning_parallel) if training.tuning_jobs else None
    )


def parameter_defaults(training: TrainingSettings) -> dict[str, str | int | float]:
    """Return the defaults of the pipeline's parameters that `training` chooses."""
    wanted = asdict(gate_thresholds.THRESHOLD_PROFILES[training.gate_profile])
    return {
        "PreprocessInstanceType": training.preprocess_instance,
        "TrainInstanceType": training.train_instance_type,
        "TrainInstanceCount": training.train_instances,
        "ScoreInstanceType": training.score_instance,
        "ScoreInstanceCount": training.score_instances,
        "EvaluateInstanceType": training.evaluate_instance,
        "NearDuplicates": training.near_duplicates,
        **{name: wanted[requirement] for requirement, name in gate_thresholds.THRESHOLD_PARAMETERS.items()},
    }

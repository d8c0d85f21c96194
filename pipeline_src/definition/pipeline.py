# SPDX-License-Identifier: MIT-0
# ruff: noqa: ANN401, F401, PLC0415  the SDK has no types, and is imported late (see `_import_sdk`)
"""The SageMaker pipeline, built with the SageMaker Python SDK (v3). No other module imports the SDK.

`definition_json` renders the pipeline's JSON without an account, credentials or network access.
``python -m pipeline_src.definition.pipeline`` prints it for the sample deployment. job_specs.py holds the fixed
arguments of the jobs, pipeline_parameters.py what a run may change. This module joins the steps by their data.
"""

import json
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from unittest import mock

from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import PipelineParameter
from pipeline_src.definition import job_specs, retry_policies
from pipeline_src.definition.pipeline_deployment import (
    SDK_CONFIG,
    PipelineDeployment,
    TuningSettings,
    fill_placeholders,
    offline_deployment,
    placeholder_deployment,
    sdk_offline,
)
from pipeline_src.definition.pipeline_parameters import pipeline_parameters


class StepBuilder:
    """The pipeline parameters of one deployment, and what several steps are built with.

    Args:
        deployment: The deployment that the pipeline belongs to.
        sdk: The SDK's classes and modules by name.
    """

    def __init__(self, deployment: PipelineDeployment, sdk: SimpleNamespace) -> None:
        self.at, self.sdk, self.join = deployment, sdk, sdk.functions.Join
        self.session = sdk.PipelineSession(sagemaker_config=SDK_CONFIG)
        self.tags = {"pipeline": deployment.pipeline_name, **deployment.tags}
        self.cache = sdk.steps.CacheConfig(enable_caching=True, expire_after=job_specs.CACHE_EXPIRES)
        archives = f"s3://{deployment.raw_bucket}/{contract.ARCHIVES_PREFIX}"
        self.algorithm = deployment.specification
        unused = {
            *(self.algorithm.unused_when_tuned if deployment.tuning else ()),
            *(self.algorithm.unused_when_warm if deployment.warm_start else ()),
        }
        given = (
            PipelineParameter(contract.INPUT_ARCHIVE_PARAMETER, archives),
            *(each for each in pipeline_parameters(self.algorithm, deployment.defaults) if each.name not in unused),
            PipelineParameter(contract.ADDITIONAL_ARCHIVE_PARAMETER, deployment.absent),
            PipelineParameter(contract.CHAMPION_PREDICTIONS_PARAMETER, deployment.absent),
        )
        self.parameters = {each.name: getattr(sdk.parameters, each.kind)(**each.arguments) for each in given}
        for name, arguments in job_specs.starting_parameters(deployment).items():
            self.parameters[name] = sdk.parameters.ParameterString(name=name, **arguments)

    def processing(
        self, job: job_specs.ProcessingJobSpec, sources: dict[str, Any], facts: Mapping[str, Any] | None = None
    ) -> Any:
        """Return a processing step in our own image.

        Args:
            job: Specification of the job.
            sources: URI of each input, by its name.
            facts: Values that the job only records, besides parameters, by name.
        """
        given = self.parameters
        processor = self.sdk.Processor(
            **job_specs.processor_arguments(job, self.at),
            instance_count=1,
            instance_type=given[f"{job.step}InstanceType"],
            sagemaker_session=self.session,
            tags=self.tags,
            network_config=self.sdk.NetworkConfig(enable_network_isolation=True),
        )
        inputs = [job_specs.processing_input_arguments(name, uri) for name, uri in sources.items()]
        outputs = [
            job_specs.processing_output_arguments(name, self.run_uri(job.step.lower(), name)) for name in job.outputs
        ]
        run = processor.run(
            inputs=[self.sdk.shapes.ProcessingInput(**each) for each in inputs],
            outputs=[self.sdk.shapes.ProcessingOutput(**each) for each in outputs],
            arguments=[*self.arguments(job), *self.notes(job, facts or {})],
        )
        file = self.sdk.properties.PropertyFile(*job.property_file)
        return self.sdk.steps.ProcessingStep(job.step, run, property_files=[file], **self.repeated("Processing"))

    def repeated(self, kind: str) -> dict[str, Any]:
        """Return the caching and the retry policies of a step of `kind` that runs jobs."""
        return {"cache_config": self.cache, "retry_policies": self.retries(kind)}

    def retries(self, kind: str) -> list[Any]:
        """Return the SDK's retry policies of a step of `kind`."""
        sdk = self.sdk.retry
        of_requests = (sdk.StepRetryPolicy, sdk.StepExceptionTypeEnum)
        of_jobs = (sdk.SageMakerJobStepRetryPolicy, sdk.SageMakerJobExceptionTypeEnum)
        made = []
        for each in retry_policies.RETRY_POLICIES[kind]:
            policy, known = of_requests if each.exceptions[0].startswith("Step.") else of_jobs
            named = {member.value: member for member in known}
            made.append(
                policy(
                    exception_types=[named[name] for name in each.exceptions],
                    backoff_rate=each.backoff,
                    interval_seconds=each.seconds,
                    max_attempts=each.attempts,
                )
            )
        return made

    def arguments(self, job: job_specs.ProcessingJobSpec) -> list[Any]:
        """Return the command-line arguments of `job` for its parameters."""
        given = self.parameters
        return [
            word for name in job.parameters for word in (job_specs.command_line_option(name), given[name].to_string())
        ]

    def notes(self, job: job_specs.ProcessingJobSpec, facts: Mapping[str, Any]) -> list[Any]:
        """Return the command-line arguments of `job` for the values that it only records."""
        values = {name: self.parameters[name] for name in job.noted if name in self.parameters} | dict(facts)
        words = [self.join("=", [name, value]) for name, value in values.items()]
        words += [f"{contract.PREPROCESSING_IMAGE}={self.at.preprocessing_image}"] if job.noted else []
        return [word for each in words for word in (job_specs.NOTED_OPTION, each)]

    def run_uri(self, *path: str) -> Any:
        """Return the URI of `path` below the folder of this execution."""
        root = self.at.uri(contract.RUNS_PREFIX)
        return self.join("/", [root, self.sdk.execution_variables.ExecutionVariables.PIPELINE_EXECUTION_ID, *path])

    def evaluated(self, path: str) -> Any:
        """Return the value at `path` of evaluation.json."""
        return self.value(job_specs.EVALUATE_JOB, path)

    def value(self, job: job_specs.ProcessingJobSpec, path: str) -> Any:
        """Return the value at `path` of the property file of `job`."""
        return self.sdk.functions.JsonGet(job.step, job.property_file[0], path)


def processing_output_uri(step: Any, name: str) -> Any:
    """Return the URI of the output `name` of the processing step `step`."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def definition_json(deployment: PipelineDeployment) -> str:
    """Return the pipeline definition (schema 2020-12-01) as JSON text: the same bytes for the same `deployment`.

    Raises:
        RuntimeError: if a value of the deployment does not reach the JSON.
    """
    with sdk_offline():
        sdk = _import_sdk()
        # The SDK validates its configuration on each of 77 reads, which took two thirds of the time.
        with mock.patch.object(sdk.SageMakerConfig, "validate_sagemaker_config"):
            document = _PipelineSteps(placeholder_deployment(deployment), sdk).document()
    # The SDK writes null for what is not configured, which the schema does not know.
    return fill_placeholders(
        json.dumps({key: value for key, value in document.items() if value is not None}), deployment
    )


def _import_sdk() -> SimpleNamespace:
    """Import the SDK's classes late: the import reads the environment and takes two seconds."""
    from sagemaker.core import shapes
    from sagemaker.core.config.config_manager import SageMakerConfig
    from sagemaker.core.drift_check_baselines import DriftCheckBaselines
    from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.core.network import NetworkConfig
    from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
    from sagemaker.core.processing import Processor
    from sagemaker.core.transformer import Transformer
    from sagemaker.core.workflow import conditions, execution_variables, functions, parameters, properties
    from sagemaker.core.workflow.pipeline_context import PipelineSession
    from sagemaker.mlops.workflow import condition_step, fail_step, model_step, pipeline, retry, steps
    from sagemaker.serve.configs import Network
    from sagemaker.serve.model_builder import ModelBuilder
    from sagemaker.train.model_trainer import ModelTrainer
    from sagemaker.train.tuner import HyperparameterTuner

    return SimpleNamespace(**locals())


class _PipelineSteps(StepBuilder):
    """The steps of the pipeline of one deployment, one method each."""

    def document(self) -> dict[str, Any]:
        """Return the pipeline definition of all steps."""
        sources = {name: self.parameters[each] for name, each in job_specs.ARCHIVE_PARAMETERS.items()}
        if self.at.warm_start:
            sources[contract.STARTING_INPUT] = self.parameters[contract.STARTING_MANIFEST_PARAMETER]
        preprocess = self.processing(job_specs.preprocess_job(self.at), sources)
        train = self.train(preprocess)
        built = self.model_builder(train).build(tags=self.tags)
        model = self.sdk.model_step.ModelStep(contract.MODEL_STEP, built, retry_policies=self.retries("Model"))
        score = self.score(preprocess, model)
        evaluate = self.evaluate(preprocess, train, score)
        steps = [preprocess, train, model, score, evaluate, self.gate(self.register(preprocess, train, evaluate))]
        # No experiment (the first None), which would need permissions of its own.
        parameters = list(self.parameters.values())
        pipeline = self.sdk.pipeline.Pipeline(self.at.pipeline_name, parameters, None, None, steps, self.session)
        document: dict[str, Any] = json.loads(pipeline.definition())
        # The SDK's transform request refuses a parameter as its instance count; the service takes one.
        arguments = {each["Name"]: each["Arguments"] for each in document["Steps"]}
        arguments[contract.SCORE_STEP]["TransformResources"]["InstanceCount"] = self.parameters[
            "ScoreInstanceCount"
        ].expr
        train_request = arguments[contract.TRAIN_STEP]
        if self.at.tuning:
            train_request = train_request["TrainingJobDefinition"]
            job_specs.add_to_tuned_job(train_request, self.at)
        job_specs.add_own_training(train_request, self.algorithm)
        if self.at.network:
            # The SDK hands a VPC on from some of its classes and drops it in others, so it is added to the requests.
            for request in (
                arguments[contract.PREPROCESS_STEP]["NetworkConfig"],
                train_request,
                arguments[contract.MODEL_STEP],
                arguments[contract.EVALUATE_STEP]["NetworkConfig"],
            ):
                request["VpcConfig"] = dict(self.at.network)
        return document

    def train(self, preprocess: Any) -> Any:
        hosts = (self.parameters["TrainInstanceType"], self.parameters["TrainInstanceCount"])
        trainer = self.sdk.ModelTrainer(
            **job_specs.model_trainer_arguments(self.at),
            sagemaker_session=self.session,
            compute=job_specs.compute_arguments(self.at, *hosts),
            output_data_config={"s3_output_path": self.run_uri("train", "model"), "kms_key_id": self.at.kms_key_arn},
            checkpoint_config={"s3_uri": self.checkpoint_uri()} if self.checkpoints_used() else None,
            hyperparameters=self.hyperparameters(),
            tags=[{"key": key, "value": value} for key, value in self.tags.items()],
        )
        named = [
            job_specs.channel_arguments(name, processing_output_uri(preprocess, name))
            for name in job_specs.TRAINING_CHANNELS
        ]
        if self.at.warm_start:
            start = self.parameters[contract.STARTING_MODEL_PARAMETER]
            named.append(job_specs.channel_arguments(contract.MODEL_CHANNEL, start, contract.MODEL_CONTENT_TYPE))
        channels = [self.sdk.shapes.Channel(**each) for each in named]
        if self.at.tuning:
            return self.tune(trainer, channels, self.at.tuning)
        run = trainer.train(input_data_config=channels)
        return self.sdk.steps.TrainingStep(contract.TRAIN_STEP, run, **self.repeated("Training"))

    def tune(self, trainer: Any, channels: list[Any], given: TuningSettings) -> Any:
        kinds = {"Integer": self.sdk.IntegerParameter, "Continuous": self.sdk.ContinuousParameter}
        ranges = {
            each.name: kinds[each.kind](each.low, each.high, each.scaling) for each in self.algorithm.tuning_ranges
        }
        tuner = self.sdk.HyperparameterTuner(
            trainer, hyperparameter_ranges=ranges, **job_specs.tuner_arguments(self.algorithm, given)
        )
        run = tuner.tune(channels, wait=False)
        return self.sdk.steps.TuningStep(contract.TRAIN_STEP, run, **self.repeated("Tuning"))

    def hyperparameters(self) -> dict[str, Any]:
        size, chosen = self.parameters["ImageSize"], self.algorithm.parameter_of_hyperparameter
        return {
            **self.algorithm.fixed_hyperparameters,
            "num_classes": str(len(contract.CLASS_LABELS)),
            **{name: self.parameters[each].to_string() for name, each in chosen.items() if each in self.parameters},
            "image_shape": self.join(",", ["3", size, size]),
            "num_training_samples": self.value(job_specs.PREPROCESS_JOB, contract.TRAINING_SAMPLES_PATH),
        }

    def checkpoints_used(self) -> bool:
        return self.at.spot or self.algorithm.checkpoints == "content"

    def checkpoint_uri(self) -> Any:
        if self.algorithm.checkpoints == "content":
            return f"{self.at.uri(contract.CHECKPOINTS_PREFIX)}/{self.algorithm.name}"
        # The same for the same training and no other. A prefix of the execution's own would defeat step caching,
        # whose key holds this URI; one for all would let a training resume from the checkpoints of another.
        paths = (contract.ARCHIVE_SHA256_PATH, contract.ADDITION_SHA256_PATH)
        data = self.join("_", [self.value(job_specs.PREPROCESS_JOB, path) for path in paths])
        given = self.join(
            "_",
            [
                self.algorithm.fixed_digest,
                *(
                    self.parameters[name]
                    for name in job_specs.checkpoint_parameters(self.at)
                    if name in self.parameters
                ),
            ],
        )
        return self.join("/", [self.at.uri(contract.CHECKPOINTS_PREFIX), data, given, self.at.preprocessing_image])

    def model_builder(self, train: Any) -> Any:
        return self.sdk.ModelBuilder(
            **job_specs.model_builder_arguments(self.at),
            s3_model_data_url=self.artifact(train),
            network=self.sdk.Network(enable_network_isolation=True),
            sagemaker_session=self.session,
        )

    def artifact(self, train: Any) -> Any:
        if self.at.tuning:
            return self.join("/", job_specs.best_model_uri_parts(train.properties))
        return train.properties.ModelArtifacts.S3ModelArtifacts

    def score(self, preprocess: Any, model: Any) -> Any:
        transformer = self.sdk.Transformer(
            model_name=model.properties.ModelName,
            instance_type=self.parameters["ScoreInstanceType"],
            output_path=self.run_uri("score", contract.SCORES_INPUT),
            tags=self.tags,
            sagemaker_session=self.session,
            **job_specs.transformer_arguments(self.at),
        )
        run = transformer.transform(
            processing_output_uri(preprocess, contract.HOLDOUT_OUTPUT), **job_specs.TRANSFORM_REQUEST
        )
        return self.sdk.steps.TransformStep(contract.SCORE_STEP, run, **self.repeated("Transform"))

    def evaluate(self, preprocess: Any, train: Any, score: Any) -> Any:
        names = (contract.DATASET_OUTPUT, contract.HOLDOUT_OUTPUT)
        sources = {
            contract.SCORES_INPUT: score.properties.TransformOutput.S3OutputPath,
            contract.CHAMPION_INPUT: self.parameters[contract.CHAMPION_PREDICTIONS_PARAMETER],
            contract.MODEL_INPUT: self.artifact(train),
        }
        sources |= {name: processing_output_uri(preprocess, name) for name in names}
        # They defeat no step caching: Evaluate reads the scores of the execution's own model, which is new each time.
        variables = self.sdk.execution_variables.ExecutionVariables
        facts = {
            contract.EXECUTION_FACT: variables.PIPELINE_EXECUTION_ID,
            contract.STARTED_FACT: variables.START_DATETIME,
            contract.ALGORITHM_FACT: self.algorithm.name,
        }
        if self.at.tuning:
            facts |= job_specs.tuning_provenance(self.algorithm, self.at.tuning, train.properties, self.join)
        return self.processing(job_specs.evaluate_job(self.algorithm), sources, facts)

    def register(self, preprocess: Any, train: Any, evaluate: Any) -> Any:
        folder = processing_output_uri(evaluate, contract.EVALUATION_OUTPUT)

        def source(name: str) -> Any:
            return self.sdk.MetricsSource(contract.JSON_CONTENT_TYPE, self.join("/", [folder, name]))

        card = self.evaluated(contract.MODEL_CARD_PATH)
        package = self.model_builder(train).register(
            model_package_group_name=self.at.model_package_group,
            model_metrics=self.sdk.ModelMetrics(model_statistics=source(contract.EVALUATION_FILE)),
            drift_check_baselines=self.sdk.DriftCheckBaselines(
                model_data_statistics=source(contract.MONITOR_STATISTICS_FILE),
                model_data_constraints=source(contract.MONITOR_CONSTRAINTS_FILE),
            ),
            model_card=self.sdk.shapes.ModelPackageModelCard(
                model_card_content=card, model_card_status=job_specs.MODEL_CARD_STATUS
            ),
            approval_status=self.parameters["ModelApprovalStatus"],
            customer_metadata_properties={
                contract.METADATA_DATASET: self.value(job_specs.PREPROCESS_JOB, contract.ARCHIVE_SHA256_PATH),
                contract.METADATA_ADDITION: self.value(job_specs.PREPROCESS_JOB, contract.ADDITION_SHA256_PATH),
                contract.METADATA_REPORT: self.join("/", [folder, contract.REPORT_FILE]),
                contract.METADATA_HOLDOUT: processing_output_uri(preprocess, contract.HOLDOUT_OUTPUT),
                **job_specs.model_package_metadata(self.algorithm, self.evaluated, self.parameters),
                **(
                    job_specs.tuning_metadata(self.algorithm, self.at.tuning, train.properties, self.join)
                    if self.at.tuning
                    else {}
                ),
            },
            **job_specs.INFERENCE_ARGUMENTS,
        )
        return self.sdk.model_step.ModelStep(
            contract.REGISTER_STEP, package, retry_policies=self.retries("RegisterModel")
        )

    def gate(self, register: Any) -> Any:
        verdict = self.evaluated(contract.VERDICT_PATH)
        passed = self.sdk.conditions.ConditionEquals(verdict, contract.VERDICT_PASS)
        reject = self.sdk.fail_step.FailStep(contract.REJECT_STEP, self.evaluated(contract.REASON_PATH))
        return self.sdk.condition_step.ConditionStep(
            contract.GATE_STEP, None, None, None, [passed], [register], [reject]
        )


if __name__ == "__main__":
    # The algorithm may be named: python -m pipeline_src.definition.pipeline linear_probe
    sys.stdout.write(json.dumps(json.loads(definition_json(offline_deployment(*sys.argv[1:2]))), indent=2) + "\n")

# SPDX-License-Identifier: MIT-0
# ruff: noqa: ANN401, F401, PLC0415  the SDK has no types, and is imported late (see `_sdk`)
"""The SageMaker pipeline, written with the SageMaker Python SDK (v3): the only module that imports it.

`definition` renders the pipeline's JSON with no account, no credentials and no network.
``python -m pipeline_src.pipeline`` prints it for the sample deployment. What a job is told, wherever it is
fixed, stands in workload.py; what a run may change, in parameter.py. Here the steps are joined by their data.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any
from unittest import mock

from pipeline_src import contract, hyperparameter, registration, tuning, workload
from pipeline_src.builder import Builder, output
from pipeline_src.deployment import OFFLINE, Deployment, Tuning, filled, offline, stand_in

__all__ = ["OFFLINE", "Deployment", "Tuning", "definition"]


def definition(deployment: Deployment) -> str:
    """Return the pipeline definition (schema 2020-12-01) as JSON text: the same bytes for the same `deployment`.

    Raises:
        RuntimeError: if a value of the deployment does not reach the JSON.
    """
    with offline():
        sdk = _sdk()
        # The SDK validates its configuration at each of 77 looks into it, which took two thirds of the time.
        with mock.patch.object(sdk.SageMakerConfig, "validate_sagemaker_config"):
            document = _Pipeline(stand_in(deployment), sdk).document()
    # The SDK writes null for what is not configured, which the schema does not know.
    return filled(json.dumps({key: value for key, value in document.items() if value is not None}), deployment)


def _sdk() -> SimpleNamespace:
    """Import what the steps are made of: late, as the SDK reads the environment then and takes two seconds."""
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


class _Pipeline(Builder):
    """The steps over one deployment: one method for each."""

    def document(self) -> dict[str, Any]:
        """Return what the SDK makes of all the steps."""
        archives = {name: self.parameters[each] for name, each in workload.ARCHIVES.items()}
        preprocess = self.processing(workload.PREPROCESS, archives)
        train = self.train(preprocess)
        built = self.model_builder(train).build(tags=self.tags)
        model = self.sdk.model_step.ModelStep(contract.MODEL, built, retry_policies=self.retries("Model"))
        score = self.score(preprocess, model)
        evaluate = self.evaluate(preprocess, train, score)
        steps = [preprocess, train, model, score, evaluate, self.gate(self.register(preprocess, train, evaluate))]
        # No experiment (the first None), which would need permissions of its own.
        parameters = list(self.parameters.values())
        pipeline = self.sdk.pipeline.Pipeline(self.at.pipeline_name, parameters, None, None, steps, self.session)
        document: dict[str, Any] = json.loads(pipeline.definition())
        # The SDK's transform request refuses a parameter as its instance count; the service takes one.
        arguments = {each["Name"]: each["Arguments"] for each in document["Steps"]}
        arguments[contract.SCORE]["TransformResources"]["InstanceCount"] = self.parameters["ScoreInstanceCount"].expr
        if self.at.tuning:
            arguments[contract.TRAINING]["TrainingJobDefinition"] |= tuning.ADDED
        return document

    def train(self, preprocess: Any) -> Any:
        hosts = (self.parameters["TrainInstanceType"], self.parameters["TrainInstanceCount"])
        trainer = self.sdk.ModelTrainer(
            **workload.trainer(self.at),
            sagemaker_session=self.session,
            compute=workload.compute(self.at, *hosts),
            output_data_config={"s3_output_path": self.run_uri("train", "model"), "kms_key_id": self.at.kms_key_arn},
            checkpoint_config={"s3_uri": self.checkpoint_uri()} if self.at.spot else None,
            hyperparameters=self.hyperparameters(),
            tags=[{"key": key, "value": value} for key, value in self.tags.items()],
        )
        named = [workload.channel(name, output(preprocess, name)) for name in workload.CHANNELS]
        channels = [self.sdk.shapes.Channel(**each) for each in named]
        if self.at.tuning:
            return self.tune(trainer, channels, self.at.tuning)
        run = trainer.train(input_data_config=channels)
        return self.sdk.steps.TrainingStep(contract.TRAINING, run, **self.repeated("Training"))

    def tune(self, trainer: Any, channels: list[Any], given: Tuning) -> Any:
        kinds = {"Integer": self.sdk.IntegerParameter, "Continuous": self.sdk.ContinuousParameter}
        ranges = {each.name: kinds[each.kind](each.low, each.high, each.scaling) for each in hyperparameter.RANGES}
        tuner = self.sdk.HyperparameterTuner(trainer, hyperparameter_ranges=ranges, **tuning.tuner(given))
        run = tuner.tune(channels, wait=False)
        return self.sdk.steps.TuningStep(contract.TRAINING, run, **self.repeated("Tuning"))

    def hyperparameters(self) -> dict[str, Any]:
        size, chosen = self.parameters["ImageSize"], hyperparameter.PARAMETERS
        return {
            **hyperparameter.FIXED,
            **{name: self.parameters[each].to_string() for name, each in chosen.items() if each in self.parameters},
            "image_shape": self.join(",", ["3", size, size]),
            "num_training_samples": self.value(workload.PREPROCESS, contract.TRAINING_SAMPLES_PATH),
        }

    def checkpoint_uri(self) -> Any:
        # The same for the same training and no other. A prefix of the execution's own would defeat step caching,
        # whose key holds this URI; one for all would let a training resume from the checkpoints of another.
        paths = (contract.ARCHIVE_SHA256_PATH, contract.ADDITION_SHA256_PATH)
        data = self.join("_", [self.value(workload.PREPROCESS, path) for path in paths])
        given = self.join("_", [hyperparameter.DIGEST, *(self.parameters[name] for name in workload.TRAINING_IDENTITY)])
        return self.join("/", [self.at.uri(contract.CHECKPOINTS_PREFIX), data, given, self.at.preprocessing_image])

    def model_builder(self, train: Any) -> Any:
        return self.sdk.ModelBuilder(
            **workload.model(self.at),
            s3_model_data_url=self.artifact(train),
            network=self.sdk.Network(enable_network_isolation=True),
            sagemaker_session=self.session,
        )

    def artifact(self, train: Any) -> Any:
        if self.at.tuning:
            return self.join("/", tuning.artifact(train.properties))
        return train.properties.ModelArtifacts.S3ModelArtifacts

    def score(self, preprocess: Any, model: Any) -> Any:
        transformer = self.sdk.Transformer(
            model_name=model.properties.ModelName,
            instance_type=self.parameters["ScoreInstanceType"],
            output_path=self.run_uri("score", contract.SCORES_INPUT),
            tags=self.tags,
            sagemaker_session=self.session,
            **workload.transformer(self.at),
        )
        run = transformer.transform(output(preprocess, contract.HOLDOUT_OUTPUT), **workload.TRANSFORM_REQUEST)
        return self.sdk.steps.TransformStep(contract.SCORE, run, **self.repeated("Transform"))

    def evaluate(self, preprocess: Any, train: Any, score: Any) -> Any:
        names = (contract.DATASET_OUTPUT, contract.HOLDOUT_OUTPUT)
        sources = {
            contract.SCORES_INPUT: score.properties.TransformOutput.S3OutputPath,
            contract.CHAMPION_INPUT: self.parameters[contract.CHAMPION_PREDICTIONS],
        }
        sources |= {name: output(preprocess, name) for name in names}
        facts = tuning.facts(self.at.tuning, train.properties, self.join) if self.at.tuning else {}
        return self.processing(workload.EVALUATE, sources, facts)

    def register(self, preprocess: Any, train: Any, evaluate: Any) -> Any:
        folder = output(evaluate, contract.EVALUATION_OUTPUT)

        def source(name: str) -> Any:
            return self.sdk.MetricsSource(contract.JSON_CONTENT_TYPE, self.join("/", [folder, name]))

        card = self.evaluated(contract.MODEL_CARD_PATH)
        package = self.model_builder(train).register(
            model_package_group_name=self.at.model_package_group,
            model_metrics=self.sdk.ModelMetrics(model_statistics=source(contract.EVALUATION)),
            drift_check_baselines=self.sdk.DriftCheckBaselines(
                model_data_statistics=source(contract.MONITOR_STATISTICS),
                model_data_constraints=source(contract.MONITOR_CONSTRAINTS),
            ),
            model_card=self.sdk.shapes.ModelPackageModelCard(
                model_card_content=card, model_card_status=registration.CARD_STATUS
            ),
            approval_status=self.parameters["ModelApprovalStatus"],
            customer_metadata_properties={
                contract.METADATA_DATASET: self.value(workload.PREPROCESS, contract.ARCHIVE_SHA256_PATH),
                contract.METADATA_ADDITION: self.value(workload.PREPROCESS, contract.ADDITION_SHA256_PATH),
                contract.METADATA_REPORT: self.join("/", [folder, contract.REPORT]),
                contract.METADATA_HOLDOUT: output(preprocess, contract.HOLDOUT_OUTPUT),
                **registration.metadata(self.evaluated, self.parameters),
                **(tuning.metadata(self.at.tuning, train.properties, self.join) if self.at.tuning else {}),
            },
            **registration.INFERENCE,
        )
        return self.sdk.model_step.ModelStep(contract.REGISTER, package, retry_policies=self.retries("RegisterModel"))

    def gate(self, register: Any) -> Any:
        verdict = self.evaluated(contract.VERDICT_PATH)
        passed = self.sdk.conditions.ConditionEquals(verdict, contract.VERDICT_PASS)
        reject = self.sdk.fail_step.FailStep(contract.REJECT, self.evaluated(contract.REASON_PATH))
        return self.sdk.condition_step.ConditionStep(contract.GATE, None, None, None, [passed], [register], [reject])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json.loads(definition(OFFLINE)), indent=2) + "\n")

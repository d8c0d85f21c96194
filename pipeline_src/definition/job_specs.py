# SPDX-License-Identifier: MIT-0
# ruff: noqa: ANN401  a value may be a pipeline variable of the SDK, which has no types
"""Specifications of the pipeline's jobs: entry points, limits, isolation, keys, tuning and model package metadata.

Standard library only: plain values, named as the arguments of the SageMaker SDK's classes, to which pipeline.py passes
them. Sources: SageMaker Developer Guide, "Perform Automatic Model Tuning" and "Tune an Image Classification Model".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pipeline_src import contract, gate_thresholds
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.definition import instance_types, retry_policies
from pipeline_src.definition.pipeline_deployment import PipelineDeployment, TuningSettings

_HOUR: Final = 3600

# Maximum age of a step's result that is reused. Keep it below the lifetime of the objects under runs/.
# Score and Evaluate are cached too, although their cache keys hold the name of the execution's own Model: their results
# are reused only where that name is the same. Evaluate therefore may note the execution and its start time.
CACHE_EXPIRES: Final = "P30D"


@dataclass(frozen=True, kw_only=True)
class ProcessingJobSpec:
    """One processing job in our own image.

    Attributes:
        step: Name of its step.
        module: Module that the container runs, as ``python -m <module>``.
        parameters: Names of the pipeline parameters that it takes as arguments, see `command_line_option`.
        noted: Names of the parameters that it only records, as ``--noted NAME=VALUE``.
        outputs: Names of its outputs.
        property_file: Name of its property file, the output that holds it, and its file name.
        volume_gb: Size of its storage volume.
        seconds: Time after which the service ends it.
    """

    step: str
    module: str
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    property_file: tuple[str, str, str]
    volume_gb: int
    seconds: int
    noted: tuple[str, ...] = ()


# The parameters that name the archives, by the input of Preprocess.
ARCHIVE_PARAMETERS: Final = {
    contract.ARCHIVE_INPUT: contract.INPUT_ARCHIVE_PARAMETER,
    contract.ADDITION_INPUT: contract.ADDITIONAL_ARCHIVE_PARAMETER,
}
# The real archive is 2.8 GB, and the outputs are about as large. One host needs about a minute.
PREPROCESS_JOB: Final = ProcessingJobSpec(
    step=contract.PREPROCESS_STEP,
    module="pipeline_src.jobs.preprocess",
    parameters=(
        "ImageSize",
        "ValidationFraction",
        "TestFraction",
        "ClassBalance",
        "RepeatCap",
        "AllowedMissingImages",
        "NearDuplicates",
    ),
    outputs=(contract.TRAIN_OUTPUT, contract.VALIDATION_OUTPUT, contract.HOLDOUT_OUTPUT, contract.DATASET_OUTPUT),
    property_file=(contract.DATASET_CARD_PROPERTY, contract.DATASET_OUTPUT, contract.DATASET_CARD_FILE),
    volume_gb=30,
    seconds=_HOUR,
)
EVALUATE_JOB: Final = ProcessingJobSpec(
    step=contract.EVALUATE_STEP,
    module="pipeline_src.jobs.evaluate",
    parameters=(
        "MelanomaTargetSensitivity",
        *gate_thresholds.THRESHOLD_PARAMETERS.values(),
        contract.CHAMPION_PACKAGE_PARAMETER,
    ),
    outputs=(contract.EVALUATION_OUTPUT,),
    property_file=(contract.EVALUATION_PROPERTY, contract.EVALUATION_OUTPUT, contract.EVALUATION_FILE),
    volume_gb=20,
    seconds=_HOUR,
    # The dataset card records the parameters of Preprocess.
    noted=(
        contract.SOURCE_COMMIT_PARAMETER,
        contract.EARLIER_EVALUATIONS_PARAMETER,
        "MelanomaTargetSensitivity",
        contract.STARTING_PACKAGE_PARAMETER,  # with warm start
    ),
)

TRAINING_CHANNELS: Final = (contract.TRAIN_OUTPUT, contract.VALIDATION_OUTPUT)

# A transform job has no time limit of its own, only one for each image.
TRANSFORM_REQUEST: Final = {
    "content_type": contract.IMAGE_CONTENT_TYPE,
    "model_client_config": {"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 3},
}
NOTED_OPTION: Final = "--noted"


def command_line_option(parameter: str) -> str:
    """Return the command-line option that carries pipeline parameter `parameter`: ImageSize is ``--image-size``."""
    return "--" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", parameter).lower()


def processor_arguments(job: ProcessingJobSpec, at: PipelineDeployment) -> dict[str, Any]:
    """Return the processor's arguments for `job`: role, image, keys and limits."""
    return {
        "role": at.role_arn,
        "image_uri": at.preprocessing_image,
        "entrypoint": ["python", "-m", job.module],
        "volume_size_in_gb": job.volume_gb,
        "volume_kms_key": at.kms_key_arn,
        "output_kms_key": at.kms_key_arn,
        "max_runtime_in_seconds": job.seconds,
    }


def processing_input_arguments(name: str, uri: Any) -> dict[str, Any]:
    """Return the processing input `name`: everything below `uri`."""
    source = {
        "s3_uri": uri,
        "s3_data_type": "S3Prefix",
        "local_path": contract.processing_input_path(name),
        "s3_input_mode": "File",
        "s3_data_distribution_type": "FullyReplicated",
    }
    return {"input_name": name, "s3_input": source}


def processing_output_arguments(name: str, uri: Any) -> dict[str, Any]:
    """Return the processing output `name`, uploaded to `uri` when the job ends."""
    target = {"s3_uri": uri, "local_path": contract.processing_output_path(name), "s3_upload_mode": "EndOfJob"}
    return {"output_name": name, "s3_output": target}


def preprocess_job(at: PipelineDeployment) -> ProcessingJobSpec:
    """Return Preprocess, which with warm start checks the model that Train starts from."""
    more = (contract.STARTING_MODEL_PARAMETER,) if at.warm_start else ()
    return replace(PREPROCESS_JOB, parameters=(*PREPROCESS_JOB.parameters, *more))


def evaluate_job(algorithm: AlgorithmSpecification) -> ProcessingJobSpec:
    """Return Evaluate for a model of `algorithm`, whose parameters it records."""
    return replace(EVALUATE_JOB, noted=(*EVALUATE_JOB.noted, *algorithm.parameter_of_hyperparameter.values()))


def checkpoint_parameters(at: PipelineDeployment) -> tuple[str, ...]:
    """Return the names of the parameters that a training depends on: they name the prefix of its checkpoints."""
    return (*preprocess_job(at).parameters, *at.specification.parameter_of_hyperparameter.values())


def starting_parameters(at: PipelineDeployment) -> dict[str, dict[str, str]]:
    """Return the arguments of the parameters that name the model which Train starts from, by name.

    An execution has to give those without a default: the algorithm takes nothing else for a model.
    """
    if not at.warm_start:
        return {}
    absent = {"default_value": at.absent} if at.specification.warm_start == "optional" else {}
    return {
        contract.STARTING_MODEL_PARAMETER: absent,
        contract.STARTING_MANIFEST_PARAMETER: absent,
        contract.STARTING_PACKAGE_PARAMETER: {"default_value": contract.NO_PACKAGE},
    }


def model_trainer_arguments(at: PipelineDeployment) -> dict[str, Any]:
    """Return the trainer's arguments: role, image, command, isolation and time limits.

    With spot capacity the limit does not count the waiting, and the longer limit does. More than an hour of waiting is
    granted only to algorithms that write checkpoints, as all of ours do.
    """
    hours = at.specification.maximum_hours
    limit = {"max_runtime_in_seconds": hours * _HOUR}
    return {
        "role": at.role_arn,
        "training_image": at.training_image,
        "networking": {"enable_network_isolation": True, "enable_inter_container_traffic_encryption": True},
        "stopping_condition": {**limit, "max_wait_time_in_seconds": 2 * hours * _HOUR} if at.spot else limit,
    }


def add_own_training(request: dict[str, Any], algorithm: AlgorithmSpecification) -> None:
    """Add to the request of a training in an image of ours the algorithm's name and its metrics.

    The image's command ``train`` reads the name; the request of a tuning can name no command. A built-in algorithm's
    metrics are known to the service, which refuses definitions of them.
    """
    if algorithm.training_image.is_built:
        metrics = [{"Name": name, "Regex": pattern} for name, pattern in algorithm.metrics.items()]
        request["AlgorithmSpecification"]["MetricDefinitions"] = metrics
        request["Environment"] = {contract.ALGORITHM_VARIABLE: algorithm.name}


def compute_arguments(at: PipelineDeployment, kind: Any, hosts: Any) -> dict[str, Any]:
    """Return the instances of the training.

    Most GPU instances have local storage, which encrypts itself, and the service refuses a key for it (SageMaker API
    Reference, ResourceConfig.VolumeKmsKeyId). So an execution may give TrainInstanceType another type of the same kind
    only.
    """
    return {
        "instance_type": kind,
        "instance_count": hosts,
        "volume_size_in_gb": 30,
        "enable_managed_spot_training": at.spot,
        **({"volume_kms_key_id": at.kms_key_arn} if at.training_volume_key else {}),
        **({"keep_alive_period_in_seconds": at.keep_warm_seconds} if at.keep_warm_seconds else {}),
    }


def channel_arguments(name: str, uri: Any, content_type: str = contract.RECORDS_CONTENT_TYPE) -> dict[str, Any]:
    """Return the training channel `name`: one file, whole on each host."""
    source = {"s3_data_type": "S3Prefix", "s3_uri": uri, "s3_data_distribution_type": "FullyReplicated"}
    return {
        "channel_name": name,
        "content_type": content_type,
        "input_mode": "File",
        "data_source": {"s3_data_source": source},
    }


def model_builder_arguments(at: PipelineDeployment) -> dict[str, Any]:
    """Return the arguments of the model: its image and role.

    `dependencies` and `model_path` are empty, or the SDK would look for requirements, and would leave a folder
    below /tmp at each rendering.
    """
    return {"image_uri": at.serving_image, "role_arn": at.role_arn, "dependencies": {}, "model_path": "."}


def transformer_arguments(at: PipelineDeployment) -> dict[str, Any]:
    """Return the transformer's arguments: one held-out image in a request, as an endpoint receives them.

    Four requests of 6 MB at once stay below the service's 100 MB.
    """
    return {
        "instance_count": 1,
        "strategy": "SingleRecord",
        "max_concurrent_transforms": 4,
        "max_payload": 6,
        "accept": contract.JSON_CONTENT_TYPE,
        "output_kms_key": at.kms_key_arn,
        "volume_kms_key": at.kms_key_arn,
    }


# Random search draws the same values for the same seed, however its jobs are spread over time (docs/decisions/0017).
# The SDK leaves a seed of 0 out.
TUNING_SEED: Final = 20


def add_to_tuned_job(request: dict[str, Any], at: PipelineDeployment) -> None:
    """Add what the SDK's tuner does not pass from the trainer to the request of its jobs, or does not support.

    The tuning retries a job that the service loses, within the job's time limit.
    """
    request |= {
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "RetryStrategy": {"MaximumRetryAttempts": retry_policies.LOST_JOB.attempts},
    }
    if at.training_volume_key:
        request["ResourceConfig"]["VolumeKmsKeyId"] = at.kms_key_arn


def tuner_arguments(algorithm: AlgorithmSpecification, given: TuningSettings) -> dict[str, Any]:
    """Return the arguments of the SDK's HyperparameterTuner.

    Jobs are not stopped early: which one is would depend on the order in which they end.
    """
    return {
        "objective_metric_name": algorithm.tuning_objective,
        "objective_type": "Maximize",
        "strategy": "Random",
        "random_seed": TUNING_SEED,
        "max_jobs": given.jobs,
        "max_parallel_jobs": given.parallel,
        "early_stopping_type": "Off",
    }


def best_model_uri_parts(properties: Any) -> list[Any]:
    """Return the parts of the URI of the best job's model.

    The output path is read from the step: a reused result lies below the folder of an earlier execution.
    """
    output = properties.TrainingJobDefinition.OutputDataConfig.S3OutputPath
    return [output, properties.BestTrainingJob.TrainingJobName, "output", contract.MODEL_ARTIFACT_FILE]


def tuning_provenance(
    algorithm: AlgorithmSpecification, given: TuningSettings, properties: Any, join: Any
) -> dict[str, Any]:
    """Return what the report records of a tuning: the number of completed jobs and the best values."""
    best = properties.BestTrainingJob.TunedHyperParameters
    return {
        "TuningJobs": _completed_jobs(given, properties, join),
        **{each.noted: best[each.name] for each in algorithm.tuning_ranges},
    }


def tuning_metadata(
    algorithm: AlgorithmSpecification, given: TuningSettings, properties: Any, join: Any
) -> dict[str, Any]:
    """Return the same values as metadata of the model package."""
    best = properties.BestTrainingJob.TunedHyperParameters
    return {
        "tuning_jobs": _completed_jobs(given, properties, join),
        **{f"tuned_{each.name}": best[each.name] for each in algorithm.tuning_ranges},
    }


def _completed_jobs(given: TuningSettings, properties: Any, join: Any) -> Any:
    return join(" ", [properties.TrainingJobStatusCounters.Completed, "of", str(given.jobs)])


# application/x-image covers PNG too; the container recognises the format by the first bytes. Instance types are those
# that the settings accept.
INFERENCE_ARGUMENTS: Final = {
    "content_types": [contract.IMAGE_CONTENT_TYPE, "image/jpeg"],
    "response_types": [contract.JSON_CONTENT_TYPE],
    "inference_instances": instance_types.allowed_instance_types(instance_types.ENDPOINT),
    "transform_instances": instance_types.allowed_instance_types(instance_types.TRANSFORM),
    "domain": "COMPUTER_VISION",
    "task": "IMAGE_CLASSIFICATION",
}
# A person approves the card together with the package.
MODEL_CARD_STATUS: Final = "PendingReview"
# Keys below `headline` of evaluation.json that are copied to the model package for the approval.
HEADLINE_KEYS: Final = (
    "balanced_accuracy",
    "melanoma_sensitivity",
    "melanoma_specificity",
    "melanoma_threshold",
    "test_images",
    "temperature",
    "champion_difference",
)


def model_package_metadata(
    algorithm: AlgorithmSpecification, evaluation: Callable[[str], Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metadata that come from the algorithm, the evaluation and the pipeline's parameters.

    Args:
        algorithm: the algorithm of the model.
        evaluation: gives the value at a path of evaluation.json.
        parameters: the pipeline's parameters by name.
    """
    requirements = {
        contract.METADATA_REQUIREMENT + name: evaluation(f"{contract.REQUIREMENT_PATH}.{name}")
        for name in gate_thresholds.THRESHOLD_PARAMETERS
    }
    start = parameters.get(contract.STARTING_PACKAGE_PARAMETER)
    return {
        contract.METADATA_ALGORITHM: algorithm.name,
        contract.METADATA_COMMIT: parameters[contract.SOURCE_COMMIT_PARAMETER],
        contract.METADATA_EARLIER: parameters[contract.EARLIER_EVALUATIONS_PARAMETER],
        contract.METADATA_CHAMPION: parameters[contract.CHAMPION_PACKAGE_PARAMETER],
        **({} if start is None else {contract.METADATA_START: start}),
        **{name: evaluation(f"headline.{name}") for name in HEADLINE_KEYS},
        **requirements,
    }

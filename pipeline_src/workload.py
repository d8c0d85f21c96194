# SPDX-License-Identifier: MIT-0
# ruff: noqa: ANN401  where a value may be a pipeline variable, it is of a type of the SDK's, which has no types
"""What the pipeline's jobs are told, wherever it is fixed: entry points, limits, isolation, keys, hyperparameters.

Standard library only: plain values, in the words of the SageMaker SDK's classes, which pipeline.py hands them to.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from pipeline_src import contract, gate, hyperparameter
from pipeline_src.deployment import Deployment

_HOUR: Final = 3600

# How old a step's result may be to be used again. Keep it below the lifetime of the objects under runs/.
# Score and Evaluate take part although each execution makes a Model of its own, and their keys hold its name: an
# execution finds their results again only where that name is the same.
CACHE_EXPIRES: Final = "P30D"


@dataclass(frozen=True, kw_only=True)
class Processing:
    """One processing job in our own image.

    Attributes:
        step: Name of its step.
        module: What the container starts, as ``python -m <module>``.
        parameters: Names of the pipeline parameters it takes as arguments, see `option`.
        noted: Names of those that it is told only to note them, as ``--noted NAME=VALUE``.
        outputs: Names of its outputs.
        property_file: Name of its property file, and the output and the file name where it lies.
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


# The parameters that name the archives, by the input that each becomes.
ARCHIVES: Final = {
    contract.ARCHIVE_INPUT: contract.INPUT_ARCHIVE,
    contract.ADDITION_INPUT: contract.ADDITIONAL_ARCHIVE,
}
# The real archive is 2.8 GB; what is written about as much again. One host needs about a minute.
PREPROCESS: Final = Processing(
    step=contract.PREPROCESS,
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
    property_file=(contract.DATASET_CARD_PROPERTY, contract.DATASET_OUTPUT, contract.DATASET_CARD),
    volume_gb=30,
    seconds=_HOUR,
)
EVALUATE: Final = Processing(
    step=contract.EVALUATE,
    module="pipeline_src.jobs.evaluate",
    parameters=("MelanomaTargetSensitivity", *gate.FLOOR_PARAMETERS.values(), contract.CHAMPION_PACKAGE),
    outputs=(contract.EVALUATION_OUTPUT,),
    property_file=(contract.EVALUATION_PROPERTY, contract.EVALUATION_OUTPUT, contract.EVALUATION),
    volume_gb=20,
    seconds=_HOUR,
    # The dataset card notes what Preprocess was told.
    noted=(contract.SOURCE_COMMIT, "MelanomaTargetSensitivity", *hyperparameter.PARAMETERS.values()),
)

CHANNELS: Final = (contract.TRAIN_OUTPUT, contract.VALIDATION_OUTPUT)
# The parameters that a training depends on: they name the prefix of its checkpoints.
TRAINING_IDENTITY: Final = (*PREPROCESS.parameters, *hyperparameter.PARAMETERS.values())

# A transform job has no time limit of its own; what it can be held to is the time for each image.
TRANSFORM_REQUEST: Final = {
    "content_type": contract.IMAGE_CONTENT_TYPE,
    "model_client_config": {"InvocationsTimeoutInSeconds": 60, "InvocationsMaxRetries": 3},
}
NOTED_OPTION: Final = "--noted"


def option(parameter: str) -> str:
    """Return the command-line option that carries pipeline parameter `parameter`: ImageSize is ``--image-size``."""
    return "--" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", parameter).lower()


def processor(job: Processing, at: Deployment) -> dict[str, Any]:
    """Return where and within which limits `job` runs."""
    return {
        "role": at.role_arn,
        "image_uri": at.preprocessing_image,
        "entrypoint": ["python", "-m", job.module],
        "volume_size_in_gb": job.volume_gb,
        "volume_kms_key": at.kms_key_arn,
        "output_kms_key": at.kms_key_arn,
        "max_runtime_in_seconds": job.seconds,
    }


def processing_input(name: str, uri: Any) -> dict[str, Any]:
    """Return the processing input `name`: everything below `uri`."""
    source = {
        "s3_uri": uri,
        "s3_data_type": "S3Prefix",
        "local_path": contract.processing_input(name),
        "s3_input_mode": "File",
        "s3_data_distribution_type": "FullyReplicated",
    }
    return {"input_name": name, "s3_input": source}


def processing_output(name: str, uri: Any) -> dict[str, Any]:
    """Return the processing output `name`, uploaded to `uri` when the job ends."""
    target = {"s3_uri": uri, "local_path": contract.processing_output(name), "s3_upload_mode": "EndOfJob"}
    return {"output_name": name, "s3_output": target}


def trainer(at: Deployment) -> dict[str, Any]:
    """Return where and within which limits the training runs.

    Six hours are for deeper networks: 30 epochs of ResNet-18 at 224 pixels should take an hour at most on a T4.
    With spot capacity they do not count the waiting, and the longer limit does. More than an hour of waiting is
    granted only to algorithms that write checkpoints, as this one does.
    """
    limit = {"max_runtime_in_seconds": 6 * _HOUR}
    return {
        "role": at.role_arn,
        "training_image": at.algorithm_image,
        "networking": {"enable_network_isolation": True, "enable_inter_container_traffic_encryption": True},
        "stopping_condition": {**limit, "max_wait_time_in_seconds": 12 * _HOUR} if at.spot else limit,
    }


def compute(at: Deployment, kind: Any, hosts: Any) -> dict[str, Any]:
    """Return the machines of the training.

    They get no volume key: the GPU instances have local storage, which encrypts itself, and the service refuses
    a key for it (SageMaker API Reference, ResourceConfig.VolumeKmsKeyId).
    """
    return {
        "instance_type": kind,
        "instance_count": hosts,
        "volume_size_in_gb": 30,
        "enable_managed_spot_training": at.spot,
        **({"keep_alive_period_in_seconds": at.keep_warm_seconds} if at.keep_warm_seconds else {}),
    }


def channel(name: str, uri: Any) -> dict[str, Any]:
    """Return the training channel `name`: one RecordIO file, whole on each host."""
    source = {"s3_data_type": "S3Prefix", "s3_uri": uri, "s3_data_distribution_type": "FullyReplicated"}
    return {
        "channel_name": name,
        "content_type": contract.RECORDS_CONTENT_TYPE,
        "input_mode": "File",
        "data_source": {"s3_data_source": source},
    }


def model(at: Deployment) -> dict[str, Any]:
    """Return what the model is served by.

    `dependencies` and `model_path` are empty, or the SDK would look for requirements, and would leave a folder
    below /tmp at each rendering.
    """
    return {"image_uri": at.algorithm_image, "role_arn": at.role_arn, "dependencies": {}, "model_path": "."}


def transformer(at: Deployment) -> dict[str, Any]:
    """Return how the holdout images are scored: one in a request, as an endpoint gets them.

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

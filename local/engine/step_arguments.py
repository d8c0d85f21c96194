# SPDX-License-Identifier: MIT-0
"""A small language for what a step's arguments may hold, and the check against it.

A shape is one of

- `ANY`: any value; the engine uses it;
- `TEXT`, `COUNT`, `TEXTS`, `TEXT_MAP`: a string, a whole number above zero, strings, strings by name;
- `MEANINGLESS`: accepted, for it has no meaning on this machine (keys, roles, instance types, tags, networks);
- ``only(...)``: one of these values, because the engine does nothing else;
- a dict: an object of at most these keys; a list of one shape: a list of such elements.

Values that are still expressions are left alone: the check runs again on the evaluated arguments.

The arguments of the jobs that train, as `local.engine.step_arguments` explains: Training and Tuning; and what every
job takes.

Source: the shapes of CreateTrainingJob and CreateHyperParameterTuningJob in the SageMaker API, 2017-07-24.

Which arguments of which step the local engine honours, which mean nothing here, and, by omission, which it refuses.

MEANINGLESS is the documented list of what is accepted without effect: keys, roles, instance types, volumes, networks
(a container has none here, and a plain process has this machine's, whatever the definition says), tags, experiments,
and retries that a job asks for itself; those of a step stand in step_retries.py.
Training and Tuning stand in job_argument.py.
Source: the shapes of CreateProcessingJob, CreateTransformJob, CreateModel and CreateModelPackage in the SageMaker API,
2017-07-24.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from local.engine.pipeline_expressions import pipeline_function_of
from local.errors import DefinitionError, suggest_known_names
from local.json_files import Json, JsonObject
from local.steps.tuning_step import METRIC_PATTERNS, tuned_hyperparameter_names


@dataclass(frozen=True)
class OneOf:
    """One of `values`; anything else is refused because `why`."""

    values: tuple[Json, ...]
    why: str = "the local engine does nothing else"


ArgumentShape: TypeAlias = "str | OneOf | dict[str, ArgumentShape] | list[ArgumentShape]"

ANY: Final = "any value"
MEANINGLESS: Final = "anything; no meaning on this machine"
TEXT: Final = "a string"
TEXTS: Final = "a list of strings"
TEXT_MAP: Final = "strings by name"
COUNT: Final = "a whole number above zero"


def one_of_values(*values: Json, why: str = "the local engine does nothing else") -> OneOf:
    """Return the shape of a value that must be one of `values`."""
    return OneOf(values, why)


def check_argument_shape(value: Json, shape: ArgumentShape, place: str) -> None:
    """Refuse what in `value` does not fit `shape`, naming the place.

    Raises:
        DefinitionError: A key is unknown or a value is of another kind.
    """
    if shape in (ANY, MEANINGLESS) or pipeline_function_of(value) is not None:
        return
    if isinstance(shape, dict):
        _check_object(value, shape, place)
    elif isinstance(shape, list):
        _check_list(value, shape[0], place)
    elif isinstance(shape, OneOf):
        if value not in shape.values:
            choices = suggest_known_names(str(value), map(str, shape.values))
            raise DefinitionError(f"{place}: {value!r}: {shape.why}. {choices}")
    else:
        _check_value(value, shape, place)


def _check_object(value: Json, shape: dict[str, ArgumentShape], place: str) -> None:
    if not isinstance(value, dict):
        raise DefinitionError(f"{place}: {value!r} is no object. {suggest_known_names('', shape)}")
    for key, child in value.items():
        if key not in shape:
            raise DefinitionError(
                f"{place}.{key}: the local engine does not know this argument. {suggest_known_names(key, shape)}"
            )
        check_argument_shape(child, shape[key], f"{place}.{key}")


def _check_list(value: Json, shape: ArgumentShape, place: str) -> None:
    if not isinstance(value, list):
        raise DefinitionError(f"{place}: {value!r} is no list. Write a list.")
    for index, child in enumerate(value):
        check_argument_shape(child, shape, f"{place}[{index}]")


def _check_value(value: Json, shape: str, place: str) -> None:
    if shape == TEXTS:
        _check_list(value, TEXT, place)
    elif shape == TEXT_MAP:
        if not isinstance(value, dict):
            raise DefinitionError(f"{place}: {value!r} is no object. Write strings by name.")
        for key, child in value.items():
            check_argument_shape(child, TEXT, f"{place}.{key}")
    elif shape == TEXT:
        if not isinstance(value, str):
            raise DefinitionError(f"{place}: {value!r} is no string. The service takes strings here; use to_string().")
    elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DefinitionError(f"{place}: {value!r} is not {shape}. Give one.")


COMMON_JOB_ARGUMENTS: Final[dict[str, ArgumentShape]] = {
    "RoleArn": MEANINGLESS,
    "Tags": MEANINGLESS,
    "ExperimentConfig": MEANINGLESS,
    "Environment": TEXT_MAP,
}
DISTRIBUTION: Final = one_of_values("FullyReplicated", "ShardedByS3Key")
UNCOMPRESSED: Final = one_of_values("None", why="the local engine does not decompress inputs")


TRAINING_ARGUMENTS: Final[dict[str, ArgumentShape]] = COMMON_JOB_ARGUMENTS | {
    "AlgorithmSpecification": {
        "TrainingImage": TEXT,
        "TrainingInputMode": one_of_values("File", "FastFile", why="channels are folders of files here"),
        "MetricDefinitions": MEANINGLESS,
        "EnableSageMakerMetricsTimeSeries": MEANINGLESS,
        "ContainerEntrypoint": TEXTS,
        "ContainerArguments": TEXTS,
    },
    "HyperParameters": TEXT_MAP,
    "InputDataConfig": [
        {
            "ChannelName": TEXT,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": one_of_values("S3Prefix"),
                    "S3Uri": TEXT,
                    "S3DataDistributionType": DISTRIBUTION,
                }
            },
            "ContentType": TEXT,
            "CompressionType": UNCOMPRESSED,
            "RecordWrapperType": one_of_values("None"),
            "InputMode": one_of_values("File", "FastFile", why="channels are folders of files here"),
        }
    ],
    "OutputDataConfig": {"S3OutputPath": TEXT, "KmsKeyId": MEANINGLESS, "CompressionType": one_of_values("GZIP")},
    "ResourceConfig": {
        "InstanceCount": one_of_values(1, why="the local engine trains on one host"),
        "InstanceType": MEANINGLESS,
        "VolumeSizeInGB": MEANINGLESS,
        "VolumeKmsKeyId": MEANINGLESS,
        "KeepAlivePeriodInSeconds": MEANINGLESS,
    },
    # Waiting for spot capacity does not happen here; the run time limit counts.
    "StoppingCondition": {"MaxRuntimeInSeconds": COUNT, "MaxWaitTimeInSeconds": MEANINGLESS},
    "CheckpointConfig": {"S3Uri": TEXT, "LocalPath": TEXT},
    "EnableNetworkIsolation": MEANINGLESS,
    "EnableInterContainerTrafficEncryption": MEANINGLESS,
    "EnableManagedSpotTraining": MEANINGLESS,
    "VpcConfig": MEANINGLESS,
    "RetryStrategy": MEANINGLESS,
    "ProfilerConfig": MEANINGLESS,
}

_SCALING: Final = one_of_values(
    "Linear", "Logarithmic", "ReverseLogarithmic", why="the service chooses Auto by itself, in no documented way"
)
_NUMBER_RANGES: Final[list[ArgumentShape]] = [
    {"Name": TEXT, "MinValue": TEXT, "MaxValue": TEXT, "ScalingType": _SCALING}
]
# What the jobs of a tuning cannot be told; and checkpoints, which all of them would share.
_NOT_IN_TUNING: Final = ("HyperParameters", "Tags", "ExperimentConfig", "ProfilerConfig", "CheckpointConfig")
_ALGORITHM: Final[dict[str, ArgumentShape]] = {
    "TrainingImage": TEXT,
    "TrainingInputMode": one_of_values("File", "FastFile", why="channels are folders of files here"),
}

TUNING_ARGUMENTS: Final[dict[str, ArgumentShape]] = {
    "HyperParameterTuningJobConfig": {
        "Strategy": one_of_values("Random", why="the local engine draws at random alone"),
        "RandomSeed": ANY,
        "HyperParameterTuningJobObjective": {
            "Type": one_of_values("Maximize", "Minimize"),
            "MetricName": one_of_values(*METRIC_PATTERNS),
        },
        "ResourceLimits": {"MaxNumberOfTrainingJobs": COUNT, "MaxParallelTrainingJobs": COUNT},
        "ParameterRanges": {
            "IntegerParameterRanges": _NUMBER_RANGES,
            "ContinuousParameterRanges": _NUMBER_RANGES,
            "CategoricalParameterRanges": [{"Name": TEXT, "Values": TEXTS}],
        },
        "TrainingJobEarlyStoppingType": one_of_values("Off", why="the local engine lets every job end"),
    },
    "TrainingJobDefinition": {name: each for name, each in TRAINING_ARGUMENTS.items() if name not in _NOT_IN_TUNING}
    | {"AlgorithmSpecification": _ALGORITHM, "StaticHyperParameters": TEXT_MAP},
    "Tags": MEANINGLESS,
}


def generated_tuning_properties(arguments: JsonObject) -> JsonObject:
    """Return what the service generates for a Tuning step: as many jobs as it may start, with what they try."""
    config = arguments.get("HyperParameterTuningJobConfig", {})
    job = {
        **dict.fromkeys(("TrainingJobName", "TrainingJobArn", "TrainingJobStatus"), ""),
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "", "Value": 0.0},
        "TunedHyperParameters": dict.fromkeys(tuned_hyperparameter_names(config), ""),
    }
    return {
        **{f"HyperParameterTuningJob{each}": "" for each in ("Name", "Arn", "Status")},
        "TrainingJobStatusCounters": {"Completed": 0, "NonRetryableError": 0},
        "ObjectiveStatusCounters": {"Succeeded": 0, "Failed": 0},
        "BestTrainingJob": job,
        "TrainingJobSummaries": [job] * config.get("ResourceLimits", {}).get("MaxNumberOfTrainingJobs", 0),
    }


_FALSE_ONLY: Final = (False,)

PROCESSING_ARGUMENTS: Final[dict[str, ArgumentShape]] = COMMON_JOB_ARGUMENTS | {
    "AppSpecification": {"ImageUri": TEXT, "ContainerEntrypoint": TEXTS, "ContainerArguments": TEXTS},
    "ProcessingInputs": [
        {
            "InputName": TEXT,
            "AppManaged": one_of_values(*_FALSE_ONLY),
            "S3Input": {
                "S3Uri": TEXT,
                "LocalPath": TEXT,
                "S3DataType": one_of_values("S3Prefix"),
                "S3InputMode": one_of_values("File"),
                "S3DataDistributionType": DISTRIBUTION,
                "S3CompressionType": UNCOMPRESSED,
            },
        }
    ],
    "ProcessingOutputConfig": {
        "KmsKeyId": MEANINGLESS,
        "Outputs": [
            {
                "OutputName": TEXT,
                "AppManaged": one_of_values(*_FALSE_ONLY),
                "S3Output": {"S3Uri": TEXT, "LocalPath": TEXT, "S3UploadMode": one_of_values("EndOfJob")},
            }
        ],
    },
    "ProcessingResources": {
        "ClusterConfig": {
            "InstanceCount": one_of_values(1, why="the local engine processes on one host"),
            "InstanceType": MEANINGLESS,
            "VolumeSizeInGB": MEANINGLESS,
            "VolumeKmsKeyId": MEANINGLESS,
        }
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": COUNT},
    "NetworkConfig": MEANINGLESS,
}

TRANSFORM_ARGUMENTS: Final[dict[str, ArgumentShape]] = COMMON_JOB_ARGUMENTS | {
    "ModelName": TEXT,
    "MaxConcurrentTransforms": COUNT,
    "MaxPayloadInMB": COUNT,
    "ModelClientConfig": {"InvocationsTimeoutInSeconds": COUNT, "InvocationsMaxRetries": MEANINGLESS},
    "BatchStrategy": one_of_values("SingleRecord", why="one object is one request here"),
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": one_of_values("S3Prefix"), "S3Uri": TEXT}},
        "ContentType": TEXT,
        "CompressionType": UNCOMPRESSED,
        "SplitType": one_of_values("None", why="one object is one request here"),
    },
    "TransformOutput": {
        "S3OutputPath": TEXT,
        "Accept": TEXT,
        "AssembleWith": one_of_values("None", "Line", why="one object gives one answer here"),
        "KmsKeyId": MEANINGLESS,
    },
    # How many instances share the objects changes no answer.
    "TransformResources": {"InstanceType": MEANINGLESS, "InstanceCount": COUNT, "VolumeKmsKeyId": MEANINGLESS},
}

_CONTAINER: Final[dict[str, ArgumentShape]] = {
    "Image": TEXT,
    "ModelDataUrl": TEXT,
    "Environment": TEXT_MAP,
    "Mode": one_of_values("SingleModel"),
    "ContainerHostname": MEANINGLESS,
}

MODEL_ARGUMENTS: Final[dict[str, ArgumentShape]] = {
    "PrimaryContainer": _CONTAINER,
    "ExecutionRoleArn": MEANINGLESS,
    "EnableNetworkIsolation": MEANINGLESS,
    "VpcConfig": MEANINGLESS,
    "Tags": MEANINGLESS,
}

REGISTER_MODEL_ARGUMENTS: Final[dict[str, ArgumentShape]] = {
    "ModelPackageGroupName": TEXT,
    "ModelPackageDescription": TEXT,
    "InferenceSpecification": {
        "Containers": [_CONTAINER | {"Framework": ANY, "FrameworkVersion": ANY, "NearestModelName": ANY}],
        "SupportedContentTypes": TEXTS,
        "SupportedResponseMIMETypes": TEXTS,
        "SupportedRealtimeInferenceInstanceTypes": TEXTS,
        "SupportedTransformInstanceTypes": TEXTS,
    },
    "ModelApprovalStatus": one_of_values("PendingManualApproval", "Approved", "Rejected"),
    "ModelMetrics": ANY,
    "CustomerMetadataProperties": TEXT_MAP,
    "MetadataProperties": ANY,
    "DriftCheckBaselines": ANY,
    "Domain": TEXT,
    "Task": TEXT,
    "SkipModelValidation": ANY,
    "SamplePayloadUrl": TEXT,
    "SourceUri": TEXT,
    "ModelCard": {
        "ModelCardContent": TEXT,
        "ModelCardStatus": one_of_values("Draft", "PendingReview", "Approved", "Archived"),
    },
    "Tags": MEANINGLESS,
}

CONDITION_ARGUMENTS: Final[dict[str, ArgumentShape]] = {"Conditions": [ANY], "IfSteps": [ANY], "ElseSteps": [ANY]}
FAIL_ARGUMENTS: Final[dict[str, ArgumentShape]] = {"ErrorMessage": TEXT}

ARGUMENTS_BY_STEP_TYPE: Final = {
    "Processing": PROCESSING_ARGUMENTS,
    "Training": TRAINING_ARGUMENTS,
    "Tuning": TUNING_ARGUMENTS,
    "Transform": TRANSFORM_ARGUMENTS,
    "Model": MODEL_ARGUMENTS,
    "RegisterModel": REGISTER_MODEL_ARGUMENTS,
    "Condition": CONDITION_ARGUMENTS,
    "Fail": FAIL_ARGUMENTS,
}

_GENERATED_PROPERTIES: Final[dict[str, JsonObject]] = {
    "Processing": {"ProcessingJobName": "", "ProcessingJobArn": "", "ProcessingJobStatus": ""},
    "Training": {
        "TrainingJobName": "",
        "TrainingJobArn": "",
        "TrainingJobStatus": "",
        "ModelArtifacts": {"S3ModelArtifacts": ""},
    },
    "Transform": {"TransformJobName": "", "TransformJobArn": "", "TransformJobStatus": ""},
    "Model": {"ModelName": "", "ModelArn": ""},
    "RegisterModel": {"ModelPackageArn": "", "ModelPackageVersion": 1, "ModelPackageStatus": ""},
    "Condition": {"Outcome": ""},
    "Fail": {},
}


def generated_step_properties(kind: str, arguments: JsonObject) -> JsonObject:
    """Return what the service generates for a step besides its arguments, and which a Get may therefore name."""
    return generated_tuning_properties(arguments) if kind == "Tuning" else _GENERATED_PROPERTIES[kind]

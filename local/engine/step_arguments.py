# SPDX-License-Identifier: MIT-0
"""The arguments and generated properties of each step type that the local engine supports, and their check.

The shape of an argument is one of

- `ANY`: any value; the engine uses it;
- `TEXT`, `COUNT`, `TEXTS`, `TEXT_MAP`: a string, a whole number above zero, strings, strings by name;
- `MEANINGLESS`: accepted without effect. It has no meaning on this machine: keys, roles, instance types, volumes,
  networks (a container has none here, a process has this machine's), tags, experiments, and retries that a job itself
  asks for; those of a step are in `step_retries`;
- ``one_of_values(...)``: one of these values, because the engine supports no other;
- a dict: an object with at most these keys; a list of one shape: a list of such elements.

An argument that is missing here is rejected. Values that are still expressions are not checked: the check runs again
on the evaluated arguments.
Source: CreateProcessingJob, CreateTrainingJob, CreateHyperParameterTuningJob, CreateTransformJob, CreateModel and
CreateModelPackage in the SageMaker API, 2017-07-24.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from local.engine.pipeline_expressions import pipeline_function_of
from local.errors import DefinitionError, suggest_known_names
from local.json_files import Json, JsonObject
from local.steps.tuning_step import METRIC_PATTERNS, tuned_hyperparameter_names


@dataclass(frozen=True)
class OneOf:
    """One of `values`; `reason` says why any other is rejected."""

    values: tuple[Json, ...]
    reason: str


ArgumentShape: TypeAlias = "str | OneOf | dict[str, ArgumentShape] | list[ArgumentShape]"

ANY: Final = "any value"
MEANINGLESS: Final = "anything; no meaning on this machine"
TEXT: Final = "a string"
TEXTS: Final[list[ArgumentShape]] = [TEXT]
TEXT_MAP: Final = "strings by name"
COUNT: Final = "a whole number above zero"


def one_of_values(*values: Json, reason: str = "not supported by the local engine") -> OneOf:
    """Return the shape of a value that must be one of `values`."""
    return OneOf(values, reason)


def check_argument_shape(value: Json, shape: ArgumentShape, place: str) -> None:
    """Check that `value` has the shape `shape`.

    Raises:
        DefinitionError: A key is unknown or a value is of another kind; the message begins with the place.
    """
    if shape in (ANY, MEANINGLESS) or pipeline_function_of(value) is not None:
        return
    if isinstance(shape, dict) or shape == TEXT_MAP:
        if not isinstance(value, dict):
            raise DefinitionError(f"{place}: {value!r} is not an object.")
        shapes = shape if isinstance(shape, dict) else dict.fromkeys(value, TEXT)
        for key, child in value.items():
            if key not in shapes:
                known = suggest_known_names(key, shapes)
                raise DefinitionError(f"{place}.{key}: argument not supported by the local engine. {known}")
            check_argument_shape(child, shapes[key], f"{place}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise DefinitionError(f"{place}: {value!r} is not a list.")
        for index, child in enumerate(value):
            check_argument_shape(child, shape[0], f"{place}[{index}]")
    else:
        _check_value(value, shape, place)


def _check_value(value: Json, shape: str | OneOf, place: str) -> None:
    if isinstance(shape, OneOf):
        if value not in shape.values:
            choices = suggest_known_names(str(value), map(str, shape.values))
            raise DefinitionError(f"{place}: {value!r}: {shape.reason}. {choices}")
    elif shape == TEXT:
        if not isinstance(value, str):
            raise DefinitionError(
                f"{place}: {value!r} is not a string. The service takes strings here; use to_string()."
            )
    elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DefinitionError(f"{place}: {value!r} is not {COUNT}.")


_JOB_ARGUMENTS: Final[dict[str, ArgumentShape]] = {
    "RoleArn": MEANINGLESS,
    "Tags": MEANINGLESS,
    "ExperimentConfig": MEANINGLESS,
    "Environment": TEXT_MAP,
}
_DISTRIBUTION: Final = one_of_values("FullyReplicated", "ShardedByS3Key")
_UNCOMPRESSED: Final = one_of_values("None", reason="the local engine does not decompress inputs")
_INPUT_MODE: Final = one_of_values("File", "FastFile", reason="the local engine provides channels as folders of files")


TRAINING_ARGUMENTS: Final[dict[str, ArgumentShape]] = _JOB_ARGUMENTS | {
    "AlgorithmSpecification": {
        "TrainingImage": TEXT,
        "TrainingInputMode": _INPUT_MODE,
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
                    "S3DataDistributionType": _DISTRIBUTION,
                }
            },
            "ContentType": TEXT,
            "CompressionType": _UNCOMPRESSED,
            "RecordWrapperType": one_of_values("None"),
            "InputMode": _INPUT_MODE,
        }
    ],
    "OutputDataConfig": {"S3OutputPath": TEXT, "KmsKeyId": MEANINGLESS, "CompressionType": one_of_values("GZIP")},
    "ResourceConfig": {
        "InstanceCount": one_of_values(1, reason="the local engine trains on one host"),
        "InstanceType": MEANINGLESS,
        "VolumeSizeInGB": MEANINGLESS,
        "VolumeKmsKeyId": MEANINGLESS,
        "KeepAlivePeriodInSeconds": MEANINGLESS,
    },
    # The local engine does not wait for spot capacity; only the run time limit applies.
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
    "Linear", "Logarithmic", "ReverseLogarithmic", reason="how the service chooses Auto is not documented"
)
_NUMBER_RANGES: Final[list[ArgumentShape]] = [
    {"Name": TEXT, "MinValue": TEXT, "MaxValue": TEXT, "ScalingType": _SCALING}
]
# Not arguments of the jobs of a tuning; and checkpoints, which all of the jobs would share.
_NOT_IN_TUNING: Final = ("HyperParameters", "Tags", "ExperimentConfig", "ProfilerConfig")
TUNING_ARGUMENTS: Final[dict[str, ArgumentShape]] = {
    "HyperParameterTuningJobConfig": {
        "Strategy": one_of_values("Random", reason="the local engine supports only random search"),
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
        "TrainingJobEarlyStoppingType": one_of_values("Off", reason="the local engine has no early stopping"),
    },
    "TrainingJobDefinition": {name: each for name, each in TRAINING_ARGUMENTS.items() if name not in _NOT_IN_TUNING}
    | {
        "AlgorithmSpecification": {
            "TrainingImage": TEXT,
            "TrainingInputMode": _INPUT_MODE,
            "MetricDefinitions": MEANINGLESS,
        },
        "StaticHyperParameters": TEXT_MAP,
    },
    "Tags": MEANINGLESS,
}

_FALSE: Final = OneOf((False,), "not supported by the local engine")

PROCESSING_ARGUMENTS: Final[dict[str, ArgumentShape]] = _JOB_ARGUMENTS | {
    "AppSpecification": {"ImageUri": TEXT, "ContainerEntrypoint": TEXTS, "ContainerArguments": TEXTS},
    "ProcessingInputs": [
        {
            "InputName": TEXT,
            "AppManaged": _FALSE,
            "S3Input": {
                "S3Uri": TEXT,
                "LocalPath": TEXT,
                "S3DataType": one_of_values("S3Prefix"),
                "S3InputMode": one_of_values("File"),
                "S3DataDistributionType": _DISTRIBUTION,
                "S3CompressionType": _UNCOMPRESSED,
            },
        }
    ],
    "ProcessingOutputConfig": {
        "KmsKeyId": MEANINGLESS,
        "Outputs": [
            {
                "OutputName": TEXT,
                "AppManaged": _FALSE,
                "S3Output": {"S3Uri": TEXT, "LocalPath": TEXT, "S3UploadMode": one_of_values("EndOfJob")},
            }
        ],
    },
    "ProcessingResources": {
        "ClusterConfig": {
            "InstanceCount": one_of_values(1, reason="the local engine processes on one host"),
            "InstanceType": MEANINGLESS,
            "VolumeSizeInGB": MEANINGLESS,
            "VolumeKmsKeyId": MEANINGLESS,
        }
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": COUNT},
    "NetworkConfig": MEANINGLESS,
}

TRANSFORM_ARGUMENTS: Final[dict[str, ArgumentShape]] = _JOB_ARGUMENTS | {
    "ModelName": TEXT,
    "MaxConcurrentTransforms": COUNT,
    "MaxPayloadInMB": COUNT,
    "ModelClientConfig": {"InvocationsTimeoutInSeconds": COUNT, "InvocationsMaxRetries": MEANINGLESS},
    "BatchStrategy": one_of_values("SingleRecord", reason="the local engine sends each object as one request"),
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": one_of_values("S3Prefix"), "S3Uri": TEXT}},
        "ContentType": TEXT,
        "CompressionType": _UNCOMPRESSED,
        "SplitType": one_of_values("None", reason="the local engine sends each object as one request"),
    },
    "TransformOutput": {
        "S3OutputPath": TEXT,
        "Accept": TEXT,
        "AssembleWith": one_of_values("None", "Line", reason="the local engine writes one answer for each object"),
        "KmsKeyId": MEANINGLESS,
    },
    # The number of instances does not change the answers.
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
    """Return the properties that the service generates for a step in addition to its arguments.

    A Get may name them. For a Tuning step they depend on its arguments: the number of jobs and their hyperparameters.
    """
    if kind != "Tuning":
        return _GENERATED_PROPERTIES[kind]
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

# SPDX-License-Identifier: MIT-0
"""The arguments and generated properties of each step type that the local engine supports.

The shapes are those of `json_shapes`. `MEANINGLESS` are keys, roles, instance types, volumes, networks (a container has
none here, a process has this machine's), tags, experiments, and retries that a job itself asks for; those of a step are
in `step_retries`. An argument that is missing here is rejected. `Needed` are the arguments that the engine reads; the
service may require more.
Source: CreateProcessingJob, CreateTrainingJob, CreateHyperParameterTuningJob, CreateTransformJob, CreateModel and
CreateModelPackage in the SageMaker API, 2017-07-24.
"""

from typing import Final

from local.engine.json_shapes import (
    ANY,
    COUNT,
    MEANINGLESS,
    TEXT,
    TEXT_MAP,
    TEXTS,
    Filled,
    JsonShape,
    Needed,
    OneOf,
    TextMap,
    WholeNumber,
    one_of_values,
)
from local.engine.name_rules import (
    CHANNEL_NAME,
    GROUP_NAME,
    HEADER,
    IMAGE,
    JOB_PATH,
    LABEL,
    PROCESSING_PATH,
    S3_URI,
    SERVER_IMAGE,
    VARIABLE_NAME,
)
from local.json_files import JsonObject
from local.steps.tuning_step import METRIC_PATTERNS, tuned_hyperparameter_names

_MAXIMUM_JOBS: Final = 10_000  # of a random search; source: SageMaker quotas
_ENVIRONMENT: Final = TextMap(VARIABLE_NAME)
_JOB_ARGUMENTS: Final[dict[str, JsonShape]] = {
    "RoleArn": MEANINGLESS,
    "Tags": MEANINGLESS,
    "ExperimentConfig": MEANINGLESS,
    "Environment": _ENVIRONMENT,
}
_DISTRIBUTION: Final = one_of_values("FullyReplicated", "ShardedByS3Key")
_UNCOMPRESSED: Final = one_of_values("None", reason="the local engine does not decompress inputs")
_INPUT_MODE: Final = one_of_values("File", "FastFile", reason="the local engine provides channels as folders of files")


TRAINING_ARGUMENTS: Final[dict[str, JsonShape]] = _JOB_ARGUMENTS | {
    "AlgorithmSpecification": Needed(
        {
            "TrainingImage": Needed(IMAGE),
            "TrainingInputMode": _INPUT_MODE,
            "MetricDefinitions": MEANINGLESS,
            "EnableSageMakerMetricsTimeSeries": MEANINGLESS,
            "ContainerEntrypoint": TEXTS,
            "ContainerArguments": TEXTS,
        }
    ),
    "HyperParameters": TEXT_MAP,
    "InputDataConfig": [
        {
            "ChannelName": Needed(CHANNEL_NAME),
            "DataSource": Needed(
                {
                    "S3DataSource": Needed(
                        {
                            "S3DataType": one_of_values("S3Prefix"),
                            "S3Uri": Needed(S3_URI),
                            "S3DataDistributionType": _DISTRIBUTION,
                        }
                    )
                }
            ),
            "ContentType": TEXT,
            "CompressionType": _UNCOMPRESSED,
            "RecordWrapperType": one_of_values("None"),
            "InputMode": _INPUT_MODE,
        }
    ],
    "OutputDataConfig": Needed(
        {"S3OutputPath": Needed(S3_URI), "KmsKeyId": MEANINGLESS, "CompressionType": one_of_values("GZIP")}
    ),
    "ResourceConfig": {
        "InstanceCount": one_of_values(1, reason="the local engine trains on one host"),
        "InstanceType": MEANINGLESS,
        "VolumeSizeInGB": MEANINGLESS,
        "VolumeKmsKeyId": MEANINGLESS,
        "KeepAlivePeriodInSeconds": MEANINGLESS,
    },
    # The local engine does not wait for spot capacity; only the run time limit applies.
    "StoppingCondition": {"MaxRuntimeInSeconds": COUNT, "MaxWaitTimeInSeconds": MEANINGLESS},
    "CheckpointConfig": {"S3Uri": Needed(S3_URI), "LocalPath": JOB_PATH},
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
_NUMBER_RANGES: Final[list[JsonShape]] = [
    {"Name": Needed(TEXT), "MinValue": Needed(TEXT), "MaxValue": Needed(TEXT), "ScalingType": _SCALING}
]
# Not arguments of the jobs of a tuning; and checkpoints, which all of the jobs would share.
_NOT_IN_TUNING: Final = ("HyperParameters", "Tags", "ExperimentConfig", "ProfilerConfig")
TUNING_ARGUMENTS: Final[dict[str, JsonShape]] = {
    "HyperParameterTuningJobConfig": Needed(
        {
            "Strategy": one_of_values("Random", reason="the local engine supports only random search"),
            "RandomSeed": WholeNumber(0),
            "HyperParameterTuningJobObjective": Needed(
                {
                    "Type": Needed(one_of_values("Maximize", "Minimize")),
                    "MetricName": Needed(one_of_values(*METRIC_PATTERNS)),
                }
            ),
            "ResourceLimits": Needed(
                {
                    "MaxNumberOfTrainingJobs": Needed(WholeNumber(1, _MAXIMUM_JOBS)),
                    "MaxParallelTrainingJobs": Needed(COUNT),
                }
            ),
            "ParameterRanges": {
                "IntegerParameterRanges": _NUMBER_RANGES,
                "ContinuousParameterRanges": _NUMBER_RANGES,
                "CategoricalParameterRanges": [{"Name": Needed(TEXT), "Values": Needed(Filled(TEXT))}],
            },
            "TrainingJobEarlyStoppingType": one_of_values("Off", reason="the local engine has no early stopping"),
        }
    ),
    "TrainingJobDefinition": Needed(
        {name: each for name, each in TRAINING_ARGUMENTS.items() if name not in _NOT_IN_TUNING}
        | {
            "AlgorithmSpecification": Needed(
                {
                    "TrainingImage": Needed(IMAGE),
                    "TrainingInputMode": _INPUT_MODE,
                    "MetricDefinitions": MEANINGLESS,
                }
            ),
            "StaticHyperParameters": TEXT_MAP,
        }
    ),
    "Tags": MEANINGLESS,
}

_FALSE: Final = OneOf((False,), "not supported by the local engine")

PROCESSING_ARGUMENTS: Final[dict[str, JsonShape]] = _JOB_ARGUMENTS | {
    "AppSpecification": Needed({"ImageUri": Needed(IMAGE), "ContainerEntrypoint": TEXTS, "ContainerArguments": TEXTS}),
    "ProcessingInputs": [
        {
            "InputName": LABEL,
            "AppManaged": _FALSE,
            "S3Input": Needed(
                {
                    "S3Uri": Needed(S3_URI),
                    "LocalPath": Needed(PROCESSING_PATH),
                    "S3DataType": one_of_values("S3Prefix"),
                    "S3InputMode": one_of_values("File"),
                    "S3DataDistributionType": _DISTRIBUTION,
                    "S3CompressionType": _UNCOMPRESSED,
                }
            ),
        }
    ],
    "ProcessingOutputConfig": {
        "KmsKeyId": MEANINGLESS,
        "Outputs": [
            {
                "OutputName": Needed(LABEL),
                "AppManaged": _FALSE,
                "S3Output": Needed(
                    {
                        "S3Uri": Needed(S3_URI),
                        "LocalPath": Needed(PROCESSING_PATH),
                        "S3UploadMode": one_of_values("EndOfJob"),
                    }
                ),
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

TRANSFORM_ARGUMENTS: Final[dict[str, JsonShape]] = _JOB_ARGUMENTS | {
    "ModelName": Needed(TEXT),
    "MaxConcurrentTransforms": COUNT,
    "MaxPayloadInMB": COUNT,
    "ModelClientConfig": {"InvocationsTimeoutInSeconds": WholeNumber(1, 3600), "InvocationsMaxRetries": MEANINGLESS},
    "BatchStrategy": one_of_values("SingleRecord", reason="the local engine sends each object as one request"),
    "TransformInput": Needed(
        {
            "DataSource": Needed(
                {"S3DataSource": Needed({"S3DataType": one_of_values("S3Prefix"), "S3Uri": Needed(S3_URI)})}
            ),
            "ContentType": HEADER,
            "CompressionType": _UNCOMPRESSED,
            "SplitType": one_of_values("None", reason="the local engine sends each object as one request"),
        }
    ),
    "TransformOutput": Needed(
        {
            "S3OutputPath": Needed(S3_URI),
            "Accept": HEADER,
            "AssembleWith": one_of_values("None", "Line", reason="the local engine writes one answer for each object"),
            "KmsKeyId": MEANINGLESS,
        }
    ),
    # The number of instances does not change the answers.
    "TransformResources": {"InstanceType": MEANINGLESS, "InstanceCount": COUNT, "VolumeKmsKeyId": MEANINGLESS},
}

_CONTAINER: Final[dict[str, JsonShape]] = {
    "Image": Needed(SERVER_IMAGE),
    "ModelDataUrl": Needed(S3_URI),
    "Environment": _ENVIRONMENT,
    "Mode": one_of_values("SingleModel"),
    "ContainerHostname": MEANINGLESS,
}

MODEL_ARGUMENTS: Final[dict[str, JsonShape]] = {
    "PrimaryContainer": Needed(_CONTAINER),
    "ExecutionRoleArn": MEANINGLESS,
    "EnableNetworkIsolation": MEANINGLESS,
    "VpcConfig": MEANINGLESS,
    "Tags": MEANINGLESS,
}

# MetricsSource and FileSource.
_SOURCE: Final[dict[str, JsonShape]] = {"ContentType": TEXT, "ContentDigest": TEXT, "S3Uri": Needed(S3_URI)}
_QUALITY: Final[dict[str, JsonShape]] = {"Statistics": _SOURCE, "Constraints": _SOURCE}

REGISTER_MODEL_ARGUMENTS: Final[dict[str, JsonShape]] = {
    "ModelPackageGroupName": Needed(GROUP_NAME),
    "ModelPackageDescription": TEXT,
    "InferenceSpecification": Needed(
        {
            "Containers": Needed(
                Filled(_CONTAINER | {"Framework": TEXT, "FrameworkVersion": TEXT, "NearestModelName": TEXT})
            ),
            "SupportedContentTypes": TEXTS,
            "SupportedResponseMIMETypes": TEXTS,
            "SupportedRealtimeInferenceInstanceTypes": TEXTS,
            "SupportedTransformInstanceTypes": TEXTS,
        }
    ),
    "ModelApprovalStatus": one_of_values("PendingManualApproval", "Approved", "Rejected"),
    "ModelMetrics": {
        "ModelQuality": _QUALITY,
        "ModelDataQuality": _QUALITY,
        "Bias": {"Report": _SOURCE, "PreTrainingReport": _SOURCE, "PostTrainingReport": _SOURCE},
        "Explainability": {"Report": _SOURCE},
    },
    "CustomerMetadataProperties": TEXT_MAP,
    "MetadataProperties": {"CommitId": TEXT, "Repository": TEXT, "GeneratedBy": TEXT, "ProjectId": TEXT},
    "DriftCheckBaselines": {
        "ModelQuality": _QUALITY,
        "ModelDataQuality": _QUALITY,
        "Bias": {"ConfigFile": _SOURCE, "PreTrainingConstraints": _SOURCE, "PostTrainingConstraints": _SOURCE},
        "Explainability": {"Constraints": _SOURCE, "ConfigFile": _SOURCE},
    },
    "Domain": TEXT,
    "Task": TEXT,
    "SkipModelValidation": one_of_values("All", "None"),
    "SamplePayloadUrl": TEXT,
    "SourceUri": TEXT,
    "ModelCard": {
        "ModelCardContent": TEXT,
        "ModelCardStatus": one_of_values("Draft", "PendingReview", "Approved", "Archived"),
    },
    "Tags": MEANINGLESS,
}

CONDITION_ARGUMENTS: Final[dict[str, JsonShape]] = {
    "Conditions": Needed(Filled(ANY)),
    "IfSteps": [ANY],
    "ElseSteps": [ANY],
}
FAIL_ARGUMENTS: Final[dict[str, JsonShape]] = {"ErrorMessage": Needed(TEXT)}

ARGUMENTS_BY_STEP_TYPE: Final[dict[str, dict[str, JsonShape]]] = {
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
    config = arguments["HyperParameterTuningJobConfig"]
    jobs = config["ResourceLimits"]["MaxNumberOfTrainingJobs"]  # or the function that gives their number
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
        "TrainingJobSummaries": [job] * (jobs if isinstance(jobs, int) else _MAXIMUM_JOBS),
    }

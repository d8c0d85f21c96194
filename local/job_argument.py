# SPDX-License-Identifier: MIT-0
"""The arguments of the jobs that train, as `local.argument` explains: Training and Tuning; and what every job takes.

Source: the shapes of CreateTrainingJob and CreateHyperParameterTuningJob in the SageMaker API, 2017-07-24.
"""

from typing import Final

from local.document import Object
from local.search import names
from local.shape import ANY, COUNT, MEANINGLESS, TEXT, TEXT_MAP, TEXTS, Shape, only
from local.trial import METRICS

EVERY_JOB: Final[dict[str, Shape]] = {
    "RoleArn": MEANINGLESS,
    "Tags": MEANINGLESS,
    "ExperimentConfig": MEANINGLESS,
    "Environment": TEXT_MAP,
}
DISTRIBUTION: Final = only("FullyReplicated", "ShardedByS3Key")
UNCOMPRESSED: Final = only("None", why="the local engine does not decompress inputs")


TRAINING: Final[dict[str, Shape]] = EVERY_JOB | {
    "AlgorithmSpecification": {
        "TrainingImage": TEXT,
        "TrainingInputMode": only("File", "FastFile", why="channels are folders of files here"),
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
                    "S3DataType": only("S3Prefix"),
                    "S3Uri": TEXT,
                    "S3DataDistributionType": DISTRIBUTION,
                }
            },
            "ContentType": TEXT,
            "CompressionType": UNCOMPRESSED,
            "RecordWrapperType": only("None"),
            "InputMode": only("File", "FastFile", why="channels are folders of files here"),
        }
    ],
    "OutputDataConfig": {"S3OutputPath": TEXT, "KmsKeyId": MEANINGLESS, "CompressionType": only("GZIP")},
    "ResourceConfig": {
        "InstanceCount": only(1, why="the local engine trains on one host"),
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

_SCALING: Final = only(
    "Linear", "Logarithmic", "ReverseLogarithmic", why="the service chooses Auto by itself, in no documented way"
)
_NUMBERS: Final[list[Shape]] = [{"Name": TEXT, "MinValue": TEXT, "MaxValue": TEXT, "ScalingType": _SCALING}]
# What the jobs of a tuning cannot be told; and checkpoints, which all of them would share.
_UNTOLD: Final = ("HyperParameters", "Tags", "ExperimentConfig", "ProfilerConfig", "CheckpointConfig")
_ALGORITHM: Final[dict[str, Shape]] = {
    "TrainingImage": TEXT,
    "TrainingInputMode": only("File", "FastFile", why="channels are folders of files here"),
}

TUNING: Final[dict[str, Shape]] = {
    "HyperParameterTuningJobConfig": {
        "Strategy": only("Random", why="the local engine draws at random alone"),
        "RandomSeed": ANY,
        "HyperParameterTuningJobObjective": {"Type": only("Maximize", "Minimize"), "MetricName": only(*METRICS)},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": COUNT, "MaxParallelTrainingJobs": COUNT},
        "ParameterRanges": {
            "IntegerParameterRanges": _NUMBERS,
            "ContinuousParameterRanges": _NUMBERS,
            "CategoricalParameterRanges": [{"Name": TEXT, "Values": TEXTS}],
        },
        "TrainingJobEarlyStoppingType": only("Off", why="the local engine lets every job end"),
    },
    "TrainingJobDefinition": {name: each for name, each in TRAINING.items() if name not in _UNTOLD}
    | {"AlgorithmSpecification": _ALGORITHM, "StaticHyperParameters": TEXT_MAP},
    "Tags": MEANINGLESS,
}


def tuning_properties(arguments: Object) -> Object:
    """Return what the service generates for a Tuning step: as many jobs as it may start, with what they try."""
    config = arguments.get("HyperParameterTuningJobConfig", {})
    job = {
        **dict.fromkeys(("TrainingJobName", "TrainingJobArn", "TrainingJobStatus"), ""),
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "", "Value": 0.0},
        "TunedHyperParameters": dict.fromkeys(names(config), ""),
    }
    return {
        **{f"HyperParameterTuningJob{each}": "" for each in ("Name", "Arn", "Status")},
        "TrainingJobStatusCounters": {"Completed": 0, "NonRetryableError": 0},
        "ObjectiveStatusCounters": {"Succeeded": 0, "Failed": 0},
        "BestTrainingJob": job,
        "TrainingJobSummaries": [job] * config.get("ResourceLimits", {}).get("MaxNumberOfTrainingJobs", 0),
    }

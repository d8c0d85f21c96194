# SPDX-License-Identifier: MIT-0
"""Which arguments of which step the local engine honours, which mean nothing here, and, by omission, which it refuses.

MEANINGLESS is the documented list of what is accepted without effect: keys, roles, instance types, volumes, networks
(a container has none here, and a plain process has this machine's, whatever the definition says), tags, experiments,
and retries that a job asks for itself; those of a step stand in step_retries.py.
Training and Tuning stand in job_argument.py.
Source: the shapes of CreateProcessingJob, CreateTransformJob, CreateModel and CreateModelPackage in the SageMaker API,
2017-07-24.
"""

from typing import Final

from local.document import Object
from local.job_argument import DISTRIBUTION, EVERY_JOB, TRAINING, TUNING, UNCOMPRESSED, tuning_properties
from local.shape import ANY, COUNT, MEANINGLESS, TEXT, TEXT_MAP, TEXTS, Shape, only

_NO: Final = (False,)

PROCESSING: Final[dict[str, Shape]] = EVERY_JOB | {
    "AppSpecification": {"ImageUri": TEXT, "ContainerEntrypoint": TEXTS, "ContainerArguments": TEXTS},
    "ProcessingInputs": [
        {
            "InputName": TEXT,
            "AppManaged": only(*_NO),
            "S3Input": {
                "S3Uri": TEXT,
                "LocalPath": TEXT,
                "S3DataType": only("S3Prefix"),
                "S3InputMode": only("File"),
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
                "AppManaged": only(*_NO),
                "S3Output": {"S3Uri": TEXT, "LocalPath": TEXT, "S3UploadMode": only("EndOfJob")},
            }
        ],
    },
    "ProcessingResources": {
        "ClusterConfig": {
            "InstanceCount": only(1, why="the local engine processes on one host"),
            "InstanceType": MEANINGLESS,
            "VolumeSizeInGB": MEANINGLESS,
            "VolumeKmsKeyId": MEANINGLESS,
        }
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": COUNT},
    "NetworkConfig": MEANINGLESS,
}

TRANSFORM: Final[dict[str, Shape]] = EVERY_JOB | {
    "ModelName": TEXT,
    "MaxConcurrentTransforms": COUNT,
    "MaxPayloadInMB": COUNT,
    "ModelClientConfig": {"InvocationsTimeoutInSeconds": COUNT, "InvocationsMaxRetries": MEANINGLESS},
    "BatchStrategy": only("SingleRecord", why="one object is one request here"),
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": only("S3Prefix"), "S3Uri": TEXT}},
        "ContentType": TEXT,
        "CompressionType": UNCOMPRESSED,
        "SplitType": only("None", why="one object is one request here"),
    },
    "TransformOutput": {
        "S3OutputPath": TEXT,
        "Accept": TEXT,
        "AssembleWith": only("None", "Line", why="one object gives one answer here"),
        "KmsKeyId": MEANINGLESS,
    },
    # How many instances share the objects changes no answer.
    "TransformResources": {"InstanceType": MEANINGLESS, "InstanceCount": COUNT, "VolumeKmsKeyId": MEANINGLESS},
}

_CONTAINER: Final[dict[str, Shape]] = {
    "Image": TEXT,
    "ModelDataUrl": TEXT,
    "Environment": TEXT_MAP,
    "Mode": only("SingleModel"),
    "ContainerHostname": MEANINGLESS,
}

MODEL: Final[dict[str, Shape]] = {
    "PrimaryContainer": _CONTAINER,
    "ExecutionRoleArn": MEANINGLESS,
    "EnableNetworkIsolation": MEANINGLESS,
    "VpcConfig": MEANINGLESS,
    "Tags": MEANINGLESS,
}

REGISTER: Final[dict[str, Shape]] = {
    "ModelPackageGroupName": TEXT,
    "ModelPackageDescription": TEXT,
    "InferenceSpecification": {
        "Containers": [_CONTAINER | {"Framework": ANY, "FrameworkVersion": ANY, "NearestModelName": ANY}],
        "SupportedContentTypes": TEXTS,
        "SupportedResponseMIMETypes": TEXTS,
        "SupportedRealtimeInferenceInstanceTypes": TEXTS,
        "SupportedTransformInstanceTypes": TEXTS,
    },
    "ModelApprovalStatus": only("PendingManualApproval", "Approved", "Rejected"),
    "ModelMetrics": ANY,
    "CustomerMetadataProperties": TEXT_MAP,
    "MetadataProperties": ANY,
    "DriftCheckBaselines": ANY,
    "Domain": TEXT,
    "Task": TEXT,
    "SkipModelValidation": ANY,
    "SamplePayloadUrl": TEXT,
    "SourceUri": TEXT,
    "ModelCard": {"ModelCardContent": TEXT, "ModelCardStatus": only("Draft", "PendingReview", "Approved", "Archived")},
    "Tags": MEANINGLESS,
}

CONDITION: Final[dict[str, Shape]] = {"Conditions": [ANY], "IfSteps": [ANY], "ElseSteps": [ANY]}
FAIL: Final[dict[str, Shape]] = {"ErrorMessage": TEXT}

SHAPES: Final = {
    "Processing": PROCESSING,
    "Training": TRAINING,
    "Tuning": TUNING,
    "Transform": TRANSFORM,
    "Model": MODEL,
    "RegisterModel": REGISTER,
    "Condition": CONDITION,
    "Fail": FAIL,
}

_GENERATED: Final[dict[str, Object]] = {
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


def generated(kind: str, arguments: Object) -> Object:
    """Return what the service generates for a step besides its arguments, and which a Get may therefore name."""
    return tuning_properties(arguments) if kind == "Tuning" else _GENERATED[kind]

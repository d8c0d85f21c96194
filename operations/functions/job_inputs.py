# SPDX-License-Identifier: MIT-0
"""Which archives in the bucket a training starts from: those whose keys carry their content's hash.

Both the guard of retraining and step caching look at the key alone. So an object whose key does not change with
its content would silently give the old model, and is refused here.

How much of what production was asked is kept, and so how large the volume of the job that reads it has to be.

A job fetches all of its input before it begins. Source: SageMaker API Reference, ProcessingClusterConfig.

The inputs and outputs of a processing job, as CreateProcessingJob takes them: a folder for each name.

Source: SageMaker API Reference, ProcessingInput and ProcessingOutput.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from operations.functions.aws_clients import Client
from operations.functions.errors import UsageError
from pipeline_src import contract


@dataclass(frozen=True)
class TrainingArchives:
    """What a model is trained on.

    Attributes:
        bucket: Name of the bucket of both.
        archive: Key of the archive.
        addition: Key of the additional archive, or empty.
    """

    bucket: str
    archive: str
    addition: str

    @property
    def uris(self) -> dict[str, str]:
        """The URIs of what there is, by the parameters of the pipeline that name it."""
        keys = {contract.INPUT_ARCHIVE_PARAMETER: self.archive, contract.ADDITIONAL_ARCHIVE_PARAMETER: self.addition}
        return {name: f"s3://{self.bucket}/{key}" for name, key in keys.items() if key}


@dataclass(frozen=True)
class _ArchiveKind:
    """A kind of archive: what it is called, below which prefix it lies, and how one comes there."""

    name: str
    prefix: str
    remedy: str

    def named(self, key: str) -> bool:
        return bool(re.fullmatch(rf"{re.escape(self.prefix)}[0-9a-f]{{64}}\.zip", key))


_BASE_ARCHIVE: Final = _ArchiveKind(
    "archive", contract.ARCHIVES_PREFIX, "Upload one: make upload ARCHIVE=dataverse_files.zip."
)
_ADDITIONAL_ARCHIVE: Final = _ArchiveKind("additional archive", contract.ADDITIONS_PREFIX, "Export one: make export.")


def find_archive_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the archive to train on: the `given` one, or the newest.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, or empty.

    Raises:
        UsageError: There is no such archive, or none at all, or the key is not made of the content's hash.
    """
    return _check_given_key(s3, bucket, given, _BASE_ARCHIVE) if given else _newest_archive_key(s3, bucket)


def find_addition_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the additional archive to train on too: the `given` one, or the newest; empty for none.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, `contract.NO_ADDITION`, or empty.

    Raises:
        UsageError: The given one is not there, or its key is not made of the content's hash.
    """
    if given == contract.NO_ADDITION:
        return ""
    if given:
        return _check_given_key(s3, bucket, given, _ADDITIONAL_ARCHIVE)
    return _last_written_key(
        [
            found
            for found in _list_objects(s3, bucket, _ADDITIONAL_ARCHIVE.prefix)
            if _ADDITIONAL_ARCHIVE.named(found["Key"])
        ]
    )


def _check_given_key(s3: Client, bucket: str, key: str, kind: _ArchiveKind) -> str:
    place = f"{kind.name} s3://{bucket}/{key}"
    if not kind.named(key):
        raise UsageError(
            f"{place}: is not named {kind.prefix}<SHA-256>.zip, by which a run knows that it is new. {kind.remedy}"
        )
    if not any(found["Key"] == key for found in _list_objects(s3, bucket, key)):
        raise UsageError(f"{place}: is not there. {kind.remedy}")
    return key


def _newest_archive_key(s3: Client, bucket: str) -> str:
    objects = _list_objects(s3, bucket, _BASE_ARCHIVE.prefix)
    newest = _last_written_key([found for found in objects if _BASE_ARCHIVE.named(found["Key"])])
    if not newest:
        others = len([found for found in objects if not found["Key"].endswith("/")])
        beside = f" with its SHA-256 as its name, though {others} other objects are" if others else ""
        raise UsageError(f"s3://{bucket}/{_BASE_ARCHIVE.prefix}: no archive{beside} there. {_BASE_ARCHIVE.remedy}")
    return newest


def _last_written_key(objects: list[dict[str, Any]]) -> str:
    """Return the key of the object that was written last, empty without any."""
    return str(max(((found["LastModified"], found["Key"]) for found in objects), default=("", ""))[1])


def _list_objects(s3: Client, bucket: str, prefix: str) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found for page in pages for found in page.get("Contents", [])]


_BYTES_PER_GB: Final = 1 << 30
# What the job itself writes is less: it looks at one picture after the other and keeps figures.
_VOLUME_FACTOR: Final = 2
_SPARE_GB: Final = 10
MIN_VOLUME_GB: Final = 30
# The quota of a new account for a job's volume [?]. What would need more fails with a full volume; its log says so.
MAX_VOLUME_GB: Final = 1000


def total_object_bytes(s3: Client, uri: str) -> int | None:
    """Return the bytes of all objects that begin with `uri`, or None where there is none.

    Raises:
        ClientError: The service refused.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    sizes = [found["Size"] for page in pages for found in page.get("Contents", [])]
    return sum(sizes) if sizes else None


def job_volume_gb(size: int) -> int:
    """Return the gigabytes of the volume of a job that fetches so many bytes."""
    return min(MAX_VOLUME_GB, max(MIN_VOLUME_GB, _SPARE_GB + _VOLUME_FACTOR * math.ceil(size / _BYTES_PER_GB)))


Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ProcessingJob:
    """What a processing job does.

    Attributes:
        entrypoint: Command that the container starts.
        inputs: S3 URI of each input, by its name.
        outputs: S3 URI of each output, by its name.
        volume_gb: Size of the volume.
        seconds: Time after which the service ends the job.
    """

    entrypoint: Sequence[str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    volume_gb: int
    seconds: int


@dataclass(frozen=True, kw_only=True)
class JobPlacement:
    """Where a processing job runs and what secures it, as the monitoring stack says in payloads and outputs.

    Attributes:
        image: URI of the image.
        role: ARN of the role.
        key: ARN of the key of the volume and the outputs.
        instance: Instance type.
        network: Ids of the subnets and security groups of a VPC, by commas; empty: a network of SageMaker.
    """

    image: str
    role: str
    key: str
    instance: str
    network: str = ""

    def job_request(self, name: str, project: str, job: ProcessingJob) -> Json:
        """Return the arguments of CreateProcessingJob: `job` under `name`, on one instance, without network access."""
        ids = self.network.split(",")
        vpc_config = {
            "SecurityGroupIds": [each for each in ids if each.startswith("sg-")],
            "Subnets": [each for each in ids if each.startswith("subnet-")],
        }
        cluster = {
            "InstanceCount": 1,
            "InstanceType": self.instance,
            "VolumeSizeInGB": job.volume_gb,
            "VolumeKmsKeyId": self.key,
        }
        return {
            "ProcessingJobName": name,
            "RoleArn": self.role,
            "AppSpecification": {"ImageUri": self.image, "ContainerEntrypoint": list(job.entrypoint)},
            "ProcessingInputs": [processing_job_input(each, uri) for each, uri in job.inputs.items()],
            "ProcessingOutputConfig": {
                "Outputs": [processing_job_output(each, uri) for each, uri in job.outputs.items()],
                "KmsKeyId": self.key,
            },
            "ProcessingResources": {"ClusterConfig": cluster},
            "StoppingCondition": {"MaxRuntimeInSeconds": job.seconds},
            "NetworkConfig": {"EnableNetworkIsolation": True, **({"VpcConfig": vpc_config} if self.network else {})},
            "Tags": [{"Key": "project", "Value": project}],
        }


def processing_job_input(name: str, uri: str) -> Json:
    """Return the input `name`: everything that begins with `uri`, whole."""
    source = {
        "S3Uri": uri,
        "LocalPath": contract.processing_input_path(name),
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"InputName": name, "S3Input": source}


def processing_job_output(name: str, uri: str) -> Json:
    """Return the output `name`: put below `uri` when the job has completed, and only then."""
    target = {"S3Uri": uri, "LocalPath": contract.processing_output_path(name), "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}

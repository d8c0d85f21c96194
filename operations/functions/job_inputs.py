# SPDX-License-Identifier: MIT-0
"""Finds the archives to train on, and describes inputs, outputs and volume of a processing job.

The key of an archive has to contain the hash of its content: retraining and step caching compare keys alone, so an
object with another key could silently give the old model.

A job downloads all of its input before it begins. Source: SageMaker API Reference, ProcessingClusterConfig,
ProcessingInput and ProcessingOutput.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from operations.functions.aws_clients import Client, split_s3_uri
from operations.functions.errors import UsageError
from pipeline_src import contract

_BYTES_PER_GB: Final = 1 << 30
# The job itself writes less than it reads: it keeps figures of each image.
_VOLUME_FACTOR: Final = 2
_SPARE_GB: Final = 10
MIN_VOLUME_GB: Final = 30
# The quota of a new account for a job's volume [?]. A job that needs more fails with a full volume; its log says so.
MAX_VOLUME_GB: Final = 1000
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class TrainingArchives:
    """The archives that a model is trained on.

    Attributes:
        bucket: Name of their bucket.
        archive: Key of the archive.
        addition: Key of the additional archive, or empty.
    """

    bucket: str
    archive: str
    addition: str

    @property
    def uris(self) -> dict[str, str]:
        """The URIs of the archives by pipeline parameter."""
        keys = {contract.INPUT_ARCHIVE_PARAMETER: self.archive, contract.ADDITIONAL_ARCHIVE_PARAMETER: self.addition}
        return {name: f"s3://{self.bucket}/{key}" for name, key in keys.items() if key}


@dataclass(frozen=True)
class _ArchiveKind:
    """A kind of archive: its name in messages, its prefix in the bucket, and the remedy if there is none."""

    name: str
    prefix: str
    remedy: str

    def matches(self, key: str) -> bool:
        return bool(re.fullmatch(rf"{re.escape(self.prefix)}[0-9a-f]{{64}}\.zip", key))


_BASE_ARCHIVE: Final = _ArchiveKind(
    "archive", contract.ARCHIVES_PREFIX, "Upload one: make upload ARCHIVE=dataverse_files.zip."
)
_ADDITIONAL_ARCHIVE: Final = _ArchiveKind("additional archive", contract.ADDITIONS_PREFIX, "Export one: make export.")


def find_archive_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the archive: `given`, or the newest.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, or empty.

    Raises:
        UsageError: There is no such archive, or its key does not contain the hash of its content.
    """
    return _check_given_key(s3, bucket, given, _BASE_ARCHIVE) if given else _newest_archive_key(s3, bucket)


def find_addition_key(s3: Client, bucket: str, given: str) -> str:
    """Return the key of the additional archive: `given`, or the newest; empty for none.

    Args:
        s3: Lists the bucket.
        bucket: Its name.
        given: A key, `contract.NO_ADDITION`, or empty.

    Raises:
        UsageError: The given archive does not exist, or its key does not contain the hash of its content.
    """
    if given == contract.NO_ADDITION:
        return ""
    if given:
        return _check_given_key(s3, bucket, given, _ADDITIONAL_ARCHIVE)
    return _last_written_key(
        [
            found
            for found in _list_objects(s3, bucket, _ADDITIONAL_ARCHIVE.prefix)
            if _ADDITIONAL_ARCHIVE.matches(found["Key"])
        ]
    )


def _check_given_key(s3: Client, bucket: str, key: str, kind: _ArchiveKind) -> str:
    place = f"{kind.name} s3://{bucket}/{key}"
    if not kind.matches(key):
        raise UsageError(f"{place}: is not named {kind.prefix}<SHA-256>.zip. {kind.remedy}")
    if not any(found["Key"] == key for found in _list_objects(s3, bucket, key)):
        raise UsageError(f"{place}: does not exist. {kind.remedy}")
    return key


def _newest_archive_key(s3: Client, bucket: str) -> str:
    objects = _list_objects(s3, bucket, _BASE_ARCHIVE.prefix)
    newest = _last_written_key([found for found in objects if _BASE_ARCHIVE.matches(found["Key"])])
    if not newest:
        others = len([found for found in objects if not found["Key"].endswith("/")])
        beside = f" that is named after its SHA-256, but {others} other objects" if others else ""
        raise UsageError(f"s3://{bucket}/{_BASE_ARCHIVE.prefix}: no archive{beside}. {_BASE_ARCHIVE.remedy}")
    return newest


def _last_written_key(objects: list[dict[str, Any]]) -> str:
    """Return the key of the newest object; empty if there is none."""
    return str(max(((found["LastModified"], found["Key"]) for found in objects), default=("", ""))[1])


def _list_objects(s3: Client, bucket: str, prefix: str) -> list[dict[str, Any]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found for page in pages for found in page.get("Contents", [])]


def total_object_bytes(s3: Client, uri: str) -> int | None:
    """Return the bytes of all objects whose URI begins with `uri`, or None if there is no object.

    Raises:
        ClientError: The service refused.
    """
    sizes = [found["Size"] for found in _list_objects(s3, *split_s3_uri(uri))]
    return sum(sizes) if sizes else None


def job_volume_gb(size: int) -> int:
    """Return the volume size, in gigabytes, of a job that downloads `size` bytes."""
    return min(MAX_VOLUME_GB, max(MIN_VOLUME_GB, _SPARE_GB + _VOLUME_FACTOR * math.ceil(size / _BYTES_PER_GB)))


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
    """Return the input `name`: all objects whose URI begins with `uri`."""
    source = {
        "S3Uri": uri,
        "LocalPath": contract.processing_input_path(name),
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"InputName": name, "S3Input": source}


def processing_job_output(name: str, uri: str) -> Json:
    """Return the output `name`, which is uploaded to `uri` when the job has completed."""
    target = {"S3Uri": uri, "LocalPath": contract.processing_output_path(name), "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}

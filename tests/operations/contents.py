# SPDX-License-Identifier: MIT-0
"""What the services of cloud.py answer about pipelines, models and data, by service and operation."""

from typing import Any

from tests.operations.cloud import RefusedError
from tests.operations.state import (
    ACCOUNT,
    MONDAY,
    NAME,
    OLD_TAG,
    REGION,
    REPOSITORY,
    SHARED_TAG,
    TAG,
    Asked,
    Handler,
    State,
)


def _uri(tag: str) -> str:
    return f'{{"ImageUri": "{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}:{tag}"}}'


def pipelines(state: State) -> dict[str, Handler]:
    def executions(_: Asked) -> Any:
        return {
            "PipelineExecutionSummaries": [
                {
                    "PipelineExecutionArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{key}",
                    "PipelineExecutionStatus": status,
                }
                for key, status in state.executions.items()
            ]
        }

    def jobs(asked: Asked) -> Any:
        found = [
            {"ProcessingJobName": name, "ProcessingJobArn": name, "ProcessingJobStatus": status, "CreationTime": MONDAY}
            for name, status in state.jobs.items()
            if asked["NameContains"] in name and status == asked["StatusEquals"]
        ]
        return {"ProcessingJobSummaries": found}

    def stop_job(asked: Asked) -> Any:
        state.jobs[asked["ProcessingJobName"]] = "Stopping"

    def stop(asked: Asked) -> Any:
        state.executions[asked["PipelineExecutionArn"].rpartition(":")[2]] = "Stopping"

    definitions = {NAME: _uri(TAG), "other": _uri(SHARED_TAG)}
    return {
        "sagemaker ListPipelines": lambda _: {"PipelineSummaries": [{"PipelineName": name} for name in definitions]},
        "sagemaker DescribePipeline": lambda asked: {"PipelineDefinition": definitions[asked["PipelineName"]]},
        "sagemaker ListPipelineExecutions": executions,
        "sagemaker DescribePipelineDefinitionForExecution": lambda _: {
            "PipelineDefinition": _uri(OLD_TAG) + _uri(SHARED_TAG)
        },
        "sagemaker StopPipelineExecution": stop,
        "sagemaker ListProcessingJobs": jobs,
        "sagemaker StopProcessingJob": stop_job,
    }


def registry(state: State) -> dict[str, Handler]:
    def packages(_: Asked) -> Any:
        prefix = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{NAME}"
        common = {"CreationTime": MONDAY, "ModelPackageStatus": "Completed"}
        found = [{"ModelPackageArn": f"{prefix}/{version}", **common} for version in sorted(state.packages)]
        return {"ModelPackageSummaryList": found}

    def delete(asked: Asked) -> None:
        version = asked["ModelPackageName"].rpartition("/")[2]
        if version not in state.packages:
            raise RefusedError("ValidationException", f"ModelPackage {version} does not exist")
        state.packages.discard(version)

    return {
        "sagemaker ListModelPackages": packages,
        "sagemaker DeleteModelPackage": delete,
        "ecr BatchDeleteImage": lambda asked: state.images.discard(asked["imageIds"][0]["imageTag"]),
    }


def models(state: State) -> dict[str, Handler]:
    def tagged(asked: Asked) -> Any:
        assert asked["TagFilters"] == [{"Key": "project", "Values": [NAME]}]
        kind = asked["ResourceTypeFilters"][0].partition(":")[2]
        # The tagging service goes on naming what was deleted, for a while.
        names = {"model": ("model-1", "model-2"), "endpoint-config": ("config-1",)}[kind]
        arns = [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}" for name in names]
        return {"ResourceTagMappingList": [{"ResourceARN": one} for one in arns]}

    def delete_configuration(asked: Asked) -> None:
        if asked["EndpointConfigName"] not in state.configurations:
            raise RefusedError("ValidationException", "Could not find endpoint configuration")
        state.configurations.discard(asked["EndpointConfigName"])

    def delete_model(asked: Asked) -> None:
        if asked["ModelName"] not in state.models:
            raise RefusedError("ValidationException", "Could not find model")
        state.models.discard(asked["ModelName"])

    def forget(_: Asked) -> None:
        if not state.champion:
            raise RefusedError("ParameterNotFound")
        state.champion = ""

    return {
        "resourcegroupstaggingapi GetResources": tagged,
        "sagemaker DeleteEndpointConfig": delete_configuration,
        "sagemaker DeleteModel": delete_model,
        "ssm DeleteParameter": forget,
    }


def uploads(state: State) -> dict[str, Handler]:
    def abort(asked: Asked) -> None:
        if asked["UploadId"] not in state.uploads[asked["Bucket"]]:
            raise RefusedError("NoSuchUpload")
        state.uploads[asked["Bucket"]].discard(asked["UploadId"])

    def listed(asked: Asked) -> Any:
        return {"Uploads": [{"Key": "k", "UploadId": one} for one in sorted(state.uploads.get(asked["Bucket"], ()))]}

    return {"s3 ListMultipartUploads": listed, "s3 AbortMultipartUpload": abort}


def data(state: State) -> dict[str, Handler]:
    def look(name: str) -> dict[str, Any]:
        if name not in state.kept:
            raise RefusedError("404")
        return {}

    def key(asked: Asked) -> Any:
        there = asked["KeyId"] in state.kept
        return {"KeyMetadata": {"KeyId": asked["KeyId"], "KeyState": "Enabled" if there else "PendingDeletion"}}

    def versions(asked: Asked) -> Any:
        look(asked["Bucket"])
        return {"Versions": [{"Key": "k", "VersionId": str(n)} for n in range(state.objects[asked["Bucket"]])]}

    def delete_bucket(asked: Asked) -> None:
        if asked["Bucket"] not in state.kept:
            raise RefusedError("NoSuchBucket")
        if state.objects[asked["Bucket"]]:
            raise RefusedError("BucketNotEmpty")
        state.kept.discard(asked["Bucket"])

    def remove(name: str, refusal: str) -> None:
        if name not in state.kept:
            raise RefusedError(refusal, f"{name} does not exist, or its deletion is pending")
        state.kept.discard(name)

    group = {"ModelPackageGroupName": NAME, "ModelPackageGroupArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:group"}
    more = {"CreationTime": MONDAY, "CreatedBy": {}, "ModelPackageGroupStatus": "Completed"}
    return {
        "s3 HeadBucket": lambda asked: look(asked["Bucket"]),
        "s3 ListObjectVersions": versions,
        "s3 DeleteObjects": lambda asked: state.objects.update({asked["Bucket"]: 0}),
        "s3 DeleteBucket": delete_bucket,
        "kms DescribeKey": key,
        "kms ScheduleKeyDeletion": lambda asked: remove(asked["KeyId"], "KMSInvalidStateException"),
        "sagemaker DescribeModelPackageGroup": lambda _: look("group") | group | more,
        "sagemaker DeleteModelPackageGroup": lambda _: remove("group", "ValidationException"),
    }

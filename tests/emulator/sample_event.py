# SPDX-License-Identifier: MIT-0
"""Events as the services' guides show them, with this deployment's names in them.

Sources: SageMaker Developer Guide, "Amazon EventBridge integration" (model package, processing job state change); S3
User Guide, "EventBridge event message structure"; CodeCommit User Guide, "Monitoring CodeCommit events in EventBridge".
"""

from typing import Any

from tests.proof.sample import ACCOUNT, REGION

Event = dict[str, Any]


def _event(source: str, kind: str, resource: str, detail: dict[str, Any], number: int = 1) -> Event:
    return {
        "version": "0",
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "detail-type": kind,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": [resource],
        "detail": detail,
    }


def package(status: str, *, group: str = "skin-lesion", number: int = 1, **more: Any) -> Event:
    """Return the event of a model package whose approval is `status`; repeats differ in their `number` alone.

    Args:
        status: How the approval stands.
        group: Of the package.
        number: Of the event.
        more: Further fields of its detail, such as UpdatedModelPackageFields.
    """
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/2"
    detail = {
        "ModelPackageGroupName": group,
        "ModelPackageVersion": 2,
        "ModelPackageArn": arn,
        "CreationTime": "2026-01-01T00:00:00Z",
        "InferenceSpecification": {"SupportedContentTypes": ["application/x-image"]},
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": status,
        "CertifyForMarketplace": False,
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        **more,
    }
    return _event("aws.sagemaker", "SageMaker Model Package State Change", arn, detail, number)


def job(name: str, status: str) -> Event:
    """Return the event of a processing job that has that status."""
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{name}"
    detail = {"ProcessingJobName": name, "ProcessingJobArn": arn, "ProcessingJobStatus": status}
    return _event("aws.sagemaker", "SageMaker Processing Job State Change", arn, detail)


def upload(bucket: str, key: str, kind: str = "Object Created") -> Event:
    """Return the event of an object that was put into `bucket`."""
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "617F08299329D189"},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": ACCOUNT,
        "source-ip-address": "192.0.2.1",
        "reason": "CompleteMultipartUpload",
    }
    return _event("aws.s3", kind, f"arn:aws:s3:::{bucket}", detail)


def push(repository: str, branch: str, event: str = "referenceUpdated") -> Event:
    """Return the event of a push to a branch of a CodeCommit repository."""
    arn = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{repository}"
    detail = {
        "event": event,
        "repositoryName": repository,
        "repositoryId": "12345678-1234-4678-8234-567890abcdef",
        "referenceType": "branch",
        "referenceName": branch,
        "referenceFullName": f"refs/heads/{branch}",
        "commitId": "3e5983DESTINATION",
        "oldCommitId": "3e5983SOURCE",
    }
    return _event("aws.codecommit", "CodeCommit Repository State Change", arn, detail)

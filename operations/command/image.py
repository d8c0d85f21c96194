# SPDX-License-Identifier: MIT-0
"""The preprocessing images that a deployment pushed into the CDK's assets repository.

The CDK never deletes an asset. An image's tag is the hash of its content, so two deployments with the same sources
share it; those that another pipeline of the account still names are left alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from operations.client import Client
from operations.command import refusal

# Source of the form: CDK Developer Guide, "Customize AWS CDK bootstrapping" (the repository of image assets).
_ASSET: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>cdk-[a-z0-9]{1,10}-container-assets-\d{12}-[a-z0-9-]+):(?P<tag>[A-Za-z0-9_.-]+)"
)


@dataclass(frozen=True, order=True)
class Image:
    """One image asset.

    Attributes:
        repository: Name of the CDK's assets repository.
        tag: Hash of the image's content.
    """

    repository: str
    tag: str


def found(sagemaker: Client, pipeline: str) -> list[Image]:
    """Return the images that `pipeline` names, or named in any of its executions, and no other pipeline names."""
    own = set(_named(_definition(sagemaker, pipeline)))
    for execution in _executions(sagemaker, pipeline):
        own |= set(_named(_executed(sagemaker, execution)))
    return sorted(own - _of_others(sagemaker, pipeline)) if own else []


def delete(ecr: Client, images: list[Image]) -> None:
    """Delete the images; those that are not there any more count as deleted."""
    for image in images:
        try:
            ecr.batch_delete_image(repositoryName=image.repository, imageIds=[{"imageTag": image.tag}])
        except ClientError as error:
            if not refusal.is_missing(error):
                raise


def _named(definition: str) -> Iterator[Image]:
    for match in _ASSET.finditer(definition):
        yield Image(match["repository"], match["tag"])


def _of_others(sagemaker: Client, pipeline: str) -> set[Image]:
    pages = sagemaker.get_paginator("list_pipelines").paginate()
    others = [listed["PipelineName"] for page in pages for listed in page["PipelineSummaries"]]
    return {image for name in others if name != pipeline for image in _named(_definition(sagemaker, name))}


def _executions(sagemaker: Client, pipeline: str) -> Iterator[str]:
    try:
        for page in sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline):
            for execution in page["PipelineExecutionSummaries"]:
                yield execution["PipelineExecutionArn"]
    except ClientError as error:
        if not refusal.is_missing(error):
            raise


def _definition(sagemaker: Client, pipeline: str) -> str:
    try:
        return str(sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"])
    except ClientError as error:
        if refusal.is_missing(error):
            return ""
        raise


def _executed(sagemaker: Client, execution: str) -> str:
    try:
        described = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution)
        return str(described["PipelineDefinition"])
    except ClientError as error:
        if refusal.is_missing(error):
            return ""
        raise

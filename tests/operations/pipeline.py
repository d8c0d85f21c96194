# SPDX-License-Identifier: MIT-0
"""A SageMaker pipeline for tests: it keeps its executions, and starts one execution for one token."""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from tests.operations.service import METADATA, MONDAY, refusal, valid

ARN = "arn:aws:sagemaker:us-east-1:111111111111:pipeline/skin-lesion"
ARCHIVE = f"archives/{'a' * 64}.zip"


class Store:
    """An SSM client that names the champion, or knows of none."""

    exceptions = SimpleNamespace(ParameterNotFound=KeyError)

    def __init__(self, champion: str = "") -> None:
        self.champion = champion

    def get_parameter(self, **request: Any) -> dict[str, Any]:
        valid("ssm", "GetParameter", request)
        if not self.champion:
            raise KeyError
        return {"Parameter": {"Name": request["Name"], "Value": self.champion, "LastModifiedDate": MONDAY}}


class Bucket:
    """An S3 client that lists one archive, and the keys that are looked up."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys or (ARCHIVE,)

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        valid("s3", "ListObjectsV2", request)
        found = [key for key in self.keys if key.startswith(request["Prefix"])]
        found = found or ([request["Prefix"]] if request.get("MaxKeys") == 1 else [])  # a key that is looked up
        return [{"Contents": [{"Key": key, "LastModified": MONDAY} for key in found]}]


class Pipeline:
    """A SageMaker client with one pipeline.

    Attributes:
        definition: The pipeline's.
        created: When it was created.
        summaries: Its executions, newest first, as they are listed.
        tokens: The requests that started an execution, and its ARN, by their tokens.
        meanwhile: Called once, when a start has been asked for and nothing has been started yet.
        strict: Whether a token that comes with another request is refused; else it gives the same execution.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.definition = '{"Steps": []}'
        self.created = MONDAY
        self.summaries: list[dict[str, str]] = []
        self.tokens: dict[str, tuple[Mapping[str, Any], str]] = {}
        self.meanwhile: Callable[[], None] | None = None
        self.strict = strict

    def describe_pipeline(self, **request: Any) -> dict[str, Any]:
        valid("sagemaker", "DescribePipeline", request)
        return {"PipelineArn": ARN, "PipelineDefinition": self.definition, "CreationTime": self.created}

    def describe_model_package(self, **request: Any) -> dict[str, Any]:
        valid("sagemaker", "DescribeModelPackage", request)
        return {"CreationTime": MONDAY, "CustomerMetadataProperties": METADATA}

    def get_paginator(self, _: str) -> "Pipeline":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        """Give two to a page."""
        valid("sagemaker", "ListPipelineExecutions", request)
        found = list(self.summaries)
        for begin in range(0, max(1, len(found)), 2):
            yield {"PipelineExecutionSummaries": found[begin : begin + 2]}

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        valid("sagemaker", "StartPipelineExecution", request)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        token = request["ClientRequestToken"]
        if token not in self.tokens:
            self.tokens[token] = request, self._execution(request["PipelineExecutionDisplayName"])
        known, arn = self.tokens[token]
        if self.strict and known != request:
            raise refusal("StartPipelineExecution", "ConflictException")
        return {"PipelineExecutionArn": arn}

    def _execution(self, name: str) -> str:
        arn = f"{ARN}/execution/{len(self.summaries) + 1:012d}"
        status = {"PipelineExecutionStatus": "Executing", "PipelineExecutionDisplayName": name}
        self.summaries.insert(0, {"PipelineExecutionArn": arn, **status})
        return arn

    def end(self, status: str) -> None:
        """Let the newest execution end."""
        self.summaries[0]["PipelineExecutionStatus"] = status

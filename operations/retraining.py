# SPDX-License-Identifier: MIT-0
"""Starts the SageMaker pipeline: the one way in for a push, a schedule, new data and a person.

The rules that keep simultaneous triggers from training the same model twice stand in attempt.py, and what the model is
compared with in comparison.py.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from operations import attempt, comparison, dataset, package
from operations.attempt import Attempt
from operations.client import Client
from operations.dataset import Data
from operations.error import UsageError
from operations.payload import CHAMPION, Retrain, Retrained
from pipeline_src import contract

_LOOKS: Final = 3
_LOOK_SECONDS: Final = 2.0


def start(
    request: Retrain, *, sagemaker: Client, s3: Client, ssm: Client, sleep: Callable[[float], None] = time.sleep
) -> Retrained:
    """Start the pipeline, or join the execution that trains or has trained the same model.

    Args:
        request: What to train and why.
        sagemaker: Client that describes, lists and starts.
        s3: Client that lists the archives and the champion's predictions.
        ssm: Client that reads which package is the champion.
        sleep: Waits for some seconds.

    Raises:
        UsageError: There is no such pipeline or no such archive, or what to compare with is gone.
        ClientError: The service refused.
    """
    pipeline = _described(sagemaker, request.pipeline)
    data = _data(request, s3)
    identity = attempt.identity(pipeline["PipelineDefinition"], data.archive, request.compare, data.addition)
    found = _attempts(sagemaker, request.pipeline, identity)
    sufficient = attempt.sufficient(found, request.reason)
    if sufficient:
        return _joined(sufficient)
    against = comparison.parameters(request, sagemaker=sagemaker, s3=s3, ssm=ssm)
    number = attempt.following(found)
    token = attempt.token(pipeline["PipelineArn"], pipeline["CreationTime"], identity, number)
    name = attempt.display_name(identity, number, request.reason)
    try:
        execution = _started(sagemaker, request.pipeline, name, token, _parameters(request, data) | against)
    except ClientError:
        # A second start under one token may be refused instead, where another trigger named another reason, commit or
        # champion.
        other = _look_for(sagemaker, request.pipeline, identity, number, sleep)
        if other is None:
            raise
        return _joined(other)
    message = f"Started attempt {number} with {' and '.join(data.uris.values())} ({_told(request, against)})."
    return Retrained(execution=execution, started=True, message=message)


def _described(sagemaker: Client, name: str) -> dict[str, Any]:
    try:
        pipeline: dict[str, Any] = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ResourceNotFound:
        raise UsageError(
            f"SageMaker pipeline {name!r}: not found in {sagemaker.meta.region_name}. Deploy first: make deploy."
        ) from None
    return pipeline


def _attempts(sagemaker: Client, pipeline: str, identity: str) -> list[Attempt]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
    )
    return attempt.attempts((found for page in pages for found in page["PipelineExecutionSummaries"]), identity)


def _data(request: Retrain, s3: Client) -> Data:
    return Data(
        request.bucket,
        dataset.archive_key(s3, request.bucket, request.archive),
        dataset.addition_key(s3, request.bucket, request.addition),
    )


def _parameters(request: Retrain, data: Data) -> dict[str, str]:
    commit = {contract.SOURCE_COMMIT: request.commit} if request.commit else {}
    return data.uris | commit


def _told(request: Retrain, against: Mapping[str, str]) -> str:
    """Return what asked for the training and what its model is compared with, in words."""
    by = f"{request.reason} of commit {request.commit}" if request.commit else request.reason
    if contract.CHAMPION_PREDICTIONS in against:
        return f"{by}; compared with {package.named(against[contract.CHAMPION_PACKAGE])}"
    why = "nothing is in production" if request.compare == CHAMPION else "that was asked for"
    return f"{by}; compared with nothing, because {why}"


def _started(sagemaker: Client, pipeline: str, name: str, token: str, parameters: Mapping[str, str]) -> str:
    answer = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineExecutionDisplayName=name,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        ClientRequestToken=token,
    )
    return str(answer["PipelineExecutionArn"])


def _look_for(
    sagemaker: Client, pipeline: str, identity: str, number: int, sleep: Callable[[float], None]
) -> Attempt | None:
    """Return the attempt of that number, for which the list may need some seconds."""
    for look in range(_LOOKS):
        if look:
            sleep(_LOOK_SECONDS)
        for found in _attempts(sagemaker, pipeline, identity):
            if found.number == number:
                return found
    return None


def _joined(found: Attempt) -> Retrained:
    return Retrained(execution=found.execution, started=False, message=attempt.told(found))

# SPDX-License-Identifier: MIT-0
"""An additional archive is part of what a model is: another one is another model, and without one nothing changes."""

from typing import Any

from operations.functions import retraining_attempts
from operations.functions.function_payloads import RetrainRequest, RetrainResult
from tests.operations.pipeline import ARCHIVE, Bucket, Pipeline, Store
from tests.operations.service import CHAMPION

ADDED = f"additions/{'c' * 64}.zip"


def start(pipeline: Pipeline, *keys: str, addition: str = "") -> RetrainResult:
    request = RetrainRequest("skin-lesion", "raw", "", "", "data", CHAMPION, "champion", addition)
    services: dict[str, Any] = {"sagemaker": pipeline, "s3": Bucket(ARCHIVE, *keys), "ssm": Store()}
    return retraining_attempts.start_retraining(request, **services)


def parameters(pipeline: Pipeline) -> list[dict[str, str]]:
    """Return those of the last execution that was started."""
    request, _ = list(pipeline.tokens.values())[-1]
    found: list[dict[str, str]] = request["PipelineParameters"]
    return found


def test_the_newest_one_joins_the_archive() -> None:
    pipeline = Pipeline()
    started = start(pipeline, ADDED)
    assert parameters(pipeline) == [
        {"Name": "InputArchive", "Value": f"s3://raw/{ARCHIVE}"},
        {"Name": "AdditionalArchive", "Value": f"s3://raw/{ADDED}"},
        {"Name": "EarlierEvaluations", "Value": "at most 0"},
    ]
    assert f"with s3://raw/{ARCHIVE} and s3://raw/{ADDED} (data;" in started.message


def test_one_that_is_new_is_another_model_and_the_same_one_is_not() -> None:
    pipeline = Pipeline()
    assert start(pipeline).started
    pipeline.end("Succeeded")
    assert start(pipeline, ADDED).started
    pipeline.end("Succeeded")
    assert not start(pipeline, ADDED).started
    assert not start(pipeline, ADDED, addition="none").started


def test_without_one_the_identity_is_what_it_was_before_there_were_any() -> None:
    """So that bringing them in trains nothing anew by itself."""
    known = "11e3d14b832f5f24"
    assert retraining_attempts.model_identity("definition", ARCHIVE, "champion") == retraining_attempts.model_identity(
        "definition", ARCHIVE, "champion", ""
    )
    assert retraining_attempts.model_identity("definition", ARCHIVE, "champion") == known
    assert retraining_attempts.model_identity("definition", ARCHIVE, "champion", ADDED) != known

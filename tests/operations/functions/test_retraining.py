# SPDX-License-Identifier: MIT-0
"""The guard before the SageMaker pipeline: simultaneous and repeated triggers train a model once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.functions import retraining_attempts
from operations.functions.errors import UsageError
from operations.functions.function_payloads import RetrainRequest, RetrainResult
from tests.operations.pipeline import ARCHIVE, Bucket, Pipeline, Store
from tests.operations.service import CHAMPION, MONDAY, PACKAGE, Services, refusal

OTHER = f"archives/{'b' * 64}.zip"


def start(
    pipeline: Pipeline,
    reason: str = "push",
    commit: str = "",
    archive: str = "",
    sleep: Callable[[float], None] = lambda _: None,
    **against: str,
) -> RetrainResult:
    request = RetrainRequest(
        "skin-lesion", "raw", archive, commit, reason, CHAMPION, against.get("compare", "champion")
    )
    store = Store(against.get("champion", ""))
    services: dict[str, Any] = {"sagemaker": pipeline, "s3": Bucket(ARCHIVE, OTHER), "ssm": store}
    return retraining_attempts.start_retraining(request, **services, sleep=sleep)


def test_the_first_request_starts_an_execution_on_the_exact_archive() -> None:
    pipeline = Pipeline()
    started = start(pipeline, "push", "0a1b2c3", ARCHIVE)
    assert started.started
    assert started.execution == pipeline.summaries[0]["PipelineExecutionArn"]
    assert started.message == (
        f"Started attempt 1 with s3://raw/{ARCHIVE} (push of commit 0a1b2c3; compared with nothing, because nothing is "
        "in production)."
    )
    ((request, _),) = pipeline.tokens.values()
    assert request["PipelineParameters"] == [
        {"Name": "InputArchive", "Value": f"s3://raw/{ARCHIVE}"},
        {"Name": "SourceCommit", "Value": "0a1b2c3"},
        {"Name": "EarlierEvaluations", "Value": "at most 0"},
    ]


def test_the_model_is_compared_with_the_one_in_production() -> None:
    pipeline = Pipeline()
    started = start(pipeline, champion=PACKAGE)
    assert "(push; compared with version 3 of skin-lesion)" in started.message
    ((request, _),) = pipeline.tokens.values()
    assert request["PipelineParameters"][2:] == [
        {"Name": "ChampionPredictions", "Value": "s3://runs/runs/abc/evaluate/evaluation/predictions.csv"},
        {"Name": "ChampionPackage", "Value": PACKAGE},
    ]


def test_the_model_is_compared_with_nothing_where_somebody_chose_so() -> None:
    pipeline = Pipeline()
    started = start(pipeline, champion=PACKAGE, compare="nothing")
    assert "compared with nothing, because the comparison is turned off" in started.message
    ((request, _),) = pipeline.tokens.values()
    assert request["PipelineParameters"][2:] == [{"Name": "ChampionPackage", "Value": "waived"}]


def test_without_a_commit_none_is_passed() -> None:
    pipeline = Pipeline()
    start(pipeline, "schedule")
    ((request, _),) = pipeline.tokens.values()
    assert [parameter["Name"] for parameter in request["PipelineParameters"]] == ["InputArchive", "EarlierEvaluations"]


@pytest.mark.parametrize("strict", [False, True], ids=["token gives the same", "token of another request is refused"])
def test_a_push_and_new_data_at_the_same_time_start_one_execution(strict: bool) -> None:  # noqa: FBT001  parametrized
    """Both list before either starts, so both send the token of the first attempt."""
    pipeline, second = Pipeline(strict=strict), list[RetrainResult]()
    pipeline.meanwhile = lambda: second.append(start(pipeline, "data", archive=ARCHIVE))
    first = start(pipeline, "push", "0a1b2c3", ARCHIVE)
    assert len(pipeline.summaries) == len(pipeline.tokens) == 1
    assert first.execution == second[0].execution
    assert first.started is not strict


def test_the_list_may_need_some_seconds_to_show_what_the_other_trigger_started() -> None:
    pipeline, waited = Pipeline(strict=True), list[float]()
    hidden: list[dict[str, str]] = []

    def start_unseen() -> None:
        start(pipeline, "data", archive=ARCHIVE)
        hidden.append(pipeline.summaries.pop())

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        pipeline.summaries[:] = hidden

    pipeline.meanwhile = start_unseen
    joined = start(pipeline, "push", archive=ARCHIVE, sleep=sleep)
    assert not joined.started
    assert joined.execution == hidden[0]["PipelineExecutionArn"]
    assert len(waited) == 1


def test_a_refusal_that_no_other_trigger_explains_is_raised() -> None:
    pipeline, waited = Pipeline(), list[float]()

    def refuse() -> None:
        raise refusal("StartPipelineExecution", "ResourceLimitExceeded")

    pipeline.meanwhile = refuse
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        start(pipeline, sleep=waited.append)
    assert sum(waited) <= 5


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_a_running_execution_of_the_same_model_is_joined(status: str) -> None:
    pipeline = Pipeline()
    first = start(pipeline)
    pipeline.end(status)
    second = start(pipeline, "schedule", "other commit")
    assert second == RetrainResult(first.execution, started=False, message=second.message)
    assert f"Attempt 1 at the same model is {status}." in second.message
    assert len(pipeline.summaries) == 1


def test_a_model_that_was_trained_is_not_trained_again() -> None:
    pipeline = Pipeline()
    first = start(pipeline)
    pipeline.end("Succeeded")
    second = start(pipeline, "schedule")
    assert (second.execution, second.started) == (first.execution, False)
    assert "Archive and pipeline definition are the same as in attempt 1, which succeeded" in second.message


@pytest.mark.parametrize("status", ["Failed", "Stopped", "CompletedWithFailures"])
def test_a_failed_attempt_is_tried_again_under_another_token(status: str) -> None:
    pipeline = Pipeline()
    for number in (1, 2, 3):
        again = start(pipeline, "manual")
        assert again.started
        assert f"attempt {number} " in again.message
        pipeline.end(status)
    assert len(pipeline.tokens) == 3


def test_the_attempts_are_found_on_every_page_of_the_list_and_others_are_none() -> None:
    pipeline = Pipeline()
    first = start(pipeline, archive=ARCHIVE)
    pipeline.end("Succeeded")
    for number in range(5):
        pipeline.definition = f'{{"Steps": [{number}]}}'
        start(pipeline)
        pipeline.end("Failed")
    pipeline.summaries.insert(0, {"PipelineExecutionArn": "by-hand", "PipelineExecutionStatus": "Executing"})
    pipeline.definition = '{"Steps": []}'
    found = start(pipeline, archive=ARCHIVE)
    assert (found.execution, found.started) == (first.execution, False)


@pytest.mark.parametrize("change", ["definition", "archive"])
def test_another_definition_or_another_archive_is_another_model(change: str) -> None:
    pipeline = Pipeline()
    start(pipeline, archive=ARCHIVE)
    if change == "definition":
        pipeline.definition = '{"Steps": [1]}'
    assert start(pipeline, archive=OTHER if change == "archive" else ARCHIVE).started
    assert len(pipeline.summaries) == 2


def test_a_pipeline_that_was_deployed_anew_is_not_given_the_execution_of_its_predecessor() -> None:
    """Its first attempt must not send the token that the service may still know."""
    start(pipeline := Pipeline())
    pipeline.summaries.clear()
    pipeline.created = MONDAY + timedelta(days=1)
    start(pipeline)
    assert len(pipeline.tokens) == 2


def test_an_unknown_pipeline_is_said_so(aws: Services) -> None:
    aws.refuses("sagemaker", "describe_pipeline", "ResourceNotFound")
    request = RetrainRequest("skin-lesion", "raw", "", "", "push", CHAMPION, "champion")
    with pytest.raises(UsageError, match=r"SageMaker pipeline 'skin-lesion': not found in us-east-1. Deploy first"):
        retraining_attempts.start_retraining(request, **{name: aws(name) for name in ("sagemaker", "s3", "ssm")})


def test_the_report_is_told_how_many_executions_have_ended_before_it() -> None:
    pipeline = Pipeline()
    for status in ("Succeeded", "Stopped", "Executing", "Failed"):
        pipeline.summaries.append(
            {
                "PipelineExecutionStatus": status,
                "PipelineExecutionArn": "arn",
                "PipelineExecutionDisplayName": "by hand",
            }
        )
    start(pipeline)
    ((request, _),) = pipeline.tokens.values()
    told = {each["Name"]: each["Value"] for each in request["PipelineParameters"]}
    assert told["EarlierEvaluations"] == "at most 2"

# SPDX-License-Identifier: MIT-0
"""A job of CodePipeline is reported however it ends, so that its action never hangs."""

import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from operations.functions import lambda_handlers
from operations.functions.errors import SmokeTestError
from operations.functions.lambda_handlers import JobSuccess
from tests.operations.service import Services, refusal

ID = "11111111-1111-1111-1111-111111111111"


def event(parameters: object = None) -> dict[str, Any]:
    """What CodePipeline invokes a function with, as far as it is used."""
    configuration = {"FunctionName": "smoke", "UserParameters": parameters}
    if not isinstance(parameters, str):
        configuration["UserParameters"] = json.dumps(parameters)
    return {"CodePipeline.job": {"id": ID, "data": {"actionConfiguration": {"configuration": configuration}}}}


def fails(aws: Services, message: str) -> None:
    """Have CodePipeline take the report of a failure, word for word."""
    details = {"type": "JobFailed", "message": message, "externalExecutionId": "request"}
    aws.answers("codepipeline", "put_job_failure_result", {}, jobId=ID, failureDetails=details)


def succeeds(aws: Services, summary: str, **variables: str) -> None:
    """Have CodePipeline take the report of a success, word for word."""
    details = {"summary": summary, "externalExecutionId": "request"}
    more = {"outputVariables": variables} if variables else {}
    aws.answers("codepipeline", "put_job_success_result", {}, jobId=ID, executionDetails=details, **more)


def _report(aws: Services, outcome: JobSuccess | Exception, parameters: object = None) -> list[object]:
    given = []

    def work(parameters: object) -> JobSuccess:
        given.append(parameters)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    lambda_handlers.report_job_result(event(parameters), "request", aws("codepipeline"), work)
    return given


def test_the_work_gets_the_action_s_parameters_and_its_variables_are_reported(aws: Services) -> None:
    succeeds(aws, "done", report="https://x", metrics="0.7")
    assert _report(aws, JobSuccess("done", {"report": "https://x"}, {"metrics": "0.7"}), {"a": "b"}) == [{"a": "b"}]


def test_a_success_without_variables_reports_none(aws: Services) -> None:
    succeeds(aws, "done")
    _report(aws, JobSuccess("done"))


def test_lines_are_cut_to_what_an_approval_can_show_and_a_link_is_not(aws: Services) -> None:
    link, line = "https://" + "x" * 500, "y" * 500
    succeeds(aws, f"{'z' * 2047}…", report=link, metrics=f"{'y' * 299}…")
    _report(aws, JobSuccess("z" * 3000, {"report": link}, {"metrics": line}))


def test_a_failure_of_ours_is_reported_in_its_own_words(aws: Services) -> None:
    fails(aws, "endpoint 'staging': answered status 500. Read the container's log.")
    _report(aws, SmokeTestError("endpoint 'staging': answered status 500. Read the container's log."))


def test_a_refusal_of_aws_is_reported_with_operation_code_and_remedy(aws: Services) -> None:
    fails(
        aws,
        "GetObject: AccessDenied: No. Fix what it names (access denied: deploy again, make deploy), then retry the "
        "stage or event.",
    )
    _report(aws, refusal("GetObject", "AccessDenied"))


def test_a_service_that_does_not_answer_is_reported(aws: Services) -> None:
    error = EndpointConnectionError(endpoint_url="https://x")
    fails(aws, f"AWS: no answer: {str(error).rstrip('.')}. Try again: retry the stage or event.")
    _report(aws, error)


def test_a_defect_is_reported_in_a_sentence_and_its_traceback_is_in_the_log_alone(
    aws: Services, caplog: pytest.LogCaptureFixture
) -> None:
    fails(aws, "Unexpected ZeroDivisionError. The function's log has the details; report it, then retry the stage.")
    with caplog.at_level(logging.ERROR):
        _report(aws, ZeroDivisionError("secret"))
    assert "Traceback" in caplog.text
    assert "secret" in caplog.text


def test_parameters_that_are_no_json_are_reported_and_nothing_is_done(aws: Services) -> None:
    message = (
        "UserParameters '{': are not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."
    )
    fails(aws, f"{message} Fix the action: make deploy.")
    assert _report(aws, JobSuccess("done"), "{") == []


def test_a_long_message_is_cut_to_what_codepipeline_takes(aws: Services) -> None:
    fails(aws, f"{'x' * 4999}…")
    _report(aws, SmokeTestError("x" * 9000))


def test_a_success_that_codepipeline_does_not_take_is_reported_as_a_failure(aws: Services) -> None:
    aws.refuses("codepipeline", "put_job_success_result", "OutputVariablesSizeExceededException")
    told = "PutJobSuccessResult: OutputVariablesSizeExceededException: No"
    fails(aws, f"{told}. Fix what it names (access denied: deploy again, make deploy), then retry the stage or event.")
    _report(aws, JobSuccess("done"))


@pytest.mark.parametrize("code", ["InvalidJobStateException", "JobNotFoundException"])
def test_a_repeated_invocation_that_finds_the_job_reported_ends_quietly(aws: Services, code: str) -> None:
    aws.refuses("codepipeline", "put_job_success_result", code)
    aws.refuses("codepipeline", "put_job_failure_result", code)
    _report(aws, JobSuccess("done"))


def test_where_no_report_gets_through_the_invocation_fails_and_is_repeated(aws: Services) -> None:
    aws.refuses("codepipeline", "put_job_failure_result", "ThrottlingException")
    with pytest.raises(ClientError, match="Throttling"):
        _report(aws, SmokeTestError("no"))

# SPDX-License-Identifier: MIT-0
"""`retrain` starts the state machine, and with --wait shows what happens and fails as the training fails."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import ANY

from operations.account.terminal_output import output_console
from operations.commands import retraining_execution
from operations.functions.errors import StoppedError
from tests.operations.service import Services
from tests.operations.shell import account, has_stack, run
from tests.operations.state import MONDAY, OUTPUTS

MACHINE = OUTPUTS["retraining"]["StateMachine"]
EXECUTION = f"{MACHINE}:1".replace("stateMachine", "execution")
PIPELINE = "arn:aws:sagemaker:us-east-1:111111111111:pipeline/skin-lesion/execution/abc"
GIVEN = {"archive": "", "commit": "", "reason": "manual", "compare": "champion", "addition": ""}


def starts(aws: Services, **given: str) -> None:
    has_stack(aws, "retraining")
    expected = {"stateMachineArn": MACHINE, "name": ANY, "input": json.dumps(GIVEN | given)}
    aws.answers("stepfunctions", "start_execution", {"executionArn": EXECUTION, "startDate": MONDAY}, **expected)


def looks(aws: Services, status: str, **more: str) -> None:
    known = {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "status": status, "startDate": MONDAY}
    aws.answers("stepfunctions", "describe_execution", known | more, executionArn=EXECUTION)


def history(aws: Services, *outputs: Any) -> None:
    exits = [{"name": "Start", "output": json.dumps(output)} for output in outputs]
    events = [
        {"timestamp": MONDAY, "type": "TaskStateExited", "id": number, "stateExitedEventDetails": details}
        for number, details in enumerate(exits, 1)
    ]
    aws.answers("stepfunctions", "get_execution_history", {"events": events})


def steps(aws: Services, **statuses: str) -> None:
    ended = {"StartTime": MONDAY, "EndTime": MONDAY + timedelta(minutes=3)}
    listed = [
        {"StepName": name, "StepStatus": status} | ({} if status == "Executing" else ended)
        for name, status in statuses.items()
    ]
    answer = {"PipelineExecutionSteps": listed}
    asked = {"PipelineExecutionArn": PIPELINE, "SortOrder": "Ascending"}
    aws.answers("sagemaker", "list_pipeline_execution_steps", answer, **asked)


def answered(message: str = "Started attempt 1.") -> dict[str, Any]:
    return {"execution": PIPELINE, "started": True, "message": message}


def test_it_is_started_with_the_newest_archive_and_without_waiting(aws: Services) -> None:
    starts(aws)
    result = run(aws, "retrain")
    assert result.exit_code == 0
    assert f"#/v2/executions/details/{EXECUTION}" in result.output


def test_the_archive_is_handed_on(aws: Services) -> None:
    starts(aws, archive="archives/1.zip")
    assert run(aws, "retrain", "--archive", "archives/1.zip").exit_code == 0


def test_the_additional_archive_can_be_chosen_or_left_out(aws: Services) -> None:
    starts(aws, addition="none")
    assert run(aws, "retrain", "--addition", "none").exit_code == 0


def test_the_comparison_with_production_can_be_left_out(aws: Services) -> None:
    starts(aws, compare="nothing")
    assert run(aws, "retrain", "--no-champion").exit_code == 0


def test_waiting_shows_each_step_when_it_changes(aws: Services) -> None:
    starts(aws)
    looks(aws, "RUNNING")
    history(aws)
    looks(aws, "RUNNING")
    history(aws, {"Payload": answered()})
    steps(aws, Preprocess="Executing")
    looks(aws, "RUNNING")
    steps(aws, Preprocess="Succeeded", Train="Executing")
    looks(aws, "SUCCEEDED")
    steps(aws, Preprocess="Succeeded", Train="Succeeded")
    result = run(aws, "retrain", "--wait")
    assert result.exit_code == 0, result.output
    told = ["Started attempt 1.", "Preprocess: Executing", "Preprocess: Succeeded (3.0 min)", "Train: Executing"]
    assert result.output.splitlines()[1:6] == [*told, "Train: Succeeded (3.0 min)"]
    assert f"Succeeded: {PIPELINE}" in result.output


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("gate: melanoma sensitivity 0.41, floor 0.60", "FAILED: gate: melanoma sensitivity 0.41, floor 0.60. Details"),
        (
            json.dumps({"errorMessage": "no archive. Upload one.", "errorType": "UsageError"}),
            "FAILED: no archive. Upload",
        ),
    ],
)
def test_a_failure_is_exit_code_1_with_the_cause(aws: Services, cause: str, said: str) -> None:
    starts(aws)
    looks(aws, "FAILED", error="Failed", cause=cause)
    history(aws, {"unrelated": [1]})
    result = run(aws, "retrain", "--wait")
    assert result.exit_code == 1
    assert said in result.stderr


def test_ctrl_c_ends_the_looking_and_not_the_training(aws: Services) -> None:
    looks(aws, "RUNNING")
    history(aws)

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    here = account(aws)
    with pytest.raises(StoppedError, match=r"the retraining continues\. Follow it again"):
        retraining_execution.follow_retraining_execution(
            type(here)(here.name, here.client, interrupted), EXECUTION, output_console()
        )

# SPDX-License-Identifier: MIT-0
"""`retrain --from STEP` is a selective execution of SageMaker: what runs, what is taken, and the parameters."""

import json
from typing import Any

import pytest

from operations.account.terminal_output import output_console
from operations.commands import retraining_execution, selective_retraining
from operations.functions.errors import StoppedError, UsageError
from tests.operations.service import Services
from tests.operations.shell import account, has_stack, run
from tests.operations.state import MONDAY, NAME

PIPELINE = f"arn:aws:sagemaker:us-east-1:111111111111:pipeline/{NAME}"
OLD, OLDER, NEW = (f"{PIPELINE}/execution/{name}" for name in ("old123456789", "older1234567", "new123456789"))


def step(name: str, kind: str = "Processing", *reads: str, **arguments: Any) -> dict[str, Any]:
    """Return a step that reads a property of the steps `reads`."""
    read = [{"Get": f"Steps.{each}.ProcessingJobName"} for each in reads]
    return {"Name": name, "Type": kind, "Arguments": {"Environment": read, **arguments}}


DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Epochs", "Type": "Integer"}, {"Name": "ChampionPackage", "Type": "String"}],
    "Steps": [
        step("Preprocess"),
        step("Train", "Training", "Preprocess"),
        step("Evaluate", "Processing", "Train"),
        step(
            "Gate",
            "Condition",
            "Evaluate",
            IfSteps=[step("Register", "RegisterModel", "Train")],
            ElseSteps=[step("Reject", "Fail", "Evaluate")],
        ),
        step("Other") | {"DependsOn": ["Preprocess"]},
    ],
}
SELECTED = ["Evaluate", "Gate", "Register", "Reject"]


def describes(aws: Services) -> None:
    has_stack(aws, "training")
    found = {"PipelineArn": PIPELINE, "PipelineName": NAME, "PipelineDefinition": json.dumps(DEFINITION)}
    aws.answers("sagemaker", "describe_pipeline", found, PipelineName=NAME)


def lists(aws: Services, **statuses: str) -> None:
    """Have the executions listed, by the last part of their ARN."""
    found = [
        {"PipelineExecutionArn": f"{PIPELINE}/execution/{name}", "PipelineExecutionStatus": status}
        for name, status in statuses.items()
    ]
    aws.answers("sagemaker", "list_pipeline_executions", {"PipelineExecutionSummaries": found})


def has_steps(aws: Services, execution: str, **statuses: str) -> None:
    found = [{"StepName": name, "StepStatus": status} for name, status in statuses.items()]
    answer = {"PipelineExecutionSteps": found}
    aws.answers("sagemaker", "list_pipeline_execution_steps", answer, PipelineExecutionArn=execution)


def starts(aws: Services, source: str) -> None:
    """Have the parameters of `source` listed, and a selective execution started."""
    listed = [("Epochs", "5"), ("ChampionPackage", "none"), ("Gone", "x")]
    parameters = [{"Name": name, "Value": value} for name, value in listed]
    answer = {"PipelineParameters": parameters}
    aws.answers("sagemaker", "list_pipeline_parameters_for_execution", answer, PipelineExecutionArn=source)
    aws.answers(
        "sagemaker",
        "start_pipeline_execution",
        {"PipelineExecutionArn": NEW},
        PipelineName=NAME,
        PipelineExecutionDisplayName=f"from-Evaluate-{source.rpartition('/')[2]}",
        PipelineParameters=parameters[:2],
        SelectiveExecutionConfig={
            "SourcePipelineExecutionArn": source,
            "SelectedSteps": [{"StepName": name} for name in SELECTED],
        },
    )


def test_it_takes_what_is_before_from_the_newest_execution_that_has_ended_and_has_it(aws: Services) -> None:
    describes(aws)
    lists(aws, running12345="Executing", stopped12345="Stopped", old123456789="Failed", older1234567="Succeeded")
    has_steps(aws, OLD, Preprocess="Succeeded", Train="Failed")
    has_steps(aws, OLDER, Preprocess="Succeeded", Train="Succeeded", Evaluate="Succeeded")
    starts(aws, OLDER)
    result = run(aws, "retrain", "--from", "Evaluate")
    assert result.exit_code == 0, result.output
    told = " ".join(result.output.split())
    assert "Started Evaluate, Gate, Register, Reject; Preprocess, Train taken from execution older1234567." in told
    assert f"Execution: {NEW}" in told


@pytest.mark.parametrize("named", ["old123456789", OLD])
def test_the_execution_can_be_named_by_id_or_arn(aws: Services, named: str) -> None:
    describes(aws)
    lists(aws)
    answer = {"PipelineExecutionStatus": "Failed"}
    aws.answers("sagemaker", "describe_pipeline_execution", answer, PipelineExecutionArn=OLD)
    has_steps(aws, OLD, Preprocess="Succeeded", Train="Succeeded", Evaluate="Failed")
    starts(aws, OLD)
    assert run(aws, "retrain", "--from", "Evaluate", "--of", named).exit_code == 0


def test_an_execution_without_what_is_before_or_that_runs_is_refused(aws: Services) -> None:
    for status, train, said in (
        ("Failed", "Failed", "--of old123456789: Train did not succeed in it."),
        ("Executing", "Succeeded", "--of old123456789: it is Executing."),
    ):
        describes(aws)
        lists(aws)
        answer = {"PipelineExecutionStatus": status}
        aws.answers("sagemaker", "describe_pipeline_execution", answer, PipelineExecutionArn=OLD)
        has_steps(aws, OLD, Preprocess="Succeeded", Train=train)
        result = run(aws, "retrain", "--from", "Evaluate", "--of", "old123456789")
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())


def test_without_such_an_execution_it_says_what_to_do(aws: Services) -> None:
    describes(aws)
    lists(aws, running12345="Executing")
    with pytest.raises(UsageError, match=r"has ended with Preprocess, Train succeeded\. Run from an earlier step"):
        selective_retraining.start_from_step(account(aws), "Evaluate")


def test_an_unknown_step_is_refused_by_name(aws: Services) -> None:
    describes(aws)
    result = run(aws, "retrain", "--from", "Evaluat")
    assert result.exit_code == 2
    assert "--from 'Evaluat': the pipeline has no such step." in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "more", [["--archive", "archives/1.zip"], ["--no-champion"], ["--addition", "none"], ["--of", "x", "--from", ""]]
)
def test_what_the_earlier_execution_has_settled_is_refused(aws: Services, more: list[str]) -> None:
    assert run(aws, "retrain", "--from", "Evaluate", *more).exit_code == 2


def watched(aws: Services, status: str, *steps: dict[str, Any], **more: str) -> None:
    answer = {"PipelineExecutionStatus": status, **more}
    aws.answers("sagemaker", "describe_pipeline_execution", answer, PipelineExecutionArn=NEW)
    asked = {"PipelineExecutionArn": NEW, "SortOrder": "Ascending"}
    aws.answers("sagemaker", "list_pipeline_execution_steps", {"PipelineExecutionSteps": list(steps)}, **asked)


def test_the_same_steps_that_run_already_are_joined_and_not_started_again(aws: Services) -> None:
    describes(aws)
    name = {"PipelineExecutionDisplayName": "from-Preprocess-older1234567"}
    arns = [f"{PIPELINE}/execution/{each}" for each in ("running12345", "older1234567")]
    found = [
        {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status, **more}
        for arn, status, more in zip(arns, ("Executing", "Succeeded"), (name, {}), strict=True)
    ]
    aws.answers("sagemaker", "list_pipeline_executions", {"PipelineExecutionSummaries": found})
    aws.answers("sagemaker", "list_pipeline_execution_steps", {"PipelineExecutionSteps": []})
    started = selective_retraining.start_from_step(account(aws), "Preprocess")
    assert started == selective_retraining.SelectiveStart(arns[0], "running12345 runs the same steps. Joined it.")


def test_waiting_shows_the_steps_and_succeeds_as_the_execution_does(aws: Services) -> None:
    describes(aws)
    lists(aws, older1234567="Succeeded")
    has_steps(aws, OLDER, Preprocess="Succeeded", Train="Succeeded")
    starts(aws, OLDER)
    watched(aws, "Executing", {"StepName": "Evaluate", "StepStatus": "Executing"})
    ended = {"StepName": "Evaluate", "StepStatus": "Succeeded", "StartTime": MONDAY, "EndTime": MONDAY}
    watched(aws, "Succeeded", ended)
    result = run(aws, "retrain", "--from", "Evaluate", "--wait")
    assert result.exit_code == 0, result.output
    assert "Evaluate: Executing\nEvaluate: Succeeded (0.0 min)" in result.output
    assert "Next: make next" in result.output


def test_a_rejection_is_exit_code_1_with_the_reason_of_the_step(aws: Services) -> None:
    describes(aws)
    lists(aws, older1234567="Succeeded")
    has_steps(aws, OLDER, Preprocess="Succeeded", Train="Succeeded")
    starts(aws, OLDER)
    watched(aws, "Failed", {"StepName": "Reject", "StepStatus": "Failed", "FailureReason": "accuracy 0.4, wanted 0.5."})
    result = run(aws, "retrain", "--from", "Evaluate", "--wait")
    assert result.exit_code == 1
    assert "retraining: Failed: accuracy 0.4, wanted 0.5." in " ".join(result.stderr.split())


def test_ctrl_c_ends_the_looking_and_not_the_execution(aws: Services) -> None:
    watched(aws, "Executing")

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    here = account(aws)
    with pytest.raises(StoppedError, match="the execution continues"):
        retraining_execution.follow_pipeline_execution(
            type(here)(here.name, here.client, interrupted), NEW, output_console()
        )


def test_what_a_step_needs_is_read_from_the_definition() -> None:
    """A step needs what its arguments name, what it depends on, and the condition around it."""
    needs = selective_retraining.step_needs(DEFINITION)
    assert needs["Register"] == {"Train", "Gate"}
    assert needs["Other"] == {"Preprocess"}
    assert selective_retraining.steps_from(needs, "Train") == ["Train", *SELECTED]
    assert selective_retraining.steps_before(needs, ["Register"]) == ["Preprocess", "Train", "Evaluate", "Gate"]

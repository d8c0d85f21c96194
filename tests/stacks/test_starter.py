# SPDX-License-Identifier: MIT-0
"""The state machine: it starts the pipeline once, waits, and says how it ended; stand-ins answer for its tasks."""

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest

from operations.functions import function_payloads
from stacks.retraining.retraining_start import EXECUTION_TIMEOUT, REQUEST_DEFAULTS
from tests.proof.intrinsic import Documents, Resource, resources
from tests.stacks.states import Run, TaskError, branches, run

EXECUTION = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/skin-lesion/execution/abc"
LOOK, STEPS, INVOKE = (
    "aws-sdk:sagemaker:describePipelineExecution",
    "aws-sdk:sagemaker:listPipelineExecutionSteps",
    "lambda:invoke",
)


@pytest.fixture(scope="module")
def deployed(documents: Documents) -> list[Resource]:
    return [each for each in resources(documents) if each.stack == "Retraining"]


@pytest.fixture(scope="module")
def definition(deployed: list[Resource]) -> dict[str, Any]:
    (machine,) = [each for each in deployed if each.kind == "AWS::StepFunctions::StateMachine"]
    return json.loads(machine.properties["DefinitionString"])


class Service:
    """Stands in for Lambda and SageMaker: answers each look in turn, and keeps what the function was asked."""

    def __init__(
        self, *looks: Any, steps: Any = (), started: bool = True, refusal: str = "", fails: tuple[str, ...] = ()
    ) -> None:
        self._looks: Iterator[Any] = iter(looks)
        self._steps, self._started, self._refusal = steps, started, refusal
        self._fails = iter(fails)
        self.asked: Any = None

    def invoke(self, given: Any) -> Any:
        self.asked = given["Payload"]
        if error := next(self._fails, ""):
            raise TaskError(error, json.dumps({"errorMessage": f"{error}: it said so.", "errorType": error}))
        if self._refusal:
            # The shape in which Step Functions sees an error of a Python function.
            wrapped = {"errorMessage": self._refusal, "errorType": "UsageError", "stackTrace": []}
            raise TaskError("UsageError", json.dumps(wrapped))
        return {"Payload": {"execution": EXECUTION, "started": self._started, "message": "."}, "StatusCode": 200}

    def look(self, given: Any) -> Any:
        assert given == {"PipelineExecutionArn": EXECUTION}
        found = next(self._looks)
        if isinstance(found, Exception):
            raise found
        return {"PipelineExecutionArn": EXECUTION, **found}

    def steps(self, given: Any) -> Any:
        assert given == {"PipelineExecutionArn": EXECUTION}
        if isinstance(self._steps, Exception):
            raise self._steps
        return {"PipelineExecutionSteps": list(self._steps)}

    def run(self, definition: dict[str, Any], given: Any = None) -> Run:
        tasks: dict[str, Callable[[Any], Any]] = {INVOKE: self.invoke, LOOK: self.look, STEPS: self.steps}
        return run(definition, given or {}, tasks)


def status(word: str, **more: str) -> dict[str, Any]:
    return {"PipelineExecutionStatus": word, **more}


def test_it_waits_until_the_execution_has_succeeded_and_names_it(definition: dict[str, Any]) -> None:
    ended = Service(status("Executing"), status("Executing"), status("Succeeded")).run(definition)
    assert (ended.status, ended.output["execution"]) == ("SUCCEEDED", EXECUTION)
    assert ended.path.count("Wait") == ended.path.count("Look") == 3
    assert definition["States"]["Wait"]["Seconds"] == 60


def test_it_waits_for_an_execution_that_it_joined_too(definition: dict[str, Any]) -> None:
    ended = Service(status("Stopping"), status("Succeeded"), started=False).run(definition)
    assert (ended.status, ended.output["started"], ended.path.count("Wait")) == ("SUCCEEDED", False, 2)


def test_a_rejected_model_fails_it_with_the_requirement_that_was_missed(definition: dict[str, Any]) -> None:
    steps = [
        {"StepName": "Evaluate", "StepStatus": "Succeeded"},
        {"StepName": "Reject", "StepStatus": "Failed", "FailureReason": "balanced_accuracy 0.41, wanted 0.60"},
    ]
    ended = Service(status("Failed", FailureReason="A step failed."), steps=steps).run(definition)
    assert (ended.status, ended.error) == ("FAILED", "RetrainingFailed")
    assert ended.cause == "balanced_accuracy 0.41, wanted 0.60"


@pytest.mark.parametrize("steps", [(), ({"StepName": "Train", "StepStatus": "Failed"},), TaskError("SageMaker", "no")])
def test_where_no_step_says_why_the_executions_own_reason_is_told(definition: dict[str, Any], steps: Any) -> None:
    ended = Service(status("Failed", FailureReason="Access denied."), steps=steps).run(definition)
    assert (ended.status, ended.cause) == ("FAILED", "Access denied.")


def test_a_stopped_execution_without_a_reason_fails_it_in_a_sentence(definition: dict[str, Any]) -> None:
    ended = Service(status("Stopping"), status("Stopped")).run(definition)
    assert ended.status == "FAILED"
    assert ended.cause.startswith(f"Pipeline execution {EXECUTION} ended as Stopped, and SageMaker gives no reason.")


def test_what_the_function_refuses_is_told_in_its_own_words(definition: dict[str, Any]) -> None:
    ended = Service(refusal="s3://raw/archives/: no archive there.").run(definition)
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "UsageError", "s3://raw/archives/: no archive there.")


_ENDED = TaskError("SageMaker.ResourceNotFound", "no such execution")
_REJECTED = [{"StepStatus": "Failed", "FailureReason": "too low"}]
# A run for each branch: what the services do, and how it ends: status, error, and the begin of the cause.
_RUNS: dict[str, tuple[Callable[[], Service], str, str, str]] = {
    "it succeeds": (lambda: Service(status("Executing"), status("Succeeded")), "SUCCEEDED", "", ""),
    "the model is rejected": (
        lambda: Service(status("Failed"), steps=_REJECTED), "FAILED", "RetrainingFailed", "too low"
    ),
    "the execution says why": (
        lambda: Service(status("Failed", FailureReason="Denied.")), "FAILED", "RetrainingFailed", "Denied."
    ),
    "nobody says why": (lambda: Service(status("Stopped")), "FAILED", "RetrainingFailed", "Pipeline execution"),
    "the steps are not told": (
        lambda: Service(status("Failed"), steps=TaskError("SageMaker.Throttling", "wait")),
        "FAILED", "RetrainingFailed", "Pipeline execution",
    ),
    "the request is refused": (lambda: Service(refusal="no archive there."), "FAILED", "UsageError", "no archive"),
    "AWS refuses": (lambda: Service(fails=("ServiceError",)), "FAILED", "ServiceError", "ServiceError: it said so."),
    "AWS is busy": (lambda: Service(status("Succeeded"), fails=("BusyServiceError",) * 5), "SUCCEEDED", "", ""),
    "AWS stays busy": (lambda: Service(fails=("BusyServiceError",) * 9), "FAILED", "BusyServiceError", "BusyService"),
    "Lambda is at fault": (
        lambda: Service(status("Succeeded"), fails=("Lambda.ServiceException",)), "SUCCEEDED", "", ""
    ),
    "the function is broken": (lambda: Service(fails=("KeyError",)), "FAILED", "KeyError", "{"),
    "a look fails for a while": (
        lambda: Service(*[TaskError("SageMaker.Throttling", "wait")] * 9, status("Succeeded")), "SUCCEEDED", "", ""
    ),
    "each look fails": (lambda: Service(*[_ENDED] * 10), "FAILED", "SageMaker.ResourceNotFound", "no such execution"),
    "it does not end in a day": (lambda: Service(*[status("Executing")] * 2000), "TIMED_OUT", "States.Timeout", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", _RUNS)
def test_each_branch_ends_as_it_must(definition: dict[str, Any], name: str) -> None:
    make, status_, error, cause = _RUNS[name]
    ended = make().run(definition)
    assert (ended.status, ended.error) == (status_, error)
    assert ended.cause.startswith(cause)


def test_the_runs_take_every_branch_of_the_machine(definition: dict[str, Any]) -> None:
    taken = {branch for make, *_ in _RUNS.values() for branch in make().run(definition).branches}
    # The steps are asked again for forty minutes and then left out; only a time-out of the look itself is not retried.
    assert branches(definition) - taken == set()
    assert taken <= branches(definition)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, {"archive": "", "commit": "", "reason": "manual", "compare": "champion", "addition": ""}),
        ({"compare": "nothing"}, {"reason": "manual", "compare": "nothing"}),
        ({"addition": "none"}, {"archive": "", "addition": "none"}),
        ({"champion": "/other/champion"}, {"champion": "/skin-lesion/champion"}),
        ({"commit": "c0ffee", "reason": "push"}, {"archive": "", "commit": "c0ffee", "reason": "push"}),
        ({"archive": "archives/a.zip", "pipeline": "other"}, {"archive": "archives/a.zip", "commit": ""}),
    ],
)
def test_the_function_gets_all_its_keys_whatever_is_left_out(
    definition: dict[str, Any], given: dict[str, str], asked: dict[str, str]
) -> None:
    """A pipeline or a bucket of the caller's choice is passed over."""
    service = Service(status("Succeeded"))
    service.run(definition, given)
    assert set(service.asked) == {each.name for each in fields(function_payloads.RetrainRequest)}
    assert service.asked["pipeline"] == "skin-lesion"
    assert service.asked.items() >= asked.items()
    function_payloads.read_payload(function_payloads.RetrainRequest, service.asked)


def test_each_word_of_the_defaults_is_one_that_the_function_knows() -> None:
    assert REQUEST_DEFAULTS["reason"] in function_payloads.RETRAINING_REASONS
    assert REQUEST_DEFAULTS["compare"] == function_payloads.COMPARE_WITH_CHAMPION


def test_a_busy_service_is_asked_again_and_a_day_is_the_most(definition: dict[str, Any]) -> None:
    for name in ("Start SageMaker pipeline", "Look", "Steps"):
        assert all(retry["MaxAttempts"] > 1 for retry in definition["States"][name]["Retry"])
    assert definition["TimeoutSeconds"] == EXECUTION_TIMEOUT.to_seconds() == 86_400


def test_it_is_traced_and_its_log_is_encrypted_and_complete(deployed: list[Resource]) -> None:
    (machine,) = [each for each in deployed if each.kind == "AWS::StepFunctions::StateMachine"]
    assert machine.properties["TracingConfiguration"] == {"Enabled": True}
    assert machine.properties["LoggingConfiguration"]["Level"] == "ALL"
    logs = [each.properties for each in deployed if each.kind == "AWS::Logs::LogGroup"]
    assert logs
    assert all(each["KmsKeyId"].startswith("arn:aws:kms:") and each["RetentionInDays"] == 365 for each in logs)

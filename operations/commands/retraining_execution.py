# SPDX-License-Identifier: MIT-0
"""Starts the state machine of retraining and follows its execution.

The output of its first state has ``{"execution": ARN, "started": bool, "message": sentence}``: it has started the
SageMaker pipeline or joined an execution. Then the state machine waits until that execution has ended.
"""

import json
import uuid
from typing import Any, Final, TypeAlias

from rich.console import Console

from operations.account import aws_errors
from operations.account.deployment_account import Account
from operations.account.terminal_output import print_line
from operations.functions import aws_clients
from operations.functions.errors import OperationError, StoppedError
from operations.functions.function_payloads import COMPARE_WITH_CHAMPION, COMPARE_WITH_NOTHING

ApiResponse: TypeAlias = dict[str, Any]

_POLL_SECONDS: Final = 15.0
_RUNNING_STATUS: Final = "RUNNING"
_SUCCEEDED_STATUS: Final = "SUCCEEDED"
_OPEN_STATUSES: Final = ("Executing", "Stopping")  # of a pipeline execution
_PIPELINE_SUCCEEDED: Final = "Succeeded"


def start_retraining_execution(account: Account, archive: str, *, champion: bool = True, addition: str = "") -> str:
    """Start the state machine and return the ARN of its execution.

    Args:
        account: The account of the build.
        archive: Key of the archive; empty for the newest.
        champion: Whether the new model is compared with the one in production.
        addition: Key of the additional archive, or `contract.NO_ADDITION`; empty for the newest, if there is one.
    """
    machine = account.output("retraining", "StateMachine")
    compare = COMPARE_WITH_CHAMPION if champion else COMPARE_WITH_NOTHING
    given = {"archive": archive, "commit": "", "reason": "manual", "compare": compare, "addition": addition}
    # With a name of its own, a request that the SDK repeats because its answer was lost starts nothing again.
    answer = account.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=f"manual-{uuid.uuid4()}", input=json.dumps(given)
    )
    return str(answer["executionArn"])


def follow_retraining_execution(account: Account, execution: str, console: Console) -> str:
    """Print the steps until the execution has ended, and return the ARN of the pipeline execution.

    Raises:
        OperationError: It failed; the message has the cause.
        StoppedError: Ctrl-C; the retraining continues.
    """
    watch = _ExecutionWatcher(account, execution, console)
    try:
        while (state := watch.look())["status"] == _RUNNING_STATUS:
            account.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        raise StoppedError("stopped waiting; the retraining continues. Follow it again: make retrain") from None
    if state["status"] != _SUCCEEDED_STATUS:
        raise OperationError(
            f"retraining: {state['status']}: {execution_failure_cause(state)} Details: "
            f"{aws_clients.execution_console_url(execution)}"
        )
    return watch.pipeline_execution


def follow_pipeline_execution(account: Account, execution: str, console: Console) -> str:
    """Print the steps of a pipeline execution that no state machine waits for, until its end; return its ARN.

    Raises:
        OperationError: It failed; the message has the cause.
        StoppedError: Ctrl-C; the execution continues.
    """
    shown = _StepPrinter(account, console)
    try:
        while True:
            state = aws_errors.read_new_resource(
                lambda: account.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=execution),
                account.sleep,
            )
            shown.show(execution)
            if state["PipelineExecutionStatus"] not in _OPEN_STATUSES:
                break
            account.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        raise StoppedError(f"stopped waiting; the execution continues: {execution}") from None
    if state["PipelineExecutionStatus"] != _PIPELINE_SUCCEEDED:
        reason = shown.reason or state.get("FailureReason") or "no cause given."
        raise OperationError(f"retraining: {state['PipelineExecutionStatus']}: {reason} Execution: {execution}")
    return execution


def execution_failure_cause(state: ApiResponse) -> str:
    """Return why an execution failed; a message that a Lambda function wrapped into JSON is unwrapped."""
    text = str(state.get("cause") or state.get("error") or "no cause given")
    try:
        wrapped = json.loads(text)
    except ValueError:
        wrapped = None
    if isinstance(wrapped, dict):
        text = str(wrapped.get("errorMessage", text))
    return text if text.endswith((".", "!", "?")) else f"{text}."


class _ExecutionWatcher:
    """Prints what has changed in an execution of the state machine."""

    def __init__(self, account: Account, execution: str, console: Console) -> None:
        self._account, self._execution, self._console = account, execution, console
        self._steps = _StepPrinter(account, console)
        self.pipeline_execution = ""

    def look(self) -> ApiResponse:
        # The state first, so that the last look prints the final steps.
        steps = self._account.client("stepfunctions")
        state: ApiResponse = aws_errors.read_new_resource(
            lambda: steps.describe_execution(executionArn=self._execution), self._account.sleep
        )
        if not self.pipeline_execution and (answer := self._answer()):
            self.pipeline_execution = answer["execution"]
            print_line(self._console, answer["message"])
        if self.pipeline_execution:
            self._steps.show(self.pipeline_execution)
        return state

    def _answer(self) -> ApiResponse | None:
        """Return the output of the first state, or None before its end."""
        history = self._account.client("stepfunctions").get_paginator("get_execution_history")
        for page in history.paginate(executionArn=self._execution):
            for event in page["events"]:
                output = event.get("stateExitedEventDetails", {}).get("output")
                if answer := _find_answer(json.loads(output)) if output else None:
                    return answer
        return None


class _StepPrinter:
    """Prints what has changed in the steps of a pipeline execution.

    Attributes:
        reason: Why a step failed; empty while none has.
    """

    def __init__(self, account: Account, console: Console) -> None:
        self._account, self._console = account, console
        self._statuses: dict[str, str] = {}
        self.reason = ""

    def show(self, execution: str) -> None:
        pages = self._account.client("sagemaker").get_paginator("list_pipeline_execution_steps")
        for page in pages.paginate(PipelineExecutionArn=execution, SortOrder="Ascending"):
            for step in page["PipelineExecutionSteps"]:
                if self._statuses.get(step["StepName"]) != step["StepStatus"]:
                    self._statuses[step["StepName"]] = step["StepStatus"]
                    print_line(self._console, f"{step['StepName']}: {step['StepStatus']}{_step_minutes(step)}")
                self.reason = self.reason or str(step.get("FailureReason", ""))


def _find_answer(output: object) -> ApiResponse | None:
    """Return the answer nested in a state's output, or None."""
    if not isinstance(output, dict):
        return None
    if {"execution", "message"} <= output.keys():
        return output
    return next((answer for value in output.values() if (answer := _find_answer(value))), None)


def _step_minutes(step: ApiResponse) -> str:
    if "EndTime" not in step:
        return ""
    minutes = (step["EndTime"] - step["StartTime"]).total_seconds() / 60
    return f" ({minutes:.1f} min)"

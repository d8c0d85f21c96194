# SPDX-License-Identifier: MIT-0
"""What the end of a pipeline execution means to the state machine that waits for it.

A failure is told with the reason of the step that failed, which for a rejected model says which requirement it missed
by how much; or else with that of the execution; or else with its status. Sources: SageMaker API Reference,
DescribePipelineExecution and ListPipelineExecutionSteps; both leave a reason out where there is none.
"""

from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

ERROR: Final = "RetrainingFailed"
_STATUS: Final = "$.status.PipelineExecutionStatus"
_OF_STEP: Final = "$.steps.reasons[0]"
_OF_EXECUTION: Final = "$.status.FailureReason"
# Forty minutes of patience: a throttled look says nothing of the training that it looks at.
_PATIENCE: Final[dict[str, Any]] = {
    "errors": ["States.TaskFailed"],
    "interval": Duration.seconds(10),
    "backoff_rate": 2,
    "max_attempts": 9,
    "max_delay": Duration.minutes(10),
}


def look(scope: Construct, *, pipeline_arn: str) -> tasks.CallAwsService:
    """Return the state that asks for the status of the execution ``$.execution``, and puts the answer into $.status."""
    return _asked(scope, "Look", "DescribePipelineExecution", pipeline_arn, result_path="$.status")


def outcome(scope: Construct, *, wait: sfn.Wait, pipeline_arn: str) -> sfn.Choice:
    """Return the state that goes on from a look: done, back to `wait`, or to the reason of a failure."""
    is_ = sfn.Condition.string_equals
    going_on = sfn.Condition.or_(is_(_STATUS, "Executing"), is_(_STATUS, "Stopping"))
    done = sfn.Succeed(scope, "Succeeded")
    failed = _reasons(scope, pipeline_arn)
    return sfn.Choice(scope, "Outcome").when(is_(_STATUS, "Succeeded"), done).when(going_on, wait).otherwise(failed)


def _reasons(scope: Construct, pipeline_arn: str) -> sfn.IChainable:
    told = {"reasons": sfn.JsonPath.list_at("$.PipelineExecutionSteps[?(@.StepStatus == 'Failed')].FailureReason")}
    steps = _asked(
        scope, "Steps", "ListPipelineExecutionSteps", pipeline_arn, result_path="$.steps", result_selector=told
    )
    reason = _reason(scope)
    # Who cannot be told which step failed is told what is known.
    steps.add_catch(reason, errors=["States.ALL"], result_path="$.unknown")
    return steps.next(reason)


def _reason(scope: Construct) -> sfn.Choice:
    untold = sfn.JsonPath.format(
        "Pipeline execution {} ended as {}, and SageMaker gives no reason. See its steps in the console.",
        sfn.JsonPath.string_at("$.execution"),
        sfn.JsonPath.string_at(_STATUS),
    )
    is_present = sfn.Condition.is_present
    return (
        sfn.Choice(scope, "Reason")
        .when(is_present(_OF_STEP), sfn.Fail(scope, "A step failed", error=ERROR, cause_path=_OF_STEP))
        .when(is_present(_OF_EXECUTION), sfn.Fail(scope, "It failed", error=ERROR, cause_path=_OF_EXECUTION))
        .otherwise(sfn.Fail(scope, "It ended", error=ERROR, cause_path=untold))
    )


def _asked(scope: Construct, id_: str, action: str, pipeline_arn: str, **options: Any) -> tasks.CallAwsService:
    """Return the state that asks SageMaker about the execution."""
    asked = tasks.CallAwsService(
        scope,
        id_,
        service="sagemaker",
        action=action[0].lower() + action[1:],
        parameters={"PipelineExecutionArn": sfn.JsonPath.string_at("$.execution")},
        iam_action=f"sagemaker:{action}",
        iam_resources=[f"{pipeline_arn}/execution/*"],
        **options,
    )
    asked.add_retry(**_PATIENCE)
    return asked

# SPDX-License-Identifier: MIT-0
"""The state machine that starts the SageMaker pipeline and waits for its outcome, and the rules that start it.

Every retraining starts here. The rules start one without a push: for an uploaded archive, an exported one, or by a
schedule.

The state machine's input is ``{"archive": key or "", "commit": id or "", "reason": word, "compare": "champion" or
"nothing", "addition": key, "none" or ""}``; missing keys are taken from `REQUEST_DEFAULTS` and unknown keys are
ignored, so that an empty input from the console works too. `operations.functions.retraining_attempts` decides whether
a pipeline execution is started.

A failure is reported with the reason of the failed step, which for a rejected model names the missed requirement;
without one, with the reason or the status of the execution. Sources: SageMaker API Reference,
DescribePipelineExecution and ListPipelineExecutionSteps, both of which omit a reason that does not exist.
"""

from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy, aws_events, aws_logs, aws_sqs
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.event_delivery import object_created_pattern
from stacks.constructs.iam_statements import (
    create_event_role,
    grant_actions,
    grant_list_prefix,
    grant_object_lookup,
    resource_arn,
    service_actions,
)
from stacks.settings.deployment_settings import Settings
from stacks.storage.lambda_function import OperationFunction, log_retention
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack

RETRAINING_ERROR: Final = "RetrainingFailed"
_STATUS_PATH: Final = "$.status.PipelineExecutionStatus"
_STEP_REASON_PATH: Final = "$.steps.reasons[0]"
_EXECUTION_REASON_PATH: Final = "$.status.FailureReason"
# Forty minutes of patience: a throttled look says nothing of the training that it looks at.
_RETRY_OPTIONS: Final[dict[str, Any]] = {
    "errors": ["States.TaskFailed"],
    "interval": Duration.seconds(10),
    "backoff_rate": 2,
    "max_attempts": 9,
    "max_delay": Duration.minutes(10),
}


def describe_execution_task(scope: Construct, *, pipeline_arn: str) -> tasks.CallAwsService:
    """Return the state that asks for the status of the execution ``$.execution``, and puts the answer into $.status."""
    return _sagemaker_task(scope, "Look", "DescribePipelineExecution", pipeline_arn, result_path="$.status")


def execution_outcome_choice(scope: Construct, *, wait: sfn.Wait, pipeline_arn: str) -> sfn.Choice:
    """Return the state that goes on from a look: done, back to `wait`, or to the reason of a failure."""
    is_ = sfn.Condition.string_equals
    going_on = sfn.Condition.or_(is_(_STATUS_PATH, "Executing"), is_(_STATUS_PATH, "Stopping"))
    done = sfn.Succeed(scope, "Succeeded")
    failed = _list_failed_steps(scope, pipeline_arn)
    return (
        sfn.Choice(scope, "Outcome").when(is_(_STATUS_PATH, "Succeeded"), done).when(going_on, wait).otherwise(failed)
    )


def _list_failed_steps(scope: Construct, pipeline_arn: str) -> sfn.IChainable:
    told = {"reasons": sfn.JsonPath.list_at("$.PipelineExecutionSteps[?(@.StepStatus == 'Failed')].FailureReason")}
    steps = _sagemaker_task(
        scope, "Steps", "ListPipelineExecutionSteps", pipeline_arn, result_path="$.steps", result_selector=told
    )
    reason = _failure_reason_choice(scope)
    # Who cannot be told which step failed is told what is known.
    steps.add_catch(reason, errors=["States.ALL"], result_path="$.unknown")
    return steps.next(reason)


def _failure_reason_choice(scope: Construct) -> sfn.Choice:
    untold = sfn.JsonPath.format(
        "Pipeline execution {} ended as {}, and SageMaker gives no reason. See its steps in the console.",
        sfn.JsonPath.string_at("$.execution"),
        sfn.JsonPath.string_at(_STATUS_PATH),
    )
    is_present = sfn.Condition.is_present
    return (
        sfn.Choice(scope, "Reason")
        .when(
            is_present(_STEP_REASON_PATH),
            sfn.Fail(scope, "A step failed", error=RETRAINING_ERROR, cause_path=_STEP_REASON_PATH),
        )
        .when(
            is_present(_EXECUTION_REASON_PATH),
            sfn.Fail(scope, "It failed", error=RETRAINING_ERROR, cause_path=_EXECUTION_REASON_PATH),
        )
        .otherwise(sfn.Fail(scope, "It ended", error=RETRAINING_ERROR, cause_path=untold))
    )


def _sagemaker_task(scope: Construct, id_: str, action: str, pipeline_arn: str, **options: Any) -> tasks.CallAwsService:
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
    asked.add_retry(**_RETRY_OPTIONS)
    return asked


# The newest archives, for no commit, because a person asks for it; its model is compared with the one in production.
REQUEST_DEFAULTS: Final = {"archive": "", "commit": "", "reason": "manual", "compare": "champion", "addition": ""}
POLL_SECONDS: Final = 60
# Train may wait twelve hours for spot capacity and then needs six at most.
EXECUTION_TIMEOUT: Final = Duration.hours(24)

# What `operations` raises where the request or the account is not as it has to be.
_USAGE_ERROR: Final = "UsageError"
# What it raises where AWS refuses a call, or does not answer one, which may pass.
_SERVICE_ERROR: Final = "ServiceError"
_BUSY_ERROR: Final = "BusyServiceError"
# Where the predictions of whatever model is the champion lie: those of the run that made it.
_PREDICTIONS_KEYS: Final = "/".join(
    (f"{contract.RUNS_PREFIX}*", contract.EVALUATE_STEP.lower(), contract.EVALUATION_OUTPUT, contract.PREDICTIONS_FILE)
)
# What a warm start takes from that run, or from an earlier one whose results it reused.
_STARTING_KEYS: Final = (
    f"{contract.RUNS_PREFIX}*/{contract.TRAIN_STEP.lower()}/model/*/output/{contract.MODEL_ARTIFACT_FILE}",
    f"{contract.RUNS_PREFIX}*/{contract.PREPROCESS_STEP.lower()}/{contract.DATASET_OUTPUT}/{contract.MANIFEST_FILE}",
)
# A new account runs ten functions at once; the services that the function asks have limits of their own.
_PASSING_ERRORS: Final = ["Lambda.TooManyRequestsException", _BUSY_ERROR]


class RetrainingStateMachine(Construct):
    """The state machine and the function that is its first state.

    Attributes:
        function: `operations.functions.lambda_handlers.retrain`.
        machine: The state machine.
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack, training: TrainingStack
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._storage, self._training = settings, storage, training
        self.function = self._function()
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            comment="Starts the SageMaker pipeline, unless the same work is under way or done, and waits for its end",
            definition_body=sfn.DefinitionBody.from_chainable(self._definition()),
            timeout=EXECUTION_TIMEOUT,
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=self._log(), level=sfn.LogLevel.ALL, include_execution_data=True),
        )

    def _function(self) -> OperationFunction:
        function = OperationFunction(
            self,
            "Start",
            handler="retrain",
            description="Starts the SageMaker pipeline or joins an execution",
            settings=self._settings,
            storage=self._storage,
        )
        pipeline = ("DescribePipeline", "ListPipelineExecutions", "StartPipelineExecution")
        grant_actions(function, *service_actions("sagemaker", *pipeline), on=[self._training.pipeline_arn])
        grant_list_prefix(function, self._storage.raw.bucket_arn, contract.ARCHIVES_PREFIX, contract.ADDITIONS_PREFIX)
        self._let_find_champion(function)
        return function

    def _let_find_champion(self, function: OperationFunction) -> None:
        """Let `function` find the champion, and see that its files are there: it reads none of them."""
        storage = self._storage
        grant_actions(function, "ssm:GetParameter", on=[storage.champion.parameter_arn])
        packages = resource_arn("sagemaker", f"model-package/{self._settings.name}/*")
        grant_actions(function, "sagemaker:DescribeModelPackage", on=[packages])
        keys = (_PREDICTIONS_KEYS, *(_STARTING_KEYS if self._settings.training.warm_start else ()))
        grant_object_lookup(function, storage.runs.bucket_arn, *keys)

    def _log(self) -> aws_logs.LogGroup:
        return aws_logs.LogGroup(
            self,
            "Log",
            retention=log_retention(self._settings),
            encryption_key=self._storage.key,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _definition(self) -> sfn.IChainable:
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.duration(Duration.seconds(POLL_SECONDS)))
        pipeline = self._training.pipeline_arn
        wait.next(describe_execution_task(self, pipeline_arn=pipeline)).next(
            execution_outcome_choice(self, wait=wait, pipeline_arn=pipeline)
        )
        return self._request().next(self._start().next(wait))

    def _request(self) -> sfn.Chain:
        # Two states, as a default cannot be written inside the function: it takes braces for places to fill in.
        given = {"default": dict(REQUEST_DEFAULTS), "given": sfn.JsonPath.object_at("$")}
        merged = sfn.JsonPath.json_merge(sfn.JsonPath.object_at("$.default"), sfn.JsonPath.object_at("$.given"))
        first = sfn.Pass(self, "Defaults", parameters=given)
        return first.next(sfn.Pass(self, "Request", parameters={"request": merged}))

    def _start(self) -> tasks.LambdaInvoke:
        asked = {name: sfn.JsonPath.string_at(f"$.request.{name}") for name in REQUEST_DEFAULTS}
        known = {"pipeline": self._training.pipeline_name, "bucket": self._storage.raw.bucket_name}
        known["champion"] = self._storage.champion.parameter_name
        known["warm_start"] = self._settings.training.algorithm if self._settings.training.warm_start else ""
        start = tasks.LambdaInvoke(
            self,
            "Start SageMaker pipeline",
            lambda_function=self.function,
            payload=sfn.TaskInput.from_object(known | asked),
            # What the function says is final; what Lambda says of itself is asked again.
            retry_on_service_exceptions=True,
            output_path="$.Payload",
        )
        start.add_retry(errors=_PASSING_ERRORS, interval=Duration.seconds(10), backoff_rate=2, max_attempts=5)
        told = [_USAGE_ERROR, _SERVICE_ERROR, _BUSY_ERROR]
        start.add_catch(self._refused(), errors=told, result_path="$.failure")
        return start

    def _refused(self) -> sfn.IChainable:
        """Return what is said where the function says why it cannot start anything: Lambda wraps that into JSON."""
        cause, error = (sfn.JsonPath.string_at(f"$.failure.{name}") for name in ("Cause", "Error"))
        told = {"told": sfn.JsonPath.string_to_json(cause), "error": error}
        refusal = sfn.Fail(self, "Refused", error_path="$.error", cause_path="$.told.errorMessage")
        return sfn.Pass(self, "Unwrap", parameters=told).next(refusal)


ARCHIVE_KEY_PATTERN: Final = f"{contract.ARCHIVES_PREFIX}*.zip"
ADDITION_KEY_PATTERN: Final = f"{contract.ADDITIONS_PREFIX}*.zip"


class RetrainingTriggers(Construct):
    """The rules that start the state machine."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        machine: sfn.StateMachine,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        self._machine, self._undelivered = machine, undelivered
        self._role = create_event_role(self, "Starts the retraining state machine")
        if settings.retraining.on_new_data:
            self._on_new_data(storage)
        if settings.retraining.schedule:
            self._on_schedule(settings.retraining.schedule)

    def _on_new_data(self, storage: StorageStack) -> None:
        key = aws_events.EventField.from_path("$.detail.object.key")
        uploads = "An archive was uploaded: retrain on it"
        exports = "Labelled images of production were exported: retrain with them"
        self._on_object("NewData", uploads, ARCHIVE_KEY_PATTERN, storage, archive=key)
        self._on_object("NewAddition", exports, ADDITION_KEY_PATTERN, storage, addition=key)

    def _on_object(self, id_: str, description: str, keys: str, storage: StorageStack, **given: str) -> None:
        aws_events.Rule(
            self,
            id_,
            description=description,
            event_pattern=object_created_pattern(storage.raw.bucket_name, aws_events.Match.wildcard(keys)),
            targets=[self._target(**given, reason="data")],
        )

    def _on_schedule(self, expression: str) -> None:
        aws_events.Rule(
            self,
            "Schedule",
            description="It is time: retrain on the newest archive",
            schedule=aws_events.Schedule.expression(expression),
            targets=[self._target(reason="schedule")],
        )

    def _target(self, **given: str) -> targets.SfnStateMachine:
        return targets.SfnStateMachine(
            self._machine,
            input=aws_events.RuleTargetInput.from_object(REQUEST_DEFAULTS | given),
            dead_letter_queue=self._undelivered,
            role=self._role,
        )

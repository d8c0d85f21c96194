# SPDX-License-Identifier: MIT-0
"""The one way in for a retraining: a state machine that starts the SageMaker pipeline and waits for its outcome.

Its input is ``{"archive": key or "", "commit": id or "", "reason": word, "compare": "champion" or "nothing",
"addition": key, "none" or ""}``; what is missing is taken from `DEFAULTS`, and whatever else is given is passed over,
so that an empty input from the console works too. `operations.retraining` decides whether anything is to be started,
and outcome.py what its end means.
"""

from typing import Final

from aws_cdk import Duration, RemovalPolicy, aws_logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from pipeline_src import contract
from stacks.function import OperationFunction, log_retention
from stacks.grant import allow, arn, list_prefix, look_up, of
from stacks.outcome import look, outcome
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.training import TrainingStack

# The newest archives, for no commit, because a person asks for it; its model is compared with the one in production.
DEFAULTS: Final = {"archive": "", "commit": "", "reason": "manual", "compare": "champion", "addition": ""}
LOOK_SECONDS: Final = 60
# Train may wait twelve hours for spot capacity and then needs six at most.
LIMIT: Final = Duration.hours(24)

# What `operations` raises where the request or the account is not as it has to be.
_REFUSAL: Final = "UsageError"
# Where the predictions of whatever model is the champion lie: those of the run that made it.
_PREDICTIONS: Final = "/".join(
    (f"{contract.RUNS_PREFIX}*", contract.EVALUATE.lower(), contract.EVALUATION_OUTPUT, contract.PREDICTIONS)
)
# A new account runs ten functions at once; the services that the function asks have limits of their own.
_THROTTLED: Final = ["Lambda.TooManyRequestsException", "ThrottlingException"]


class Starter(Construct):
    """The state machine and the function that is its first state.

    Attributes:
        function: `operations.handler.retrain`.
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
            timeout=LIMIT,
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
        allow(function, *of("sagemaker", *pipeline), on=[self._training.pipeline_arn])
        list_prefix(function, self._storage.raw.bucket_arn, contract.ARCHIVES_PREFIX, contract.ADDITIONS_PREFIX)
        self._let_find_champion(function)
        return function

    def _let_find_champion(self, function: OperationFunction) -> None:
        """Let `function` find the champion, and see that its predictions are there: it reads none of them."""
        storage = self._storage
        allow(function, "ssm:GetParameter", on=[storage.champion.parameter_arn])
        packages = arn("sagemaker", f"model-package/{self._settings.name}/*")
        allow(function, "sagemaker:DescribeModelPackage", on=[packages])
        look_up(function, storage.runs.bucket_arn, _PREDICTIONS)

    def _log(self) -> aws_logs.LogGroup:
        return aws_logs.LogGroup(
            self,
            "Log",
            retention=log_retention(self._settings),
            encryption_key=self._storage.key,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _definition(self) -> sfn.IChainable:
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.duration(Duration.seconds(LOOK_SECONDS)))
        pipeline = self._training.pipeline_arn
        wait.next(look(self, pipeline_arn=pipeline)).next(outcome(self, wait=wait, pipeline_arn=pipeline))
        return self._request().next(self._start().next(wait))

    def _request(self) -> sfn.Chain:
        # Two states, as a default cannot be written inside the function: it takes braces for places to fill in.
        given = {"default": dict(DEFAULTS), "given": sfn.JsonPath.object_at("$")}
        merged = sfn.JsonPath.json_merge(sfn.JsonPath.object_at("$.default"), sfn.JsonPath.object_at("$.given"))
        first = sfn.Pass(self, "Defaults", parameters=given)
        return first.next(sfn.Pass(self, "Request", parameters={"request": merged}))

    def _start(self) -> tasks.LambdaInvoke:
        asked = {name: sfn.JsonPath.string_at(f"$.request.{name}") for name in DEFAULTS}
        known = {"pipeline": self._training.pipeline_name, "bucket": self._storage.raw.bucket_name}
        known["champion"] = self._storage.champion.parameter_name
        start = tasks.LambdaInvoke(
            self,
            "Start SageMaker pipeline",
            lambda_function=self.function,
            payload=sfn.TaskInput.from_object(known | asked),
            # What the function says is final; what Lambda says of itself is asked again.
            retry_on_service_exceptions=True,
            output_path="$.Payload",
        )
        start.add_retry(errors=_THROTTLED, interval=Duration.seconds(10), backoff_rate=2, max_attempts=5)
        start.add_catch(self._refused(), errors=[_REFUSAL], result_path="$.failure")
        return start

    def _refused(self) -> sfn.IChainable:
        """Return what is said where the function says why it cannot start anything: Lambda wraps that into JSON."""
        told = {"told": sfn.JsonPath.string_to_json(sfn.JsonPath.string_at("$.failure.Cause"))}
        refusal = sfn.Fail(self, "Refused", error=_REFUSAL, cause_path="$.told.errorMessage")
        return sfn.Pass(self, "Unwrap", parameters=told).next(refusal)

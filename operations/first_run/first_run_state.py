# SPDX-License-Identifier: MIT-0
"""Reads the state of a first run from the services, and lists its milestones; changes nothing.

Each fact is read once and when it is needed. The milestones are archive, execution, steps, registration, approval,
staging, and smoke test.
Sources: SageMaker API Reference, ListPipelineExecutionSteps and the Describe operations of jobs; CodePipeline API
Reference, ListActionExecutions; CloudFormation API Reference, DescribeStackEvents.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, cached_property
from typing import Any, Final, TypeAlias

from operations.account import deployment_account
from operations.account.deployment_account import Account, DeliveryStage
from operations.commands import retraining_execution
from operations.functions import aws_clients, job_inputs, model_delivery, model_package
from operations.functions.errors import UsageError
from pipeline_src import contract
from pipeline_src.algorithms.algorithm_specification import AlgorithmSpecification
from pipeline_src.algorithms.algorithm_table import find_algorithm

ApiResponse: TypeAlias = dict[str, Any]
Clock: TypeAlias = Callable[[], datetime]

SUCCEEDED_STATUS: Final = "Succeeded"
FAILED_STATUS: Final = "Failed"
_NEWEST_EVENTS: Final = 100
# A target of an event starts within seconds; metrics are listed within minutes.
EVENT_PATIENCE: Final = timedelta(minutes=15)
# Kinds of a step's job in its metadata, with the operation and the parameter that describe it.
_JOBS: Final = {
    "ProcessingJob": ("describe_processing_job", "ProcessingJobName"),
    "TrainingJob": ("describe_training_job", "TrainingJobName"),
    "TransformJob": ("describe_transform_job", "TransformJobName"),
    "TuningJob": ("describe_hyper_parameter_tuning_job", "HyperParameterTuningJobName"),
}
_IMAGE: Final = re.compile(r"(?P<registry>[0-9]{12})\.dkr\.ecr\.[^/]+/(?P<repository>[^:@]+):(?P<tag>.+)")


class FirstRunObservations:
    """The state of a deployment at one time.

    Attributes:
        account: The account of the build.
        now: The time.
    """

    def __init__(self, account: Account, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self.account, self.now = account, clock()
        self.job = cache(self._job)
        self.failure = cache(self._failure)
        self.endpoint = cache(self._endpoint)
        self.stack_failures = cache(self._stack_failures)

    @cached_property
    def archive(self) -> str:
        """Key of the newest archive in the raw bucket; empty without one."""
        try:
            return job_inputs.find_archive_key(
                self.account.client("s3"), self.account.output("storage", "RawBucket"), ""
            )
        except UsageError:
            return ""

    @cached_property
    def executions(self) -> list[ApiResponse]:
        """Summaries of the executions of the SageMaker pipeline, newest first."""
        asked = {"PipelineName": self.account.output("training", "Pipeline"), "SortBy": "CreationTime"}
        pages = self._sagemaker.get_paginator("list_pipeline_executions").paginate(**asked, SortOrder="Descending")
        return [found for page in pages for found in page["PipelineExecutionSummaries"]]

    @cached_property
    def execution(self) -> ApiResponse:
        """Summary of the newest execution; empty without one."""
        return self.executions[0] if self.executions else {}

    @cached_property
    def starter(self) -> ApiResponse:
        """Newest execution of the state machine that starts the pipeline, described; empty without one."""
        steps, machine = self.account.client("stepfunctions"), self.account.output("retraining", "StateMachine")
        pages = steps.get_paginator("list_executions").paginate(
            stateMachineArn=machine, PaginationConfig={"MaxItems": 1, "PageSize": 1}
        )
        newest = [found for page in pages for found in page["executions"]]
        return dict(steps.describe_execution(executionArn=newest[0]["executionArn"])) if newest else {}

    @cached_property
    def steps(self) -> Mapping[str, ApiResponse]:
        """Steps of the newest execution that have begun, by name."""
        if not self.execution:
            return {}
        asked = {"PipelineExecutionArn": self.execution["PipelineExecutionArn"], "SortOrder": "Ascending"}
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps").paginate(**asked)
        return {found["StepName"]: found for page in pages for found in page["PipelineExecutionSteps"]}

    def status(self, step: str) -> str:
        """Return the status of a step; empty if it has not begun."""
        return str(self.steps.get(step, {}).get("StepStatus", ""))

    def metadata(self, step: str) -> Mapping[str, ApiResponse]:
        """Return the metadata of a step, by kind, such as ``ProcessingJob``."""
        return self.steps.get(step, {}).get("Metadata") or {}

    @cached_property
    def algorithm(self) -> AlgorithmSpecification:
        """Specification of the algorithm that the deployed pipeline trains with.

        Raises:
            AccountError: The training stack does not say, because an earlier version deployed it.
            UsageError: This version does not know it.
        """
        try:
            return find_algorithm(self.account.output("training", "Algorithm"))
        except ValueError as error:
            raise UsageError(f"deployment {self.account.name!r}: {error} Or check out the deployed version.") from error

    def _job(self, step: str) -> ApiResponse:
        """Return the description of a step's job; empty if it has none yet."""
        for kind, (operation, parameter) in _JOBS.items():
            arn = self.metadata(step).get(kind, {}).get("Arn", "")
            if arn:
                return dict(getattr(self._sagemaker, operation)(**{parameter: arn.rpartition("/")[2]}))
        return {}

    def _failure(self, step: str) -> str:
        """Return the reasons of a failed step and its job; empty if it has not failed."""
        if self.status(step) != FAILED_STATUS:
            return ""
        job = self.job(step)
        told = (self.steps[step].get("FailureReason"), job.get("FailureReason"), job.get("ExitMessage"))
        return " ".join(dict.fromkeys(text.strip() for text in told if text)) or "no reason given"

    @cached_property
    def version(self) -> ApiResponse:
        """Description of the model package that the newest execution registered; empty without one."""
        arn = self.metadata(contract.REGISTER_STEP).get("RegisterModel", {}).get("Arn", "")
        return dict(self._sagemaker.describe_model_package(ModelPackageName=arn)) if arn else {}

    @property
    def version_arn(self) -> str:
        """ARN of that package; empty without one."""
        return str(self.version.get("ModelPackageArn", ""))

    @property
    def delivery_is_due(self) -> bool:
        """True if that package was approved a short while ago and has no delivery yet."""
        if self.version.get("ModelApprovalStatus") != model_package.APPROVED_STATUS or self.deliveries:
            return False
        return not self.is_old(self.version.get("LastModifiedTime") or self.version["CreationTime"])

    def is_old(self, moment: datetime) -> bool:
        """Return whether effects of an event at `moment` should be visible."""
        return self.now - moment >= EVENT_PATIENCE

    @cached_property
    def deliveries(self) -> list[ApiResponse]:
        """Deliveries of that package, newest first."""
        if not self.version:
            return []
        return model_delivery.deliveries_of_package(
            self.account.client("codepipeline"), self._outputs["Delivery"], self.version_arn
        )

    @cached_property
    def actions(self) -> Mapping[tuple[str, str], ApiResponse]:
        """Last runs of the actions of the newest of those deliveries, by the names of stage and action."""
        if not self.deliveries:
            return {}
        pages = (
            self.account.client("codepipeline")
            .get_paginator("list_action_executions")
            .paginate(
                pipelineName=self._outputs["Delivery"],
                filter={"pipelineExecutionId": self.deliveries[0]["pipelineExecutionId"]},
            )
        )
        found = [action for page in pages for action in page["actionExecutionDetails"]]
        # The service lists the newest first.
        return {(action["stageName"], action["actionName"]): action for action in reversed(found)}

    def action(self, title: str, name: str) -> tuple[str, str]:
        """Return status and error of an action of the delivery; empty if it has not begun."""
        found = self.actions.get((title, name), {})
        error = found.get("output", {}).get("executionResult", {})
        message = error.get("errorDetails", {}).get("message") or error.get("externalExecutionSummary") or ""
        status = str(found.get("status", ""))
        return status, str(message or "no reason given") if status == FAILED_STATUS else ""

    @cached_property
    def stages(self) -> Mapping[str, DeliveryStage]:
        """Stages of the delivery by their titles, ``Staging`` and ``Production``."""
        return {found.title: found for found in deployment_account.stages_of_outputs(self._outputs)}

    def there(self, title: str) -> Account:
        """Return the account and region of a stage.

        Raises:
            AccountError: It is in an account that no credentials are given for.
        """
        return deployment_account.account_of_stage(self.account, self.stages[title])

    def _endpoint(self, title: str) -> ApiResponse:
        """Return the description of a stage's endpoint."""
        name = self.stages[title].endpoint
        return dict(self.there(title).client("sagemaker").describe_endpoint(EndpointName=name))

    def _stack_failures(self, title: str) -> str:
        """Return the failures in the newest events of a stage's stack, with the reasons."""
        client = self.there(title).client("cloudformation")
        pages = client.get_paginator("describe_stack_events").paginate(
            StackName=self.stages[title].stack, PaginationConfig={"MaxItems": _NEWEST_EVENTS}
        )
        events = (event for page in pages for event in page["StackEvents"])
        failed = [event for event in events if event.get("ResourceStatus", "").endswith("_FAILED")]
        return "; ".join(
            f"{event['ResourceType']} {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason')}"
            for event in failed
        )

    def deploy_failure(self, title: str) -> str:
        """Return why the deployment of a stage's stack failed; empty if it has not."""
        status, error = self.action(title, "Deploy")
        return f"{error} {self.stack_failures(title)}".strip() if status == FAILED_STATUS else ""

    def alarm(self, account: Account, *names: str) -> str:
        """Return name and reason of the first alarm in state ALARM; empty if there is none."""
        found = account.client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        ringing = (alarm for alarm in found if alarm["StateValue"] == "ALARM")
        return next((f"alarm {alarm['AlarmName']}: {alarm.get('StateReason', '')}" for alarm in ringing), "")

    def processing_jobs(self, kind: str) -> list[ApiResponse]:
        """Return the processing jobs of this deployment whose names begin with its own and `kind`, newest first."""
        begins = f"{self.account.name}-{kind}-"
        asked = {"NameContains": begins, "SortBy": "CreationTime", "SortOrder": "Descending"}
        pages = self._sagemaker.get_paginator("list_processing_jobs").paginate(**asked)
        found = (job for page in pages for job in page["ProcessingJobSummaries"])
        return [job for job in found if job["ProcessingJobName"].startswith(begins)]

    def media_type(self) -> str:
        """Return the manifest format of the jobs' image in the registry."""
        uri = self.account.output("training", "Image")
        image = _IMAGE.fullmatch(uri)
        if not image:
            return f"unknown (image {uri})"
        asked = {"registryId": image["registry"], "repositoryName": image["repository"]}
        found = self.account.client("ecr").describe_images(**asked, imageIds=[{"imageTag": image["tag"]}])
        return str(found["imageDetails"][0].get("imageManifestMediaType", "unknown"))

    @property
    def _sagemaker(self) -> Any:  # noqa: ANN401  the SDK's clients have no types
        return self.account.client("sagemaker")

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        return self.account.outputs_with("deployment", "Delivery")


class MilestoneStatus(StrEnum):
    """The status of a milestone, in the words of the report."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waits for you"
    FAILED = "failed"
    OPEN = "not reached"


@dataclass(frozen=True)
class Milestone:
    """A milestone.

    Attributes:
        name: Name.
        progress: Status.
        detail: What was found, or what the user has to do.
    """

    name: str
    progress: MilestoneStatus
    detail: str = ""


def list_milestones(seen: FirstRunObservations) -> list[Milestone]:
    """Return all milestones in order."""
    return [_archive(seen), _execution(seen), *_steps(seen), _registration(seen), _approval(seen), *_staging(seen)]


def may_start_pipeline(seen: FirstRunObservations) -> bool:
    """Return whether there is an archive and the pipeline has never run."""
    return bool(seen.archive) and not seen.execution and seen.starter.get("status") != "RUNNING"


def _archive(seen: FirstRunObservations) -> Milestone:
    if seen.archive:
        return Milestone("archive", MilestoneStatus.DONE, seen.archive)
    return Milestone("archive", MilestoneStatus.WAITING, "make upload ARCHIVE=/path/dataverse_files.zip")


def _execution(seen: FirstRunObservations) -> Milestone:
    if seen.execution:
        arn, status = seen.execution["PipelineExecutionArn"], seen.execution["PipelineExecutionStatus"]
        known = {
            "Executing": MilestoneStatus.RUNNING,
            "Stopping": MilestoneStatus.RUNNING,
            SUCCEEDED_STATUS: MilestoneStatus.DONE,
        }
        again = "" if status in known else ". Again, when the cause is fixed: make retrain"
        return Milestone(
            "execution", known.get(status, MilestoneStatus.FAILED), f"{arn.rpartition('/')[2]}: {status}{again}"
        )
    starter = seen.starter if seen.archive else {}
    if starter.get("status") == "RUNNING":
        return Milestone(
            "execution",
            MilestoneStatus.RUNNING,
            f"being started: {aws_clients.execution_console_url(starter['executionArn'])}",
        )
    if starter and starter["status"] != "SUCCEEDED":
        return Milestone(
            "execution",
            MilestoneStatus.FAILED,
            f"could not be started: {retraining_execution.execution_failure_cause(starter)}",
        )
    return Milestone("execution", MilestoneStatus.WAITING if seen.archive else MilestoneStatus.OPEN, "not started")


def _steps(seen: FirstRunObservations) -> Iterator[Milestone]:
    rejected = contract.REJECT_STEP in seen.steps
    for name in contract.STEPS:
        if name == (contract.REGISTER_STEP if rejected else contract.REJECT_STEP):
            continue
        status = seen.status(name)
        if status == FAILED_STATUS:
            yield Milestone(f"step {name}", MilestoneStatus.FAILED, seen.failure(name))
        elif status == SUCCEEDED_STATUS:
            cached = "from an earlier execution" if seen.steps[name].get("CacheHitResult") else ""
            yield Milestone(f"step {name}", MilestoneStatus.DONE, cached)
        elif status in ("Starting", "Executing", "Stopping"):
            yield Milestone(f"step {name}", MilestoneStatus.RUNNING, status)
        else:
            yield Milestone(f"step {name}", MilestoneStatus.FAILED if status else MilestoneStatus.OPEN, status)


def _registration(seen: FirstRunObservations) -> Milestone:
    if seen.version:
        return Milestone("registration", MilestoneStatus.DONE, model_package.package_title(seen.version_arn))
    return Milestone("registration", MilestoneStatus.OPEN)


def _approval(seen: FirstRunObservations) -> Milestone:
    status = seen.version.get("ModelApprovalStatus", "")
    if status == model_package.APPROVED_STATUS:
        return Milestone("approval", MilestoneStatus.DONE)
    if not seen.version:
        return Milestone("approval", MilestoneStatus.OPEN)
    if status == "Rejected":
        return Milestone("approval", MilestoneStatus.FAILED, "somebody rejected the version")
    how = (
        "read the report (make next), then aws sagemaker update-model-package --model-approval-status Approved "
        f"--model-package-arn {seen.version_arn}"
    )
    return Milestone("approval", MilestoneStatus.WAITING, how)


def _staging(seen: FirstRunObservations) -> Iterator[Milestone]:
    """Yield the milestones of the newest delivery of the version."""
    yield _action(seen, "staging", ("Publish", "Deploy"))
    yield _action(seen, "smoke test", ("SmokeTest",))


def _action(seen: FirstRunObservations, name: str, actions: tuple[str, ...]) -> Milestone:
    found = [seen.action("Staging", action) for action in actions]
    for status, error in found:
        if status in (FAILED_STATUS, "Abandoned"):
            return Milestone(name, MilestoneStatus.FAILED, error or status)
    if found[-1][0] == SUCCEEDED_STATUS:
        return Milestone(name, MilestoneStatus.DONE)
    # A queued execution, or one between two actions, continues without the user.
    is_moving = seen.delivery_is_due or any(each["status"] == "InProgress" for each in seen.deliveries)
    return Milestone(
        name, MilestoneStatus.RUNNING if is_moving else MilestoneStatus.OPEN, "in progress" if is_moving else ""
    )

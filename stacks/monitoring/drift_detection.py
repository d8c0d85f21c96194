# SPDX-License-Identifier: MIT-0
"""The monitor: the rules that start its job, its two functions, and the roles of its job and of the export's job.

A rule starts a run once a day or an hour, and so does each upload of confirmed labels. A function then creates a
processing job in the preprocessing image; when the job has completed, a second function publishes the result
(operations/functions/monitoring_runs.py has both). SageMaker Model Monitor is not used: it has been closed to new
customers since July 2026, so that a template with its schedule could not be deployed in a new account. The job keeps
Model Monitor's container contract (decision 0015).

Sources: SageMaker Developer Guide, "How to use SageMaker AI execution roles" (CreateProcessingJob) and "Events that
Amazon SageMaker AI sends to Amazon EventBridge"; Service Authorization Reference.
"""

from typing import Any, Final

from aws_cdk import Stack, aws_events, aws_lambda, aws_sqs
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.constructs.event_delivery import keep_failed_events, object_created_pattern
from stacks.constructs.iam_statements import (
    grant_actions,
    grant_key_use,
    grant_list_prefix,
    grant_object_lookup,
    grant_pass_role,
    grant_pull_image,
    grant_read_prefix,
    grant_write_logs,
    grant_write_prefix,
    resource_arn,
    service_actions,
)
from stacks.constructs.vpc_network import ExecutionRole
from stacks.endpoint.endpoint_stack import ENDPOINT_VARIANT, endpoint_name
from stacks.monitoring.alarms_and_notifications import EventNotice
from stacks.settings.deployment_settings import Settings
from stacks.settings.stage_placement import STAGES
from stacks.storage.lambda_function import OperationFunction
from stacks.storage.storage_stack import StorageStack
from stacks.training.training_stack import TrainingStack

PRODUCTION_STAGE: Final = STAGES[-1]
PRODUCTION_CAPTURE_PREFIX: Final = f"{contract.CAPTURE_PREFIX}{PRODUCTION_STAGE}/"
# Where the baseline of whatever model is the champion lies: beside the report of the run that made it.
_BASELINE_KEYS: Final = "/".join(
    (f"{contract.RUNS_PREFIX}*", contract.EVALUATE_STEP.lower(), contract.EVALUATION_OUTPUT, "monitor_*")
)
# What earlier runs measured, and baselines that a person has accepted, by the version of the model package.
_STATE_PREFIXES: Final = (contract.MONITOR_HISTORY_PREFIX, contract.MONITOR_BASELINES_PREFIX)


def monitor_job_prefix(settings: Settings) -> str:
    """Return how the names of the monitor's jobs begin."""
    return f"{settings.name}-monitor-"


class MonitorJobRole(ExecutionRole):
    """The role of the monitor's job: reads captures, baselines, labels and earlier windows, writes its reports."""

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack, training: TrainingStack
    ) -> None:
        super().__init__(scope, id_, settings=settings, description="Jobs of the monitor")
        runs, raw = storage.runs, storage.raw
        grant_read_prefix(self, storage.captures.bucket_arn, PRODUCTION_CAPTURE_PREFIX)
        grant_actions(self, "s3:GetObject", on=[runs.arn_for_objects(_BASELINE_KEYS)])
        grant_object_lookup(self, runs.bucket_arn, _BASELINE_KEYS)
        grant_read_prefix(self, raw.bucket_arn, contract.LABELS_PREFIX)
        grant_read_prefix(self, runs.bucket_arn, *_STATE_PREFIXES)
        grant_write_prefix(self, runs.bucket_arn, contract.MONITOR_PREFIX)
        grant_key_use(self, storage.key.key_arn)
        grant_write_logs(self, "ProcessingJobs")
        grant_pull_image(self, training.image.repository_arn)


class ExportJobRole(ExecutionRole):
    """The role of the export's job: reads captures and labels, reads and writes additional archives, nothing else.

    Nobody in the account may assume or pass it by a policy of ours: a person starts the job (operations/commands).
    """

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, storage: StorageStack, training: TrainingStack
    ) -> None:
        super().__init__(scope, id_, settings=settings, description="Jobs that export labelled images")
        grant_read_prefix(self, storage.captures.bucket_arn, PRODUCTION_CAPTURE_PREFIX)
        grant_read_prefix(self, storage.raw.bucket_arn, contract.LABELS_PREFIX, contract.ADDITIONS_PREFIX)
        grant_write_prefix(self, storage.raw.bucket_arn, contract.ADDITIONS_PREFIX)
        grant_key_use(self, storage.key.key_arn)
        grant_write_logs(self, "ProcessingJobs")
        grant_pull_image(self, training.image.repository_arn)


class _EventFunction(OperationFunction):
    def __init__(self, scope: Construct, id_: str, *, undelivered: aws_sqs.Queue, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        keep_failed_events(self, undelivered)


class StartMonitorFunction(_EventFunction):
    """Starts a run of the monitor."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        role: MonitorJobRole,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(
            scope,
            id_,
            handler="monitor",
            description="Starts a run of the monitor",
            settings=settings,
            storage=storage,
            undelivered=undelivered,
        )
        packages = resource_arn("sagemaker", f"model-package/{settings.name}/*")
        jobs = resource_arn("sagemaker", f"processing-job/{monitor_job_prefix(settings)}*")
        grant_actions(self, "ssm:GetParameter", on=[storage.champion.parameter_arn])
        grant_actions(self, "sagemaker:DescribeModelPackage", on=[packages])
        grant_actions(
            self, *service_actions("sagemaker", "AddTags", "CreateProcessingJob", "DescribeProcessingJob"), on=[jobs]
        )
        grant_pass_role(self, role.role_arn, "sagemaker")
        # It looks whether there is something, and reads none of it.
        grant_list_prefix(self, storage.captures.bucket_arn, PRODUCTION_CAPTURE_PREFIX)
        grant_object_lookup(self, storage.runs.bucket_arn, _BASELINE_KEYS)
        grant_list_prefix(self, storage.runs.bucket_arn, *_STATE_PREFIXES)
        grant_list_prefix(self, storage.raw.bucket_arn, contract.LABELS_PREFIX)


class MonitorResultFunction(_EventFunction):
    """Tells what a run of the monitor has found, and starts a retraining where that is wanted."""

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
        super().__init__(
            scope,
            id_,
            handler="judge",
            description="Tells what a run of the monitor has found",
            settings=settings,
            storage=storage,
            undelivered=undelivered,
        )
        report = f"{contract.MONITOR_PREFIX}{monitor_job_prefix(settings)}*/monitor.json"
        grant_actions(self, "s3:GetObject", on=[storage.runs.arn_for_objects(report)])
        # Without it S3 says of a report that is not there that access is denied, and nobody knows what to mend.
        grant_list_prefix(self, storage.runs.bucket_arn, contract.MONITOR_PREFIX)
        grant_actions(self, "kms:Decrypt", "kms:GenerateDataKey", on=[storage.key.key_arn])
        own = {"StringEquals": {"cloudwatch:namespace": settings.name}}
        grant_actions(self, "cloudwatch:PutMetricData", on=["*"], where=own)
        grant_actions(self, "sns:Publish", on=[storage.topic.topic_arn])
        if settings.monitor.retrain:
            grant_actions(self, "states:StartExecution", on=[machine.state_machine_arn])


def export_job_outputs(settings: Settings, role: ExportJobRole) -> dict[str, str]:
    """Return the stack outputs from which an export's job is started: `Export` and a field of `JobPlacement`."""
    outputs = {"ExportRole": role.role_arn, "ExportInstance": settings.monitor.instance}
    return outputs | ({"ExportNetwork": _job_network(settings)} if settings.network.subnets else {})


def _job_network(settings: Settings) -> str:
    """Return the ids of subnets and security groups as `JobPlacement` reads them."""
    return ",".join((*settings.network.subnet_ids, *settings.network.security_group_ids))


LABEL_KEY_PATTERN: Final = f"{contract.LABELS_PREFIX}*.csv"
# A whole day or hour is over by then, and what was captured at its end has been written.
MONITOR_SCHEDULES: Final = {"day": "cron(0 1 * * ? *)", "hour": "cron(20 * * * ? *)"}
_JOB_EVENT: Final = "SageMaker Processing Job State Change"


def is_production_monitored(settings: Settings) -> bool:
    """Return whether production is monitored: it is to be, and its requests are captured."""
    return settings.monitor.every != "never" and settings.production.capture_percent > 0


def monitor_notices(settings: Settings) -> dict[str, EventNotice]:
    """Return the notices about monitoring jobs that did not complete; monitoring_runs reports those that did."""
    if not is_production_monitored(settings):
        return {}
    return {
        "MonitorFailed": EventNotice(
            source="aws.sagemaker",
            kind=_JOB_EVENT,
            detail=_job_event_detail(settings, "Failed", "Stopped"),
            text="The monitor could not compare production with its model's evaluation: processing job {job} ended as "
            "{status}. Its log says why: CloudWatch, /aws/sagemaker/ProcessingJobs. What to do: "
            "docs/alarms.md#monitorfailed",
            values={"job": "$.detail.ProcessingJobName", "status": "$.detail.ProcessingJobStatus"},
        )
    }


class DriftMonitor(Construct):
    """The rules, the functions and the role of the job.

    Attributes:
        functions: Those that start a job and that tell what it has found, by the names of their alarms.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        training: TrainingStack,
        machine: sfn.StateMachine,
        undelivered: aws_sqs.Queue,
    ) -> None:
        super().__init__(scope, id_)
        self._settings, self._storage, self._training = settings, storage, training
        self._machine, self._undelivered = machine, undelivered
        self._role = MonitorJobRole(self, "Role", settings=settings, storage=storage, training=training)
        self._start = StartMonitorFunction(
            self, "Start", settings=settings, storage=storage, role=self._role, undelivered=undelivered
        )
        self._judge = MonitorResultFunction(
            self, "Judge", settings=settings, storage=storage, machine=machine, undelivered=undelivered
        )
        self.functions: dict[str, aws_lambda.IFunction] = {"Monitor": self._start, "Judge": self._judge}
        self._on_schedule(settings.monitor.every)
        self._on_labels()
        self._on_end()

    def _on_schedule(self, every: str) -> None:
        aws_events.Rule(
            self,
            "Schedule",
            description=f"Another {every} is over: compare production's requests with its model's evaluation",
            schedule=aws_events.Schedule.expression(MONITOR_SCHEDULES[every]),
            targets=[self._target(self._start, self._run(every))],
        )

    def _on_labels(self) -> None:
        aws_events.Rule(
            self,
            "Labelled",
            description="Confirmed labels were uploaded: look what production's answers were worth",
            event_pattern=object_created_pattern(
                self._storage.raw.bucket_name, aws_events.Match.wildcard(LABEL_KEY_PATTERN)
            ),
            targets=[self._target(self._start, self._run("labels"))],
        )

    def _on_end(self) -> None:
        given = {
            "job": aws_events.EventField.from_path("$.detail.ProcessingJobName"),
            "reports": self._reports(),
            "namespace": self._settings.name,
            "topic": self._storage.topic.topic_arn,
            "machine": self._machine.state_machine_arn if self._settings.monitor.retrain else "",
        }
        aws_events.Rule(
            self,
            "Completed",
            description="A job of the monitor has completed: tell what it has found",
            event_pattern=aws_events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=[_JOB_EVENT],
                account=[Stack.of(self).account],
                detail=_job_event_detail(self._settings, "Completed"),
            ),
            targets=[self._target(self._judge, given)],
        )

    def _run(self, window: str) -> dict[str, str]:
        """Return the payload of the function that starts a job (`function_payloads.MonitorRequest`)."""
        settings, storage = self._settings, self._storage
        endpoint = endpoint_name(settings, PRODUCTION_STAGE)
        return {
            "name": settings.name,
            "window": window,
            "time": aws_events.EventField.from_path("$.time"),
            "endpoint": endpoint,
            "capture": f"s3://{storage.captures.bucket_name}/{PRODUCTION_CAPTURE_PREFIX}{endpoint}/{ENDPOINT_VARIANT}/",
            "labels": f"s3://{storage.raw.bucket_name}/{contract.LABELS_PREFIX}",
            "reports": self._reports(),
            "champion": storage.champion.parameter_name,
            "image": self._training.image.uri,
            "role": self._role.role_arn,
            "key": storage.key.key_arn,
            "instance": settings.monitor.instance,
            "minutes": str(settings.monitor.minutes),
            **({"network": _job_network(settings)} if settings.network.subnets else {}),
        }

    def _reports(self) -> str:
        return f"s3://{self._storage.runs.bucket_name}/{contract.MONITOR_PREFIX}"

    def _target(self, function: OperationFunction, given: dict[str, str]) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            function, event=aws_events.RuleTargetInput.from_object(given), dead_letter_queue=self._undelivered
        )


def _job_event_detail(settings: Settings, *statuses: str) -> dict[str, list[str]]:
    """Return what an event says of a job of the monitor that has one of these statuses."""
    return {
        "ProcessingJobName": aws_events.Match.prefix(monitor_job_prefix(settings)),
        "ProcessingJobStatus": list(statuses),
    }

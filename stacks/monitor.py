# SPDX-License-Identifier: MIT-0
"""The monitor: when its job is started, and who is told when it has ended.

A rule starts it once a day or an hour, and each upload of confirmed labels does; a function makes a processing job in
the preprocessing image of it (operations/monitor.py); when the job has completed, a function tells what it has found
(operations/judge.py). There is no schedule of SageMaker Model Monitor: that service has been closed to new customers
since July 2026, so that a template with one could not be deployed in a new account. The job keeps its contract all the
same (decision 0015).

Source of the event: SageMaker Developer Guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge".
"""

from typing import Final

from aws_cdk import Stack, aws_events, aws_lambda, aws_sqs
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.endpoint import VARIANT, endpoint_name
from stacks.examination import CAPTURED, PRODUCTION, JudgeFunction, MonitorFunction, MonitorRole, job_name
from stacks.function import OperationFunction
from stacks.notification import Notice
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.training import TrainingStack
from stacks.trigger import uploaded

LABEL_KEYS: Final = f"{contract.LABELS_PREFIX}*.csv"
# A whole day or hour is over by then, and what was captured at its end has been written.
SCHEDULES: Final = {"day": "cron(0 1 * * ? *)", "hour": "cron(20 * * * ? *)"}
_ENDED: Final = "SageMaker Processing Job State Change"


def monitoring(settings: Settings) -> bool:
    """Return whether production is monitored: it is to be, and its requests are captured."""
    return settings.monitor.every != "never" and settings.production.capture_percent > 0


def monitor_notices(settings: Settings) -> dict[str, Notice]:
    """Return what is said of the monitor's jobs that did not complete; of those that did, operations.judge tells."""
    if not monitoring(settings):
        return {}
    return {
        "MonitorFailed": Notice(
            source="aws.sagemaker",
            kind=_ENDED,
            detail=_detail(settings, "Failed", "Stopped"),
            text="The monitor could not compare production with its model's evaluation: processing job {job} ended as "
            "{status}. Its log says why: CloudWatch, /aws/sagemaker/ProcessingJobs. What to do: docs/operations.md, "
            "MonitorFailed.",
            values={"job": "$.detail.ProcessingJobName", "status": "$.detail.ProcessingJobStatus"},
        )
    }


class Monitor(Construct):
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
        self._role = MonitorRole(self, "Role", storage=storage, training=training)
        self._start = MonitorFunction(
            self, "Start", settings=settings, storage=storage, role=self._role, undelivered=undelivered
        )
        self._judge = JudgeFunction(
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
            schedule=aws_events.Schedule.expression(SCHEDULES[every]),
            targets=[self._target(self._start, self._run(every))],
        )

    def _on_labels(self) -> None:
        aws_events.Rule(
            self,
            "Labelled",
            description="Confirmed labels were uploaded: look what production's answers were worth",
            event_pattern=uploaded(self._storage.raw.bucket_name, aws_events.Match.wildcard(LABEL_KEYS)),
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
                detail_type=[_ENDED],
                account=[Stack.of(self).account],
                detail=_detail(self._settings, "Completed"),
            ),
            targets=[self._target(self._judge, given)],
        )

    def _run(self, window: str) -> dict[str, str]:
        """Return what the function that starts a job is told (`operations.watch.Monitor`)."""
        settings, storage = self._settings, self._storage
        endpoint = endpoint_name(settings, PRODUCTION)
        return {
            "name": settings.name,
            "window": window,
            "time": aws_events.EventField.from_path("$.time"),
            "endpoint": endpoint,
            "capture": f"s3://{storage.captures.bucket_name}/{CAPTURED}{endpoint}/{VARIANT}/",
            "labels": f"s3://{storage.raw.bucket_name}/{contract.LABELS_PREFIX}",
            "reports": self._reports(),
            "champion": storage.champion.parameter_name,
            "image": self._training.image.image_uri,
            "role": self._role.role_arn,
            "key": storage.key.key_arn,
            "instance": settings.monitor.instance,
            "minutes": str(settings.monitor.minutes),
        }

    def _reports(self) -> str:
        return f"s3://{self._storage.runs.bucket_name}/{contract.MONITOR_PREFIX}"

    def _target(self, function: OperationFunction, given: dict[str, str]) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            function, event=aws_events.RuleTargetInput.from_object(given), dead_letter_queue=self._undelivered
        )


def _detail(settings: Settings, *statuses: str) -> dict[str, list[str]]:
    """Return what an event says of a job of the monitor that has one of these statuses."""
    return {"ProcessingJobName": aws_events.Match.prefix(job_name(settings)), "ProcessingJobStatus": list(statuses)}

# SPDX-License-Identifier: MIT-0
"""What examines production: the roles of the monitor's job and of the export's, and the monitor's two functions.

Sources: SageMaker Developer Guide, "How to use SageMaker AI execution roles" (CreateProcessingJob); Service
Authorization Reference.
"""

from typing import Any, Final

from aws_cdk import aws_iam, aws_lambda_destinations, aws_sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from pipeline_src import contract
from stacks.function import OperationFunction
from stacks.grant import (
    allow,
    arn,
    list_prefix,
    look_up,
    of,
    pass_role,
    pull,
    read_prefix,
    use_key,
    write_logs,
    write_prefix,
)
from stacks.place import STAGES
from stacks.role import sagemaker_principal
from stacks.settings import Settings
from stacks.storage import StorageStack
from stacks.training import TrainingStack

PRODUCTION: Final = STAGES[-1]
CAPTURED: Final = f"{contract.CAPTURE_PREFIX}{PRODUCTION}/"
# Where the baseline of whatever model is the champion lies: beside the report of the run that made it.
_BASELINE: Final = "/".join(
    (f"{contract.RUNS_PREFIX}*", contract.EVALUATE.lower(), contract.EVALUATION_OUTPUT, "monitor_*")
)


def job_name(settings: Settings) -> str:
    """Return how the names of the monitor's jobs begin."""
    return f"{settings.name}-monitor-"


class MonitorRole(aws_iam.Role):
    """What the monitor's job runs as: reads captures, baselines and labels, writes its reports, nothing else."""

    def __init__(self, scope: Construct, id_: str, *, storage: StorageStack, training: TrainingStack) -> None:
        super().__init__(scope, id_, assumed_by=sagemaker_principal(), description="Jobs of the monitor")
        runs, raw = storage.runs, storage.raw
        read_prefix(self, storage.captures.bucket_arn, CAPTURED)
        allow(self, "s3:GetObject", on=[runs.arn_for_objects(_BASELINE)])
        look_up(self, runs.bucket_arn, _BASELINE)
        read_prefix(self, raw.bucket_arn, contract.LABELS_PREFIX)
        write_prefix(self, runs.bucket_arn, contract.MONITOR_PREFIX)
        use_key(self, storage.key.key_arn)
        write_logs(self, "ProcessingJobs")
        pull(self, training.image.repository.repository_arn)


class ExportRole(aws_iam.Role):
    """What the export's job runs as: reads captures and labels, reads and writes additional archives, nothing else.

    Nobody in the account may assume or pass it by a policy of ours: a person starts the job (operations/command).
    """

    def __init__(self, scope: Construct, id_: str, *, storage: StorageStack, training: TrainingStack) -> None:
        super().__init__(scope, id_, assumed_by=sagemaker_principal(), description="Jobs that export labelled images")
        read_prefix(self, storage.captures.bucket_arn, CAPTURED)
        read_prefix(self, storage.raw.bucket_arn, contract.LABELS_PREFIX, contract.ADDITIONS_PREFIX)
        write_prefix(self, storage.raw.bucket_arn, contract.ADDITIONS_PREFIX)
        use_key(self, storage.key.key_arn)
        write_logs(self, "ProcessingJobs")
        pull(self, training.image.repository.repository_arn)


class _Function(OperationFunction):
    def __init__(self, scope: Construct, id_: str, *, undelivered: aws_sqs.Queue, **options: Any) -> None:
        super().__init__(scope, id_, **options)
        # EventBridge is content once Lambda has taken the event; one that fails every time is kept here.
        self.configure_async_invoke(on_failure=aws_lambda_destinations.SqsDestination(undelivered))


class MonitorFunction(_Function):
    """Starts a run of the monitor."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        role: MonitorRole,
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
        packages = arn("sagemaker", f"model-package/{settings.name}/*")
        jobs = arn("sagemaker", f"processing-job/{job_name(settings)}*")
        allow(self, "ssm:GetParameter", on=[storage.champion.parameter_arn])
        allow(self, "sagemaker:DescribeModelPackage", on=[packages])
        allow(self, *of("sagemaker", "AddTags", "CreateProcessingJob", "DescribeProcessingJob"), on=[jobs])
        pass_role(self, role.role_arn, "sagemaker")
        # It looks whether there is something, and reads none of it.
        list_prefix(self, storage.captures.bucket_arn, CAPTURED)
        look_up(self, storage.runs.bucket_arn, _BASELINE)
        list_prefix(self, storage.raw.bucket_arn, contract.LABELS_PREFIX)


class JudgeFunction(_Function):
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
        report = f"{contract.MONITOR_PREFIX}{job_name(settings)}*/monitor.json"
        allow(self, "s3:GetObject", on=[storage.runs.arn_for_objects(report)])
        # Without it S3 says of a report that is not there that access is denied, and nobody knows what to mend.
        list_prefix(self, storage.runs.bucket_arn, contract.MONITOR_PREFIX)
        allow(self, "kms:Decrypt", "kms:GenerateDataKey", on=[storage.key.key_arn])
        own = {"StringEquals": {"cloudwatch:namespace": settings.name}}
        allow(self, "cloudwatch:PutMetricData", on=["*"], where=own)
        allow(self, "sns:Publish", on=[storage.topic.topic_arn])
        if settings.monitor.retrain:
            allow(self, "states:StartExecution", on=[machine.state_machine_arn])
